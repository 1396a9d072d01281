"""The CPU and memory that processes use, from /proc."""

import os
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Machine:
    """Measures how busy the machine is with this program and with others."""

    def __init__(self) -> None:
        self.busy, self.idle = _cpu_ticks()
        self.ours = use_of(os.getpid()).cpu_seconds

    def others_share(self) -> float:
        """Return the share of all CPU time since the last call that other processes took, those not below this one."""
        was = self.busy, self.idle, self.ours
        self.busy, self.idle = _cpu_ticks()
        self.ours = use_of(os.getpid()).cpu_seconds
        all_ticks = self.busy + self.idle - was[0] - was[1]
        return max(0.0, self.busy - was[0] - TICKS * (self.ours - was[2])) / max(1, all_ticks)


def _cpu_ticks() -> tuple[int, int]:
    """Ticks of all cores together since the start of the machine: busy (a hypervisor included) and idle."""
    user, nice, system, idle, wait, *rest = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return user + nice + system + sum(rest), idle + wait


class Use(NamedTuple):
    """CPU seconds since the start, those of children that have ended included; resident memory in MB of 2^20 bytes."""

    cpu_seconds: float
    resident_mb: float


def use_of(*roots: int) -> Use:
    """Return the use of the processes `roots` and all below them, together."""
    table: dict[int, tuple[int, float, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        seconds = sum(map(int, words[11:15])) / TICKS
        table[int(folder.name)] = int(words[1]), seconds, int(words[21]) * PAGE_BYTES / 2**20
    family, grown = set[int](), set(roots)
    while grown:
        family |= grown
        grown = {pid for pid, row in table.items() if row[0] in family} - family
    rows = [table[pid] for pid in family if pid in table]
    return Use(sum(row[1] for row in rows), sum(row[2] for row in rows))
