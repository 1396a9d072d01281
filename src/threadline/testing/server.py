"""A server of a test's own: in this process, in memory, on a free port."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from threadline.clock import MovableClock
from threadline.testing.options import Options
from threadline.testing.served import Served
from threadline.testing.workspace import Workspace, environment

if TYPE_CHECKING:
    from collections.abc import Collection

    from threadline.neighbours.directory import Handler
    from threadline.server import Server

FOREVER_SECONDS = 10**9


class Threadline(Workspace):
    """A running server and its first workspace; a context manager that stops it.

    `settings` are fields of `threadline.config.Settings`, such as `strict_limits=True`. Every server has the same ids
    and the same key, and accepts any other key too; with `verify=True` it verifies signatures, as servers for others
    do. The clients of a test sign with the real time, so the server accepts any date, however far its clock was moved.

    With a `seed` its clock stands still until the test moves it, and the ids of two runs are the same. With a
    `snapshot` it begins with the chats, and at the time, that `save` has saved.
    """

    def __init__(
        self,
        *,
        verify: bool = False,
        seed: int | None = None,
        snapshot: Path | str | None = None,
        **settings: Unpack[Options],
    ) -> None:
        from threadline import datadir
        from threadline.config import Settings
        from threadline.controls import Beginning
        from threadline.server import Server

        _check_names(settings)
        self.clock = MovableClock()
        own: dict[str, Any] = {
            "port": 0,
            "data": ":memory:",
            "clock_skew_seconds": FOREVER_SECONDS,
            "test_controls": True,
        }
        chosen = Settings(**own | {**settings})
        beginning = Beginning(seed, Path(snapshot) if snapshot is not None else None)
        bound = None
        self._can_reset = chosen.keeps_nothing and not chosen.store
        if self._can_reset:
            bound = datadir.listening(chosen.host, chosen.port)
        self._functions: dict[str, Handler] = {}
        self._served = Served(
            lambda: Server(
                chosen, clock=self.clock, verify=verify, functions=self._functions, beginning=beginning
            ),
            bound,
        )
        self._others: list[Workspace] = []
        super().__init__(self._server.url, environment(self._server.url, self._server.workspace))

    @property
    def _server(self) -> Server:
        return self._served.server

    def lambda_(self, name: str, handler: Handler) -> None:
        """Let `handler(event, context)` answer the invocations of a Lambda function, by its ARN or name.

        It runs in a thread of the server. An exception counts as a function error. `reset` removes it.
        """
        self._functions[name] = handler

    def bot(self, alias_arn: str, handler: Handler) -> None:
        """Let `handler(request)` answer RecognizeText for a Lex V2 bot's alias; it returns the response's members."""
        self._functions[alias_arn] = handler

    def reset(self, *, seed: int | None = None, snapshot: Path | str | None = None) -> None:
        """Begin anew, without chats or as `seed` and `snapshot` say: see the class. URL, ids and key stay the same.

        Takes a few milliseconds. Sockets and connections of the clients are closed. Raises RuntimeError for a server on
        a data folder or on PostgreSQL.
        """
        from threadline.controls import Beginning

        if not self._can_reset:
            raise RuntimeError("Only a server in memory can be reset: make another Threadline() instead.")
        self._let_go()
        self._functions.clear()
        self._served.restart(Beginning(seed, Path(snapshot) if snapshot is not None else None))

    def save(self, path: Path | str) -> None:
        """Save the chats and the time as the new folder `path`, to begin with in another test.

        It is a backup, so `threadline restore` makes a server's data of it too.
        """

        async def save() -> None:
            self._server.save(Path(path))

        self._served.run(save())

    def another_account(self) -> Workspace:
        """Return a workspace of another account on the same server, which must not see this workspace's data."""
        from threadline.operations.units import MakeWorkspace

        number = f"{len(self._others) + 1:012}"
        made = self._served.run(
            self._server.store.write(MakeWorkspace(account_id=number, alias=f"other-{number}"))
        )
        self._others.append(Workspace(self.url, environment(self.url, made)))
        return self._others[-1]

    def close(self) -> None:
        """Close the clients' connections, then the server."""
        self._let_go()
        self._served.close()

    def _let_go(self) -> None:
        for workspace in self._others:
            workspace.close()
        self._others.clear()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_names(settings: Collection[str]) -> None:
    for name in settings:
        if name not in Options.__annotations__:
            near = get_close_matches(name, Options.__annotations__, 1)
            advice = f"Did you mean {near[0]!r}?" if near else "docs/settings.md lists all."
            raise TypeError(f"There is no setting {name!r}. {advice}")
