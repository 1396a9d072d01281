"""`threadline serve`: a small parent that holds the listening socket, and a worker that serves on it.

The socket outlives the worker: while none runs, after a crash or during a reload, connections wait in its backlog
instead of being refused. SIGTERM and SIGINT drain and stop, SIGHUP drains and starts a new worker. The parent does
nothing else, so that it does not fail.
"""

import argparse
import contextlib
import errno
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from threadline import datadir as place
from threadline.cli import addresses
from threadline.clock import Limited
from threadline.config import TABLE, BadSettings, Settings

KILL_AFTER_SECONDS = 1.5
"""What a worker gets beyond `drain_seconds` until it is killed."""

RESPAWN_DELAYS_SECONDS = (0.001, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Before the next worker, when none, one, two .. in a row have died before they served."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


class Supervisor:
    """One worker at a time on one listening socket."""

    def __init__(
        self,
        settings: Settings,
        bound: socket.socket,
        lock: int | None,
        announce: Callable[[], None],
        *,
        accept_loss: bool,
    ) -> None:
        self.settings = settings
        self.accept_loss = accept_loss
        self.bound = bound
        self.lock = lock
        self.announce = announce
        self.worker: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None
        self.has_served = False
        self.reason = ""
        self.said = Limited(say)
        self.failures = 0
        self.stopping = False
        self.replacing = False
        self.killed = False
        self.selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Keep a worker running until told to stop; the exit status."""
        wakeup, sender = socket.socketpair()
        sender.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(sender.fileno())
        self.selector.register(wakeup, selectors.EVENT_READ)
        self.spawn()
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is wakeup:
                    for byte in wakeup.recv(64):
                        self.on_signal(byte)
                elif self.channel is not None:
                    self.on_word(self.channel.recv(place.REASON_BYTES))
                if self.worker is None and (self.stopping or not self.has_served):
                    return 0 if self.stopping and not self.killed else 1

    def spawn(self) -> None:
        """Start a worker; it inherits the socket, the lock of the data folder and one end of a channel."""
        self.killed = False
        self.channel, theirs = socket.socketpair()
        self.selector.register(self.channel, selectors.EVENT_READ)
        fds = [self.bound.fileno(), theirs.fileno()]
        accepting = [place.ACCEPT_LOSS] if self.accept_loss else []
        self.worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "threadline.processes.writer", *map(str, fds), *accepting],
            env=os.environ | self.settings.environment(),
            pass_fds=fds if self.lock is None else [*fds, self.lock],
            stdin=subprocess.DEVNULL,
            process_group=0,  # a terminal's ^C is for the parent, who passes it on
        )
        theirs.close()

    def on_word(self, word: bytes) -> None:
        """The worker serves, has said why it cannot, or is gone."""
        if word == place.READY:
            self.on_ready()
        elif word:
            self.reason = word.decode(errors="replace")
        else:
            self.on_death()

    def on_ready(self) -> None:
        """The worker serves; the first one is announced."""
        self.failures = 0
        self.accept_loss = False
        if not self.has_served:
            self.has_served = True
            self.announce()

    def on_death(self) -> None:
        """The worker is gone: start the next one, at once or after a delay, unless this is the end."""
        if self.worker is None or self.channel is None:
            return
        self.selector.unregister(self.channel)
        self.channel.close()
        self.channel = None
        status = self.worker.wait()
        self.worker = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        reason, self.reason = self.reason, ""
        if status == place.REFUSED:
            self.has_served = False
        if self.stopping or not self.has_served:
            if reason:
                say(reason)
            return
        if self.replacing:
            self.replacing = False
            self.spawn()
            return
        delay = RESPAWN_DELAYS_SECONDS[min(self.failures, len(RESPAWN_DELAYS_SECONDS) - 1)]
        self.failures += 1
        if reason:
            self.said.say("start", f"{reason} Connections wait, and the server tries again.")
        else:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            self.said.say("death", f"the worker died ({how}); connections wait for the next one")
        signal.setitimer(signal.ITIMER_REAL, delay)

    def on_signal(self, number: int) -> None:
        """Stop, reload, or do what was put off until now."""
        if number == signal.SIGALRM:
            if self.worker is None:
                self.spawn()
            else:
                self.kill()
        elif number == signal.SIGHUP:
            if not self.stopping and self.worker is not None:
                self.replacing = True
                self.drain()
        elif self.stopping:
            self.kill()
        else:
            self.stopping = True
            self.drain()

    def drain(self) -> None:
        """Ask the worker to finish, and not for ever."""
        if self.worker is not None:
            self.worker.terminate()
            signal.setitimer(signal.ITIMER_REAL, self.settings.drain_seconds + KILL_AFTER_SECONDS)

    def kill(self) -> None:
        """End the worker without its consent."""
        if self.worker is not None:
            self.killed = True
            self.worker.kill()


def main(arguments: list[str]) -> int:
    """Serve until stopped; the exit status."""
    try:
        settings, accept_loss = _settings(arguments)
        folder = None if settings.keeps_nothing else Path(settings.data)
        is_first = folder is not None and not (folder / place.WORKSPACE).exists()
        lock = _own(folder) if folder is not None else None
        bound = _inherited() or _bind(settings)
    except (BadSettings, place.Taken) as error:
        say(str(error))
        return 1

    def announce() -> None:
        url = place.url_of(bound)
        if folder is not None:
            _write_address(folder / place.ADDRESS, url)
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more: no reason not to serve
            print(f"Threadline serves at {url}", flush=True)
            for other in addresses.elsewhere(bound):
                print(f"  and for other machines at {other}", flush=True)
            if is_first:
                print(import_module("threadline.cli.welcome").screen(settings.data), flush=True)
        if missing := addresses.advice(settings, bound):
            say(missing)

    try:
        return Supervisor(settings, bound, lock, announce, accept_loss=accept_loss).run()
    finally:
        if folder is not None:
            (folder / place.ADDRESS).unlink(missing_ok=True)


def say(text: str) -> None:
    """A line of the parent's own, on standard error."""
    print(f"threadline: {text}", file=sys.stderr, flush=True)


def _write_address(file: Path, url: str) -> None:
    try:
        place.write_private(file, {"url": url, "pid": os.getpid()})
    except OSError as error:
        say(
            f"{file} cannot be written ({error.strerror}): commands do not find the server by its data folder."
        )


def _own(folder: Path) -> int:
    try:
        return place.own(folder)
    except OSError as error:
        remedy = {
            errno.ENOSPC: "make room there",
            errno.EDQUOT: "raise the quota",
            errno.EROFS: "mount it writable, or choose another",
            errno.EACCES: "give this user the right to write there, or choose another",
            errno.EPERM: "give this user the right to write there, or choose another",
        }.get(error.errno or 0, "choose another")
        raise BadSettings(f"The data folder {folder} cannot be used: {error.strerror}: {remedy}.") from None


def _bind(settings: Settings) -> socket.socket:
    try:
        return place.listening(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        advice = {
            errno.EADDRINUSE: f"{where} is in use. Stop who listens there, or choose another --port: with make,"
            f" make run PORT={settings.port + 1}.",
            errno.EACCES: f"{where} is not yours to listen on. Choose a --port above 1023.",
        }
        raise BadSettings(
            advice.get(error.errno or 0, f"Cannot listen on {where}: {error.strerror}.")
        ) from None


def _settings(arguments: list[str]) -> tuple[Settings, bool]:
    """The settings, and whether a loss of data is accepted."""
    help_of = {row.name: row for row in TABLE}
    parser = argparse.ArgumentParser(
        prog="threadline serve",
        description="Start the server. Every other setting is an environment variable: see docs/settings.md.",
    )
    for name, kind in (("host", str), ("port", int), ("data", str)):
        row = help_of[name]
        parser.add_argument(f"--{name}", type=kind, help=f"{row.sentence} {row.env}, default {row.default}.")
    parser.add_argument(
        place.ACCEPT_LOSS,
        action="store_true",
        help="Start on what is there where the data folder holds less than it did: see docs/hosting.md.",
    )
    quiet = help_of["quiet"]
    parser.add_argument("--quiet", action="store_true", default=None, help=f"{quiet.sentence} {quiet.env}.")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    accept_loss = given.pop("accept_loss")
    return Settings.read(os.environ, **given), accept_loss


def _inherited() -> socket.socket | None:
    """The socket that systemd holds for us, if it does. Source: sd_listen_fds(3)."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=3)
    return None
