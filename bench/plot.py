"""The plot of docs/performance.md."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bench.growth import deep, depths, over_lineage, over_past
from bench.measurements import Series, series_of
from bench.pages import PAGE, POSITIONS
from bench.workloads import (
    ARCHIVE,
    AT_EJABBERD,
    AT_PROSODY,
    MESSAGE,
    NATS,
    NOTIFY,
    association,
    on_nodes,
    page,
    tagging,
)

OURS, LIGHT, THEIRS, ACCENT, INK, FAINT = "#0f766e", "#5eead4", "#a8a29e", "#d97706", "#292524", "#e7e5e4"
STYLE = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": "#57534e",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 22,
    "xtick.color": "#57534e",
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.color": "white",
    "hatch.linewidth": 1.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "threadline",
}
PLAIN = FuncFormatter(lambda value, _: f"{value / 1_000_000:g}M" if value >= 1_000_000 else f"{value:,.0f}")


def draw(result: Mapping[str, Any], *files: Path) -> None:
    """Draw `result` into each of the files, by their suffixes."""
    found = series_of(result)
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(2, 3, figsize=(14, 8.4))
        (first, second, third), (fourth, fifth, sixth) = panels
        messages(first, found, result["sizes"])
        associations(second, found, result["sizes"])
        nodes(third, found, result["sizes"])
        growth(fourth, found, result["sizes"])
        depth(fifth, found, result["sizes"])
        sockets(sixth, result)
        figure.text(
            0.012,
            0.012,
            f"{result['taken']}, {result['machine']['cores']} shared cores, CPython {result['versions']['CPython']}, "
            f"medians of {result['sizes']['rounds']} rounds. Hatched bars: not on the disk (fsync) when it replies.",
            color="#78716c",
        )
        figure.tight_layout(rect=(0, 0.035, 1, 1), h_pad=3, w_pad=3)
        for file in files:
            metadata = {"Date": None} if file.suffix == ".svg" else None
            figure.savefig(file, dpi=150, metadata=metadata)
        plt.close(figure)


def headed(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title)
    axes.text(0, 1.035, below, transform=axes.transAxes, color="#57534e")


def bars(axes: Axes, rows: Sequence[tuple[str, Series | None, str]]) -> None:
    """Draw rates as bars from the top down. Those that are not durable are hatched."""
    shown = [
        (
            label,
            series.median("rate") or 0.0,
            color,
            "fsync" in series.keeps and "no fsync" not in series.keeps,
        )
        for label, series, color in rows
        if series is not None
    ]
    most = max(rate for _, rate, _, _ in shown)
    for row, (_, rate, color, durable) in enumerate(shown):
        axes.barh(row, rate, color=color, height=0.62, hatch=None if durable else "////")
        axes.text(
            rate + most * 0.015,
            row,
            f"{rate:,.0f}",
            va="center",
            fontweight="bold" if color == OURS else "normal",
        )
    axes.set_yticks(range(len(shown)), [label for label, _, _, _ in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, most * 1.17)
    axes.xaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)


def messages(axes: Axes, found: Mapping[str, Series], sizes: Mapping[str, Any]) -> None:
    headed(
        axes, "Messages until delivered", f"per second, {sizes['pairs']} pairs, one message in flight each"
    )
    bars(
        axes,
        [
            ("Threadline\nSQLite", found.get(MESSAGE), OURS),
            ("Prosody\nfiles", found.get(AT_PROSODY), THEIRS),
            ("ejabberd\nSQLite", found.get(AT_EJABBERD), THEIRS),
            ("Threadline\nPostgreSQL", found.get(on_nodes(1, NOTIFY)), OURS),
        ],
    )


def associations(axes: Axes, found: Mapping[str, Series], sizes: Mapping[str, Any]) -> None:
    headed(axes, "Chats continued", "associations per second, beside moto's TagResource")
    ours = [
        (f"Threadline\n{callers} caller{'s' * (callers > 1)}", found.get(association(callers)), OURS)
        for callers, _ in sizes["associations"]
    ]
    theirs = [
        (f"moto\n{callers} caller{'s' * (callers > 1)}", found.get(tagging(callers)), THEIRS)
        for callers, _ in sizes["tags"]
    ]
    bars(axes, [*ours, *theirs])


def lines(axes: Axes, label: str) -> None:
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT)
    axes.set_axisbelow(True)
    axes.set_xlabel(label)


def nodes(axes: Axes, found: Mapping[str, Series], sizes: Mapping[str, Any]) -> None:
    headed(axes, "Nodes on one PostgreSQL", "messages per second, the cores shared by all")
    for offset, bus, color in ((-0.2, NOTIFY, OURS), (0.2, NATS, LIGHT)):
        rates = [found[on_nodes(count, bus)].median("rate") or 0.0 for count in sizes["nodes"]]
        positions = [index + offset for index in range(len(rates))]
        axes.bar(
            positions, rates, width=0.36, color=color, label={NOTIFY: "LISTEN/NOTIFY", NATS: "NATS"}[bus]
        )
        for position, rate in zip(positions, rates, strict=True):
            axes.text(position, rate, f"{rate:,.0f}", ha="center", va="bottom")
    axes.set_xticks(
        range(len(sizes["nodes"])), [f"{count} node{'s' * (count > 1)}" for count in sizes["nodes"]]
    )
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.margins(y=0.18)
    axes.legend(loc="upper right", ncols=2)


def growth(axes: Axes, found: Mapping[str, Series], sizes: Mapping[str, Any]) -> None:
    headed(axes, "Continuing a longer past", "p50 of an association in ms, 32 callers")
    for name, counts, color, label in (
        (over_past, sizes["pasts"], OURS, "messages in the past chat"),
        (over_lineage, sizes["lineages"], ACCENT, "sessions in the lineage"),
    ):
        axes.plot(
            counts,
            _medians(found, map(name, counts)),
            "o-",
            color=color,
            label=label,
            markersize=5,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(PLAIN)
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    lines(axes, "how many")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    axes.legend(loc="lower right")


def depth(axes: Axes, found: Mapping[str, Series], sizes: Mapping[str, Any]) -> None:
    headed(axes, "A page of 100, however deep", "p50 in ms, one caller")
    measured = depths(sizes["pasts"][-1])
    shown = [max(depth, PAGE) for depth in measured]
    axes.plot(
        shown,
        _medians(found, map(deep, measured)),
        "o-",
        color=OURS,
        label=f"Threadline, past of {sizes['pasts'][-1]:,}",
        markersize=5,
    )
    if page(ARCHIVE, POSITIONS[0]) in found:
        depths_there = [PAGE, sizes["items"] // 2, sizes["items"]]
        axes.plot(
            depths_there,
            _medians(found, [page(ARCHIVE, position) for position in POSITIONS]),
            "o-",
            color=THEIRS,
            label=f"ejabberd, archive of {sizes['items']:,}",
            markersize=5,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(PLAIN)
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    lines(axes, "messages from the newest")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.2)
    axes.legend(loc="best")


def sockets(axes: Axes, result: Mapping[str, Any]) -> None:
    headed(axes, "Memory", "of the server's processes in MB")
    rows = [
        (f"just started, {contacts:,} contacts stored", mb, OURS) for contacts, _, mb, _ in result["starts"]
    ]
    rows += [
        (f"{count:,} idle sockets ({each:.0f} KB each)", mb, LIGHT) for count, mb, each in result["idle"]
    ]
    most = max(mb for _, mb, _ in rows)
    for row, (label, mb, color) in enumerate(rows):
        axes.barh(row, mb, color=color, height=0.42)
        axes.text(0, row - 0.3, label, va="bottom")
        axes.text(mb + most * 0.015, row, f"{mb:,.0f}", va="center")
    axes.invert_yaxis()
    axes.set_xlim(0, most * 1.15)
    axes.margins(y=0.12)
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)


def _medians(found: Mapping[str, Series], names: Iterable[str]) -> list[float]:
    return [found[name].median("p50_ms") or 0.0 for name in names]
