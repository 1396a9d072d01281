"""Contact records beside transcripts: read once into a temporary database, so that memory stays flat."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Self

import msgspec

from threadline.cli.transcript_files import NotImportable, iso

METHODS = frozenset(
    (
        "INBOUND", "OUTBOUND", "TRANSFER", "QUEUE_TRANSFER", "CALLBACK", "API", "DISCONNECT", "MONITOR",
        "EXTERNAL_OUTBOUND", "WEBRTC_API", "AGENT_REPLY", "FLOW",
    )
)  # fmt: skip
TIMES = ("InitiationTimestamp", "ConnectedToSystemTimestamp", "DisconnectTimestamp", "LastUpdateTimestamp")
TEXTS = (
    "InitialContactId",
    "PreviousContactId",
    "NextContactId",
    "RelatedContactId",
    "CustomerId",
    "DisconnectReason",
)
DECODER = msgspec.json.Decoder()


class Records:
    """The contact records of an import by contact, and the files in which its contacts were found."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a temporary file, which is gone when it is closed
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE record (id TEXT PRIMARY KEY, updated TEXT, text TEXT, used INTEGER DEFAULT 0);"
            "CREATE TABLE file (id TEXT PRIMARY KEY, name TEXT)"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, record: dict[str, Any]) -> bool:
        """Keep a record of a chat, or a later form of one; False for another channel. Raises NotImportable."""
        contact_id = record.get("ContactId")
        if not contact_id or not isinstance(contact_id, str):
            raise NotImportable("ContactId", "missing: not a contact record")
        if str(record.get("Channel") or "CHAT").upper() != "CHAT":
            return False
        members_of(record)
        updated = str(record.get("LastUpdateTimestamp") or "")
        self._database.execute(
            "INSERT INTO record (id, updated, text) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET updated = excluded.updated, text = excluded.text WHERE excluded.updated >= updated",
            (contact_id, updated, msgspec.json.encode(record).decode()),
        )
        return True

    def take(self, contact_id: str) -> dict[str, Any]:
        """The members that the record of a contact gives it; none without a record."""
        found = self._database.execute("SELECT text FROM record WHERE id = ?", (contact_id,)).fetchone()
        if found is None:
            return {}
        self._database.execute("UPDATE record SET used = 1 WHERE id = ?", (contact_id,))
        return members_of(DECODER.decode(found[0]))

    def first_file(self, contact_id: str, name: str) -> str:
        """The file in which a contact was found first: `name`, unless there was one before."""
        added = self._database.execute("INSERT OR IGNORE INTO file VALUES (?, ?)", (contact_id, name))
        if added.rowcount:
            return name
        found = self._database.execute("SELECT name FROM file WHERE id = ?", (contact_id,)).fetchone()
        return str(found[0])

    def unused(self) -> Iterator[dict[str, Any]]:
        """The members of each contact that has a record and no transcript."""
        with closing(self._database.execute("SELECT text FROM record WHERE used = 0 ORDER BY rowid")) as rows:
            for (text,) in rows:
                record = DECODER.decode(text)
                yield {"ContactId": record["ContactId"], **members_of(record)}


def records_in(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records in a file, each with its place: JSON objects one after the other, as Firehose writes them, or a list.

    Raises NotImportable for a text that is no JSON, after the records before it.
    """
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        raise NotImportable(f"byte {error.start}", "not UTF-8") from None
    decode, at, number = json.JSONDecoder().raw_decode, 0, 0
    while at < len(text):
        if text[at] in " \t\r\n,":
            at += 1
            continue
        try:
            value, at = decode(text, at)
        except (ValueError, RecursionError):
            raise NotImportable(f"line {text.count(chr(10), 0, at) + 1}", "not JSON") from None
        for record in value if isinstance(value, list) else [value]:
            if not isinstance(record, dict):
                raise NotImportable(f"record {number}", "not a contact record: the JSON is no object")
            yield f"record {number}", record
            number += 1


def members_of(record: dict[str, Any]) -> dict[str, Any]:
    """The members of a contact to import that its record gives. Raises NotImportable for a time that is none.

    Observed: a record has nulls for all that a contact does not have, and whole seconds as times.
    """
    members: dict[str, Any] = {name: iso(record[name], name) for name in TIMES if record.get(name)}
    members |= {name: str(record[name])[:256] for name in TEXTS if record.get(name)}
    method = str(record.get("InitiationMethod") or "").upper()
    if method in METHODS:
        members["InitiationMethod"] = method
    for name, id_member, time_name, time_member in (
        ("Queue", "QueueId", "EnqueueTimestamp", "EnqueueTimestamp"),
        ("Agent", "UserId", "ConnectedToAgentTimestamp", "ConnectedToAgentTimestamp"),
    ):
        part = record.get(name)
        if isinstance(part, dict) and part.get("ARN"):
            members[id_member] = str(part["ARN"]).rpartition("/")[2][:256]
            if part.get(time_name):
                members[time_member] = iso(part[time_name], f"{name}.{time_name}")
    for name in ("Attributes", "Tags"):
        given = record.get(name)
        if isinstance(given, dict) and given:
            members[name] = {str(key): "" if value is None else str(value) for key, value in given.items()}
    segment = record.get("SegmentAttributes")
    if isinstance(segment, dict) and all(map(_is_text, segment.values())):
        members["SegmentAttributes"] = segment
    for name in ("Name", "Description"):
        if record.get(name):
            members[name] = str(record[name])[:4096]
    used = {*TIMES, *TEXTS, *members, "ContactId", "Channel", "AWSAccountId", "InstanceARN"}
    others = {name: value for name, value in record.items() if value is not None and name not in used}
    if others:
        members["OtherMembers"] = (
            msgspec.json.encode({"ContactRecord": others}).decode().replace("\\u0000", "\ufffd")
        )
    return members


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.keys() == {"ValueString"} and isinstance(value["ValueString"], str)
    )
