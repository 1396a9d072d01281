"""chatjs in a process of its own, one browser tab each, for tests in Python."""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.clients import node

PATIENCE_SECONDS = 20.0
Item = dict[str, Any]


class ChatjsError(Exception):
    """What chatjs rejected a call with: its type, message and statusCode, or a plain text."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.type = error.get("type") if isinstance(error, dict) else None
        self.status = error.get("statusCode") if isinstance(error, dict) else None


class Chatjs:
    """A tab with chatjs of one major version; `happened` holds everything it told, in order.

    Calls are the session's own methods (`tab.call("sendMessage", contentType=..., message=...)`).
    """

    def __init__(self, major: int, endpoint: str) -> None:
        self.happened: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [node.NODE, Path(__file__).parent / "chatjs.js", str(major), endpoint],
            env=node.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._calls = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.happened.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self.happened.append({"event": "gone"})
            self._news.notify_all()

    def join(self, role: str, contact_id: str, participant_id: str, participant_token: str) -> Self:
        """Create the session and connect it; returns once the socket is subscribed."""
        details = {"contactId": contact_id, "participantId": participant_id, "participantToken": participant_token}
        self.call("create", type=role, chatDetails=details)
        self.call("connect")
        self.see("frame", lambda frame: frame["topic"] == "aws/subscribe")
        return self

    def call(self, method: str, **argument: Any) -> Any:
        """Call a method of the session with one object; returns what it resolves to. Raises ChatjsError."""
        assert self._process.stdin is not None
        self._calls += 1
        call = self._calls
        self._process.stdin.write(json.dumps({"id": call, "call": method, "argument": argument}) + "\n")
        self._process.stdin.flush()
        answer = self._await(lambda line: line.get("id") == call, f"the answer of {method}")
        if "error" in answer:
            raise ChatjsError(answer["error"])
        return answer["result"]

    def say(self, text: str) -> Item:
        reply: Item = self.call("sendMessage", contentType="text/plain", message=text)
        return reply

    def send_event(self, kind: str, content: Any = None) -> Any:
        content_type = f"application/vnd.amazonaws.connect.event.{kind}"
        argument = {"contentType": content_type} | ({} if content is None else {"content": json.dumps(content)})
        return self.call("sendEvent", **argument)

    def see(self, event: str, like: Callable[[Any], Any] = lambda data: True) -> Any:
        """Wait until `event` has happened with data that `like` accepts; returns the data."""
        return self._await(lambda line: line.get("event") == event and like(line["data"]), event)["data"]

    def see_message(self, content: str) -> Item:
        item: Item = self.see("onMessage", lambda item: item.get("Content") == content)
        return item

    def count(self, event: str, like: Callable[[Any], Any] = lambda data: True) -> int:
        """How often `event` has happened so far with data that `like` accepts."""
        with self._news:
            return sum(line.get("event") == event and bool(like(line["data"])) for line in self.happened)

    def forget(self) -> None:
        """From here on, only what happens anew is seen."""
        with self._news:
            self.happened.clear()

    def close(self) -> None:
        """Close the tab."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        self._process.stdout.close()

    def _await(self, like: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        with self._news:
            found: list[dict[str, Any]] = []
            self._news.wait_for(
                lambda: found.extend(line for line in self.happened if like(line))
                or found
                or {"event": "gone"} in self.happened,
                PATIENCE_SECONDS,
            )
            if found:
                return found[0]
            told = "\n".join(json.dumps(line)[:300] for line in self.happened)
        raise AssertionError(f"chatjs did not tell: {what}. It told:\n{told}")
