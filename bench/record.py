"""The record of many ended chats: contacts found by time, messages found by words, transcripts exported.

The store is made once and kept in `.bench-record-<schema>-<contacts>/`, since a large one takes minutes. The words of
its messages are put into the index by SQL, as the background would.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import apsw

from bench import servers
from bench.associations import environment, signed_post, workspace_of
from bench.fill import HOUR_MS, Filler
from bench.http import Run
from bench.measurements import ROOT, Measurements, figures_of
from bench.pages import turn
from threadline.operations.text_search import ITEMS_PER_SESSION, instance_term, role_term
from threadline.store import migrations
from threadline.testing.workspace import Workspace

MESSAGES = 10
COPIED_AT_ONCE = 20_000
EXPORTED = 1_000
CUSTOMER = "customer-of-the-bench"
TURNS = 100
ONE, ALL, NONE = "one message", "words of all messages", "words of none"
NEWEST, EXPORT = "SearchContacts, newest 100", "transcript of ten messages exported"
SERIES = (*(f"SearchTranscripts, {found}" for found in (ONE, ALL, NONE)), NEWEST, EXPORT)
Request = tuple[str, str, Mapping[str, Any]]


def requests_of(workspace: Workspace, contacts: int) -> dict[str, Request]:
    """A request for each search: its name, service, path and members."""
    words = f"/threadline/search/{workspace.instance_id}"
    now_ms = int(time.time() * 1000)
    ever = {
        "Type": "INITIATION_TIMESTAMP",
        "StartTime": (now_ms - 26 * HOUR_MS) // 1000,
        "EndTime": now_ms // 1000,
    }
    everything = {"InstanceId": workspace.instance_id, "TimeRange": ever, "MaxResults": 100}
    requests: list[Request] = [
        *(
            ("connect", words, {"SearchText": text})
            for text in (f"order {contacts // 2}", "long conversation", "zebra")
        ),
        ("connect", "/search-contacts", everything),
    ]
    return dict(zip(SERIES, requests, strict=False))


def series(name: str, contacts: int) -> str:
    return f"{name}, {contacts:,} contacts"


async def measure_record(seen: Measurements, contacts: int, rounds: int) -> None:
    """Measure searches over a store of that many contacts, and the export of some."""
    data = await made(contacts, seen.say)
    with servers.threadline(data) as server:
        workspace = workspace_of(data, server)
        wanted = requests_of(workspace, contacts)
        for _ in range(rounds):
            requests = [signed_post(workspace, server.port, *request) for request in wanted.values()]
            for name, run in zip(wanted, await turn(server.port, requests, TURNS), strict=True):
                seen.add(series(name, contacts), server.keeps, figures_of(run))
            exported = await asyncio.to_thread(_export, workspace)
            seen.add(series(EXPORT, contacts), server.keeps, figures_of(exported))


def _export(workspace: Workspace) -> Run:
    """Export the chats of one customer by the command line, in a process of its own."""
    with TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:
        command = [sys.executable, "-m", "threadline", "export", "--to", folder, "--customer-id", CUSTOMER]
        began = perf_counter()
        subprocess.run(
            command,
            env={**os.environ, **workspace.env},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seconds = perf_counter() - began
        written = sum(1 for _ in Path(folder).rglob("*.json"))
    if written < EXPORTED:
        raise RuntimeError(f"{written} transcripts were exported; {EXPORTED} were expected")
    return Run(seconds, [seconds / written] * written)


async def made(contacts: int, say: Callable[[str], None]) -> Path:
    """The folder with a store of that many contacts; it is made unless it is there for this schema."""
    data = ROOT / f".bench-record-{migrations()[-1][0]}-{contacts}"
    if (data / "complete").exists():
        return data
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    with servers.threadline(data) as server:
        env = environment(data, server.port)
    say(f"filling a store: {contacts:,} contacts, {contacts * MESSAGES:,} messages")
    async with Filler(data, env) as filler:
        (contact_id,) = await filler.past_chats(1, MESSAGES)
        for copied in range(0, contacts, COPIED_AT_ONCE):
            filler.copier.chats(
                contact_id,
                min(COPIED_AT_ONCE, contacts - copied),
                {
                    ("item", "content"): "content || ' Order ' || (:first + n) || '.'",
                    ("contact", "initiated_at_ms"): "initiated_at_ms - (:first + n) * 60",
                    ("session", "customer_id"): f"'{CUSTOMER}'"
                    if copied + COPIED_AT_ONCE >= contacts
                    else "NULL",
                },
            )
        _index_words(filler.copier.connection, env["THREADLINE_INSTANCE_ID"])
    (data / "complete").touch()
    return data


def _index_words(connection: apsw.Connection, instance_id: str) -> None:
    """Put the words of all messages into the index; they hold nothing but ASCII letters, digits, spaces and stops."""
    connection.execute(
        f"UPDATE session SET customer_id = NULL WHERE key <= (SELECT max(key) FROM session) - {EXPORTED}"
    )
    last = int(str(connection.execute("SELECT max(key) FROM session").fetchall()[0][0]))
    prefix = f"{instance_term(instance_id)} {role_term('CUSTOMER')} "
    for first in range(0, last + 1, COPIED_AT_ONCE):
        connection.execute(
            "INSERT OR REPLACE INTO item_words (rowid, terms)"
            f" SELECT session * {ITEMS_PER_SESSION} + seq, ? || lower(replace(content, '.', '')) FROM item"
            " WHERE type = 'MESSAGE' AND session BETWEEN ? AND ?",
            (prefix, first, first + COPIED_AT_ONCE - 1),
        )
