"""Calls of an object store from coroutines: a cancelled caller leaves no file open and no draft behind."""

import asyncio
from pathlib import Path
from threading import Event

import pytest

from threadline.objects import Writer
from threadline.objects.folder import DRAFTS, FolderObjects
from threadline.objects.threads import in_thread, opened

PATIENCE_SECONDS = 60


class SlowObjects(FolderObjects):
    """A folder on a disk that does nothing until it may: it says when it is asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_asked, self.may_go_on = Event(), Event()

    def writer(self, key: str) -> Writer:
        self.is_asked.set()
        assert self.may_go_on.wait(PATIENCE_SECONDS)
        return super().writer(key)


async def test_an_object_whose_writer_is_cancelled_is_aborted(tmp_path: Path) -> None:
    objects = SlowObjects(tmp_path)
    opening = asyncio.create_task(opened(objects, "a/b"))
    assert await asyncio.to_thread(objects.is_asked.wait, PATIENCE_SECONDS)
    opening.cancel()
    objects.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert list((tmp_path / DRAFTS).iterdir()) == []
    assert list(objects.list()) == []


async def test_a_cancelled_call_has_ended_when_its_caller_ends(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    is_asked, may_go_on = Event(), Event()

    def put() -> None:
        is_asked.set()
        assert may_go_on.wait(PATIENCE_SECONDS)
        objects.put("a", b"whole")

    putting = asyncio.create_task(in_thread(put))
    assert await asyncio.to_thread(is_asked.wait, PATIENCE_SECONDS)
    putting.cancel()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert objects.get("a") == b"whole"
