"""The files of `threadline export`: one for each contact, as JSON in the shape of Amazon Connect, HTML or plain text.

A file is written under another name first and then renamed, so that it is there as a whole or not at all.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from typing import IO, NamedTuple

from threadline.cli.transcript import EVENT_PREFIX, EVENTS, Item, printable

VERSION = "2019-08-26"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
NAME_MAX = 100
RECORD = "ContactRecord"
"""The member of an imported contact that its record brought: it is exported with the record."""
PARTICIPANTS_MAX = 100_000
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.2rem; }} time, .event {{ opacity: .7; font-size: .85rem; }}
p {{ margin: .6rem 0; }} p span {{ display: block; white-space: pre-wrap; }}
</style></head><body>
<h1>{title}</h1>
"""
END = "</body></html>\n"


class ExportedContact(NamedTuple):
    """A contact to export: its ids, and when it began."""

    id: str
    initial_contact_id: str
    begun: datetime


class ExportedInstance(NamedTuple):
    """The instance that contacts are exported from."""

    id: str
    account_id: str
    alias: str


WriteFile = Callable[[IO[str], ExportedInstance, ExportedContact, Iterable[Item]], None]


def moment_of(text: str) -> datetime:
    """The time in a reply, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def safe_name(text: str) -> str:
    """`text` as the name of a file or folder. Ids of imported contacts may have any form."""
    name = UNSAFE.sub("_", text)[:NAME_MAX]
    if name.startswith("."):
        name = f"_{name[1:]}"
    if name == text != "":
        return name
    return f"{name or '_'}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def path_of(instance: ExportedInstance, contact: ExportedContact, ending: str) -> Path:
    """The path of a contact's file below the folder of an export: the key under which Amazon Connect stores it.

    Observed: the minute in the name is that in which the contact began.
    """
    minute = contact.begun.strftime("%Y%m%dT%H:%M")
    folder = Path("connect", safe_name(instance.alias), "ChatTranscripts", contact.begun.strftime("%Y/%m/%d"))
    return folder / f"{safe_name(contact.id)}_{minute}_UTC.{ending}"


def record_path_of(instance: ExportedInstance, contact: ExportedContact) -> Path:
    """The path of a contact's record below the folder of an export.

    Its name does not end with .json, so that an import of the whole folder does not take it for a transcript.
    """
    path = path_of(instance, contact, "record")
    return Path(*("ContactRecords" if part == "ChatTranscripts" else part for part in path.parts))


def write_record(
    folder: Path, instance: ExportedInstance, contact: ExportedContact, record: dict[str, object]
) -> None:
    """Write the record of a contact on one line. Raises OSError."""
    target = folder / record_path_of(instance, contact)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(_json(record) + "\n", encoding="utf-8", errors="replace")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def write(
    folder: Path,
    ending: str,
    instance: ExportedInstance,
    contact: ExportedContact,
    items: Iterable[Item],
    others: Item,
) -> tuple[Path, int]:
    """Write the file of a contact and return its path below `folder` and the number of its items. Raises OSError.

    `others` are further members of a JSON file, which are known when `items` have been read.
    Memory does not grow with the number of items.
    """
    path = path_of(instance, contact, ending)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    writers: dict[str, WriteFile] = {
        "json": partial(_write_json, others=others),
        "html": _write_html,
        "txt": _write_text,
    }
    count = 0

    def counted() -> Iterator[Item]:
        nonlocal count
        for item in items:
            count += 1
            yield item

    try:
        with part.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            writers[ending](file, instance, contact, counted())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return path, count


def _write_json(
    file: IO[str], instance: ExportedInstance, contact: ExportedContact, items: Iterable[Item], others: Item
) -> None:
    """Observed: a real file has these members in this order, on one line, and its items have no contact id."""
    participants: dict[str, None] = {}
    with Path(f"{file.name}.items").open("w+", encoding="utf-8", errors="replace") as body:
        try:
            for count, item in enumerate(items, 1):
                if "ParticipantId" in item and len(participants) < PARTICIPANTS_MAX:
                    participants[item["ParticipantId"]] = None
                kept = {
                    name: value
                    for name, value in item.items()
                    if name not in ("ContactId", "RelatedContactId")
                }
                body.write(("," if count > 1 else "") + _json(kept))
            head = {
                "Version": VERSION,
                "AWSAccountId": instance.account_id,
                "InstanceId": instance.id,
                "InitialContactId": contact.initial_contact_id,
                "ContactId": contact.id,
                "Participants": [{"ParticipantId": each} for each in participants],
            }
            head |= {name: value for name, value in others.items() if name not in head and name != RECORD}
            file.write(_json(head)[:-1] + ',"Transcript":[')
            body.seek(0)
            shutil.copyfileobj(body, file)
            file.write("]}")
        finally:
            Path(body.name).unlink()


def _json(value: Item) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write_html(
    file: IO[str], instance: ExportedInstance, contact: ExportedContact, items: Iterable[Item]
) -> None:
    file.write(PAGE.format(title=f"Chat of {contact.begun:%Y-%m-%d %H:%M} UTC"))
    ids = f"Contact {contact.id}"
    if contact.initial_contact_id != contact.id:
        ids += f", of chat {contact.initial_contact_id}"
    file.write(f'<p class="event">{escape(ids)}</p>\n')
    for item in items:
        clock, name, text, is_event = _told(item)
        moment = f'<time datetime="{escape(str(item["AbsoluteTime"]))}">{clock}</time>'
        if is_event:
            file.write(f'<p class="event">{moment} <bdi>{escape(name)}</bdi> {escape(text)}</p>\n')
        else:
            said = f'<span dir="auto">{escape(text)}</span>'
            file.write(f"<p><b><bdi>{escape(name)}</bdi></b> {moment} {said}</p>\n")
    file.write(END)


def _write_text(
    file: IO[str], instance: ExportedInstance, contact: ExportedContact, items: Iterable[Item]
) -> None:
    file.write(f"Contact {printable(contact.id)}, {contact.begun:%Y-%m-%d %H:%M} UTC\n\n")
    for item in items:
        clock, name, text, is_event = _told(item)
        shown = "\n".join(printable(line) for line in text.splitlines())
        file.write(
            f"{clock}  {printable(name)} {shown}\n" if is_event else f"{clock}  {printable(name)}: {shown}\n"
        )


def _told(item: Item) -> tuple[str, str, str, bool]:
    """The time of day, the sender and the text of an item, and whether it is an event."""
    clock, name = str(item["AbsoluteTime"])[11:19], str(item.get("DisplayName", ""))
    kind = str(item.get("ContentType", ""))
    if kind.startswith(EVENT_PREFIX):
        event = kind.removeprefix(EVENT_PREFIX)
        return clock, name, EVENTS.get(event, event), True
    files = [f"[file {file.get('AttachmentName', '')}]" for file in item.get("Attachments", ())]
    return clock, name, " ".join(filter(None, [str(item.get("Content", "")), *files])), False


def write_index(folder: Path, entries: Iterable[tuple[ExportedContact, Path, int]]) -> None:
    """Write a page that links the HTML files of an export. Raises OSError."""
    part = folder / "index.html.part"
    with part.open("w", encoding="utf-8", errors="replace") as file:
        file.write(PAGE.format(title="Chats"))
        for contact, path, count in entries:
            shown = f"{contact.begun:%Y-%m-%d %H:%M} UTC, {contact.id}, {count} items"
            file.write(f'<p><a href="{escape(_link(path))}">{escape(shown)}</a></p>\n')
        file.write(END)
    os.replace(part, folder / "index.html")


def _link(path: Path) -> str:
    """A relative link; a colon in its first part would be read as a scheme."""
    return "./" + path.as_posix()
