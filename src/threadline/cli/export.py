"""`threadline export --to FOLDER`: the transcripts of an instance, a customer, a lineage or a contact, as files."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from threadline.cli import connection_options, export_files
from threadline.cli.export_files import ExportedContact, ExportedInstance, moment_of
from threadline.cli.export_records import record_of
from threadline.cli.progress import Live
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure, ServiceRefusal
from threadline.style import styled

PAGE_ITEMS = 100
EVER = {"Type": "INITIATION_TIMESTAMP", "StartTime": 0, "EndTime": 4_102_444_800}
BEGINNING = {"AbsoluteTime": "1970-01-01T00:00:00.000Z"}
ENDINGS = {"json": "json", "html": "html", "text": "txt"}


def main(arguments: list[str]) -> int:
    """Export the selected contacts; 1 when some of them could not be read."""
    parser = connection_options.parser(
        "export",
        "Write the transcript of each contact, and as JSON its contact record, into files below FOLDER: of all contacts"
        " of the instance, or of those that an option selects. A file that is there already is replaced.",
    )
    parser.add_argument(
        "--to", metavar="FOLDER", type=Path, required=True, help="the folder; made if need be"
    )
    parser.add_argument(
        "--format", choices=tuple(ENDINGS), default="json", help="json, as Amazon Connect's files"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--customer-id", metavar="ID", help="the chats of one customer")
    which.add_argument("--lineage", metavar="CONTACT_ID", help="a chat and the past that it shows")
    which.add_argument("--contact-id", metavar="ID", help="one contact")
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client, Live() as progress:
            instance = _instance(client, instance_of(client, options.instance_id))
            return _export(
                client,
                instance,
                options.to,
                ENDINGS[options.format],
                progress,
                _selected(client, instance, options),
            )

    return connection_options.reported(run)


def _instance(client: Client, instance_id: str) -> ExportedInstance:
    described = client.call("connect", "DescribeInstance", InstanceId=instance_id)["Instance"]
    return ExportedInstance(described["Id"], described["Arn"].split(":")[4], described["InstanceAlias"])


def _export(
    client: Client,
    instance: ExportedInstance,
    folder: Path,
    ending: str,
    progress: Live,
    contacts: Iterator[ExportedContact],
) -> int:
    written: list[tuple[ExportedContact, Path, int]] = []
    contact_count = item_count = refused = 0
    folder.mkdir(parents=True, exist_ok=True)
    for contact in contacts:
        progress(f"exporting: {contact_count:,} contacts, {item_count:,} items", 0, 0)
        try:
            others: dict[str, Any] = {}
            items = _items(client, instance, contact, others)
            path, count = export_files.write(folder, ending, instance, contact, items, others)
            if (
                ending == "json"
                and (record := record_of(client, instance, contact, others.get(export_files.RECORD, {})))
                is not None
            ):
                export_files.write_record(folder, instance, contact, record)
        except ServiceRefusal as refusal:
            refused += 1
            progress.clear()
            sys.stderr.write(f"{contact.id}: {' '.join(str(refusal).split())}\n")
            continue
        contact_count, item_count = contact_count + 1, item_count + count
        if ending == "html":
            written.append((contact, path, count))
    if ending == "html":
        export_files.write_index(folder, written)
    progress.clear()
    shown = f"{contact_count:,} contacts, {item_count:,} items"
    print(f"{folder}: {shown}" + (styled(f", {refused:,} refused", "amber") if refused else "") + ".")
    return 1 if refused else 0


def _selected(client: Client, instance: ExportedInstance, options: Any) -> Iterator[ExportedContact]:
    """The contacts that the options select. Raises Failure for an id that is not there."""
    if options.contact_id:
        for contact, number, _ in _lineage(client, instance, options.contact_id):
            if contact.id == options.contact_id and number == 0:
                yield contact
                return
        raise Failure(f"Contact not found: {options.contact_id}")
    if options.lineage:
        yield from (contact for contact, _, shown in _lineage(client, instance, options.lineage) if shown)
    elif options.customer_id:
        customer = {"InstanceId": instance.id, "CustomerId": options.customer_id}
        for chat in client.entries("threadline", "ListCustomerChats", "Chats", **customer):
            for contact, number, _ in _lineage(client, instance, chat["InitialContactId"]):
                if number:
                    break
                yield contact
    else:
        yield from _all(client, instance)


def _lineage(
    client: Client, instance: ExportedInstance, contact_id: str
) -> Iterator[tuple[ExportedContact, int, bool]]:
    """The contacts of a lineage, newest first: how many chats back each is, and whether it is shown."""
    asked = {"InstanceId": instance.id, "ContactId": contact_id}
    for each in client.entries("threadline", "DescribeLineage", "Contacts", **asked):
        begun = moment_of(each["InitiationTimestamp"])
        contact = ExportedContact(each["ContactId"], each["InitialContactId"], begun)
        yield contact, each["SessionNumber"], each["Shown"]


def _all(client: Client, instance: ExportedInstance) -> Iterator[ExportedContact]:
    """All contacts of the instance, oldest first, also those that begin while this runs."""
    asked = {
        "InstanceId": instance.id,
        "TimeRange": EVER,
        "Sort": {"FieldName": "INITIATION_TIMESTAMP", "Order": "ASCENDING"},
    }
    for each in client.entries("connect", "SearchContacts", "Contacts", **asked):
        begun = moment_of(each["InitiationTimestamp"])
        yield ExportedContact(each["Id"], each.get("InitialContactId", each["Id"]), begun)


def _items(
    client: Client, instance: ExportedInstance, contact: ExportedContact, others: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The items of one contact, oldest first, page by page.

    An imported contact and its items have the members back that the imported file had; `others` gets the contact's.
    """
    asked: dict[str, Any] = {
        "InstanceId": instance.id,
        "ContactId": contact.id,
        "OnlyContact": True,
        "StartPosition": BEGINNING,
        "SortOrder": "ASCENDING",
        "MaxResults": PAGE_ITEMS,
    }
    for page in client.pages("threadline", "GetContactTranscript", **asked):
        others.update(json.loads(page.get("OtherMembers", "{}")))
        for item in page["Transcript"]:
            more = json.loads(item.pop("OtherMembers", "{}"))
            yield {**more, **item} if more else item
