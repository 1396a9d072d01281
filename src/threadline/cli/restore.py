"""`threadline restore FROM`: a backup becomes the data folder."""

from pathlib import Path

from threadline.cli import folders
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.store.sqlite import backup


def main(arguments: list[str]) -> int:
    """Restore a backup and say where the data from before is."""
    parser = folders.parser(
        "restore", "Verify the backup FROM and put what it holds into the data folder. Stop the server first."
    )
    parser.add_argument(
        "backup", metavar="FROM", type=Path, help="a folder that `threadline backup` has made"
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="move data that is there already to a folder `replaced-TIME` within the data folder",
    )
    options = parser.parse_args(arguments)

    def run(progress: Live) -> int:
        if address := folders.database_elsewhere(options):
            raise Failure(
                "The chats are in PostgreSQL, which has tools of its own. With every server stopped:"
                f" pg_restore --clean --if-exists --single-transaction --dbname='{address}' {options.backup}."
            )
        folder = folders.data_folder(options)
        manifest, replaced = backup.restore(options.backup, folder, progress, replaces=options.replace)
        progress.clear()
        print(f"{folder} holds the backup of {manifest.created}: {folders.counted(manifest.counts)}.")
        if replaced:
            print(f"The data from before is in {replaced}: delete it when nobody misses anything.")
        return 0

    return folders.reported(run)
