"""The rules of attachments: which files a chat takes, how they are shown, and how their bytes are sent.

Source: StartAttachmentUpload; Amazon Connect feature specifications: types, 20 MB a file, 35 files a chat.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import quote

from threadline.errors import Fault

UPLOAD_MS = 900_000
"""Time that an upload's URL is valid. Assumed: no source says how long Amazon's is."""
DOWNLOAD_SECONDS = 300
"""Time that a download's URL is valid unless the caller says. Assumed: the model's maximum."""
SWEEP_AFTER_MS = 4_500_000
"""Time from the start of an upload until what is left of it, if it was not completed, is deleted."""
SCAN_SECONDS = 60
"""Source: Admin Guide, attachment scanning: the scanner has 60 seconds."""

OCTETS = "application/octet-stream"
MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,126}/[A-Za-z0-9!#$&^_.+-]{1,126}", re.ASCII)
OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES: Mapping[str, tuple[str, ...]] = {
    "csv": ("text/csv", "application/csv", "application/vnd.ms-excel", "text/plain"),
    "doc": ("application/msword",),
    "docx": (f"{OFFICE}wordprocessingml.document",),
    "heic": ("image/heic", "image/heif"),
    "jfif": ("image/jpeg",),
    "jpeg": ("image/jpeg",),
    "jpg": ("image/jpeg",),
    "mov": ("video/quicktime",),
    "mp4": ("video/mp4",),
    "pdf": ("application/pdf",),
    "png": ("image/png",),
    "ppt": ("application/vnd.ms-powerpoint",),
    "pptx": (f"{OFFICE}presentationml.presentation",),
    "rtf": ("application/rtf", "text/rtf"),
    "txt": ("text/plain",),
    "wav": ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
    "xls": ("application/vnd.ms-excel",),
    "xlsx": (f"{OFFICE}spreadsheetml.sheet",),
}
"""The content types of the files that Amazon Connect takes, by the ending of their names."""
INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The types that a browser may show in place: pictures that hold no script."""


class Status(StrEnum):
    """The status of a file. Source: ArtifactStatus, FileStatusType; DRAFTING and PROCESSING are the latter's words."""

    DRAFTING = "DRAFTING"
    IN_PROGRESS = "IN_PROGRESS"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Attachment(NamedTuple):
    """A file of a chat: the columns of its table.

    `object_key` is where its bytes are, None until they have come. `seq` is the entry of the log that shows it.
    `participant_id` sent it; None for a file that an account attached. `details` is JSON: members of attached files.
    """

    id: str
    session: int
    instance_id: str
    contact_id: str
    name: str
    content_type: str
    size: int
    status: str
    object_key: str | None
    seq: int | None
    participant_id: str | None
    created_at_ms: int
    details: str


class AttachmentRules(NamedTuple):
    """The operator's settings about attachments. `scanner` is the function or URL that judges them; empty is none."""

    endings: frozenset[str] = frozenset(TYPES)
    bytes_max: int = 20 * 1024 * 1024
    count_max: int = 35
    scanner: str = ""


def check_file(rules: AttachmentRules, name: str, content_type: str | None, size: int, code: str) -> str:
    """Check a file before its upload, and return its content type. Faults: `code` with the reason.

    A content type that is not given is that of the name's ending.
    """
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in rules.endings:
        taken = ", ".join(sorted(rules.endings))
        raise Fault(code, f"A file whose name ends with {ending[:20]!r} is not taken. These are: {taken}.")
    known = TYPES.get(ending, ())
    given = (content_type or (known[0] if known else OCTETS)).partition(";")[0].strip().lower()
    if not MEDIA_TYPE.fullmatch(given) or (known and given not in known):
        raise Fault(
            code, f"ContentType {given[:100]!r} is not that of a {ending} file: {' or '.join(known)}."
        )
    if size > rules.bytes_max:
        raise Fault(code, f"The file has {size} bytes; at most {rules.bytes_max} are taken.")
    return given


def as_shown(attachment: Attachment, status: str) -> dict[str, Any]:
    """An attachment with the names of the model's AttachmentItem."""
    return {
        "AttachmentId": attachment.id,
        "AttachmentName": attachment.name,
        "ContentType": attachment.content_type,
        "Status": status,
    }


def disposition(name: str, content_type: str, *, inline: bool) -> str:
    """The header Content-Disposition of a download. Only a safe picture is shown in place."""
    kind = "inline" if inline and content_type in INLINE else "attachment"
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def file_details(members: Mapping[str, Any]) -> str:
    """The members of an attached file that are kept as they were given, as JSON."""
    return json.dumps({name: value for name, value in members.items() if value is not None})
