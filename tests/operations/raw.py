"""Requests that no SDK would send, signed or with a bearer token as an SDK would."""

import json
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.http.raw import Answer, ask
from threadline.testing import Person, Workspace


class Refusal(NamedTuple):
    """A response: the HTTP status, the error code (empty for none) and its message."""

    status: int
    code: str
    message: str


def signed(workspace: Workspace, method: str, path: str, body: bytes = b"", **headers: str) -> Refusal:
    """A request of these bytes, signed by the workspace's key. `path` is percent-encoded already."""
    return told(ask(workspace.url, method, path, body, **signature(workspace, method, path, body) | headers))


def signature(workspace: Workspace, method: str, path: str, body: bytes) -> dict[str, str]:
    """The headers that sign a request to `localhost` by the workspace's key."""
    request = AWSRequest(method, f"http://localhost{path}", data=body)
    key = Credentials(workspace.env["AWS_ACCESS_KEY_ID"], workspace.env["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "connect", "us-east-1").add_auth(request)
    return {"x_amz_date": request.headers["X-Amz-Date"], "authorization": request.headers["Authorization"]}


def borne(participant: Person, path: str, body: bytes = b"{}", **headers: str) -> Refusal:
    """A request of these bytes with the participant's connection token."""
    sent = {"x_amz_bearer": participant.connection_token, "content_type": "application/json"}
    return told(ask(participant.workspace.url, "POST", f"/participant/{path}", body, **sent | headers))


def told(answer: Answer) -> Refusal:
    if answer.status == 200:
        return Refusal(200, "", "")
    body: dict[str, Any] = json.loads(answer.body)
    assert body["message"] == body["Message"]
    return Refusal(answer.status, answer.error, body["message"])
