"""`threadline env`: lines for a shell that point AWS clients at the local server.

eval "$(threadline env)"
"""

import os
import shlex
from urllib.parse import urlsplit

from threadline.cli import local
from threadline.cli.endpoint import Surroundings, Workspace
from threadline.cli.failures import BadConfiguration


def main(arguments: list[str]) -> int:
    """Print the lines; fails when the data folder has no workspace yet."""
    parser = local.parser("env", "Print `export NAME=value` lines for a shell.", calls=False)
    parser.add_argument("--data", metavar="DIR", help="data folder of the server (./data)")
    parser.add_argument("--port", type=int, metavar="P", help="port of the server (where it last served)")
    options = parser.parse_args(arguments)

    def run() -> int:
        surroundings = Surroundings(environment=os.environ, data=options.data)
        if surroundings.workspace is None:
            raise BadConfiguration(surroundings.no_server())
        for name, value in variables(surroundings.workspace, options.port).items():
            print(f"export {name}={shlex.quote(value)}")
        return 0

    return local.reported(run)


def variables(workspace: Workspace, port: int | None = None) -> dict[str, str]:
    """The environment of a client of `workspace`; `port` replaces the one it last served on."""
    url = f"http://{urlsplit(workspace.url).hostname}:{port}" if port else workspace.url
    ids = workspace.ids
    return {
        "AWS_ENDPOINT_URL_CONNECT": url,
        "AWS_ENDPOINT_URL_CONNECTPARTICIPANT": url,
        "AWS_ENDPOINT_URL_THREADLINE": url,
        "AWS_ACCESS_KEY_ID": ids["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ids["secret_access_key"],
        "AWS_DEFAULT_REGION": workspace.region,
        "AWS_REGION": workspace.region,  # all that the SDK for JavaScript looks at
        "THREADLINE_INSTANCE_ID": ids["instance_id"],
        "THREADLINE_CONTACT_FLOW_ID": ids["contact_flow_id"],
        "THREADLINE_SURVEY_FLOW_ID": ids["survey_flow_id"],
        "THREADLINE_QUEUE_ID": ids["queue_id"],
        "THREADLINE_AGENT_A1": ids["agents"]["a1"],
        "THREADLINE_AGENT_A2": ids["agents"]["a2"],
    }
