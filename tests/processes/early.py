"""Fork a frontend and speak to it as the process that writes, in quick succession: does it keep up?"""

import asyncio
import os
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.http.raw import ask
from threadline import datadir
from threadline.chat.limits import Policy
from threadline.clock import Clock
from threadline.config import Settings
from threadline.processes import frontend
from threadline.processes.channel import Channel
from threadline.processes.fork import fork
from threadline.processes.messages import Begin, CommitNotice, Drain, Drained, Durable, Ready
from threadline.store import Committed
from threadline.store.sqlite.store import SqliteStore


async def speak(end: socket.socket, file: Path, url: str) -> None:
    """Say what follows Begin in the same breath, as where timers are overdue at a start."""
    store = SqliteStore(file, Clock())
    said: asyncio.Queue[Any] = asyncio.Queue()
    channel = Channel(said.put_nowait, lambda: said.put_nowait("it is gone"))
    await channel.open(end)
    for message in (Begin(1), Durable(2), CommitNotice(Committed((), (), None)), Durable(3)):
        channel.send(message)
    assert await said.get() == Ready()
    assert (await asyncio.to_thread(ask, url, "GET", "/health")).status == 200
    channel.send(Drain(1.0))
    assert await said.get() == Drained(True)
    channel.close()
    assert await said.get() == "it is gone"
    await store.close()
    _, status = await asyncio.to_thread(os.wait)
    assert status == 0


def main(folder: str) -> None:
    """Run it in `folder`."""
    file, bound = Path(folder) / datadir.DATABASE, datadir.listening("127.0.0.1", 0)
    kept, _ = socket.socketpair()
    forked = fork(1, partial(frontend.serve, Settings(port=0), Policy(), file, bound), kept)
    asyncio.run(speak(forked.ends[0], file, datadir.url_of(bound)))


if __name__ == "__main__":
    main(sys.argv[1])
