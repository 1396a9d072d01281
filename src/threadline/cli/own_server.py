"""A server that a command runs for itself: in this process, so that it ends with it, however it ends."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from threadline.client.failures import Failure
from threadline.client.session import LocalServer
from threadline.config import BadSettings, Settings


@contextmanager
def own_server(settings: Settings) -> Iterator[LocalServer]:
    """Run a server for as long as the block runs. Raises Failure when it cannot start."""
    from threadline.processes.thread import serving

    with ExitStack() as closing:
        try:
            server = closing.enter_context(serving(settings))
        except (BadSettings, RuntimeError, OSError) as error:
            raise Failure(f"The server cannot start: {error}") from error
        yield LocalServer(Path(), server.url, server.workspace)
