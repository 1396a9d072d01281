"""`threadline serve`: a small parent process that holds the listening socket, and a worker that serves on it.

The socket stays open while no worker runs, after a crash or during a reload: connections wait in its backlog instead of
being refused. SIGTERM and SIGINT drain and stop. SIGHUP drains and starts a new worker. The parent does nothing else,
so that little can make it fail.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from threadline import datadir
from threadline.clock import Limited
from threadline.config import Settings
from threadline.style import say

KILL_AFTER_SECONDS = 1.5
"""The time between the end of `drain_seconds` and the kill of a worker that still runs."""

RESPAWN_DELAYS_SECONDS = (0.001, 0.1, 0.5, 1.0, 2.0, 5.0)
"""The delay before the next worker, by the number of workers in a row that died before they served."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


class Supervisor:
    """One worker at a time on one listening socket.

    `announce` is called once the first one serves; `with_sign_in`, with a token for a browser, else with no text.
    """

    def __init__(
        self,
        settings: Settings,
        bound: socket.socket,
        lock: int | None,
        announce: Callable[[str], None],
        *,
        accept_loss: bool,
        with_sign_in: bool = False,
    ) -> None:
        self.settings = settings
        self.accept_loss = accept_loss
        self.with_sign_in = with_sign_in
        self.bound = bound
        self.lock = lock
        self.announce = announce
        self.worker: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None
        self.has_served = False
        self.reason = ""
        self.limited = Limited(say)
        self.failures = 0
        self.stopping = False
        self.replacing = False
        self.killed = False
        self.selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Keep a worker running until a signal stops the server. Returns the exit status."""
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
                    self.on_message(self.channel.recv(datadir.REASON_BYTES))
                if self.worker is None and (self.stopping or not self.has_served):
                    return 0 if self.stopping and not self.killed else 1

    def spawn(self) -> None:
        """Start a worker. It inherits the socket, the lock of the data folder and one end of a socket pair."""
        self.killed = False
        self.channel, theirs = socket.socketpair()
        self.selector.register(self.channel, selectors.EVENT_READ)
        fds = [self.bound.fileno(), theirs.fileno()]
        options = [datadir.ACCEPT_LOSS] if self.accept_loss else []
        if self.with_sign_in and not self.has_served:
            options.append(datadir.SIGN_IN)
        self.worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "threadline.processes.writer", *map(str, fds), *options],
            env=os.environ | self.settings.environment(),
            pass_fds=fds if self.lock is None else [*fds, self.lock],
            stdin=subprocess.DEVNULL,
            process_group=0,  # a terminal's ^C reaches only the parent, which drains the worker
        )
        theirs.close()

    def on_message(self, message: bytes) -> None:
        """Handle bytes of the worker: it serves, it gives the reason why it cannot, or (empty) it is gone."""
        if message.startswith(datadir.READY):
            self.on_ready(message.removeprefix(datadir.READY).strip().decode())
        elif message:
            self.reason = message.decode(errors="replace")
        else:
            self.on_death()

    def on_ready(self, token: str) -> None:
        """The worker serves. Announce the first one."""
        self.failures = 0
        self.accept_loss = False
        if not self.has_served:
            self.has_served = True
            self.announce(token)

    def on_death(self) -> None:
        """The worker is gone. Start the next one, at once or after a delay, unless the server stops."""
        if self.worker is None or self.channel is None:
            return
        self.selector.unregister(self.channel)
        self.channel.close()
        self.channel = None
        status = self.worker.wait()
        self.worker = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        reason, self.reason = self.reason, ""
        if status == datadir.REFUSED:
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
            self.limited.say("start", f"{reason} Connections wait, and the server tries again.")
        else:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            self.limited.say("death", f"the worker died ({how}); connections wait for the next one")
        signal.setitimer(signal.ITIMER_REAL, delay)

    def on_signal(self, number: int) -> None:
        """Stop or reload; for SIGALRM, start the delayed worker or kill the one that did not drain in time."""
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
        """Ask the worker to finish, and set the alarm that kills it if it does not."""
        if self.worker is not None:
            self.worker.terminate()
            signal.setitimer(signal.ITIMER_REAL, self.settings.drain_seconds + KILL_AFTER_SECONDS)

    def kill(self) -> None:
        """Kill the worker."""
        if self.worker is not None:
            self.killed = True
            self.worker.kill()
