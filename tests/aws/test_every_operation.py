"""Every operation of the three models, with botocore as the oracle: each reads what the other writes."""

import json
from functools import cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import xform_name
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from tests.aws.samples import Maker, milliseconds, seconds
from threadline.aws import faults, restjson
from threadline.aws.model import OperationModel, load
from threadline.aws.names import MODELS, SERVICES, ServiceName
from threadline.aws.router import Router
from threadline.errors import Fault

EXAMPLES = 4
ROUTER = Router()
EVERY_OPERATION = [operation for service in SERVICES for operation in load(service).operations.values()]
every_operation = pytest.mark.parametrize(
    "operation", EVERY_OPERATION, ids=lambda operation: f"{operation.service}-{operation.name}"
)


@cache
def theirs(service: ServiceName) -> ServiceModel:
    loader = Loader(extra_search_paths=[str(MODELS)])
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def sent(
    operation: OperationModel, arguments: dict[str, Any]
) -> tuple[str, str, bytes, dict[bytes, bytes], bytes]:
    """A request as botocore sends it: method, raw path, query string, headers, body."""
    model = theirs(operation.service).operation_model(operation.name)
    request_dict = create_serializer("rest-json", include_validation=True).serialize_to_request(
        arguments, model
    )
    prepare_request_dict(request_dict, "http://127.0.0.1:8080")
    request = create_request_object(request_dict).prepare()
    url = urlsplit(request.url)
    headers = {
        name.lower().encode(): value.encode() if isinstance(value, str) else value
        for name, value in request.headers.items()
    }
    return request.method, url.path, url.query.encode(), headers, request.body or b""


@every_operation
def test_what_botocore_sends_is_what_we_read(operation: OperationModel) -> None:
    assert operation.input is not None
    shapes = load(operation.service).shapes
    for seed in range(EXAMPLES):
        arguments = Maker(shapes, Random(seed), time=seconds, everything=seed == 0).make(operation.input)
        expected = Maker(shapes, Random(seed), time=expected_time, everything=seed == 0).make(operation.input)
        method, path, query, headers, body = sent(operation, arguments)
        found, labels = ROUTER.route(method, path)
        assert found is operation
        read = restjson.parse(operation, labels, query, headers, body)
        assert read == {xform_name(name): value for name, value in expected.items()}


def expected_time(ms: int, kind: str) -> Any:
    return ms if kind == "timestamp" else seconds(ms, kind)


@every_operation
def test_what_we_send_is_what_botocore_reads(operation: OperationModel) -> None:
    shapes = load(operation.service).shapes
    model = theirs(operation.service).operation_model(operation.name)
    for seed in range(EXAMPLES):
        reply, expected = {}, {}
        if operation.output:
            reply = Maker(shapes, Random(seed), time=milliseconds, everything=seed == 0).make(
                operation.output
            )
            expected = Maker(shapes, Random(seed), time=seconds, everything=seed == 0).make(operation.output)
        response = {"status_code": 200, "headers": {}, "body": restjson.serialise(operation, reply)}
        read = create_parser("rest-json").parse(response, model.output_shape)
        read.pop("ResponseMetadata", None)
        assert read == expected


def test_every_refusal_arrives_with_its_code() -> None:
    """Also the faults that the model lists for other operations only, as an older model does."""
    for operation in EVERY_OPERATION:
        for code, status in {**faults.PROTOCOL_FAULTS, **operation.statuses}.items():
            fault = Fault(code, "Why: ☕.")
            assert faults.expected(operation, fault)
            read, read_status = refused(operation, fault)
            assert (read["Code"], read["Message"], read_status) == (code, "Why: ☕.", status), operation


def test_a_refusal_may_have_members_of_its_own() -> None:
    operation = load("connect").operations["CreateContactFlow"]
    fault = Fault("InvalidContactFlowException", "It is wrong.", problems=[{"message": "No StartAction."}])
    _, _, body = faults.fault_response(operation, fault)
    assert json.loads(body) == {
        "message": "It is wrong.",
        "Message": "It is wrong.",
        "problems": [{"message": "No StartAction."}],
    }


def test_a_mistake_of_ours_is_an_internal_error_that_tells_nothing() -> None:
    fault = Fault("NoSuchException", "what nobody may see", rows=[1])
    for operation in [*EVERY_OPERATION, None]:
        assert not faults.expected(operation, fault)
        read, status = refused(operation, fault)
        assert status == 500
        assert read["Code"] in {"InternalServiceException", "InternalServerException"}
        assert operation is None or read["Code"] in operation.errors, operation
        assert "nobody" not in str(read)


def refused(operation: OperationModel | None, fault: Fault) -> tuple[dict[str, Any], int]:
    status, headers, body = faults.fault_response(operation, fault)
    response = {
        "status_code": status,
        "headers": {name.decode(): value.decode() for name, value in headers},
        "body": body,
    }
    return create_parser("rest-json").parse(response, None)["Error"], status


def test_the_model_reads_as_botocore_reads_it() -> None:
    for operation in EVERY_OPERATION:
        service = theirs(operation.service)
        model = service.operation_model(operation.name)
        assert (operation.method, operation.uri) == (model.http["method"], model.http["requestUri"])
        assert operation.input == (model.input_shape.name if model.input_shape else None)
        assert operation.output == (model.output_shape.name if model.output_shape else None)
        assert load(operation.service).signing_name == service.signing_name
        statuses = {
            shape.error_code: shape.metadata["error"]["httpStatusCode"] for shape in model.error_shapes
        }
        assert operation.errors == statuses


def test_every_operation_has_a_code_for_wrong_requests() -> None:
    for operation in EVERY_OPERATION:
        labels = {name[1:-1]: "%2" for name in operation.uri.split("/") if name.startswith("{")}
        shape = load(operation.service).shapes[operation.input or ""]
        if labels or any("location" not in member for member in shape["members"].values()):
            with pytest.raises(Fault) as refusal:
                restjson.parse(operation, labels, b"", {b"x-amz-bearer": b"t"}, b"[1")
            assert operation.errors[refusal.value.code] == 400


def test_members_that_are_none_are_dropped_at_any_depth() -> None:
    operation = load("connectparticipant").operations["GetTranscript"]
    item = {"Id": "i", "Content": ":null", "AbsoluteTime": None, "Attachments": [{"AttachmentId": None}]}
    body = restjson.serialise(operation, {"InitialContactId": None, "Transcript": [item], "NextToken": ""})
    assert json.loads(body) == {
        "Transcript": [{"Id": "i", "Content": ":null", "Attachments": [{}]}],
        "NextToken": "",
    }


def test_times_leave_as_each_service_writes_them() -> None:
    contact = load("connect").operations["DescribeContact"]
    body = restjson.serialise(contact, {"Contact": {"InitiationTimestamp": 1_795_357_609_834}})
    assert body == b'{"Contact":{"InitiationTimestamp":1795357609.834}}'
    message = load("connectparticipant").operations["SendMessage"]
    body = restjson.serialise(message, {"AbsoluteTime": 1_795_357_609_034, "Id": "i"})
    assert body == b'{"AbsoluteTime":"2026-11-22T14:26:49.034Z","Id":"i"}'


def test_an_operation_without_output_has_no_body() -> None:
    operation = load("connect").operations["TagResource"]
    assert operation.output is None
    assert restjson.serialise(operation, {}) == b""
