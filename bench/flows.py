"""How quick flows are: `python -m bench.flows WAITING` measures in a process of its own and prints JSON.

Operations run on a store in memory or in a file, without HTTP, by a clock that is moved by hand. Ratios are within the
run; `us` are microseconds.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.processes import use_of
from tests.flows.fixture import FlowFixture
from tests.flows.flows import Document, do, on, say, wait
from threadline.chat.limits import Policy
from threadline.encryption import SecretCipher
from threadline.operations.continuations import due_tasks
from threadline.store.sqlite.store import SqliteStore

STEPS, CHATS, STARTS, MESSAGES, TURNS = 900, 1_000, 300, 1_000, 3
SECONDS = 20
"""The time between two messages of the queue loop."""
ROOT = Path(__file__).parents[1]


def counting(passes: int) -> dict[str, Document]:
    """A flow that goes round `passes` times through three blocks, then waits."""
    loop = on(
        do("Loop", {"LoopCount": str(passes)}, "rest"),
        ("Equals", ["ContinueLooping"], "check"),
        ("Equals", ["DoneLooping"], "rest"),
    )
    check = on(
        do("Compare", {"ComparisonValue": "$.Attributes.size"}, "keep", NoMatchingCondition="keep"),
        ("Equals", ["small", "medium"], "rest"),
    )
    keep = do("UpdateFlowAttributes", {"FlowAttributes": {"n": {"Value": "$.Attributes.size"}}}, "loop")
    return {"loop": loop, "check": check, "keep": keep, "rest": wait("604800")}


def inbound(queue_id: str) -> dict[str, Document]:
    """A flow like AWS's sample inbound flow: logging, a greeting, the hours of a queue, and into the queue."""
    hours = on(
        do("CheckHoursOfOperation", {}, "closed", NoMatchingError="closed"),
        ("Equals", ["True"], "go"),
        ("Equals", ["False"], "closed"),
    )
    return {
        "logs": do("UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Disabled"}, "channel"),
        "channel": on(
            do("Compare", {"ComparisonValue": "$.Channel"}, "greet", NoMatchingCondition="greet"),
            ("Equals", ["CHAT"], "greet"),
        ),
        "greet": say("Hello $.Attributes.name, thanks for contacting us.", "queue"),
        "queue": do("UpdateContactTargetQueue", {"QueueId": queue_id}, "hours", NoMatchingError="closed"),
        "hours": hours,
        "go": do("TransferContactToQueue", {}, None, QueueAtCapacity="closed", NoMatchingError="closed"),
        "closed": say("We are closed."),
    }


async def started(fixture: FlowFixture, flow: str, count: int) -> float:
    """The seconds that it takes to start `count` chats in a flow and connect their customers."""
    begin = perf_counter()
    for _ in range(count):
        await fixture.start(flow, attributes={"name": "Ada", "size": "large"})
    return perf_counter() - begin


async def measure(waiting: int, folder: Path) -> dict[str, Any]:
    """All figures, by name."""
    fixture = FlowFixture()
    await fixture.open()
    bare = await started(fixture, await fixture.flow("bare", rest=wait("604800")), STARTS) / STARTS
    long = await fixture.flow("long", **counting(100))
    one = await started(fixture, long, 20) / 20 - bare
    short = await fixture.flow("short", **counting(5))
    many = await started(fixture, short, CHATS) / CHATS - bare
    queue_id = fixture.workspace.queue_id
    queued = await started(fixture, await fixture.flow("inbound", **inbound(queue_id)), STARTS) / STARTS
    chat = await fixture.run(rest=wait("604800"))
    begin = perf_counter()
    for _ in range(MESSAGES):
        await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="Hello")
    message = (perf_counter() - begin) / MESSAGES
    found = {
        "flow_steps_per_second_in_one_chat": round(301 / one),
        "flow_steps_per_second_over_1000_chats": round(16 / many),
        "flow_step_vs_message": round(one / 301 / message, 4),
        "start_until_queued_vs_start": round(queued / bare, 2),
        "queue_loop_us_per_chat_second": round(1e6 * await queue_loop(), 1),
    }
    return found | await waits(waiting, folder)


async def queue_loop() -> float:
    """The seconds that a chat which waits in a queue takes in each second: a message every twenty."""
    fixture = FlowFixture()
    await fixture.open()
    loop = {"tell": say("Please wait.", "rest"), "rest": wait(str(SECONDS), "tell")}
    hook = await fixture.flow("queue", "PUBLISHED", "CUSTOMER_QUEUE", **loop)
    flow = inbound(fixture.workspace.queue_id)
    flow = {"hook": do("UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": hook}}, "logs"), **flow}
    await started(fixture, await fixture.flow("inbound", **flow), CHATS)
    begin = perf_counter()
    for _ in range(TURNS):
        fixture.clock.advance(seconds=SECONDS)
        for _ in range(CHATS // 100 + 1):
            await fixture.pass_time(0)
    return (perf_counter() - begin) / (CHATS * TURNS * SECONDS)


async def waits(count: int, folder: Path) -> dict[str, Any]:
    """Flows that wait for a week: the memory of each, and how long a store with them takes to open."""
    fixture = FlowFixture()
    await fixture.open(folder / "empty.db")
    before = resident_mb()
    flow = await fixture.flow("waits", rest=wait("604800"))
    await started(fixture, flow, count)
    grown = resident_mb() - before
    await fixture.store.close()
    begin = perf_counter()
    policy = Policy(cipher=SecretCipher(bytes(32)))
    store = SqliteStore(folder / "empty.db", fixture.clock, policy)
    _, next_ms = await store.read(due_tasks)
    assert next_ms is not None
    await store.close()
    return {
        "waiting_flows": count,
        "waiting_flow_kb": round(1_024 * grown / count, 2),
        "open_with_waiting_flows_ms": round(1_000 * (perf_counter() - begin), 1),
    }


def resident_mb() -> float:
    """The memory of this process."""
    return use_of(os.getpid()).resident_mb


def measure_flows(waiting: int) -> dict[str, Any]:
    """Measure in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.flows", str(waiting)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(int(sys.argv[1]), Path(folder)))))
