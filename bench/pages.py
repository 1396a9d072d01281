"""Pages of a transcript, near its newest item and far from it."""

import json
from statistics import median
from typing import Any

from bench.chat import participant_call
from bench.fill import Chat
from bench.http import call_all, request

PAGE = 100
ASKED: dict[str, Any] = {"MaxResults": PAGE, "ScanDirection": "BACKWARD", "SortOrder": "ASCENDING"}
PLACES = ("newest", "middle", "oldest")


class Book:
    """A chat's whole transcript, walked once so that any of its pages can be asked for."""

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
            if not page["NextToken"]:
                break
            asked = ASKED | {"NextToken": page["NextToken"]}

    def requests(self) -> list[bytes]:
        """The request of a full page at each of `PLACES`."""
        chosen = self.pages[0], self.pages[len(self.pages) // 2], self.pages[-1]
        headers = {"X-Amz-Bearer": self.token}
        return [
            request("POST", "/participant/transcript", self.port, json.dumps(asked).encode(), headers)
            for asked in chosen
        ]


async def turn(books: list[Book], times: int) -> list[list[float]]:
    """Of each book, the median time of a page at each of `PLACES`, in milliseconds; one caller, all interleaved."""
    requests = [one for book in books for one in book.requests()]
    run = await call_all(books[0].port, requests * times, callers=1)
    medians = [1000 * median(run.latencies[at :: len(requests)]) for at in range(len(requests))]
    return [medians[at : at + len(PLACES)] for at in range(0, len(medians), len(PLACES))]
