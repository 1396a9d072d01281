"""Every run of the bench, one line of JSON each in bench/history.jsonl, and a drawing of them in their order."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import gmtime, strftime
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.measurements import ROOT
from bench.plot import ACCENT, FAINT, OURS, STYLE
from bench.ratios import AIMS

FILE = Path(__file__).with_name("history.jsonl")
COLUMNS = 4
OTHER = {
    "message_vs_queue_insert": True,
    "messages_per_second": True,
    "cli_vs_aws": False,
    "memory_last_round_vs_first": False,
}
"""Figures that have no aim, and whether more of them is better."""


def keep(kind: str, result: Mapping[str, Any], file: Path = FILE) -> None:
    """Append a run: its `ratios`, and by `machine`, `versions` and `others_share` how far to compare it with others."""
    run = {
        "at": strftime("%Y-%m-%dT%H:%MZ", gmtime()),
        "commit": commit(),
        "kind": kind,
        "python": result["versions"]["CPython"],
        "machine": {name: result["machine"][name] for name in ("cores", "processor", "fdatasync_ms")},
        "others_share": round(result["others_share"], 3),
        "ratios": dict(result["ratios"]),
    }
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(run) + "\n")


def commit() -> str:
    """The commit that was measured, with `+` when files were changed since; empty outside a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """The runs, the oldest first."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def draw(runs: Sequence[Mapping[str, Any]], *files: Path) -> None:
    """Draw a panel for each figure into each of the files, by their suffixes."""
    names = [name for name in (*AIMS, *OTHER) if any(values(runs, name))]
    rows = -(-len(names) // COLUMNS)
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(rows, COLUMNS, figsize=(14, 2.7 * rows), squeeze=False)
        for axes, name in zip(panels.flat, names, strict=False):
            panel(axes, name, runs)
        for axes in panels.flat[len(names) :]:
            axes.set_visible(False)
        figure.text(
            0.012,
            0.012,
            "Runs from left to right, the newest in orange. Filled: make bench-full; hollow: make bench. "
            "Dashed: the aim. Each ratio is within one run, on one machine.",
            color="#78716c",
        )
        figure.tight_layout(rect=(0, 0.035, 1, 1), h_pad=2.4, w_pad=2.4)
        for file in files:
            figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
        plt.close(figure)


def panel(axes: Axes, name: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """One figure over the runs."""
    found = values(runs, name)
    aim = AIMS.get(name)
    more_is_better = aim.least if aim else OTHER[name]
    shown = [(index, value) for index, value in enumerate(found) if value is not None]
    axes.plot(*zip(*shown, strict=True), "-", color=OURS, linewidth=1.2)
    for index, value in shown:
        color = ACCENT if index == len(runs) - 1 else OURS
        hollow = runs[index]["kind"] == "bench"
        axes.plot(index, value, "o", color=color, markersize=5, markerfacecolor="white" if hollow else color)
    last = shown[-1]
    axes.annotate(f"{last[1]:,.3g}", last, (6, 5), textcoords="offset points", fontweight="bold")
    if aim:
        axes.axhline(aim.bound, color=ACCENT, linestyle="--", linewidth=1)
    axes.set_title(name, fontsize=9.5, pad=18)
    axes.text(
        0,
        1.05,
        "more is better" if more_is_better else "less is better",
        transform=axes.transAxes,
        fontsize=8,
    )
    axes.set_xticks(range(len(runs)), [run["at"][5:10] for run in runs], fontsize=7, rotation=45)
    axes.set_ylim(0, 1.25 * max(*(value for _, value in shown), aim.bound if aim else 0))
    axes.grid(axis="y", color=FAINT)
    axes.margins(x=0.12)


def values(runs: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    """A figure in each of the runs; None where it was not measured."""
    return [run["ratios"].get(name) for run in runs]
