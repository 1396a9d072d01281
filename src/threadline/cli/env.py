"""`threadline env`: prints lines for a shell that point AWS clients at the local server.

eval "$(threadline env)"
"""

import os
import select
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from threadline.aws.names import MODELS
from threadline.cli import connection_options
from threadline.cli.shells import CANNOT_UNSET, EMPTIABLE, FORMATS
from threadline.client.failures import BadConfiguration, Failure
from threadline.client.session import ClientSession, LocalServer, not_answering
from threadline.client.transport import Transport, TransportOptions, Unreachable
from threadline.clock import monotonic

UNSET = (
    "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
)  # fmt: skip
"""Variables of an SSO shell or a CI role that would be sent with our key, or used instead of it.

Roles, containers and web identities (AWS_ROLE_ARN, AWS_CONTAINER_CREDENTIALS_*, AWS_WEB_IDENTITY_TOKEN_FILE) may
stay: SDKs look for a key in the environment first.
"""
WAIT_SECONDS = 30
ANSWER_SECONDS = 2.0
"""A server that takes longer is starting: its socket listens before its process serves."""

POLL_SECONDS = 0.05
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


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
        sys.stderr.write(
            f"threadline: {names} is set, and the format {form} cannot unset it: do so where the variables are used.\n"
        )


def variables(workspace: LocalServer, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a client of `workspace` needs; lists such as NO_PROXY keep the entries of `environment`.

    The caller unsets those in `UNSET`.
    """
    known = environment or {}
    url = workspace.url
    host = urlsplit(url).hostname or ""
    ids = workspace.ids
    key, secret = ids["access_key_id"], ids["secret_access_key"]
    return {
        "AWS_ENDPOINT_URL_CONNECT": url,
        "AWS_ENDPOINT_URL_CONNECTPARTICIPANT": url,
        "AWS_ENDPOINT_URL_THREADLINE": url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_USE_FIPS_ENDPOINT": "false",  # SDKs refuse an own endpoint with this or the next
        "AWS_USE_DUALSTACK_ENDPOINT": "false",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": workspace.region,
        "AWS_REGION": workspace.region,  # the SDK for JavaScript reads only this one
        "AWS_DATA_PATH": _joined(os.pathsep, (str(MODELS),), known.get("AWS_DATA_PATH", "")),
        **_no_proxy(host, known),
        "THREADLINE_URL": url,
        "THREADLINE_ACCESS_KEY_ID": key,
        "THREADLINE_SECRET_ACCESS_KEY": secret,
        "THREADLINE_REGION": workspace.region,
        "THREADLINE_INSTANCE_ID": ids["instance_id"],
        "THREADLINE_CONTACT_FLOW_ID": ids["contact_flow_id"],
        "THREADLINE_SURVEY_FLOW_ID": ids["survey_flow_id"],
        "THREADLINE_QUEUE_ID": ids["queue_id"],
        "THREADLINE_AGENT_A1": ids["agents"]["a1"],
        "THREADLINE_AGENT_A2": ids["agents"]["a2"],
    }


def _no_proxy(host: str, known: Mapping[str, str]) -> dict[str, str]:
    """Both spellings, since some clients read only one, with the hosts that they already had."""
    ours = dict.fromkeys((*THIS_MACHINE, "[::1]", f"[{host}]" if ":" in host else host))
    upper, lower = known.get("NO_PROXY", ""), known.get("no_proxy", "")
    return {
        "NO_PROXY": _joined(",", ours, upper or lower),
        "no_proxy": _joined(",", ours, lower or upper),
    }


def _joined(separator: str, ours: Iterable[str], theirs: str) -> str:
    """One list of `ours`, then the words of `theirs` that are not among them."""
    words = [word.strip() for word in theirs.split(separator)]
    return separator.join(dict.fromkeys([*ours, *filter(None, words)]))
