"""`threadline restore FROM`: puts a backup into the data folder."""

from pathlib import Path

from threadline.cli import folders
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.store.sqlite import backup


def main(arguments: list[str]) -> int:
    """Restore a backup and print where the earlier data is."""
    parser = folders.parser(
        "restore", "Verify the backup FROM and put its data into the data folder. Stop the server first."
    )
    parser.add_argument(
        "backup", metavar="FROM", type=Path, help="a folder that `threadline backup` has made"
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="move the data that is there to a folder `replaced-TIME` within the data folder",
    )
    options = parser.parse_args(arguments)

    def run(progress: Live) -> int:
        if address := folders.database_elsewhere(options):
            raise Failure(
                "The chats are in PostgreSQL: use its tools. With every server stopped:"
                f" pg_restore --clean --if-exists --single-transaction --dbname='{address}' {options.backup}."
            )
        folder = folders.data_folder(options)
        manifest, replaced = backup.restore(options.backup, folder, progress, replaces=options.replace)
        progress.clear()
        print(f"{folder} holds the backup of {manifest.created}: {folders.counted(manifest.counts)}.")
        if replaced:
            print(f"The earlier data is in {replaced}: delete it once you have checked the restored chats.")
        return 0

    return folders.reported(run)
