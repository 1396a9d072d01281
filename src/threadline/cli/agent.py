"""`threadline agent accept` and `threadline agent transfer`: an agent's actions, from a shell.

Short forms of `threadline threadline accept-contact` and `transfer-chat`, which print only the token or the id.
"""

from threadline.cli import connection_options
from threadline.client.client import instance_of


def main(arguments: list[str]) -> int:
    """Accept or transfer one chat. Prints the participant token or the id of the new contact."""
    parser = connection_options.parser("agent", "Act as an agent.", calls=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="accept|transfer")
    accept = actions.add_parser("accept", help="accept a chat; prints the agent's ParticipantToken")
    accept.add_argument("contact_id", metavar="CONTACT_ID")
    accept.add_argument(
        "--user-id", required=True, metavar="U", help="the agent who accepts it: an id or a user name"
    )
    transfer = actions.add_parser("transfer", help="transfer a chat; prints the new ContactId")
    transfer.add_argument("contact_id", metavar="CONTACT_ID")
    target = transfer.add_mutually_exclusive_group(required=True)
    target.add_argument("--user-id", metavar="U", help="the agent who is offered it: an id or a user name")
    target.add_argument("--queue-id", metavar="Q", help="the queue it goes to: an id or a name")
    target.add_argument(
        "--quick-connect-id",
        metavar="C",
        help="the quick connect whose flow it goes through: an id or a name",
    )
    for action in (accept, transfer):
        connection_options.add_server_options(action)
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            instance = instance_of(client, options.instance_id)
            chat = {"InstanceId": instance, "ContactId": options.contact_id}
            targets = {"UserId": "user", "QueueId": "queue", "QuickConnectId": "quick connect"}
            for member, kind in targets.items():
                given = getattr(options, f"{kind.replace(' ', '_')}_id", None)
                if given:
                    chat[member] = connection_options.id_of(client, instance, kind, given)
            if options.action == "accept":
                print(client.call("threadline", "AcceptContact", **chat)["ParticipantToken"])
            else:
                print(client.call("threadline", "TransferChat", **chat)["ContactId"])
        return 0

    return connection_options.reported(run)
