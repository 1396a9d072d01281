"""A node script in a process of its own, called and heard by JSON lines."""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.clients import node

PATIENCE_SECONDS = 60.0


class Rejected(Exception):
    """The reason that a call was rejected with, as the script printed it: an object, or a plain text."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.error = error


class Script:
    """A running script of this folder; `happened` holds every line it told, in order."""

    def __init__(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.happened: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._calls = 0
        self._process = subprocess.Popen(
            [node.NODE, Path(__file__).parent / name, *arguments],
            env={**node.environment(), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def call(self, method: str, **argument: Any) -> Any:
        """Call a method with one object; returns what it resolves to. Raises Rejected."""
        assert self._process.stdin is not None
        self._calls += 1
        call = self._calls
        self._process.stdin.write(json.dumps({"id": call, "call": method, "argument": argument}) + "\n")
        self._process.stdin.flush()
        answer = self._await(lambda line: line.get("id") == call, f"the answer of {method}")
        if "error" in answer:
            raise Rejected(answer["error"])
        return answer["result"]

    def see(self, event: str, like: Callable[[Any], Any] = lambda data: True) -> Any:
        """Wait until `event` has happened with data that `like` accepts; returns the data."""
        return self._await(lambda line: line.get("event") == event and like(line["data"]), event)["data"]

    def count(self, event: str, like: Callable[[Any], Any] = lambda data: True) -> int:
        """How often `event` has happened so far with data that `like` accepts."""
        with self._news:
            return sum(line.get("event") == event and bool(like(line["data"])) for line in self.happened)

    def forget(self) -> None:
        """From here on, only what happens anew is seen."""
        with self._news:
            self.happened.clear()

    def close(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._tell(json.loads(line))
        self._tell({"event": "gone", "data": None})

    def _tell(self, line: dict[str, Any]) -> None:
        with self._news:
            self.happened.append(line)
            self._news.notify_all()

    def _await(self, like: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            gone = (line for line in self.happened if line.get("event") == "gone")
            return next((line for line in self.happened if like(line)), next(gone, None))

        with self._news:
            line = self._news.wait_for(found, PATIENCE_SECONDS)
            if line is None or line.get("event") == "gone":
                told = "\n".join(json.dumps(line)[:300] for line in self.happened)
                raise AssertionError(f"the script did not tell: {what}. It told:\n{told}")
            return line
