"""The client's requests and results equal botocore's, for the same parameters and replies."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import Session

from threadline.aws import model, restjson_client, sigv4
from threadline.aws.model import OperationModel, Shape, find_cached
from threadline.aws.names import MODELS, SERVICES, ServiceName
from threadline.awscli import inputs

KNOWN_TYPES = {
    "structure",
    "list",
    "map",
    "string",
    "integer",
    "long",
    "float",
    "double",
    "boolean",
    "timestamp",
}
WHEN = datetime(2026, 11, 22, 14, 26, 49, tzinfo=UTC)


def botocore_model(service: ServiceName) -> ServiceModel:
    session = Session()
    session.get_component("data_loader").search_paths.append(str(MODELS))
    return session.get_service_model(service)


def operations(service: ServiceName) -> Iterator[OperationModel]:
    for name in find_cached(service).operations:
        yield find_cached(service).operations[name]


def filled(shape: Shape, name: str = "", within: tuple[str, ...] = ()) -> Any:
    """A value with every member, and with awkward characters."""
    if shape.type == "structure":
        inside = (*within, shape.name)
        members = {key: m for key, m in shape.members.items() if m.name not in inside}
        if shape.traits.get("union"):
            members = dict(list(members.items())[:1])
        return {key: filled(member, key, inside) for key, member in members.items()}
    if shape.type == "list":
        inner = shape.member
        return [] if inner.name in within else [filled(inner, name, within)] * 2
    if shape.type == "map":
        return {} if shape.value.name in within else {"a key": filled(shape.value, name, within)}
    examples = {"timestamp": WHEN, "boolean": True, "integer": 7, "long": 8, "float": 1.5, "double": 2.5}
    return examples.get(shape.type, f"{name} é/+ :a?&=")


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_asked_as_botocore_asks(service: ServiceName) -> None:
    model = botocore_model(service)
    serializer = create_serializer(model.metadata["protocol"], include_validation=False)
    for operation in operations(service):
        parameters = filled(operation.input_shape) if operation.input_shape else {}
        theirs = serializer.serialize_to_request(parameters, model.operation_model(operation.name))
        ours = restjson_client.request(operation, parameters)
        split = urlsplit(theirs["url_path"])
        assert (ours.method, ours.path) == (theirs["method"], split.path), operation.name
        query = theirs["query_string"]
        pairs = [
            (key, str(item))
            for key, value in (query.items() if isinstance(query, dict) else query)
            for item in (value if isinstance(value, list) else [value])
        ]
        assert sorted(parse_qsl(ours.query, keep_blank_values=True)) == sorted(pairs), operation.name
        assert json.loads(ours.body or b"null") == json.loads(theirs["body"] or b"null"), operation.name
        headers = {name.lower(): value for name, value in ours.headers.items() if name != "Content-Type"}
        wanted = {name.lower(): value for name, value in theirs["headers"].items() if name != "Content-Type"}
        assert headers == wanted, operation.name


def sent(shape: Shape, value: Any) -> Any:
    """A reply's value as the service sends it."""
    if shape.type == "structure":
        return {(m.wire_name or key): sent(m, value[key]) for key, m in shape.members.items() if key in value}
    if shape.type == "list":
        return [sent(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: sent(shape.value, item) for key, item in value.items()}
    if shape.type == "timestamp":
        return "2026-11-22T14:26:49.834Z" if shape.traits.get("timestampFormat") else 1795357609.834
    return value


def printed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: printed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printed(item) for item in value]
    return value.astimezone().isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("service", SERVICES)
def test_every_reply_is_read_as_botocore_reads_it(service: ServiceName) -> None:
    model = botocore_model(service)
    parser = create_parser(model.metadata["protocol"])
    for operation in operations(service):
        if operation.output_shape is None:
            continue
        content = sent(operation.output_shape, filled(operation.output_shape)) | {"NobodyKnows": 1}
        body = json.dumps(content).encode()
        shape = model.operation_model(operation.name).output_shape
        theirs = parser.parse({"body": body, "headers": {}, "status_code": 200}, shape)
        del theirs["ResponseMetadata"]
        ours = restjson_client.result(operation, restjson_client.HttpReply(200, {}, body))
        assert ours == printed(theirs), operation.name
        assert list(ours) == list(theirs), operation.name


@pytest.mark.parametrize("service", SERVICES)
def test_the_models_hold_nothing_that_we_cannot_send(service: ServiceName) -> None:
    """A newer botocore may bring blobs, payloads or documents; then the client has to learn them."""
    shapes = model.load(service).shapes
    for operation in operations(service):
        for top in (operation.input_shape, operation.output_shape):
            if top is None:
                continue
            assert not {"payload", "streaming"} & set(top.traits), operation.name
            places = {member.location for member in top.members.values()}
            assert places <= (
                {None} if top is operation.output_shape else {None, "uri", "querystring", "header"}
            )
            for name in shapes.reachable(top.name):
                assert shapes[name]["type"] in KNOWN_TYPES, name
                assert not {"document", "jsonvalue", "eventstream"} & set(shapes[name]), name
        if rule := operation.paginator:
            assert (rule["input_token"], rule["output_token"]) == ("NextToken", "NextToken")
            assert isinstance(rule["result_key"], str)


@pytest.mark.parametrize("token", [None, "session"])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/contact/chat", ""),
        ("/a%20b/c%3Ad", "b=2&a=1&a=%20x"),
        ("/", "nextToken=%2F%2B%3D"),
        ("/base/x", "e="),
    ],
)
def test_signatures_are_botocores(
    path: str, query: str, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Host": "127.0.0.1:8080", "Content-Type": "application/json"}
    body = b'{"a": 1}'
    url = f"http://127.0.0.1:8080{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method="POST", url=url, headers=headers, data=body)
    signer = SigV4Auth(BotocoreCredentials("AKID", "secret", token), "connect", "us-east-1")
    signer.add_auth(request)
    ours = sigv4.sign(
        "POST", path, query, headers, body,
        sigv4.Credentials("AKID", "secret", token), "us-east-1", "connect", request.context["timestamp"],
    )  # fmt: skip
    assert ours["Authorization"] == request.headers["Authorization"]


def test_a_fresh_token_is_made_for_each_call() -> None:
    operation = find_cached("connect").operations["StartChatContact"]
    first, second = restjson_client.with_tokens(operation, {}), restjson_client.with_tokens(operation, {})
    assert first["ClientToken"] != second["ClientToken"]
    assert restjson_client.with_tokens(operation, {"ClientToken": "mine"}) == {"ClientToken": "mine"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (404, {"x-amzn-errortype": "GoneException"}, b'{"Message":"gone"}', ("GoneException", "gone")),
        (400, {"x-amzn-errortype": "A:http://b"}, b'{"message":"lower"}', ("A", "lower")),
        (400, {}, b'{"__type":"com.amazonaws#Foo","message":"m"}', ("Foo", "m")),
        (400, {}, b'{"code":"Bar"}', ("Bar", "")),
        (403, {}, b"<html>no</html>", ("403", "<html>no</html>")),
        (502, {}, b"", ("502", "")),
        (400, {}, b"[]", ("400", "")),
    ],
)  # fmt: skip
def test_errors_name_themselves_in_many_ways(
    status: int, headers: dict[str, str], body: bytes, error: tuple[str, str]
) -> None:
    operation = find_cached("connect").operations["DescribeContact"]
    assert restjson_client.error(operation, restjson_client.HttpReply(status, headers, body))[:2] == error


def test_an_error_keeps_the_members_of_its_shape() -> None:
    operation = find_cached("connect").operations["CreateContactFlow"]
    body = b'{"problems":[{"message":"one","more":1}],"message":"bad"}'
    headers = {"x-amzn-errortype": "InvalidContactFlowException"}
    fault = restjson_client.error(operation, restjson_client.HttpReply(400, headers, body))
    assert fault.members == {"problems": [{"message": "one"}]}


def test_service_names_are_those_of_the_wire() -> None:
    assert set(get_args(ServiceName)) == set(SERVICES)


def test_examples_are_valid_inputs() -> None:
    for operation in operations("connect"):
        if operation.input_shape:
            assert set(inputs.example(operation.input_shape)) == set(operation.input_shape.members)
