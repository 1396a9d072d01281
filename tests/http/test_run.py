"""A handler is a task: it may use what asyncio has for tasks, and others are answered meanwhile."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable

import pytest

from threadline.config import Settings
from threadline.http.listener import Listener
from threadline.http.request import App, Request

PATIENCE_SECONDS = 60.0
HEAD = b"content-length: %d\r\n"


async def answer_of(app: App, *, requests: int = 1) -> bytes:
    """Everything that a client is sent which pipelines `requests` requests and then closes its side."""
    bound = socket.create_server(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    listener = Listener(app, app, Settings(), map(str, itertools.count()))
    await listener.start(bound, 8)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * requests)
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    listener.stop()
    await listener.answered(PATIENCE_SECONDS)
    await listener.left(PATIENCE_SECONDS)
    return answer


def answering(handler: Callable[[], Awaitable[str]]) -> App:
    async def app(request: Request) -> None:
        body = (await handler()).encode()
        request.respond(200, HEAD % len(body), body)

    return app


async def that_times_out() -> str:
    try:
        async with asyncio.timeout(0.01):
            await asyncio.get_running_loop().create_future()
    except TimeoutError:
        return "timed out"
    return "waited for ever"


async def that_is_in_time() -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.sleep(0.01)
    return "in time"


async def with_a_task_group() -> str:
    async def part(name: str) -> str:
        await asyncio.sleep(0)
        return name

    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(part(name)) for name in ("one", "two")]
    return " and ".join(task.result() for task in parts)


async def that_lets_others_run() -> str:
    for _ in range(3):
        await asyncio.sleep(0)
    return "back again"


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (that_times_out, b"timed out"),
        (that_is_in_time, b"in time"),
        (with_a_task_group, b"one and two"),
        (that_lets_others_run, b"back again"),
    ],
)
def test_a_handler_may_use_what_asyncio_has_for_tasks(
    handler: Callable[[], Awaitable[str]], said: bytes
) -> None:
    answer = asyncio.run(answer_of(answering(handler)))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n" + said)


def test_pipelined_requests_are_answered_in_their_order() -> None:
    numbers = itertools.count()

    async def counted() -> str:
        number = next(numbers)
        await asyncio.sleep(0.01 if number == 0 else 0)
        return f"<{number}>"

    answer = asyncio.run(answer_of(answering(counted), requests=5))
    assert [answer.find(b"<%d>" % number) for number in range(5)] == sorted(
        answer.find(b"<%d>" % number) for number in range(5)
    )
    assert answer.count(b"HTTP/1.1 200 ") == 5
