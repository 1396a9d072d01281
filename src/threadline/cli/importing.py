"""`threadline import FILE|FOLDER|s3://..`: transcripts and contact records of Amazon Connect become ended chats.

The server takes the contacts over its API in small calls, so it serves others meanwhile. It is asked first which of
them it has: a second run sends those that are missing, and a long contact goes on where it stopped.
"""

import argparse
import sys
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from threadline.cli import connection_options, import_attachments
from threadline.cli.import_sources import SourceFile, files_of
from threadline.cli.progress import Live
from threadline.cli.record_files import Records, records_in
from threadline.cli.transcript import printable
from threadline.cli.transcript_files import FILE_BYTES_MAX, NotImportable, Transcript, read
from threadline.client.client import Client, instance_of
from threadline.client.failures import Failure
from threadline.clock import monotonic
from threadline.style import styled

CHECKED_MAX = 100
CHECKED_BYTES_MAX = 8 * 1024 * 1024
ITEMS_MAX, CONTACTS_MAX, CHARACTERS_MAX = 100, 20, 100_000
"""Of one call: the writer needs a millisecond for that many."""
REST, REST_SECONDS_MAX = 1.0, 1.0
"""After a call the import rests as long as the call took, so that others find the server free half of the time. The
busier the server is, the longer it rests."""
ITEM_CHARACTERS = 300
"""Counted for an item beside its content."""


class ContactToImport(NamedTuple):
    """A contact to import: where it was found, its members and its transcript, if there is one.

    `record` are the members that its record gives; empty without a record.
    """

    shown: str
    members: dict[str, Any]
    transcript: Transcript | None
    record: dict[str, Any]

    def recorded(self) -> "ContactToImport | None":
        """The record alone, to complete a contact that is there; None without a record."""
        begun = self.members["InitiationTimestamp"]
        members = {"ContactId": self.members["ContactId"], "InitiationTimestamp": begun, **self.record}
        return self._replace(members=members, transcript=None) if self.record else None


class Importer:
    """One run of an import. `refused` counts what was reported; the other counts are for the last line."""

    def __init__(self, client: Client, instance_id: str, progress: Live, *, is_dry: bool) -> None:
        self._client = client
        self._instance_id = instance_id
        self._progress = progress
        self._is_dry = is_dry
        self._batch: list[tuple[ContactToImport, dict[str, Any]]] = []
        self._batch_items = self._batch_characters = 0
        self._begun = monotonic()
        self.contacts = self.items = self.completed = self.present = self.refused = self.others = (
            self.files
        ) = 0
        self.attachments: dict[str, SourceFile] = {}
        """The files beside the transcripts, by the first part of their names: an attachment's id."""

    def refuse(self, shown: str, why: object) -> None:
        """Report a file or contact that is not imported, on one line."""
        self.refused += 1
        self._progress.clear()
        line = printable(" ".join(f"{shown}: {why}".split()))
        sys.stderr.write(f"{styled('refused', 'amber')} {line}\n")

    def show(self, done: int, total: int) -> None:
        """Draw the progress line: the share, the rate and the time left."""
        seconds = max(monotonic() - self._begun, 0.001)
        left = int(seconds / done * (total - done)) if done else 0
        rate = (
            f"{self.contacts / seconds:,.0f} contacts/s"
            if self.contacts
            else f"{done / seconds:,.0f} files/s"
        )
        self._progress(
            f"importing: {done:,} of {total:,} files, {rate}, {left // 60}:{left % 60:02} left", done, total
        )

    def bring(self, candidates: list[ContactToImport]) -> None:
        """Import those of some contacts that the server does not have yet."""
        if not candidates:
            return
        ids = [candidate.members["ContactId"] for candidate in candidates]
        reply = self._client.call("threadline", "CheckImports", InstanceId=self._instance_id, ContactIds=ids)
        for candidate, result in zip(candidates, reply["Results"], strict=True):
            if result["Status"] == "WHOLE" and candidate.transcript is not None:
                self._bring_files(candidate)
                if (record := candidate.recorded()) is None or self._is_dry:
                    self.present += 1
                else:
                    self._put(record, record.members, [])
            else:
                try:
                    self._add(candidate, result["ItemCount"])
                except NotImportable as error:
                    self.refuse(candidate.shown, error)

    def _add(self, candidate: ContactToImport, start: int) -> None:
        """Put a contact into the next call, or into several when it is long. Raises NotImportable before it sends any.

        A contact of more than one call has been read to its end first, so that none stays half imported for a bad item.
        """
        transcript = candidate.transcript
        if transcript is None:
            self._put(candidate, candidate.members, [])
            return
        if len(transcript.timed) - start > ITEMS_MAX or self._is_dry:
            for _ in transcript.items(start):
                pass
        part: list[dict[str, Any]] = []
        characters = 0
        first = start
        for number, item in enumerate(transcript.items(start), start):
            size = ITEM_CHARACTERS + len(item.get("Content", "")) + len(item.get("OtherMembers", ""))
            if part and (len(part) == ITEMS_MAX or characters + size > CHARACTERS_MAX):
                self._put(candidate, {**candidate.members, "StartItem": first, "MoreItems": True}, part)
                self.send()
                part, characters, first = [], 0, number
            part.append(item)
            characters += size
        members = {**candidate.members, "StartItem": first} if first else candidate.members
        self._put(candidate, {**members, "Items": part}, part)

    def _put(self, candidate: ContactToImport, members: dict[str, Any], items: list[dict[str, Any]]) -> None:
        size = sum(ITEM_CHARACTERS + len(item.get("Content", "")) for item in items) + ITEM_CHARACTERS
        is_full = (
            self._batch_items + len(items) > ITEMS_MAX
            or self._batch_characters + size > CHARACTERS_MAX
            or len(self._batch) == CONTACTS_MAX
        )
        if is_full:
            self.send()
        if candidate.transcript is not None:
            members = {**members, "Items": items}
        self._batch.append((candidate, members))
        self._batch_items += len(items)
        self._batch_characters += size

    def send(self) -> None:
        """Send the contacts that wait, and count and report what became of them."""
        batch, self._batch = self._batch, []
        self._batch_items = self._batch_characters = 0
        if self._is_dry:
            self.contacts += sum(not members.get("MoreItems") for _, members in batch)
            self.items += sum(len(members.get("Items", ())) for _, members in batch)
        elif batch:
            self._call(batch)

    def _call(self, batch: list[tuple[ContactToImport, dict[str, Any]]]) -> None:
        contacts = [members for _, members in batch]
        begun = monotonic()
        try:
            reply = self._client.call(
                "threadline", "ImportContacts", InstanceId=self._instance_id, Contacts=contacts
            )
        except Failure as failure:
            if failure.status not in (252, 254):  # not of these contacts, such as a server that is gone
                raise
            if len(batch) > 1:
                for one in batch:
                    self._call([one])
            else:
                self.refuse(batch[0][0].shown, failure)
            return
        threading.Event().wait(min(REST * (monotonic() - begun), REST_SECONDS_MAX))
        for (candidate, members), result in zip(batch, reply["Results"], strict=True):
            if result["Status"] == "REFUSED":
                self.refuse(candidate.shown, result["Explanation"])
            elif result.get("Completed"):
                self.completed += 1
            elif not result.get("Imported"):
                self.present += 1
            else:
                self.items += len(members.get("Items", ()))
                self.contacts += not members.get("MoreItems")
                if not members.get("MoreItems"):
                    self._bring_files(candidate)

    def _bring_files(self, candidate: ContactToImport) -> None:
        """Send the attachments of a contact that were found beside the transcripts and are not there yet."""
        if candidate.transcript is None or not self.attachments or self._is_dry:
            return
        for attachment in candidate.transcript.attachments():
            file = self.attachments.get(attachment["AttachmentId"])
            if file is not None:
                try:
                    self.files += import_attachments.bring(
                        self._client, self._instance_id, candidate.members["ContactId"], attachment, file
                    )
                except OSError as error:
                    self.refuse(file.shown, f"cannot be read: {error.strerror}")
                except Failure as failure:
                    if failure.status not in (252, 254):
                        raise
                    self.refuse(file.shown, failure)

    def summary(self) -> str:
        """The last line, with the counts of contacts that were imported, there already, and refused."""
        verb = "would be imported" if self._is_dry else "imported"
        parts = [f"{self.contacts:,} contacts with {self.items:,} items {verb}"]
        if self.completed:
            parts.append(f"{self.completed:,} contacts completed by their records")
        if self.files:
            parts.append(f"{self.files:,} attachments imported")
        if self.present:
            parts.append(f"{self.present:,} there already")
        if self.others:
            parts.append(f"{self.others:,} records of other channels left out")
        if self.refused:
            parts.append(styled(f"{self.refused:,} refused", "amber"))
        return ", ".join(parts) + "."


def main(arguments: list[str]) -> int:
    """Import transcripts and records; 1 when some were refused."""
    parser = connection_options.parser(
        "import",
        "Bring in the chats of another system: transcripts as Amazon Connect stores them, and contact records. They"
        " become ended chats, which can be continued, read, searched and exported. Contacts that are there already"
        " stay as they are, but for what a record adds, so the command can be repeated.",
    )
    parser.add_argument(
        "place",
        metavar="FILE|FOLDER|s3://..",
        nargs="?",
        help="a transcript, or a folder or bucket of them; may be left out with --records",
    )
    parser.add_argument(
        "--records",
        metavar="FILE|FOLDER|s3://..",
        help="contact records, which give the chain of contacts, times, reasons, queues and attributes",
    )
    parser.add_argument("--dry-run", action="store_true", help="read and check all files, and import nothing")
    options = parser.parse_args(arguments)
    if not options.place and not options.records:
        parser.error("name a file, a folder or a bucket, or --records")

    def run() -> int:
        with connection_options.client(options) as client, Live() as progress, Records() as records:
            instance_id = instance_of(client, options.instance_id)
            importer = Importer(client, instance_id, progress, is_dry=options.dry_run)
            try:
                _run(importer, records, options)
            except (Failure, KeyboardInterrupt):
                progress.clear()
                print(f"Stopped: {importer.summary()} Run the command again to go on.")
                raise
            progress.clear()
            print(importer.summary())
            return 1 if importer.refused else 0

    return connection_options.reported(run)


def _run(importer: Importer, records: Records, options: argparse.Namespace) -> None:
    if options.records:
        for file in files_of(options.records):
            _read_records(importer, records, file)
    if options.place:
        _bring_transcripts(importer, records, options.place)
    for some in _by(CHECKED_MAX, records.unused()):
        importer.bring(
            [ContactToImport(f"the record of {each['ContactId']}", each, None, each) for each in some]
        )
    importer.send()


def _bring_transcripts(importer: Importer, records: Records, place: str) -> None:
    total = 0
    for file in files_of(place):
        if is_transcript(file, place):
            total += 1
        else:
            importer.attachments[import_attachments.id_of(file.name)] = file
    waiting: list[ContactToImport] = []
    size = 0
    found = (file for file in files_of(place) if is_transcript(file, place))
    for done, file in enumerate(found):
        importer.show(done, total)
        candidate = _candidate(importer, records, file)
        if candidate is None:
            continue
        if waiting and (len(waiting) == CHECKED_MAX or size + file.size > CHECKED_BYTES_MAX):
            importer.bring(waiting)
            waiting, size = [], 0
        waiting.append(candidate)
        size += file.size
    importer.bring(waiting)
    importer.send()


def is_transcript(file: SourceFile, place: str) -> bool:
    """Whether a file is a transcript by its name, and no attachment. A file that is named alone is one."""
    return file.name.lower().endswith(".json") or file.shown == place


def _by(count: int, members: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    for each in members:
        some.append(each)
        if len(some) == count:
            yield some
            some = []
    if some:
        yield some


def _content(importer: Importer, file: SourceFile) -> bytes | None:
    """The content of a file, unless it is too large, which its size says before it is read."""
    if file.size > FILE_BYTES_MAX:
        importer.refuse(
            file.shown, f"{file.size:,} bytes are more than the {FILE_BYTES_MAX:,} that a file may have"
        )
        return None
    try:
        return file.read()
    except OSError as error:
        importer.refuse(file.shown, f"cannot be read: {error.strerror}")
        return None


def _read_records(importer: Importer, records: Records, file: SourceFile) -> None:
    content = _content(importer, file)
    if content is None:
        return
    try:
        for place, record in records_in(content):
            try:
                importer.others += not records.add(record)
            except NotImportable as error:
                importer.refuse(file.shown, f"{place}: {error}")
    except NotImportable as error:
        importer.refuse(file.shown, error)


def _candidate(importer: Importer, records: Records, file: SourceFile) -> ContactToImport | None:
    """The contact in a file with what its record says, or None when it is refused."""
    content = _content(importer, file)
    if content is None:
        return None
    try:
        transcript = read(file.name, content)
        first = records.first_file(transcript.contact_id, file.shown)
        if first != file.shown:
            raise NotImportable("ContactId", f"{transcript.contact_id} is the contact of {first} too")
        recorded = records.take(transcript.contact_id)
        members = {**transcript.members, **recorded}
        if "OtherMembers" in recorded and "OtherMembers" in transcript.members:
            members["OtherMembers"] = (
                recorded["OtherMembers"][:-1] + "," + transcript.members["OtherMembers"][1:]
            )
        if "InitiationTimestamp" not in members:
            raise NotImportable("Transcript", "empty, and no record says when the contact began")
    except NotImportable as error:
        importer.refuse(file.shown, error)
        return None
    return ContactToImport(file.shown, members, transcript, recorded)
