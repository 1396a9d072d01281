"""`threadline check [FOLDER]`: finds loss and damage in a data folder or a backup."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from threadline import extras
from threadline.cli import folders
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.store.sqlite import backup


def main(arguments: list[str]) -> int:
    """Print each problem on a line, then the counts of the check. The exit status is 1 when there is a problem."""
    parser = folders.parser(
        "check",
        "Check a data folder or a backup for loss and damage: the database file, that the log of every chat has no gap,"
        " that every contact is one run of it, that the past of every association exists, and the hash of every file"
        " of a backup. The server may keep running. On PostgreSQL it checks the logs; pg_amcheck checks the files.",
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
    except ModuleNotFoundError as error:
        raise Failure(extras.missing(error.name, "postgres")) from None
    findings: Iterator[str] = checks.findings(os.environ["THREADLINE_STORE"], counts, progress)
    return findings
