"""`threadline hold set|list|lift`: legal holds, which keep the lineage of a chat from erasure and retention."""

import json
from typing import Any

from threadline.cli import connection_options
from threadline.cli.transcript import printable
from threadline.client.client import instance_of
from threadline.style import styled


def main(arguments: list[str]) -> int:
    """Set, list or lift legal holds."""
    parser = connection_options.parser(
        "hold", "Legal holds keep a chat with its lineage from erasure and retention.", calls=False
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="set|list|lift")
    setting = actions.add_parser("set", help="keep a chat with its lineage")
    setting.add_argument("contact_id", metavar="CONTACT_ID", help="any contact of the chat")
    setting.add_argument(
        "--reason", required=True, help="why, such as the number of a case; refusals show it"
    )
    listing = actions.add_parser("list", help="list the holds")
    listing.add_argument("--output", choices=("text", "json"), default="text")
    lifting = actions.add_parser("lift", help="lift a hold")
    lifting.add_argument("hold_id", metavar="HOLD_ID")
    for each in (setting, listing, lifting):
        connection_options.add_server_options(each)
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            here = {"InstanceId": instance_of(client, options.instance_id)}
            if options.action == "set":
                held = {"ContactId": options.contact_id, "Reason": options.reason}
                print(client.call("threadline", "PutLegalHold", **here, **held)["HoldId"])
            elif options.action == "lift":
                client.call("threadline", "DeleteLegalHold", **here, HoldId=options.hold_id)
                print(f"Legal hold {options.hold_id} lifted.")
            else:
                holds = client.entries("threadline", "ListLegalHolds", "LegalHolds", **here)
                _list(list(holds), options.output)
        return 0

    return connection_options.reported(run)


def _list(holds: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        print(json.dumps({"LegalHolds": holds}, indent=4, ensure_ascii=False))
        return
    for hold in holds:
        since = styled(str(hold["CreatedTimestamp"])[:10], "grey")
        print(f"  {styled(hold['HoldId'], 'bold')}  {since}  chat {printable(hold['InitialContactId'])}")
        print(f"    {printable(hold['Reason'])}")
    if not holds:
        print(styled("  no legal holds", "grey"))
