"""`threadline check [FOLDER]`: whether anything is missing or damaged in a data folder or a backup."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from threadline.cli import folders
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.store.sqlite import backup


def main(arguments: list[str]) -> int:
    """Print what is wrong, a line each, and what was looked at; 1 when anything is wrong."""
    parser = folders.parser(
        "check",
        "Check that nothing is missing or damaged: the database as a file, the log of every chat without gaps, every"
        " contact one run of it, every association's past there, and of a backup the hash of every file. The server"
        " may run meanwhile. On PostgreSQL the logs are checked; pg_amcheck checks the database's files.",
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, nargs="?", help="a backup or data folder (--data)"
    )
    options = parser.parse_args(arguments)

    def run(progress: Live) -> int:
        counts: dict[str, int] = {}
        if options.folder is None and (address := folders.database_elsewhere(options)):
            name = address
            findings = _in_postgresql(counts, progress)
        else:
            folder: Path = options.folder or folders.data_folder(options)
            name = str(folder)
            findings = backup.check(folder, counts, progress)
        found = 0
        for finding in findings:
            progress.clear()
            print(f"{name}: {finding}.", flush=True)
            found += 1
        progress.clear()
        wrong = {0: "nothing is wrong", 1: "1 thing is wrong"}.get(found, f"{found:,} things are wrong")
        print(f"{name}: {wrong}; checked {folders.counted(counts) or 'nothing more'}.")
        return int(found > 0)

    return folders.reported(run)


def _in_postgresql(counts: dict[str, int], progress: Live) -> Iterator[str]:
    try:
        checks = import_module("threadline.store.postgres.checks")
    except ModuleNotFoundError as missing:
        raise Failure(f"{missing.name} is not installed: pip install 'threadline[postgres]'.") from None
    findings: Iterator[str] = checks.findings(os.environ["THREADLINE_STORE"], counts, progress)
    return findings
