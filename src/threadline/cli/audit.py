"""`threadline audit verify [FILE|FOLDER]`: finds lines of the audit that were changed, removed or put elsewhere."""

import argparse
import os
from pathlib import Path

from threadline.audit.verify import AuditAnchor, Report, verify
from threadline.cli import connection_options, folders
from threadline.client.failures import Failure

DESCRIPTION = (
    "Check the audit: that each line has its hash, follows the line before it, and that none is missing, also at the"
    " end. The server may keep running. The exit status is 1 when something is wrong. Anyone who may write the folder"
    " can write all of it anew: keep an anchor elsewhere, and give it here the next time."
)


def main(arguments: list[str]) -> int:
    """Print each problem on a line, then what was checked and an anchor for each chain."""
    parser = connection_options.parser("audit", "Verify that no line of the audit was changed.", calls=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    command = commands.add_parser("verify", help="check the files of the audit", description=DESCRIPTION)
    command.add_argument(
        "target",
        metavar="FILE|FOLDER",
        type=Path,
        nargs="?",
        help="a file or folder of the audit (data/audit)",
    )
    command.add_argument("--data", metavar="DIR", help="data folder of the server (./data); THREADLINE_DATA")
    command.add_argument(
        "--anchor",
        metavar="CHAIN:LINE:HASH",
        type=_anchor,
        action="append",
        default=[],
        help="a line that was there before, as an earlier check printed it",
    )
    command.add_argument("--part", action="store_true", help="older files were moved away, do not miss them")
    options = parser.parse_args(arguments)

    def run() -> int:
        target = options.target or _folder(options)
        try:
            report = verify(target, options.anchor, is_part=options.part)
        except OSError as error:
            raise Failure(f"{error.filename or target} cannot be read: {error.strerror}.") from error
        _print(target, report)
        return int(bool(report.findings))

    return connection_options.reported(run)


def _anchor(text: str) -> AuditAnchor:
    try:
        return AuditAnchor.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _folder(options: argparse.Namespace) -> Path:
    if given := os.environ.get("THREADLINE_AUDIT_FOLDER"):
        return Path(given)
    return folders.data_folder(options) / "audit"


def _print(target: Path, report: Report) -> None:
    for finding in report.findings:
        print(f"{target}: {finding}.")
    for note in report.notes:
        print(f"{target}: (not wrong) {note}.")
    counts = {"lines": report.lines, "files": report.files, "chains": len(report.ends)}
    counted = ", ".join(f"{count:,} {name if count != 1 else name[:-1]}" for name, count in counts.items())
    if not report.lines and not report.findings:
        raise Failure(f"{target} has no audit. THREADLINE_AUDIT=management has the server write one.")
    wrong = {0: "nothing is wrong", 1: "1 thing is wrong"}.get(
        len(report.findings), f"{len(report.findings):,} things are wrong"
    )
    print(f"{target}: {wrong}; checked {counted}.")
    if not target.is_dir():
        print("One file alone: this cannot tell whether lines before or after it are missing.")
    elif report.ends:
        print("Anchors of the last lines, to be kept elsewhere:")
        for end in report.ends:
            print(f"  --anchor {end}")
