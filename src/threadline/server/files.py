"""Does the work of file tasks outside any transaction: writes transcript files, deletes objects, asks the scanner."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from threadline.chat.transcript import Item, Receipt, as_item, receipts_by_seq
from threadline.clock import Clock
from threadline.objects import Objects, ObjectsFailed
from threadline.objects.threads import in_thread, opened
from threadline.store import Store, Tx

AT_ONCE = 4
"""Files that are written or deleted at once."""
WAITING_MAX = 32
"""Tasks that wait for their turn. A further one is put off, so that none waits for longer than its lease."""
DRAFT_SECONDS_MAX = 3_600
"""The age from which a draft belongs to a process that has ended: no upload takes so long."""
PAGE_ITEMS = 500
"""Entries that are read at once, in some three milliseconds."""

Call = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
log = logging.getLogger("threadline.files")


class FileWork:
    """The calls of tasks: those about files are done here, all others by `call`. It never raises."""

    def __init__(self, store: Store, objects: Objects, call: Call) -> None:
        self._store = store
        self._objects = objects
        self._call = call
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._swept_at = 0.0

    async def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do the work of a task, and return its answer; `failed` in it is the reason of a failure."""
        if request["kind"] == "scan":
            return await self._call({**request, "kind": "lambda", "waits": True, "is_json": True})
        work = {"transcript_file": self._write_transcript, "delete_objects": self._delete}.get(
            request["kind"]
        )
        if work is None:
            return await self._call(request)
        if self._waiting >= WAITING_MAX:
            return {"failed": "too many files wait"}
        self._waiting += 1
        try:
            async with self._turn:
                await self._sweep()
                return await work(request)
        except ObjectsFailed as error:
            log.warning("contact %s: %s: %s", request["contact_id"], request["kind"], error)
            return {"failed": str(error)}
        finally:
            self._waiting -= 1

    async def _sweep(self) -> None:
        """Once an hour, delete the drafts of processes that have ended."""
        now = Clock().now_ms() / 1_000
        if now - self._swept_at > DRAFT_SECONDS_MAX:
            self._swept_at = now
            await in_thread(self._objects.sweep_drafts, now - DRAFT_SECONDS_MAX)

    async def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        def delete() -> None:
            for key in request["keys"]:
                self._objects.delete(key)
            for prefix in request["below"]:
                self._objects.delete_below(prefix, but=request["but"])

        await in_thread(delete)
        return {}

    async def _write_transcript(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write the file part by part, so that a long chat is never whole in memory."""
        size = 0
        writer = await opened(self._objects, request["key"])
        try:
            async for part in self._parts(request):
                size += len(part)
                await in_thread(writer.write, part)
            await in_thread(writer.commit)
        finally:
            await in_thread(writer.abort)
        return {"key": request["key"], "size": size}

    async def _parts(self, request: dict[str, Any]) -> AsyncIterator[bytes]:
        head = json.dumps(request["head"], separators=(",", ":"), ensure_ascii=False)
        yield f'{head[:-1]},"Transcript":['.encode()
        first_seq, last_seq, is_first = request["first_seq"], request["last_seq"], True
        while first_seq <= last_seq:
            span = request["session"], first_seq, last_seq
            items = await self._store.read(lambda tx, span=span: _page(tx, *span))  # type: ignore[misc]
            if items:
                texts = [json.dumps(item, separators=(",", ":"), ensure_ascii=False) for _, item in items]
                yield ("" if is_first else ",").encode() + ",".join(texts).encode("utf-8", "replace")
                is_first = False
            if len(items) < PAGE_ITEMS:
                break
            first_seq = items[-1][0] + 1
        yield b"]}"


def _page(tx: Tx, session: int, first_seq: int, last_seq: int) -> list[tuple[int, dict[str, Any]]]:
    """Some entries of a log as the transcript file has them, with their numbers."""
    items = tx.rows(
        "page_forward", Item, session=session, first_seq=first_seq, last_seq=last_seq, limit=PAGE_ITEMS
    )
    last_seq = items[-1].seq if items else first_seq
    found = tx.rows("receipts", Receipt, session=session, first_seq=first_seq, last_seq=last_seq)
    receipts = receipts_by_seq(found)
    return [
        (item.seq, _in_file(as_item(item, past=False, receipts=receipts.get(item.seq, ())))) for item in items
    ]


def _in_file(item: dict[str, Any]) -> dict[str, Any]:
    """An item as the transcript file has it: without its contact, with times as texts. Source: real files."""
    del item["ContactId"]
    item["AbsoluteTime"] = _iso(item["AbsoluteTime"])
    for receipt in item.get("MessageMetadata", {}).get("Receipts", ()):
        for name in ("DeliveredTimestamp", "ReadTimestamp"):
            if name in receipt:
                receipt[name] = _iso(receipt[name])
    return item


def _iso(at_ms: int) -> str:
    return (
        datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
