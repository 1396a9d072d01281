"""Shared by `backup`, `restore` and `check`: the data folder or PostgreSQL they work on, and one-line errors."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import apsw

from threadline import datadir
from threadline.cli import connection_options
from threadline.cli.progress import Live
from threadline.client.failures import Failure
from threadline.client.session import ClientSession
from threadline.config import BadSettings
from threadline.store.sqlite import backup

HIDDEN = "postgresql://.."
"""Shown for an address whose password cannot be located."""

SINGULAR = {
    "files": "file",
    "instances": "instance",
    "chats": "chat",
    "contacts": "contact",
    "entries": "entry",
    "associations": "association",
}


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """A parser for `threadline NAME` with the option --data."""
    made = connection_options.parser(name, description, calls=False)
    made.add_argument("--data", metavar="DIR", help="data folder of the server (./data); THREADLINE_DATA")
    return made


def data_folder(options: argparse.Namespace) -> Path:
    """The data folder that `options` or the environment name. Raises Failure for `:memory:`."""
    folder = ClientSession(environment=os.environ, data=options.data).data_folder
    if folder == datadir.MEMORY:
        raise Failure(
            "A server with --data :memory: has no data folder, so there is nothing to copy or check."
        )
    return Path(folder)


def database_elsewhere(options: argparse.Namespace) -> str | None:
    """The address of the PostgreSQL that holds the data, without password; None if the data folder holds it."""
    address = os.environ.get("THREADLINE_STORE", "")
    return without_password(address) if address and options.data is None else None


def without_password(address: str) -> str:
    """The URL `address` without its password. If the password cannot be located, return a placeholder."""
    try:
        parts = urlsplit(address)
        is_clear = parts.port != 0 and "@" not in parts.path + parts.query + parts.fragment
    except ValueError:  # the password has a `/`, `?` or `#`, so the rest is not a port
        return HIDDEN
    if not is_clear:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if "password" not in name])
    shown = f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
    return f"{shown}?{query}" if query else shown


def reported(command: Callable[[Live], int]) -> int:
    """Run `command` with a progress line; report its errors as one line and return the exit status."""

    def run() -> int:
        try:
            with Live() as progress:
                return command(progress)
        except (backup.BackupRefused, datadir.Taken) as refusal:
            raise Failure(str(refusal)) from refusal
        except (BadSettings, RuntimeError) as error:
            raise Failure(str(error)) from error
        except apsw.Error as error:
            raise Failure(f"The database cannot be read or copied: {error}.") from error
        except OSError as error:
            raise Failure(f"{error.filename or 'The folder'} cannot be used: {error.strerror}.") from error

    return connection_options.reported(run)


def counted(counts: dict[str, int]) -> str:
    """The counts as text for people."""
    return ", ".join(f"{count:,} {what if count != 1 else SINGULAR[what]}" for what, count in counts.items())
