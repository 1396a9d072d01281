"""docs/performance.md: the prose of performance.md beside this module, and the tables with the figures of a run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.growth import deep, depths, over_lineage, over_past
from bench.measurements import Series, series_of
from bench.pages import POSITIONS
from bench.ratios import AIMS
from bench.record import SERIES, series
from bench.workloads import (
    ARCHIVE,
    AT_EJABBERD,
    AT_PROSODY,
    INSERT,
    LINEAGE,
    MESSAGE,
    NATS,
    NOTIFY,
    PG_INSERT,
    SINGLE,
    association,
    on_nodes,
    page,
    tagging,
)

PROSE = Path(__file__).with_name("performance.md")
FIGURES = (("rate", ",.0f"), ("p50_ms", ",.2f"), ("p99_ms", ",.2f"), ("cpu_us", ",.0f"))
HEADS = ("per second", "p50, ms", "p99, ms", "CPU, µs")


def page_of(result: Mapping[str, Any]) -> str:
    """Return the page as Markdown."""
    found, sizes, machine = series_of(result), result["sizes"], result["machine"]
    loads = [load for series in found.values() if (load := series.median("load_share")) is not None]
    idle = [(f"{sockets:,}", f"{mb:,.0f}", f"{each:.1f}") for sockets, mb, each in result["idle"]]
    starts = [
        (f"{contacts:,}", f"{seconds:.2f}", f"{mb:,.0f}", f"{busy:,.0f}")
        for contacts, seconds, mb, busy in result["starts"]
    ]
    pasts = {over_past(count): f"{count:,} messages" for count in sizes["pasts"]}
    lineages = {over_lineage(count): f"{count:,} sessions" for count in sizes["lineages"]}
    pages = {deep(depth): f"{depth:,} messages" for depth in depths(sizes["pasts"][-1])}
    parts = {
        **{name: result[name] for name in ("taken", "minutes")},
        **{name: sizes[name] for name in ("rounds", "pairs")},
        **{name: machine[name] for name in ("cores", "processor", "file_system", "fdatasync_ms")},
        **result["postgres"],
        "python": result["versions"]["CPython"],
        "others": f"{result['others_share']:.0%}",
        "load": f"{max(loads):.0%}",
        "longest": f"{sizes['pasts'][-1]:,}",
        "versions": ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
        "ratios": _ratios(result),
        "speeds": _table(("", *HEADS, "kept"), _rows(found, _names(sizes))),
        "associations": _table(("past", *HEADS), [row[:-1] for row in _rows(found, pasts | lineages)]),
        "pages": _table(("depth", *HEADS[:-1]), [row[:-2] for row in _rows(found, pages)]),
        "sockets": _table(("sockets", "server's memory, MB", "each beyond the first 100, KB"), idle),
        "starts": _table(("contacts", "seconds to start", "memory, MB", "memory after, MB"), starts),
    }
    return PROSE.read_text(encoding="utf-8").format_map(parts)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    words = {"", "of", "beside", "reached", "kept", "ratio", "past", "depth", "sockets", "contacts"}
    rule = ["---" if head in words else "---:" for head in heads]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))


def _ratios(result: Mapping[str, Any]) -> str:
    rows = []
    for name, aim in AIMS.items():
        ratio = result["ratios"][name]
        wanted = f"{'at least' if aim.least else 'at most'} {aim.bound:g}"
        measured = "skipped" if ratio is None else f"**{ratio:,.3g}**"
        reached = "" if ratio is None else ("yes" if aim.reached(ratio) else "no")
        rows.append((f"`{name}`", aim.ours, aim.beside, measured, wanted, reached))
    text = _table(("ratio", "of", "beside", "measured", "to reach", "reached"), rows)
    return "\n\n".join([text, *(f"Skipped: {why}." for why in result["skipped"].values())])


def _rows(found: Mapping[str, Series], names: Mapping[str, str]) -> list[list[str]]:
    return [[says, *_cells(found[name]), found[name].keeps] for name, says in names.items() if name in found]


def _cells(series: Series) -> list[str]:
    cells = ["" if (value := series.median(name)) is None else format(value, how) for name, how in FIGURES]
    store = series.median("store_cpu_us")
    return [*cells[:-1], cells[-1] + (f" + {store:,.0f}" if store is not None else "")]


def _names(sizes: Mapping[str, Any]) -> dict[str, str]:
    """Return the page's name for each series that is not about growth."""
    message, items = f"message until delivered, {sizes['pairs']} pairs", f"{sizes['items']:,}"
    names = {
        association(callers): f"Threadline: {association(callers)}" for callers, _ in sizes["associations"]
    }
    names |= {tagging(callers): tagging(callers) for callers, _ in sizes["tags"]}
    names |= {
        INSERT: "bare insert through Threadline's writer queue, 32 callers, no HTTP",
        MESSAGE: f"Threadline on SQLite: {message}",
        AT_PROSODY: f"Prosody: {message}",
        AT_EJABBERD: f"ejabberd: {message}",
        PG_INSERT: "asyncpg: one-row INSERT and commit, 32 callers",
    }
    for bus in (NOTIFY, NATS):
        for count in sizes["nodes"]:
            nodes = f"{count} node{'s' * (count > 1)}"
            names[on_nodes(count, bus)] = f"Threadline on PostgreSQL, {nodes}, {bus}: {message}"
    for position in POSITIONS:
        names[page(SINGLE, position)] = f"Threadline: page of 100, {position} of {items}"
    for position in POSITIONS:
        names[page(LINEAGE, position)] = f"Threadline: the same over {sizes['sessions']:,} chats, {position}"
    for position in POSITIONS:
        names[page(ARCHIVE, position)] = f"ejabberd: page of 100, {position} of {items}"
    for name in SERIES:
        for contacts in sizes.get("recorded", ()):
            names[series(name, contacts)] = f"Threadline: {series(name, contacts)}"
    return names
