"""Pages of a transcript, near its newest item and far from it."""

import json
from collections.abc import Sequence
from typing import Any

from bench.chat import participant_call
from bench.fill import Chat
from bench.http import Run, call_all, request

PAGE = 100
ASKED: dict[str, Any] = {"MaxResults": PAGE, "ScanDirection": "BACKWARD", "SortOrder": "ASCENDING"}
PLACES = ("newest", "middle", "oldest")


class Book:
    """A chat's whole transcript, walked once so that any of its pages can be asked for. `token` reads it."""

    def __init__(self, port: int, chat: Chat) -> None:
        self.port = port
        reply = participant_call(
            port, "/participant/connection", chat.token, {"Type": ["CONNECTION_CREDENTIALS"]}
        )
        self.token = reply["ConnectionCredentials"]["ConnectionToken"]
        self.pages: list[dict[str, Any]] = []
        self.items = 0
        asked = ASKED
        while True:
            page = participant_call(port, "/participant/transcript", self.token, asked)
            if len(page["Transcript"]) == PAGE:
                self.pages.append(asked)
            self.items += len(page["Transcript"])
            if not page.get("NextToken"):
                break
            asked = ASKED | {"NextToken": page["NextToken"]}

    def request(self, number: int) -> bytes:
        """The request of a full page, 0 for the newest, -1 for the oldest."""
        body = json.dumps(self.pages[number]).encode()
        return request("POST", "/participant/transcript", self.port, body, {"X-Amz-Bearer": self.token})

    def places(self) -> list[bytes]:
        """The request of a full page at each of `PLACES`."""
        return [self.request(number) for number in (0, len(self.pages) // 2, -1)]


async def turn(port: int, requests: Sequence[bytes], times: int) -> list[Run]:
    """A run of each request, `times` a run; one caller, all interleaved."""
    done = await call_all(port, [*requests] * times, callers=1)
    shares = [done.latencies[at :: len(requests)] for at in range(len(requests))]
    return [Run(sum(share), share) for share in shares]
