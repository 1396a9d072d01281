"""The operation with which a participant reads the view that a flow shows."""

from threadline.chat.participant import Token
from threadline.errors import Fault
from threadline.operations.instances import Instance
from threadline.operations.participants import active
from threadline.operations.registry import ParticipantCaller, Reply, operation
from threadline.resources.views import content_members, find_view, view_of_token
from threadline.store import Tx


@operation("connectparticipant", writes=False, bearer=Token.CONNECTION, credential="connection_token")
def describe_view(tx: Tx, caller: ParticipantCaller, *, view_token: str) -> Reply:
    """Describe the view of a ViewToken, which the message of a flow's ShowView has.

    Faults: AccessDeniedException when the chat has ended or the caller left; ResourceNotFoundException for a token
        that is not of this chat, and for a view that was deleted since. Source: DescribeView of the participant API.
    """
    session, _ = active(tx, caller)
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    view_id = instance and view_of_token(instance, session.key, view_token)
    if instance is None or view_id is None:
        raise Fault("ResourceNotFoundException", "ViewToken is not one of this chat.")
    shown = find_view(tx, instance, view_id)
    return {
        "View": {
            "Id": shown.id,
            "Arn": shown.arn,
            "Name": shown.name,
            "Version": shown.version,
            "Content": content_members(shown.content),
        }
    }
