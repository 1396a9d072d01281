"""Transcripts of Amazon Connect imported by the command line, beside nothing else, into a server of its own."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench import servers
from bench.associations import environment
from bench.http import Run
from bench.measurements import ROOT, Measurements, figures_of

IMPORT = "transcript of fifty items imported"
TRANSCRIPTS = 500
ITEMS = 50
BEGUN = datetime(2026, 4, 7, 8, 45, tzinfo=UTC)


def write_transcripts(folder: Path, count: int) -> None:
    """Write `count` transcripts, one a minute, as Amazon Connect names them."""
    folder.mkdir()
    for number in range(count):
        begun = BEGUN + timedelta(minutes=number)
        contact_id = f"019d671e-538d-7be5-b375-{number:012x}"
        items = [
            {
                "AbsoluteTime": (begun + timedelta(seconds=at)).isoformat(timespec="milliseconds"),
                "Content": f"Message {at} of a long conversation about a parcel that is late.",
                "ContentType": "text/plain",
                "Id": f"019d671e-{number & 0xFFFF:04x}-7be5-b375-{at:012x}",
                "Type": "MESSAGE",
                "ParticipantId": f"{contact_id}-{at % 2}",
                "DisplayName": ("Casey", "Ada")[at % 2],
                "ParticipantRole": ("CUSTOMER", "AGENT")[at % 2],
            }
            for at in range(ITEMS)
        ]
        document = {
            "Version": "2019-08-26",
            "InitialContactId": contact_id,
            "ContactId": contact_id,
            "Participants": [{"ParticipantId": f"{contact_id}-{side}"} for side in (0, 1)],
            "Transcript": items,
        }
        (folder / f"{contact_id}_{begun:%Y%m%dT%H%M}_UTC.json").write_text(json.dumps(document))


async def measure_import(seen: Measurements, rounds: int) -> None:
    """Measure imports of the same transcripts, each into an empty store."""
    with TemporaryDirectory(dir=ROOT, prefix=".bench-") as temporary:
        history = Path(temporary) / "history"
        write_transcripts(history, TRANSCRIPTS)
        for number in range(rounds):
            data = Path(temporary) / f"data-{number}"
            with servers.threadline(data) as server:
                env = environment(data, server.port)
                imported = await asyncio.to_thread(_import, history, env)
            seen.add(IMPORT, server.keeps, figures_of(imported))


def _import(history: Path, env: dict[str, str]) -> Run:
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "threadline", "import", str(history)],
        env={**os.environ, **env},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = perf_counter() - began
    if f"{TRANSCRIPTS:,} contacts with {TRANSCRIPTS * ITEMS:,} items imported" not in done.stdout:
        raise RuntimeError(f"not all transcripts were imported: {done.stdout}")
    return Run(seconds, [seconds / TRANSCRIPTS] * TRANSCRIPTS)
