"""`threadline serve`: reads the settings, locks the data folder, binds the socket and supervises the server."""

import argparse
import contextlib
import errno
import os
import shutil
import socket
import sys
from importlib import import_module
from pathlib import Path

from threadline import datadir
from threadline.cli import addresses
from threadline.config import TABLE, BadSettings, Settings
from threadline.processes.supervisor import Supervisor
from threadline.style import say


def main(arguments: list[str]) -> int:
    """Serve until stopped. Returns the exit status."""
    try:
        settings, accept_loss = _settings(arguments)
        if settings.keeps_nothing:
            bound = _inherited() or _bind(settings)
            folder, lock = _own_in_memory(bound)
            is_first = folder is not None
        else:
            folder = Path(settings.data)
            is_first = not (folder / datadir.WORKSPACE).exists()
            lock = _own(folder)
            bound = _inherited() or _bind(settings)
    except (BadSettings, datadir.Taken) as error:
        say(str(error))
        return 1

    def announce(token: str) -> None:
        url = datadir.url_of(bound)
        if folder is not None:
            _write_address(folder / datadir.ADDRESS, url)
        with contextlib.suppress(BrokenPipeError):  # the reader of standard output is gone; serve anyway
            print(f"Threadline serves at {url}", flush=True)
            for other in addresses.elsewhere(bound):
                print(f"  and for other machines at {other}", flush=True)
            if token:
                print("  In a browser, for 15 minutes and once (`threadline open` makes another link):")
                print(f"  {datadir.sign_in_link(url, token)}", flush=True)
            if is_first:
                print(import_module("threadline.cli.welcome").screen(settings.data), flush=True)
        for warning in addresses.warnings(settings, bound):
            say(warning)

    try:
        return Supervisor(
            settings,
            bound,
            lock,
            announce,
            accept_loss=accept_loss,
            with_sign_in=sys.stdout.isatty(),  # the output of a service is kept in a log
        ).run()
    finally:
        if folder is not None:
            (folder / datadir.ADDRESS).unlink(missing_ok=True)
            if settings.keeps_nothing:
                shutil.rmtree(folder, ignore_errors=True)


def _write_address(file: Path, url: str) -> None:
    try:
        datadir.write_private(file, {"url": url, "pid": os.getpid()})
    except OSError as error:
        say(
            f"{file} cannot be written ({error.strerror}): commands cannot find the server by its data folder."
        )


def _own(folder: Path) -> int:
    try:
        return datadir.own(folder)
    except OSError as error:
        remedy = {
            errno.ENOSPC: "make room there",
            errno.EDQUOT: "raise the quota",
            errno.EROFS: "mount it writable, or choose another",
            errno.EACCES: "give this user the right to write there, or choose another",
            errno.EPERM: "give this user the right to write there, or choose another",
        }.get(error.errno or 0, "choose another")
        raise BadSettings(f"The data folder {folder} cannot be used: {error.strerror}: {remedy}.") from None


def _own_in_memory(bound: socket.socket) -> tuple[Path | None, int | None]:
    """The folder in which commands find the server, and its lock; none when it cannot be used."""
    try:
        folder = datadir.memory_folder(bound)
        return folder, datadir.own(folder)
    except OSError as error:
        say(
            f"{error.filename} cannot be used ({error.strerror}): commands cannot find the server by --data :memory:."
        )
        return None, None


def _bind(settings: Settings) -> socket.socket:
    try:
        return datadir.listening(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        advice = {
            errno.EADDRINUSE: f"{where} is in use. Stop the program that listens there, or choose another --port:"
            f" with make, make run PORT={settings.port + 1}.",
            errno.EACCES: f"{where} needs privileges that this user lacks. Choose a --port above 1023.",
        }
        raise BadSettings(
            advice.get(error.errno or 0, f"Cannot listen on {where}: {error.strerror}.")
        ) from None


def _settings(arguments: list[str]) -> tuple[Settings, bool]:
    """The settings, and whether --accept-loss was given."""
    help_of = {row.name: row for row in TABLE}
    parser = argparse.ArgumentParser(
        prog="threadline serve",
        description="Start the server. Every other setting is an environment variable: see docs/settings.md.",
    )
    for name, kind in (("host", str), ("port", int), ("data", str)):
        row = help_of[name]
        parser.add_argument(f"--{name}", type=kind, help=f"{row.sentence} {row.env}, default {row.default}.")
    parser.add_argument(
        datadir.ACCEPT_LOSS,
        action="store_true",
        help="Start even if the data folder holds less than it did: see docs/hosting.md.",
    )
    controls = help_of["test_controls"]
    parser.add_argument(
        "--test-controls", action="store_true", default=None, help=f"{controls.sentence} {controls.env}."
    )
    quiet = help_of["quiet"]
    parser.add_argument("--quiet", action="store_true", default=None, help=f"{quiet.sentence} {quiet.env}.")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    accept_loss = given.pop("accept_loss")
    return Settings.read(os.environ, **given), accept_loss


def _inherited() -> socket.socket | None:
    """The listening socket that systemd passed to this process, if it did. Source: sd_listen_fds(3)."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=3)
    return None
