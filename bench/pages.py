"""Pages of a transcript, near its newest item and far from it."""

import json
from collections.abc import Sequence
from typing import Any

from bench.chat import participant_call
from bench.fill import Chat
from bench.http import Run, call_all, request

PAGE = 100
INPUT: dict[str, Any] = {"MaxResults": PAGE, "ScanDirection": "BACKWARD", "SortOrder": "ASCENDING"}
POSITIONS = ("newest", "middle", "oldest")


class Book:
    """A chat's whole transcript, walked once so that any of its pages can be requested. `token` reads it."""

    def __init__(self, port: int, chat: Chat) -> None:
        self.port = port
        reply = participant_call(
            port, "/participant/connection", chat.token, {"Type": ["CONNECTION_CREDENTIALS"]}
        )
        self.token = reply["ConnectionCredentials"]["ConnectionToken"]
        self.pages: list[dict[str, Any]] = []
        self.items = 0
        members = INPUT
        while True:
            page = participant_call(port, "/participant/transcript", self.token, members)
            if len(page["Transcript"]) == PAGE:
                self.pages.append(members)
            self.items += len(page["Transcript"])
            if not page.get("NextToken"):
                break
            members = INPUT | {"NextToken": page["NextToken"]}

    def request(self, number: int) -> bytes:
        """Return the request for a full page: 0 is the newest, -1 the oldest."""
        body = json.dumps(self.pages[number]).encode()
        return request("POST", "/participant/transcript", self.port, body, {"X-Amz-Bearer": self.token})

    def positions(self) -> list[bytes]:
        """Return the request for a full page at each of `POSITIONS`."""
        return [self.request(number) for number in (0, len(self.pages) // 2, -1)]


async def turn(port: int, requests: Sequence[bytes], times: int) -> list[Run]:
    """Run each request `times` times, with one caller, all interleaved. Return a run for each."""
    done = await call_all(port, [*requests] * times, callers=1)
    shares = [done.latencies[at :: len(requests)] for at in range(len(requests))]
    return [Run(sum(share), share) for share in shares]
