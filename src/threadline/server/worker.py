"""The worker process: a `Server` on a socket that its parent bound, for as long as the parent lives.

Started by `threadline.cli.serve` as `python -m threadline.server.worker SOCKET CHANNEL`, two inherited file
descriptors, with its settings in the environment. It says `ready` on the channel; the channel's end is the parent's.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys

import uvloop

from threadline.config import BadSettings, Settings
from threadline.server import Server
from threadline.server.logs import write_to_stderr

ORPHAN_SECONDS = 0.5
"""What running requests get when the parent is dead: whoever starts the next server is waiting for the data."""

GARBAGE_THRESHOLDS = (10_000, 10, 10)
"""Objects after which the youngest are looked through, and how often before the older ones are."""

log = logging.getLogger("threadline.server")


async def serve(settings: Settings, bound: socket.socket, channel: socket.socket) -> int:
    """Serve until SIGTERM or the parent's death; the exit status."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[float] = loop.create_future()

    def stop(seconds: float) -> None:
        if not stopped.done():
            stopped.set_result(seconds)

    loop.add_signal_handler(signal.SIGTERM, stop, settings.drain_seconds)
    loop.add_reader(channel, stop, ORPHAN_SECONDS)
    server = Server(settings)
    try:
        await server.start(bound)
    except (RuntimeError, BadSettings) as error:
        log.error("%s", error)
        return 1
    _calm_garbage_collection()
    with contextlib.suppress(OSError):
        channel.send(b"ready")
    clean = await server.close(await stopped)
    if not clean:
        log.warning("stopped before every request was answered")
    return 0


def _calm_garbage_collection() -> None:
    """What is loaded stays: looking through it again and again took a twentieth of the time of every message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def main(arguments: list[str]) -> int:
    """Run the worker; the exit status."""
    bound, channel = (socket.socket(fileno=int(fd)) for fd in arguments)
    os.umask(0o077)
    settings = Settings.read(os.environ)
    write_to_stderr(settings)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(settings, bound, channel))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
