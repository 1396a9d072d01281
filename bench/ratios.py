"""The figures by which Threadline is judged, each a ratio within one run, and the aim of each."""

from typing import NamedTuple

from bench.erasure import ALONE, BESIDE
from bench.growth import over_past
from bench.imports import IMPORT
from bench.measurements import Measurements
from bench.pages import POSITIONS
from bench.record import SERIES, series
from bench.sizes import BENCH, Sizes
from bench.workloads import (
    ARCHIVE,
    AT_EJABBERD,
    AT_PROSODY,
    AWS_CLI,
    CLI,
    INSERT,
    LINEAGE,
    MESSAGE,
    MESSAGE_IN_BACKUPS,
    NOTIFY,
    PG_INSERT,
    SINGLE,
    association,
    on_nodes,
    page,
    tagging,
)


class Aim(NamedTuple):
    """The aim of a ratio: `bound` at least, or at most. It divides `ours` by `beside`, both in words for people."""

    least: bool
    bound: float
    ours: str
    beside: str

    def reached(self, ratio: float) -> bool:
        """Whether `ratio` reaches the aim."""
        return ratio >= self.bound if self.least else ratio <= self.bound


ASSOCIATION = "an association, signed and durable, SQLite, 32 callers"
DELIVERY = "a message until delivered, durable, SQLite, 32 pairs"
ON_POSTGRES = "the same on PostgreSQL"
AIMS = {
    "association_vs_moto": Aim(
        True, 25, ASSOCIATION, "moto_server's TagResource, in memory, unsigned, 32 callers"
    ),
    "association_vs_queue_insert": Aim(
        True, 0.4, ASSOCIATION, "a bare one-row insert through the same writer queue, 32 callers, no HTTP"
    ),
    "message_vs_prosody": Aim(True, 2.5, DELIVERY, "Prosody, its archive in files, not fsynced"),
    "message_vs_ejabberd": Aim(True, 16, DELIVERY, "ejabberd, its archive in SQLite, fsynced"),
    "message_p99_ms": Aim(False, 15, f"{DELIVERY}: the 99th percentile in ms", "nothing"),
    "pg_message_vs_insert": Aim(
        True, 0.7, f"{ON_POSTGRES}, one node", "asyncpg's one-row INSERT and commit, 32 callers"
    ),
    "two_nodes_vs_one": Aim(True, 0.9, f"{ON_POSTGRES}, two nodes on the same cores", "one node"),
    "two_nodes_p99_vs_one": Aim(False, 1.5, f"{ON_POSTGRES}, two nodes: the 99th percentile", "one node"),
    "page_vs_ejabberd": Aim(
        True, 15, "a page of 100, the worst of newest, middle and oldest", "ejabberd's of an archive as long"
    ),
    "oldest_page_vs_newest": Aim(
        False, 1.3, "the oldest page of 100, the worse of one contact and a lineage", "the newest"
    ),
    "association_1m_vs_10": Aim(
        False, 1.2, "an association over the longest past, 32 callers, p50", "one over the shortest"
    ),
}


def ratios(seen: Measurements) -> dict[str, float]:
    """Return the ratios of one machine alone."""
    found = {
        "association_vs_moto": seen.ratio(association(32), tagging(32)),
        "association_vs_moto_one_caller": seen.ratio(association(1), tagging(1)),
        "association_vs_queue_insert": seen.ratio(association(32), INSERT),
        "message_vs_queue_insert": seen.ratio(MESSAGE, INSERT),
        "messages_per_second": seen.median(MESSAGE, "rate"),
        "message_p99_ms": seen.median(MESSAGE, "p99_ms"),
        "message_p99_in_erasure_vs_alone": seen.ratio(BESIDE, ALONE, "p99_ms"),
        "message_p99_in_backups_vs_alone": seen.ratio(MESSAGE_IN_BACKUPS, MESSAGE, "p99_ms"),
        "oldest_page_vs_newest": oldest_vs_newest(seen),
        "lineage_page_vs_single": max(
            seen.ratio(page(LINEAGE, position), page(SINGLE, position), "p50_ms") for position in POSITIONS
        ),
        "imported_transcripts_per_second": seen.median(IMPORT, "rate"),
        "cli_vs_aws": seen.ratio(CLI, AWS_CLI, "p50_ms"),
        **{f"{name} (ms)": seen.median(series(name, BENCH.recorded[0]), "p50_ms") for name in SERIES},
    }
    return {name: round(ratio, 3) for name, ratio in found.items()}


def full_ratios(seen: Measurements, sizes: Sizes) -> dict[str, float | None]:
    """Return the ratios that `AIMS` names; None for those to a peer that is not installed."""
    one, two = on_nodes(1, NOTIFY), on_nodes(2, NOTIFY)
    found: dict[str, float | None] = dict.fromkeys(AIMS)
    found |= {
        "association_vs_moto": seen.ratio(association(32), tagging(32)),
        "association_vs_queue_insert": seen.ratio(association(32), INSERT),
        "message_p99_ms": seen.median(MESSAGE, "p99_ms"),
        "pg_message_vs_insert": seen.ratio(one, PG_INSERT),
        "two_nodes_vs_one": seen.ratio(two, one),
        "two_nodes_p99_vs_one": seen.ratio(two, one, "p99_ms"),
        "oldest_page_vs_newest": oldest_vs_newest(seen),
        "association_1m_vs_10": seen.ratio(over_past(sizes.pasts[-1]), over_past(sizes.pasts[0]), "p50_ms"),
    }
    if AT_PROSODY in seen.series:
        found["message_vs_prosody"] = seen.ratio(MESSAGE, AT_PROSODY)
    if AT_EJABBERD in seen.series:
        found["message_vs_ejabberd"] = seen.ratio(MESSAGE, AT_EJABBERD)
        found["page_vs_ejabberd"] = min(
            seen.ratio(page(ARCHIVE, position), page(SINGLE, position), "p50_ms") for position in POSITIONS
        )
    return {name: None if ratio is None else round(ratio, 3) for name, ratio in found.items()}


def oldest_vs_newest(seen: Measurements) -> float:
    """The worse of one contact and a lineage."""
    return max(seen.ratio(page(of, "oldest"), page(of, "newest"), "p50_ms") for of in (SINGLE, LINEAGE))
