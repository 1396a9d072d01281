"""The bytes of attachments: a plain PUT to a signed URL takes them, and a plain GET gives them.

An upload is streamed to the object store, bounded by the size that its URL is for. A download is what its sender said
that it is and nothing else: no browser guesses its type, and no script of it runs.
"""

import contextlib
import hmac
import logging
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from threadline.audit.events import SOURCES, AuditedAction, Members, Where, Who
from threadline.aws.model import load
from threadline.chat.attachments import Attachment, Status, disposition
from threadline.clock import Clock
from threadline.config import Settings
from threadline.errors import Fault
from threadline.http.request import Request, Rest, TooLarge
from threadline.objects import Objects, ObjectsFailed
from threadline.objects.threads import in_thread, opened
from threadline.operations.instances import Instance, instance_arn
from threadline.operations.stored_files import PATH, signature, upload_prefix
from threadline.operations.units import KeepUpload
from threadline.store import Store, Tx

DENIED = "AccessDeniedException"
CHUNK_BYTES = 262_144
"""The bytes of an upload that are written at once, in a thread."""
SAFE = (
    b"x-content-type-options: nosniff\r\n"
    b"content-security-policy: default-src 'none'; sandbox\r\n"
    b"referrer-policy: no-referrer\r\n"
    b"cache-control: private, no-store\r\n"
    b"accept-ranges: bytes\r\n"
)
"""Says to a browser: the type is as it is said, nothing of this runs, and no page is told this URL."""
IGNORED_BYTES_MAX = 65_536
"""The bytes of a download's request that are read and ignored."""
RANGE = re.compile(rb"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.ASCII)
EXPIRES = re.compile(r"[0-9]{1,12}", re.ASCII)
TRY_AGAIN = "The object store cannot do this now. Try again."
log = logging.getLogger("threadline.files")
UNKNOWN_CLIENT = Who({"type": "Unknown"})
UNKNOWN = "This URL is not one that this server has given, or its file is gone. Ask for another one."


class AttachmentRoute:
    """Answers the requests with the signed URLs of attachments."""

    model = load("connectparticipant").operations["GetAttachment"]
    has_own_origins = False

    def __init__(self, settings: Settings, store: Store, clock: Clock, objects: Objects) -> None:
        self._store = store
        self._clock = clock
        self._objects = objects
        self._bytes_max = settings.attachment_bytes_max

    def has(self, request: Request) -> bool:
        """Whether a request is for the bytes of an attachment."""
        return request.raw_path.startswith(PATH.encode()) and request.method in ("GET", "HEAD", "PUT")

    async def answer(self, request: Request) -> tuple[int, bytes, bytes]:
        """The status, the header lines and the body. Faults: AccessDeniedException; those of `_upload`."""
        name = "UploadAttachment" if request.method == "PUT" else "DownloadAttachment"
        action = AuditedAction(name, SOURCES["connectparticipant"], request.method != "PUT", UNKNOWN_CLIENT)
        request.call = action
        attachment, instance, inline = await self._found(request)
        request.call = action._replace(
            who=_who(attachment, instance, is_upload=request.method == "PUT"),
            where=Where(instance_arn(instance), instance.region),
            parameters={"AttachmentId": attachment.id, "ContactId": attachment.contact_id},
        )
        if request.method == "PUT":
            return await self._upload(request, attachment, instance)
        if attachment.status != Status.APPROVED or attachment.object_key is None:
            raise Fault(DENIED, UNKNOWN)
        with contextlib.suppress(TooLarge):
            await request.body(IGNORED_BYTES_MAX)
        kind, size = attachment.content_type, attachment.size
        named = disposition(attachment.name, kind, inline=inline)
        head = SAFE + f"content-type: {kind}\r\ncontent-disposition: {named}\r\n".encode("ascii")
        part = part_of(request, size)
        if part is None:
            return 416, b"%bcontent-range: bytes */%d\r\n" % (SAFE, size), b""
        status = 200
        if len(part) < size:
            status = 206
            head += b"content-range: bytes %d-%d/%d\r\n" % (part.start, part.stop - 1, size)
        request.rest = Rest(len(part), await self._pieces(attachment.object_key, part))
        return status, head, b""

    async def _pieces(self, key: str, part: range) -> AsyncIterator[bytes]:
        """Open an object, and return a part of its bytes piece by piece. Faults: ServiceUnavailableException."""
        pieces = await self._objecting(self._objects.read, key)
        first = await self._objecting(next, pieces, b"")

        async def read() -> AsyncIterator[bytes]:
            at, piece = 0, first
            try:
                while piece and at < part.stop:
                    if wanted := piece[max(0, part.start - at) : part.stop - at]:
                        yield wanted
                    at += len(piece)
                    piece = await in_thread(next, pieces, b"")
            except ObjectsFailed as error:
                log.warning("a download is cut off: %s", error)

        return read()

    async def _found(self, request: Request) -> tuple[Attachment, Instance, bool]:
        """The file of a signed URL, and whether it may be shown in place. Faults: AccessDeniedException."""
        query = parse_qs(request.query_string.decode("latin-1"))
        expires, inline, given = (query.get(name, [""])[0] for name in ("Expires", "Inline", "Signature"))
        attachment_id = unquote(request.raw_path.decode("latin-1").removeprefix(PATH))

        def read(tx: Tx) -> tuple[Attachment, Instance] | None:
            return tx.row("attachment_and_instance", Attachment, Instance, id=attachment_id)

        found = (
            await self._store.read(read) if EXPIRES.fullmatch(expires) and "\0" not in attachment_id else None
        )
        if found is None:
            raise Fault(DENIED, UNKNOWN)
        method = "PUT" if request.method == "PUT" else "GET"
        wanted = signature(found[1], found[0], method, expires, inline)
        if not hmac.compare_digest(wanted.encode(), given.encode()):
            raise Fault(DENIED, UNKNOWN)
        if int(expires) * 1_000 <= self._clock.now_ms():
            raise Fault(DENIED, "This URL has expired. Ask for another one.")
        return *found, inline == "1"

    async def _upload(
        self, request: Request, attachment: Attachment, instance: Instance
    ) -> tuple[int, bytes, bytes]:
        """Take the bytes of a file. Faults: ValidationException for another size or type than those that are signed.

        The bytes get a key of their own, which the row then names: so an upload that comes late, or twice, never
        changes bytes that a scanner has seen.
        """
        self._check(request, attachment)
        key = f"{upload_prefix(instance, attachment)}/{self._clock.random_bytes(8).hex()}"
        try:
            writer = await opened(self._objects, key)
        except ObjectsFailed as error:
            raise Fault("ServiceUnavailableException", TRY_AGAIN) from error
        try:
            waiting, size = bytearray(), 0
            try:
                async for piece in request.pieces(attachment.size):
                    size += len(piece)
                    waiting += piece
                    if len(waiting) >= CHUNK_BYTES:
                        await self._objecting(writer.write, bytes(waiting))
                        waiting.clear()
            except TooLarge:
                size = -1
            if size != attachment.size:
                raise Fault(
                    "ValidationException",
                    f"The body must have the {attachment.size} bytes that were announced.",
                )
            await self._objecting(writer.write, bytes(waiting))
            await self._objecting(writer.commit)
        finally:
            await in_thread(writer.abort)
        if not await self._store.write(KeepUpload(attachment.id, key)):
            await self._objecting(self._objects.delete, key)
            raise Fault(DENIED, "The file of this URL is completed or gone, so its bytes cannot be replaced.")
        return 200, b"", b""

    def _check(self, request: Request, attachment: Attachment) -> None:
        """Faults: ValidationException for a length or type that is not that of the file."""
        length = request.headers.get(b"content-length", b"")
        if length != str(attachment.size).encode() or b"transfer-encoding" in request.headers:
            raise Fault(
                "ValidationException",
                f"Content-Length must be {attachment.size}, the AttachmentSizeInBytes that was announced.",
            )
        kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != attachment.content_type.encode():
            raise Fault(
                "ValidationException",
                f"Content-Type must be {attachment.content_type}, as UploadMetadata.HeadersToInclude says.",
            )

    async def _objecting(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Run a call of the object store in a thread. Faults: ServiceUnavailableException."""
        try:
            return await in_thread(call, *arguments)
        except ObjectsFailed as error:
            raise Fault("ServiceUnavailableException", TRY_AGAIN) from error


def part_of(request: Request, size: int) -> range | None:
    """The bytes of a file that a request asks for; None when the file has none of them.

    All of them without the header Range, and for one that is not answered: more than one range, another unit, or with
    If-Range, since files have no validator. Source: RFC 9110, section 14.2.
    """
    found = RANGE.fullmatch(request.headers.get(b"range", b"").strip())
    if found is None or b"if-range" in request.headers or request.method != "GET":
        return range(size)
    first, last, suffix = found.groups()
    if suffix:
        part = range(max(0, size - int(suffix)), size)
    elif last and int(last) < int(first):
        return range(size)  # no range at all
    else:
        part = range(int(first), min(int(last) + 1, size) if last else size)
    return part or None


def _who(attachment: Attachment, instance: Instance, *, is_upload: bool) -> Who:
    """The bearer of a signed URL. That of an upload was given to the sender; a download's names nobody."""
    identity: Members = {"type": "Unknown", "accountId": instance.account_id, "credential": "signed URL"}
    if is_upload and attachment.participant_id is not None:
        identity |= {"type": "Participant", "principalId": attachment.participant_id}
    return Who(identity, instance.account_id)
