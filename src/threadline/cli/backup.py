"""`threadline backup TO`: a copy of the data folder, made while the server runs."""

from pathlib import Path

from threadline.cli import folders
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.store.sqlite import backup


def main(arguments: list[str]) -> int:
    """Make a backup and say what is in it."""
    parser = folders.parser(
        "backup",
        "Copy the data folder into the new folder TO, while the server runs or not. The copy has all that was"
        " answered before it began; `threadline check TO` verifies it, `threadline restore TO` puts it back.",
    )
    parser.add_argument(
        "to", metavar="TO", type=Path, help="folder to make; it holds the access key, as the data does"
    )
    options = parser.parse_args(arguments)

    def run(progress: Live) -> int:
        if address := folders.database_elsewhere(options):
            raise Failure(
                "The chats are in PostgreSQL, which has tools of its own. One database, while the servers run:"
                f" pg_dump --format=custom --file={options.to}.dump '{address}'."
                f" The whole of it, to go on to any moment with archived WAL: pg_basebackup --pgdata={options.to}"
                f" --dbname='{address}'."
            )
        manifest = backup.back_up(folders.data_folder(options), options.to, progress)
        progress.clear()
        size = sum(file.size for file in manifest.files.values())
        print(f"{options.to}: {folders.counted(manifest.counts)}; {size:,} bytes.")
        return 0

    return folders.reported(run)
