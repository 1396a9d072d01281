"""The worker process: a `Server` on a socket that its parent bound. It ends when the parent ends.

The supervisor starts it as `python -m threadline.processes.writer SOCKET CHANNEL`, two inherited file descriptors, with
its settings in the environment. It sends `ready` on the channel, or the reason why it cannot serve. A closed channel
means that the supervisor is gone.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from threadline import datadir
from threadline.config import BadSettings, Settings
from threadline.http.descriptors import connections_allowed
from threadline.operations.units import MakeSignInToken
from threadline.processes import frontend
from threadline.processes.fork import Forked, fork, freeze_gc
from threadline.processes.frontends import Frontends, wanted
from threadline.server import Server, factory
from threadline.server.logs import write_to_stderr
from threadline.store.sqlite.progress import DataLost

ORPHAN_SECONDS = 0.5
"""The time for running requests once the parent is dead. It is short: the next server needs the data folder."""

BUFFERED_BYTES_MIN = 1_048_576
"""The smallest share of `buffered_bytes_max` that a frontend gets."""

log = logging.getLogger("threadline.server")


async def serve(
    settings: Settings,
    bound: socket.socket,
    channel: socket.socket,
    forked: Forked,
    *,
    accept_loss: bool,
    with_sign_in: bool,
) -> int:
    """Serve until SIGTERM, the parent's death or a failure that needs a restart. Returns the exit status."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[float] = loop.create_future()

    def stop(seconds: float) -> None:
        if not stopped.done():
            stopped.set_result(seconds)

    loop.add_signal_handler(signal.SIGTERM, stop, settings.drain_seconds)
    loop.add_reader(channel, stop, ORPHAN_SECONDS)
    server = Server(settings)
    try:
        frontends = partial(Frontends, forked) if forked.ends else None
        await server.start(bound, frontends, accept_loss=accept_loss)
    except (RuntimeError, BadSettings, OSError) as error:
        with contextlib.suppress(OSError):  # the parent is dead
            channel.send(str(error).encode()[: datadir.REASON_BYTES])
        return datadir.REFUSED if isinstance(error, DataLost) else 1
    if settings.keeps_nothing:
        _write_workspace(bound, server.workspace)
    freeze_gc()
    server.failed.add_done_callback(lambda _: stop(ORPHAN_SECONDS))
    ready = datadir.READY
    if with_sign_in:
        token = await server.store.write(MakeSignInToken(server.workspace["account_id"]))
        ready += f" {token}".encode()
    with contextlib.suppress(OSError):
        channel.send(ready)
    seconds = await stopped
    has_failed = server.failed.done()
    clean = await server.close(seconds)
    if not clean:
        log.warning("stopped before every request was answered")
    return int(has_failed)


def _write_workspace(bound: socket.socket, workspace: dict[str, Any]) -> None:
    """Write the workspace of a server without a data folder to where commands look for it."""
    with contextlib.suppress(OSError):  # the parent has said that they cannot find it
        datadir.write_private(datadir.memory_folder(bound) / datadir.WORKSPACE, workspace)


def main(arguments: list[str]) -> int:
    """Run the worker. Returns the exit status."""
    bound, channel = (socket.socket(fileno=int(fd)) for fd in arguments[:2])
    os.umask(0o077)
    settings = Settings.read(os.environ)
    write_to_stderr(settings)
    url = datadir.url_of(bound)
    policy = factory.policy(settings, url)
    file = Path(settings.data) / datadir.DATABASE
    count = wanted(settings)
    share = settings
    if count:  # without frontends, `Frontend` limits the connections itself
        share = replace(
            settings,
            connections_max=connections_allowed(-(-settings.connections_max // count)),
            buffered_bytes_max=max(BUFFERED_BYTES_MIN, settings.buffered_bytes_max // count),
        )
    forked = fork(count, partial(frontend.serve, share, policy, file, bound), kept=channel)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        options = arguments[2:]
        return runner.run(
            serve(
                settings,
                bound,
                channel,
                forked,
                accept_loss=datadir.ACCEPT_LOSS in options,
                with_sign_in=datadir.SIGN_IN in options,
            )
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
