"""`threadline env`: prints lines for a shell that point AWS clients at the local server.

eval "$(threadline env)"
"""

import os
import select
import sys
from http import HTTPStatus
from urllib.parse import urlsplit

from threadline.cli import connection_options
from threadline.cli.shells import CANNOT_UNSET, EMPTIABLE, FORMATS
from threadline.client.environment import UNSET, variables
from threadline.client.failures import BadConfiguration, Failure
from threadline.client.session import ClientSession, LocalServer, not_answering
from threadline.client.transport import Transport, TransportOptions, Unreachable
from threadline.clock import monotonic
from threadline.style import say

WAIT_SECONDS = 30
ANSWER_SECONDS = 2.0
"""A server that takes longer is starting: its socket listens before its process serves."""

POLL_SECONDS = 0.05


def main(arguments: list[str]) -> int:
    """Print the lines. Fails when no server answers."""
    parser = connection_options.parser(
        "env",
        "Print lines for a shell that point every AWS client, and the commands of threadline, at the local server: "
        'eval "$(threadline env)". It also unsets tokens and profiles of other accounts, '
        "and excludes the server from proxies. It fails when the server does not answer.",
        calls=False,
    )
    parser.add_argument(
        "--data", metavar="DIR", help="data folder of the server (THREADLINE_DATA, ./data), or :memory:"
    )
    parser.add_argument(
        "--port", type=int, metavar="P", help="port of the server (the one it last listened on)"
    )
    parser.add_argument(
        "--wait",
        type=int,
        nargs="?",
        const=WAIT_SECONDS,
        default=0,
        metavar="SECONDS",
        help=f"wait for a server that is about to answer, {WAIT_SECONDS} seconds at most unless given",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="export",
        help="export: POSIX shells; fish, powershell: other shells; github: for the file $GITHUB_ENV; "
        "dotenv: a file .env; json: one object of texts",
    )
    options = parser.parse_args(arguments)

    def run() -> int:
        server = _answering(options.data, options.port, options.wait)
        _warn_of_profiles(options.format)
        sys.stdout.write(FORMATS[options.format](variables(server, os.environ), UNSET))
        return 0

    return connection_options.reported(run)


def _answering(data: str | None, port: int | None, wait_seconds: int) -> LocalServer:
    """The server of the data folder, once it answers. Raises Failure when it does not within `wait_seconds`."""
    deadline = monotonic() + wait_seconds
    while True:
        try:
            return _answering_now(data, port)
        except Failure:
            if monotonic() >= deadline:
                raise
        select.select([], [], [], POLL_SECONDS)


def _answering_now(data: str | None, port: int | None) -> LocalServer:
    session = ClientSession(environment=os.environ, data=data)
    server = session.local_server
    if server is None:
        raise BadConfiguration(session.no_server())
    if port:
        host = urlsplit(server.url).hostname or ""
        server = server._replace(url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    options = TransportOptions(connect_seconds=ANSWER_SECONDS, read_seconds=ANSWER_SECONDS, proxied=False)
    transport = Transport(server.url, options)
    try:
        reply = transport.send("GET", "/health", {"Host": transport.host}, b"")
    except Unreachable:
        raise Failure(not_answering(server.url, session.data_folder)) from None
    except Failure:
        raise Failure(f"The server at {server.url} does not answer yet: threadline env --wait") from None
    finally:
        transport.close()
    if reply.status != HTTPStatus.OK:
        raise Failure(f"The server at {server.url} answers /health with status {reply.status}.")
    return server


def _warn_of_profiles(form: str) -> None:
    """Warn on standard error of profiles that would be used instead of our key, and that `form` cannot unset."""
    stray = [name for name in UNSET if name not in EMPTIABLE and os.environ.get(name)]
    if stray and form in CANNOT_UNSET:
        names = " and ".join(stray)
        say(f"{names} is set, and the format {form} cannot unset it: do so where the variables are used.")
