"""The files of an audit: what the check finds in them, and how a chain goes on after its process was killed."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from threadline.audit.chain import Chain, files_of, head_file
from threadline.audit.verify import AuditAnchor, Report, verify

NOW_MS = 1_795_359_600_000
DAY_MS = 86_400_000
PATIENCE_SECONDS = 60
Lines = list[bytes]


def write(folder: Path, count: int, *, now_ms: int = NOW_MS, bytes_max: int = 1 << 20) -> None:
    """Write as a process does that begins, answers `count` calls and ends."""
    chain = Chain(folder, now_ms, bytes_max=bytes_max)
    for number in range(count):
        chain.add({"eventName": "DescribeContact", "call": number})
        chain.flush(now_ms)
    chain.close()


def only_file(folder: Path) -> Path:
    (file,) = files_of(folder, "1")
    return file


def edited(folder: Path, edit: Callable[[Lines], Lines]) -> Report:
    """The check after the lines of the only file were edited. Line 1 says that the process began."""
    file = only_file(folder)
    file.write_bytes(b"".join(edit(file.read_bytes().splitlines(keepends=True))))
    return verify(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chain of ten lines."""
    write(tmp_path, 9)
    return tmp_path


def test_a_chain_that_nobody_touched(folder: Path) -> None:
    report = verify(folder)
    assert (report.findings, report.notes, report.lines) == ([], [], 10)
    assert [(end.chain, end.number) for end in report.ends] == [("1", 10)]


def test_only_its_user_reads_the_audit(folder: Path) -> None:
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_every_change_of_any_byte_is_found(folder: Path) -> None:
    file = only_file(folder)
    whole = file.read_bytes()
    for at in range(0, len(whole) - 1, 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert verify(folder).findings, f"byte {at} is another and nothing was found"


def test_a_changed_line_is_named(folder: Path) -> None:
    report = edited(
        folder, lambda lines: [*lines[:4], lines[4].replace(b"Describe", b"Something"), *lines[5:]]
    )
    assert report.findings == [f"{only_file(folder).name}:5: line 5 was changed"]


def test_a_line_that_was_changed_with_its_hash_is_found_by_the_next(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    chain = Chain(other, NOW_MS)
    for number in range(9):
        chain.add({"eventName": "DescribeContact", "call": number + 100})
    chain.flush(NOW_MS)
    chain.close()
    foreign = only_file(other).read_bytes().splitlines(keepends=True)
    report = edited(folder, lambda lines: [*lines[:4], foreign[4], *lines[5:]])
    assert len(report.findings) == 2  # it follows another line, and another line follows it
    assert "was replaced by another" in report.findings[1]


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda lines: lines[:4] + lines[5:], "line 5 is missing before this line"),
        (lambda lines: lines[:4] + lines[7:], "lines 5 to 7 are missing before this line"),
        (lambda lines: lines[1:], "line 1 is missing before this line"),
        (lambda lines: lines[:8], "chain 1: lines 9 to 10 are missing at the end"),
        (lambda lines: [*lines[:9], lines[9][:40]], "line 10 was changed"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 3 is not in its place"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 3 is not in its place"),
        (lambda lines: [*lines[:3], b'{"eventName":"Added"}\n', *lines[3:]], "this line was added or changed"),
        (lambda lines: [b"\n", *lines], "this line was changed"),
        (lambda lines: [], "chain 1: lines 1 to 10 are missing at the end"),
    ],
    ids=["one", "some", "the first", "the last", "half the last", "swapped", "twice", "added", "blank", "all"],
)  # fmt: skip
def test_lines_that_are_not_as_they_were(folder: Path, edit: Callable[[Lines], Lines], found: str) -> None:
    findings = edited(folder, edit).findings
    assert any(found in finding for finding in findings), findings


def test_a_head_or_a_file_that_was_removed(folder: Path) -> None:
    head = head_file(folder, "1").read_bytes()
    head_file(folder, "1").unlink()
    assert verify(folder).findings == ["chain-1.head is missing: lines may be cut off at the end of chain 1"]
    write(folder, 1)
    assert "had no head when the server started with line 11" in verify(folder).findings[0]
    head_file(folder, "1").write_bytes(head)
    only_file(folder).unlink()
    assert verify(folder).findings == ["chain 1: lines 1 to 10 are missing at the end"]


def test_an_anchor_shows_a_chain_that_was_written_anew(folder: Path) -> None:
    (anchor,) = verify(folder).ends
    for file in folder.iterdir():
        file.unlink()
    write(folder, 12, now_ms=NOW_MS + 1000)
    assert verify(folder).findings == []
    (finding,) = verify(folder, [anchor]).findings
    assert finding.endswith("line 10 was replaced by another")


def test_an_anchor_holds_while_the_chain_grows(folder: Path) -> None:
    (anchor,) = verify(folder).ends
    write(folder, 5)
    assert verify(folder, [AuditAnchor.read(str(anchor))]).findings == []
    assert verify(folder, [anchor._replace(chain="7")]).findings == [
        "chain 7, of which an anchor is given, is not here"
    ]


@pytest.fixture
def torn(folder: Path) -> Path:
    """A chain whose process was killed in the middle of line 11."""
    with only_file(folder).open("ab") as file:
        file.write(b'{"eventVersion":"1.11","userIdentity":{"ty')
    return folder


def test_a_server_that_was_killed_in_the_middle_of_a_line(torn: Path) -> None:
    report = verify(torn)
    assert report.findings == []
    assert "the last line is not complete" in report.notes[0]


@pytest.mark.parametrize("later_ms", [0, DAY_MS], ids=["the same file", "the file of another day"])
def test_a_chain_goes_on_behind_a_line_that_broke_off(torn: Path, later_ms: int) -> None:
    write(torn, 2, now_ms=NOW_MS + later_ms)
    report = verify(torn)
    assert report.findings == []
    assert report.notes == [
        f"{files_of(torn, '1')[0].name}:11: the server was stopped while it wrote this line; it went on with line 11"
    ]
    assert report.lines == 13


def test_a_broken_line_excuses_no_other(torn: Path) -> None:
    write(torn, 2)
    report = edited(torn, lambda lines: [*lines[:10], lines[10][:20] + b"\n", *lines[11:]])
    assert report.findings != []


def test_a_chain_goes_on_behind_lines_that_were_cut_off(folder: Path) -> None:
    edited(folder, lambda lines: lines[:7])
    write(folder, 2)
    (finding,) = verify(folder).findings
    assert finding.endswith("lines 8 to 10 are missing before this line")


def test_files_end_by_size_and_by_day(tmp_path: Path) -> None:
    write(tmp_path, 9, bytes_max=1_200)
    write(tmp_path, 1, now_ms=NOW_MS + DAY_MS, bytes_max=1_200)
    files = files_of(tmp_path, "1")
    assert len(files) > 3
    assert len({file.name[8:18] for file in files}) == 2
    assert verify(tmp_path).findings == []
    files[0].rename(tmp_path / "elsewhere")
    assert "are missing before this line. If you moved older files away" in verify(tmp_path).findings[0]
    assert verify(tmp_path, is_part=True).findings == []
    files[2].unlink()
    assert verify(tmp_path, is_part=True).findings != []


def test_one_file_alone(tmp_path: Path) -> None:
    write(tmp_path, 9, bytes_max=1_200)
    assert verify(files_of(tmp_path, "1")[1]).findings == []


def test_processes_write_chains_of_their_own(tmp_path: Path) -> None:
    first, second = Chain(tmp_path, NOW_MS), Chain(tmp_path, NOW_MS)
    assert (first.name, second.name) == ("1", "2")
    first.close()
    third = Chain(tmp_path, NOW_MS)
    assert third.name == "1"
    third.close()
    second.close()
    assert [(end.chain, end.number) for end in verify(tmp_path).ends] == [("1", 2), ("2", 1)]


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk with room for as many bytes as the list says, for each write; endless room when it is empty."""
    rooms: list[int] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[: rooms.pop(0)] if rooms else data))
    return rooms


def test_lines_that_a_full_disk_did_not_take_are_counted(tmp_path: Path, full_disk: list[int]) -> None:
    chain = Chain(tmp_path, NOW_MS)
    full_disk.extend([0, 100])
    for name in ("Lost", "Lost", "Kept"):
        chain.add({"eventName": name})
        if name == "Lost":
            with pytest.raises(OSError, match="the disk is full"):
                chain.flush(NOW_MS)
        else:
            chain.flush(NOW_MS)
    chain.close()
    events = [json.loads(line)["eventName"] for line in only_file(tmp_path).read_text().splitlines()]
    assert events == ["AuditStarted", "AuditResumed", "Kept"]
    report = verify(tmp_path)
    assert report.findings == []
    assert report.notes == [
        "chain 1: calls that could not be written before line 2, as when a disk is full: 2"
    ]


WRITES = """
import sys
from pathlib import Path
from threadline.audit.chain import Chain
chain = Chain(Path(sys.argv[1]), 1_795_359_600_000, bytes_max=2_000)
print("begun", flush=True)
for call in range(1_000_000):
    chain.add({"eventName": "DescribeContact", "call": call, "more": "x" * (call % 900)})
    chain.flush(1_795_359_600_000)
"""
"""A process that writes into the folder of its first argument, in short files, until it is killed."""


def test_processes_that_are_killed_while_they_write_and_begin_files(tmp_path: Path) -> None:
    """Two write at once. Each goes on with the chain of one that was killed, and no kill is taken for a change."""
    for again in range(3):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITES, tmp_path], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"begun\n"
        deadline = monotonic() + PATIENCE_SECONDS
        while len(list(tmp_path.glob("*.jsonl"))) < 8 * (again + 1):
            assert monotonic() < deadline, "the writers begin no further file"
            Event().wait(0.01)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            assert writer.wait() == -signal.SIGKILL
            if writer.stdout is not None:
                writer.stdout.close()
    report = verify(tmp_path)
    assert report.findings == []
    assert [end.chain for end in report.ends] == ["1", "2"]


FILLS = """
import resource, sys
from pathlib import Path
from threadline.audit.chain import Chain
chain = Chain(Path(sys.argv[1]), 1_795_359_600_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
lost = 0
for call in range(20):
    chain.add({"eventName": "DescribeContact", "call": call})
    try:
        chain.flush(1_795_359_600_000)
    except OSError:
        lost += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
chain.add({"eventName": "DescribeContact", "call": 20})
chain.flush(1_795_359_600_000)
chain.close()
print(lost)
"""
"""A process that writes into a file that may not grow, until it may."""


def test_a_file_that_the_system_lets_grow_no_further(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FILLS, tmp_path], capture_output=True, check=True)
    lost = int(done.stdout)
    report = verify(tmp_path)
    assert report.findings == []
    assert lost > 0
    assert [note.rpartition(": ")[2] for note in report.notes] == [str(lost)], report.notes
    assert report.lines == 20 - lost + 3  # and the lines of the start, of the resumption and of the last call


def test_zeros_at_the_end_are_what_a_power_cut_leaves(folder: Path) -> None:
    with only_file(folder).open("ab") as file:
        file.write(bytes(4_096))
    write(folder, 2)
    report = verify(folder)
    assert report.findings == []
    assert "the server was stopped while it wrote this line; it went on with line 11" in report.notes[0]


def test_lines_that_a_power_cut_took_are_missing(folder: Path) -> None:
    """The head is newer than the file. Nothing tells this from lines that somebody has cut off."""
    edited(folder, lambda lines: lines[:8])
    write(folder, 2)
    assert verify(folder).findings == [
        f"{only_file(folder).name}:9: lines 9 to 10 are missing before this line"
    ]


def test_lines_cut_off_with_the_head_written_to_match_are_found_by_an_anchor(folder: Path) -> None:
    (anchor,) = verify(folder).ends
    lines = only_file(folder).read_bytes().splitlines(keepends=True)
    only_file(folder).write_bytes(b"".join(lines[:8]))
    last = verify(folder).ends[0]
    head_file(folder, "1").write_text(f'{{"number":{last.number:15d},"hash":"{last.hash}"}}\n')
    assert verify(folder).findings == []
    assert verify(folder, [anchor]).findings != []
