"""`threadline check [FOLDER]`: whether anything is missing or damaged in a data folder or a backup."""

import sys
from pathlib import Path

from threadline import backups
from threadline.cli import folders
from threadline.cli.failures import Failure
from threadline.cli.progress import Live


def main(arguments: list[str]) -> int:
    """Print what is wrong, a line each, and what was looked at; 1 when anything is wrong."""
    parser = folders.parser(
        "check",
        "Check that nothing is missing or damaged: the database as a file, the log of every chat without gaps, every"
        " contact one run of it, every association's past there, and of a backup the hash of every file. The server"
        " may run meanwhile.",
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, nargs="?", help="a backup or data folder (--data)"
    )
    options = parser.parse_args(arguments)

    def run(progress: Live) -> int:
        if options.folder is None and (address := folders.database_elsewhere(options)):
            raise Failure(f"The chats are in PostgreSQL: pg_amcheck --dbname='{address}'")
        folder: Path = options.folder or folders.data_folder(options)
        counts: dict[str, int] = {}
        found = 0
        for finding in backups.check(folder, counts, progress):
            progress.clear()
            print(f"{folder}: {finding}.", flush=True)
            found += 1
        progress.clear()
        verdict = (
            "nothing is wrong"
            if not found
            else "1 thing is wrong"
            if found == 1
            else f"{found:,} things are wrong"
        )
        sys.stdout.write(f"{folder}: {verdict}; checked {folders.counted(counts) or 'nothing more'}.\n")
        return int(found > 0)

    return folders.reported(run)
