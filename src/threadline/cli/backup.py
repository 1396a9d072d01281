"""`threadline backup TO`: copies the data folder while the server runs."""

from pathlib import Path

from threadline.cli import folders
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.store.sqlite import backup


def main(arguments: list[str]) -> int:
    """Make a backup and print its counts."""
    parser = folders.parser(
        "backup",
        "Copy the data folder into the new folder TO, while the server runs or not. The copy holds every change"
        " that was answered before it began. `threadline check TO` verifies it; `threadline restore TO` puts it back.",
    )
    parser.add_argument(
        "to", metavar="TO", type=Path, help="the folder to create; like the data, it holds the access key"
    )
    options = parser.parse_args(arguments)

    def run(progress: Live) -> int:
        if address := folders.database_elsewhere(options):
            raise Failure(
                "The chats are in PostgreSQL: use its tools. For one database, while the servers run:"
                f" pg_dump --format=custom --file={options.to}.dump '{address}'."
                f" For all, to recover to any moment with archived WAL: pg_basebackup --pgdata={options.to}"
                f" --dbname='{address}'."
            )
        manifest = backup.back_up(folders.data_folder(options), options.to, progress)
        progress.clear()
        size = sum(file.size for file in manifest.files.values())
        print(f"{options.to}: {folders.counted(manifest.counts)}; {size:,} bytes.")
        return 0

    return folders.reported(run)
