"""Silent customers: their sockets, held open by a process of its own.

`python -m bench.idle PORT FILE`, where FILE has a participant token a line: each number read from standard input is
how many sockets shall be open; it is written back once they are. They close when the input ends.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import uvloop

from bench.chat import Line
from bench.http import Caller, request

ASKING = 16
"""Customers who connect at a time."""


class Asking(Caller):
    """Requests the URLs of sockets, one customer after the other."""

    def __init__(self, port: int, supply: Iterator[bytes], urls: list[str]) -> None:
        super().__init__(port, supply, [])
        self.urls = urls

    def answered(self, body: bytes) -> None:
        self.urls.append(json.loads(body)["Websocket"]["Url"])
        super().answered(body)


async def connect(port: int, tokens: list[str]) -> list[Line]:
    """The open, subscribed sockets of these customers."""
    body = json.dumps({"Type": ["WEBSOCKET"]}).encode()
    supply = iter(
        [request("POST", "/participant/connection", port, body, {"X-Amz-Bearer": token}) for token in tokens]
    )
    urls: list[str] = []
    crew = [Asking(port, supply, urls) for _ in range(ASKING)]
    for caller in crew:
        await caller.open()
    for caller in crew:
        caller.start()
    await asyncio.gather(*(caller.finished for caller in crew))
    lines = [Line(url) for url in urls]
    for first in range(0, len(lines), ASKING):
        await asyncio.gather(*(line.open() for line in lines[first : first + ASKING]))
    return lines


async def hold(port: int, tokens: list[str]) -> None:
    """Follow standard input."""
    loop = asyncio.get_running_loop()
    lines: list[Line] = []
    while wanted := await loop.run_in_executor(None, sys.stdin.readline):
        while len(lines) < int(wanted):
            share = tokens[len(lines) : min(len(lines) + 500, int(wanted))]
            lines += await connect(port, share)
        print(len(lines), flush=True)


if __name__ == "__main__":
    port, file = sys.argv[1:]
    uvloop.run(hold(int(port), Path(file).read_text(encoding="utf-8").split()))
