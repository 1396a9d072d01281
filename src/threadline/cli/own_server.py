"""A server that a command runs for itself: in this process, so that it ends with it, however it ends."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from threadline.client.failures import Failure
from threadline.client.session import LocalServer
from threadline.config import BadSettings, Settings


@contextmanager
def own_server(
    settings: Settings, functions: Mapping[str, Callable[..., Any]] | None = None
) -> Iterator[LocalServer]:
    """Run a server for as long as the block runs. Raises Failure when it cannot start.

    `functions` answer the calls of flows, by ARN.
    """
    from threadline.processes.thread import serving

    with ExitStack() as closing:
        try:
            server = closing.enter_context(serving(settings, functions))
        except (BadSettings, RuntimeError, OSError) as error:
            raise Failure(f"The server cannot start: {error}") from error
        yield LocalServer(Path(), server.url, server.workspace)
