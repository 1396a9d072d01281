"""The models: read without botocore, with botocore's names; Threadline's own can be loaded by boto3."""

import subprocess
import sys
from html.parser import HTMLParser

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import EndpointResolutionError

from threadline.aws.model import load
from threadline.aws.names import MODELS, SERVICES, snake
from threadline.aws.router import Router
from threadline.errors import Fault

ROUTER = Router()


def test_names_in_python_are_botocores() -> None:
    for service in map(load, SERVICES):
        members = {member for shape in service.shapes.values() for member in shape.get("members", {})}
        for name in {*service.operations, *members}:
            assert snake(name) == xform_name(name)


def test_the_models_are_read_without_botocore() -> None:
    code = (
        "import sys; from threadline.aws import restjson, router, sigv4; router.Router()\n"
        "sys.exit(bool({'botocore', 'regex', 'hypothesis'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("method", "path", "name", "labels"),
    [
        ("PUT", "/contact/chat", "StartChatContact", {}),
        ("GET", "/contacts/arn%3Aaws%2Fx/c", "DescribeContact", {"InstanceId": "arn%3Aaws%2Fx", "ContactId": "c"}),
        ("GET", "/contacts//", "DescribeContact", {"InstanceId": "", "ContactId": ""}),
        ("GET", "/instance", "ListInstances", {}),
        ("GET", "/instance/i", "DescribeInstance", {"InstanceId": "i"}),
        ("POST", "/participant/message", "SendMessage", {}),
        ("GET", "/threadline/lineage/i/c", "DescribeLineage", {"InstanceId": "i", "ContactId": "c"}),
    ],
)  # fmt: skip
def test_a_path_means_an_operation(method: str, path: str, name: str, labels: dict[str, str]) -> None:
    found, found_labels = ROUTER.route(method, path)
    assert (found.name, found_labels) == (name, labels)


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/contact/chat", "No operation at GET /contact/chat; that path takes PUT (StartChatContact)."),
        ("PUT", "/contact/chat/", "No operation at PUT /contact/chat/ in connect, connectparticipant or threadline."),
        ("PUT", "contact/chat", "No operation at PUT contact/chat in connect, connectparticipant or threadline."),
        ("GET", "/contacts/../c", "No operation at GET /contacts/../c in connect, connectparticipant or threadline."),
        ("GET", "", "No operation at GET  in connect, connectparticipant or threadline."),
        ("GET", "/", "No operation at GET / in connect, connectparticipant or threadline."),
        ("GET", "/\xff\n", "No operation at GET /\\xff\\n in connect, connectparticipant or threadline."),
        ("X" * 99, "/" * 999, f"No operation at XXXXXXXXXX {'/' * 100} in connect, connectparticipant or threadline."),
    ],
)  # fmt: skip
def test_a_path_that_means_nothing(method: str, path: str, message: str) -> None:
    with pytest.raises(Fault) as refused:
        ROUTER.route(method, path)
    assert (refused.value.code, refused.value.message) == ("UnknownOperationException", message)


def test_no_two_operations_share_a_path() -> None:
    for service in map(load, SERVICES):
        for operation in service.operations.values():
            path = "/".join("x" if part.startswith("{") else part for part in operation.uri.split("/"))
            assert ROUTER.route(operation.method, path)[0] is operation


@pytest.fixture
def boto3_session(monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
    monkeypatch.setenv("AWS_DATA_PATH", str(MODELS))
    return boto3.session.Session("key", "secret", region_name="us-east-1")


def test_boto3_loads_our_model(boto3_session: boto3.session.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_THREADLINE", "http://127.0.0.1:8080")
    client = boto3_session.client("threadline")
    assert client.meta.endpoint_url == "http://127.0.0.1:8080"
    assert client.meta.service_model.signing_name == "connect"
    assert client.can_paginate("describe_lineage")
    assert issubclass(client.exceptions.ResourceNotFoundException, client.exceptions.ClientError)


def test_without_an_endpoint_boto3_says_what_to_set(boto3_session: boto3.session.Session) -> None:
    client = boto3_session.client("threadline")
    with pytest.raises(EndpointResolutionError, match="AWS_ENDPOINT_URL_THREADLINE"):
        client.accept_contact(InstanceId="i", ContactId="c", UserId="u")


def test_our_model_explains_itself() -> None:
    service = load("threadline")
    texts = [service.documentation, *(operation.documentation for operation in service.operations.values())]
    for name, shape in service.shapes.items():
        assert shape["type"] != "structure" or "members" in shape, name
        for member, reference in shape.get("members", {}).items():
            assert reference.get("documentation"), f"{name}.{member}"
            texts.append(reference["documentation"])
    for text in texts:
        assert Balanced(text).open == [], text


def test_our_model_uses_what_it_has() -> None:
    service = load("threadline")
    used = set()
    for operation in service.operations.values():
        for name in (operation.input, operation.output, *operation.errors):
            used |= service.shapes.reachable(name) if name else set()
    assert used == set(service.shapes)


class Balanced(HTMLParser):
    """Whether every tag that a text opens is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert text.startswith("<p>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_no_model_asks_for_more_than_we_do() -> None:
    """No model uses these parts of REST-JSON, so the package does not read or write them."""
    for service in map(load, SERVICES):
        for shape in service.shapes.values():
            assert shape["type"] != "blob"
            assert not {"payload", "document", "eventstream", "flattened"} & set(shape)
            for member in shape.get("members", {}).values():
                assert member.get("location", "body") in {"body", "uri", "querystring", "header"}
                assert "location" in member or "locationName" not in member
        for operation in service.operations.values():
            output = service.shapes[operation.output] if operation.output else {"members": {}}
            assert all("location" not in member for member in output["members"].values())
            assert "+}" not in operation.uri
