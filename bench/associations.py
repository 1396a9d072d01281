"""Chats continued: signed requests made ahead, and the workspace they are for."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import gmtime, strftime
from typing import Any

from bench.http import request
from bench.servers import Server
from threadline.aws.sigv4 import Credentials, sign
from threadline.testing.workspace import Workspace


def environment(data: Path, port: int) -> dict[str, str]:
    """Return the variables that `threadline env` prints."""
    command = [sys.executable, "-m", "threadline", "env", "--data", str(data), "--port", str(port)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [
        word for line in printed.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]
    ]
    return dict(word.split("=", 1) for word in words)


def workspace_of(data: Path, server: Server) -> Workspace:
    """The workspace in the data folder of a running server."""
    return Workspace(f"http://127.0.0.1:{server.port}", environment(data, server.port))


def signed_post(
    workspace: Workspace, port: int, service: str, path: str, members: Mapping[str, Any]
) -> bytes:
    """A signed request of one of the services with JSON for its members."""
    credentials = Credentials(workspace.env["AWS_ACCESS_KEY_ID"], workspace.env["AWS_SECRET_ACCESS_KEY"])
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime())
    body = json.dumps(members).encode()
    host = {"Host": f"127.0.0.1:{port}"}
    headers = sign("POST", path, "", host, body, credentials, "us-east-1", service, stamp)
    return request("POST", path, port, body, {n: v for n, v in headers.items() if n != "Host"})


def associations(
    workspace: Workspace, port: int, fresh: Sequence[str], sources: Sequence[str]
) -> list[bytes]:
    """One signed CreatePersistentContactAssociation for each `fresh` chat's contact, with the sources in turn."""
    return [
        signed_post(
            workspace,
            port,
            "connect",
            f"/contact/persistent-contact-association/{workspace.instance_id}/{contact_id}",
            {"RehydrationType": "FROM_SEGMENT", "SourceContactId": sources[number % len(sources)]},
        )
        for number, contact_id in enumerate(fresh)
    ]
