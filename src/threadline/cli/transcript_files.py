"""Transcripts of other systems: a file of any shape that Amazon Connect's transcripts come in, as a contact to import.

Observed: the shape of Amazon Connect's own files, with any member missing; the output of Contact Lens; copies with keys
in camelCase, or without ids. Members that are not ours are kept beside the others.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

FILE_BYTES_MAX = 256 * 1024 * 1024
ITEMS_MAX = 1_000_000
OBJECTS_MAX = 3 * ITEMS_MAX
"""JSON objects in a file: with more it is refused before it is decoded, since each takes memory."""
NAMED = re.compile(r"(?P<contact>.+)_(?P<time>\d{8}T\d{2}[:_-]?\d{2})_UTC(?:\.\w+)+", re.DOTALL)
ID_MAX = 256
TEXT_MAX = 4096
CONTENT_MAX = 1_000_000
ROLES = frozenset(("AGENT", "CUSTOMER", "SYSTEM", "CUSTOM_BOT", "SUPERVISOR"))
TYPES = frozenset(
    (
        "TYPING", "PARTICIPANT_JOINED", "PARTICIPANT_LEFT", "CHAT_ENDED", "TRANSFER_SUCCEEDED", "TRANSFER_FAILED",
        "MESSAGE", "EVENT", "ATTACHMENT", "CONNECTION_ACK", "MESSAGE_DELIVERED", "MESSAGE_READ",
    )
)  # fmt: skip
TEXTS = {
    "id": ("Id", ID_MAX),
    "participantid": ("ParticipantId", ID_MAX),
    "displayname": ("DisplayName", TEXT_MAX),
    "contenttype": ("ContentType", ID_MAX),
    "content": ("Content", CONTENT_MAX),
}
"""Members of an item that are texts, by their names in lower case, with the most characters that they may have."""
HEAD = {
    name.lower(): name
    for name in (
        "Version", "AWSAccountId", "AccountId", "InstanceId", "InitialContactId", "ContactId", "Participants",
        "Transcript", "Channel", "CustomerMetadata", "PreviousContactId", "NextContactId", "RelatedContactId",
    )
}  # fmt: skip
FILE = {name.lower(): name for name in ("AttachmentId", "AttachmentName", "ContentType", "Status")}
CHAIN = ("InitialContactId", "PreviousContactId", "NextContactId", "RelatedContactId")


class NotImportable(Exception):
    """A file, or a part of it, that cannot be imported: its place in the file, and why."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}" if place else why)


class Transcript(NamedTuple):
    """A contact with its items, which are decoded when they are asked for."""

    members: dict[str, Any]
    timed: Sequence[tuple[str, msgspec.Raw]]
    roles: Mapping[str, str]

    @property
    def contact_id(self) -> str:
        """The id of the contact."""
        contact_id: str = self.members["ContactId"]
        return contact_id

    def attachments(self) -> Iterator[dict[str, Any]]:
        """The attachments that the items show."""
        for _, raw in self.timed:
            if b"ttachments" in bytes(raw):
                for key, value in _object(raw, "").items():
                    if key.lower() == "attachments":
                        yield from attachments_in(value)

    def items(self, start: int = 0) -> Iterator[dict[str, Any]]:
        """The items from number `start` on, with the names of the model. Raises NotImportable."""
        for number in range(start, len(self.timed)):
            at, raw = self.timed[number]
            yield item_of(_object(raw, f"Transcript[{number}]"), at, self.roles, f"Transcript[{number}]")


def read(name: str, content: bytes) -> Transcript:
    """The transcript in a file's content. Raises NotImportable."""
    head = _head(content)
    named = NAMED.fullmatch(name)
    given = head.get("CustomerMetadata")
    metadata: Mapping[str, Any] = {k.lower(): v for k, v in given.items()} if isinstance(given, dict) else {}
    contact_id = head.get("ContactId") or metadata.get("contactid") or (named["contact"] if named else None)
    members: dict[str, Any] = {"ContactId": _id(contact_id, "ContactId")}
    members |= {member: _id(head[member], member) for member in CHAIN if head.get(member)}
    roles = _roles(head.get("Participants"))
    timed = _timed(head["Transcript"], _stamp(named["time"]) if named else None)
    if timed:
        members["InitiationTimestamp"], members["DisconnectTimestamp"] = timed[0][0], timed[-1][0]
    known = {*HEAD.values()} - {"CustomerMetadata", "Channel"}
    others = {key: value for key, value in head.items() if key not in known}
    if others:
        members["OtherMembers"] = _packed(others)
    return Transcript(members, timed, roles)


def _head(content: bytes) -> dict[str, Any]:
    """The members of the file by the model's names; Transcript is a list of undecoded items."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise NotImportable(f"byte {error.start}", "not UTF-8") from None
    if content.count(b"{") > OBJECTS_MAX:
        raise NotImportable(
            "", f"more than {OBJECTS_MAX:,} JSON objects; up to {ITEMS_MAX:,} items are taken"
        )
    try:
        raw = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise NotImportable("", "not a transcript: the JSON is no object") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotImportable(_end_of(content, error), f"not JSON: {error}") from None
    named = {HEAD.get(key.lower(), key): value for key, value in raw.items()}
    if "AWSContactTraceRecordFormatVersion" in named:
        raise NotImportable("", "a contact record, not a transcript: give it with --records")
    if "Transcript" not in named:
        raise NotImportable("", "not a transcript: it has no member Transcript")
    head = {key: _value(value, key) for key, value in named.items() if key != "Transcript"}
    if str(head.get("Channel") or "CHAT").upper() != "CHAT":
        raise NotImportable("Channel", f"a transcript of {head['Channel']}, not of a chat")
    try:
        head["Transcript"] = msgspec.json.decode(named["Transcript"], type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        raise NotImportable("Transcript", "not a list of items") from None
    if len(head["Transcript"]) > ITEMS_MAX:
        raise NotImportable("Transcript", f"{len(head['Transcript']):,} items are more than {ITEMS_MAX:,}")
    return head


def _end_of(content: bytes, error: Exception) -> str:
    return f"byte {len(content)}" if "truncated" in str(error) else ""


def _value(raw: msgspec.Raw, place: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotImportable(place, f"not JSON: {error}") from None


def _object(raw: msgspec.Raw, place: str) -> dict[str, Any]:
    value = _value(raw, place)
    if not isinstance(value, dict):
        raise NotImportable(place, "not an item: the JSON is no object")
    return value


def _id(value: Any, place: str) -> str:
    if not value:
        raise NotImportable(place, "missing, and not in the name of the file either")
    text = str(value)
    if len(text) > ID_MAX or "\0" in text:
        raise NotImportable(place, f"not an id of up to {ID_MAX} characters")
    return text


def _roles(participants: Any) -> dict[str, str]:
    """The roles by the participants' ids, as Contact Lens has them."""
    found: dict[str, str] = {}
    for each in participants if isinstance(participants, list) else ():
        given = {key.lower(): value for key, value in each.items()} if isinstance(each, dict) else {}
        role = str(given.get("participantrole") or "").upper()
        if given.get("participantid") and role in ROLES:
            found[str(given["participantid"])] = role
    return found


def _timed(raws: list[msgspec.Raw], begun: str | None) -> list[tuple[str, msgspec.Raw]]:
    """The items in the order of their times. An item without a time has that of the one before, or of the file."""
    timed: list[tuple[str, msgspec.Raw]] = []
    moments: list[datetime] = []
    at = begun
    for number, raw in enumerate(raws):
        place = f"Transcript[{number}]"
        found = _object(raw, place)
        given = found.get("AbsoluteTime", found.get("absoluteTime"))
        at = at if given is None else iso(given, f"{place}.AbsoluteTime")
        if at is None:
            raise NotImportable(place, "no AbsoluteTime, and no time in the name of the file either")
        timed.append((at, raw))
        moments.append(moment_of(at))
    if any(later < earlier for earlier, later in pairwise(moments)):
        order = sorted(range(len(timed)), key=moments.__getitem__)
        timed = [timed[number] for number in order]
    return timed


def iso(given: Any, place: str) -> str:
    """A time as ISO 8601: of that form, or in seconds or milliseconds since the epoch. Raises NotImportable."""
    try:
        if isinstance(given, int | float) and not isinstance(given, bool):
            seconds = given / 1000 if given > 100_000_000_000 else given
            return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
        moment_of(given)
        return str(given)
    except (ValueError, TypeError, OverflowError):
        raise NotImportable(place, f"{str(given)[:60]!r} is not a time") from None


def moment_of(text: str) -> datetime:
    """The time in an ISO 8601 text, in UTC unless it names another zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(text: str) -> str:
    """The time in the name of a file, `20260407T08:45`, as ISO 8601."""
    digits = re.sub(r"\D", "", text)
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:00Z"


def item_of(given: dict[str, Any], at: str, roles: Mapping[str, str], place: str) -> dict[str, Any]:
    """An item with the names of the model. Members that are not ours are in OtherMembers. Raises NotImportable."""
    item: dict[str, Any] = {"AbsoluteTime": at}
    others: dict[str, Any] = {}
    for key, value in given.items():
        name = key.lower()
        if value is None or name == "absolutetime":
            continue
        if name in TEXTS:
            member, longest = TEXTS[name]
            text = value if isinstance(value, str) else _packed(value)
            if len(text) > longest or "\0" in text:
                raise NotImportable(f"{place}.{member}", f"longer than {longest} characters, or has U+0000")
            if text:
                item[member] = text
        elif (known := _known(name, value)) is not None:
            item[known[0]] = known[1]
        elif name == "attachments" and (files := attachments_in(value)):
            item.setdefault("Type", "ATTACHMENT")
            others["Attachments"] = files
        else:
            others[key] = value
    role = roles.get(item.get("ParticipantId", ""))
    if role is not None:
        item.setdefault("ParticipantRole", role)
    if others:
        item["OtherMembers"] = _packed(others)
    return item


def _known(name: str, value: Any) -> tuple[str, Any] | None:
    """A member whose values are the model's, by its name in lower case; None where it has another value."""
    text = str(value).upper()
    if name == "participantrole" and text in ROLES:
        return "ParticipantRole", text
    if name == "type" and text in TYPES:
        return "Type", text
    if name == "messagemetadata" and (metadata := _metadata(value)):
        return "MessageMetadata", metadata
    return None


def attachments_in(value: Any) -> list[dict[str, Any]]:
    """The attachments of an item with the names of the model. Those without an id are left out."""
    found: list[dict[str, Any]] = []
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            named = {
                FILE.get(str(key).lower(), str(key)): part for key, part in each.items() if part is not None
            }
            if isinstance(named.get("AttachmentId"), str):
                found.append(named)
    return found


def _metadata(value: Any) -> dict[str, Any] | None:
    """The receipts of a message, if they have the shape that ours have."""
    if not isinstance(value, dict) or not value.keys() <= {"MessageId", "Receipts"}:
        return None
    names = {"RecipientParticipantId", "DeliveredTimestamp", "ReadTimestamp"}
    receipts = value.get("Receipts") or []
    if not isinstance(receipts, list) or not all(isinstance(each, dict) for each in receipts):
        return None
    texts = [value.get("MessageId", ""), *(text for each in receipts for text in each.values())]
    is_ours = all(each.keys() <= names for each in receipts)
    return value if is_ours and all(isinstance(text, str) and len(text) <= 100 for text in texts) else None


def _packed(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if "\\u0000" not in text else text.replace("\\u0000", "\N{REPLACEMENT CHARACTER}")
