"""`threadline exec -- COMMAND`: runs a command beside a server of its own, and passes its exit status on.

The server runs in this process, in memory and on a free port of this machine, so it ends with it, however it ends.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack

from threadline.cli import connection_options
from threadline.cli.demo import Play, silent
from threadline.cli.destination import of
from threadline.cli.own_server import own_server
from threadline.cli.postgres import temporary_postgres
from threadline.client.client import Client
from threadline.client.environment import UNSET, variables
from threadline.client.failures import BadArguments, Failure
from threadline.client.transport import TransportOptions
from threadline.config import PREFIX, BadSettings, Settings
from threadline.style import say

NOT_INHERITED = tuple(
    f"{PREFIX}{name}"
    for name in (
        "HOST",
        "PORT",
        "DATA",
        "STORE",
        "BUS",
        "PUBLIC_URL",
        "METRICS_ADDRESS",
        "FRONTEND_PROCESSES",
    )
)
"""Settings of the environment that are for a server which others call; all others count for this one."""

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
WATCHED = (*PASSED_ON, signal.SIGCHLD)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that every program of Python ignores, and that the command is to find as usual."""

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128
"""Exit statuses of a command that cannot be run, or was ended by a signal (with its number). Source: POSIX, sh."""


def main(arguments: list[str]) -> int:
    """Run the command. Returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="threadline exec",
        usage="threadline exec [options] [--] COMMAND [ARGUMENT ...]",
        description="Run a command beside a server of its own, and pass its exit status on. The server keeps nothing "
        "and ends with the command. Every AWS client that the command starts calls it, as after "
        '`eval "$(threadline env)"`. Settings of the environment (docs/settings.md) count.',
    )
    parser.add_argument(
        "--seed",
        choices=("past",),
        help="past: play a chat that has ended first; its contacts are THREADLINE_PAST_C1, _C2 and _C3",
    )
    parser.add_argument(
        "--test-controls",
        action="store_true",
        help="let the command move the server's clock, order failures and begin anew",
    )
    parser.add_argument("--postgres", action="store_true", help="keep the chats in a PostgreSQL of its own")
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command

    def run() -> int:
        if not command:
            raise BadArguments("Say which command: threadline exec -- npm test")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)  # the threads of the server inherit it
        with ExitStack() as closing:
            environment = _served(options, closing)
            if pending := signal.sigpending().intersection(PASSED_ON):
                return BY_SIGNAL + int(min(pending))
            return _run(command, environment, before)

    return connection_options.reported(run)


def _served(options: argparse.Namespace, closing: ExitStack) -> dict[str, str]:
    """Start the server, which `closing` stops. Returns the environment of a command beside it."""
    known = {name: text for name, text in os.environ.items() if name not in NOT_INHERITED}
    store = closing.enter_context(temporary_postgres()) if options.postgres else ""
    own: dict[str, bool | int | str] = {"port": 0, "data": ":memory:", "store": store, "quiet": True}
    if options.test_controls:
        own["test_controls"] = True
    try:
        settings = Settings.read({f"{PREFIX}LOG_LEVEL": "error", **known}, **own)
    except BadSettings as error:
        raise Failure(str(error)) from error
    local = closing.enter_context(own_server(settings))
    environment = {name: text for name, text in known.items() if name not in UNSET}
    environment |= variables(local, environment=os.environ)
    if options.seed:
        with Client(of(local, "exec"), TransportOptions(proxied=False)) as client:
            past = Play(client, local.ids["instance_id"], silent).past_chat()
        environment |= {f"{PREFIX}PAST_{name}": contact_id for name, contact_id in past.items()}
    return environment


def _run(command: list[str], environment: Mapping[str, str], mask: set[int | signal.Signals]) -> int:
    """Run `command` with our standard streams and the signal mask `mask`, and pass on the signals we are sent."""
    try:
        pid = os.posix_spawnp(command[0], command, environment, setsigmask=mask, setsigdef=IGNORED_BY_PYTHON)
    except FileNotFoundError:
        say(f"There is no command {command[0]!r}.")
        return NOT_FOUND
    except OSError as error:
        say(f"{command[0]!r} cannot be run: {error.strerror}.")
        return NOT_EXECUTABLE
    while True:
        number, is_ours_alone = _next_signal()
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else BY_SIGNAL - code
        if is_ours_alone and number != signal.SIGCHLD:
            os.kill(pid, number)


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal. Returns its number, and whether only this process was sent it.

    A terminal sends its signals (Ctrl-C) to the command too, which must not get them twice.
    """
    if hasattr(signal, "sigwaitinfo"):  # macOS has none
        info = signal.sigwaitinfo(WATCHED)
        return info.si_signo, info.si_code <= 0  # above 0 the kernel sent it. Source: sigaction(2)
    return signal.sigwait(WATCHED), not sys.stdin.isatty()
