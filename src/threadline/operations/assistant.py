"""The operation that starts a chat with an AI agent. Flows play the AI agents here."""

from collections.abc import Mapping

from threadline.chat.criteria import AI_AGENT
from threadline.errors import Fault
from threadline.operations.contacts import start_chat_contact
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.operations.sessions import require, set_contact_data
from threadline.resources.contact_flows import require_flow
from threadline.store import Tx


@operation("connect", scope=("instance_id",), conflict="InvalidRequestException")
def start_assistant_contact(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    ai_agent: Document,
    participant_details: Document,
    initial_message: Document | None = None,
    attributes: Mapping[str, str] | None = None,
    client_token: str | None = None,
    persistent_chat: Document | None = None,
    related_contact_id: str | None = None,
) -> Reply:
    """Start a chat with an AI agent: the flow whose id is AiAgentId. It may continue a past chat.

    The flow asks a bot or a function and shows the answers, and may transfer the chat to an agent.
    Reads: as StartChatContact. Writes: as StartChatContact, and the AI agent in the contact's data.
    Faults: ResourceNotFoundException for an AiAgentId that no flow has; those of StartChatContact.
    Source: StartAssistantContact.
    Assumed: PersistentChat and RelatedContactId follow the rules of StartChatContact. The chat has no CustomerId, since
        the request has none.
    On purpose: the AI agent is a flow of the instance, by its id, also with a version behind a colon. Amazon
        Q in Connect has the AI agents there, and is no part of this server. The last id in an ARN is read.
    """
    instance = require_instance(tx, caller, instance_id)
    named = str(ai_agent["AiAgentId"]).rpartition("/")[2]
    try:
        found = require_flow(tx, instance.id, named)
    except Fault as fault:
        raise Fault(
            fault.code,
            f"AI agent not found: {ai_agent['AiAgentId']}. An AI agent is a flow here: give the id of a flow.",
        ) from None
    reply: Reply = start_chat_contact(
        tx,
        caller,
        instance_id=instance_id,
        contact_flow_id=named,
        participant_details=participant_details,
        attributes=attributes,
        initial_message=initial_message,
        persistent_chat=persistent_chat,
        related_contact_id=related_contact_id,
        client_token=client_token,
    )
    session, contact = require(tx, instance.id, reply["ContactId"])
    version = f"{found.flow.id}:{found.number or '$LATEST'}"
    set_contact_data(tx, session, contact.id, {AI_AGENT: version})
    return reply
