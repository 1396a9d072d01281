"""botocore as the oracle, over every operation of the three models: do we read what it writes, and it what we write?"""

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

from tests.wire.samples import Maker, milliseconds, seconds
from threadline.errors import Fault
from threadline.wire import restjson
from threadline.wire.model import MODELS, SERVICES, OperationModel, ServiceName, load

EXAMPLES = 4
ROUTER = restjson.Router()
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
    """What botocore puts on the wire: method, raw path, query string, headers, body."""
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


@every_operation
def test_every_refusal_arrives_with_its_code(operation: OperationModel) -> None:
    model = theirs(operation.service).operation_model(operation.name)
    assert {shape.error_code: shape.metadata["error"]["httpStatusCode"] for shape in model.error_shapes} == (
        operation.errors
    )
    for code, status in {**restjson.WIRE_FAULTS, **operation.errors}.items():
        fault = Fault(code, "Why: ☕.")
        assert restjson.expected(operation, fault)
        read, read_status = refused(operation, fault)
        assert (read["Code"], read["Message"], read_status) == (code, "Why: ☕.", status)


@every_operation
def test_a_mistake_of_ours_is_an_internal_error_that_tells_nothing(operation: OperationModel) -> None:
    fault = Fault("NoSuchException", "what nobody may see", rows=[1])
    assert not restjson.expected(operation, fault)
    read, status = refused(operation, fault)
    assert status == 500
    assert read["Code"] in {"InternalServiceException", "InternalServerException"} & set(operation.errors)
    assert "nobody" not in str(read)


def refused(operation: OperationModel | None, fault: Fault) -> tuple[dict[str, Any], int]:
    status, headers, body = restjson.fault_response(operation, fault)
    response = {
        "status_code": status,
        "headers": {name.decode(): value.decode() for name, value in headers},
        "body": body,
    }
    return create_parser("rest-json").parse(response, None)["Error"], status


@every_operation
def test_the_model_reads_as_botocore_reads_it(operation: OperationModel) -> None:
    model = theirs(operation.service).operation_model(operation.name)
    assert operation.method == model.http["method"]
    assert operation.uri == model.http["requestUri"]
    assert operation.input == (model.input_shape.name if model.input_shape else None)
    assert operation.output == (model.output_shape.name if model.output_shape else None)
    assert load(operation.service).signing_name == theirs(operation.service).signing_name


@every_operation
def test_wrong_requests_have_a_code_to_say_so(operation: OperationModel) -> None:
    assert operation.input is not None
    assert set(operation.errors) & {
        "InvalidRequestException",
        "InvalidParameterException",
        "ValidationException",
    }
    labels = {name[1:-1]: "%2" for name in operation.uri.split("/") if name.startswith("{")}
    shape = load(operation.service).shapes[operation.input]
    if labels or any("location" not in member for member in shape["members"].values()):
        with pytest.raises(Fault) as refusal:
            restjson.parse(operation, labels, b"", {b"x-amz-bearer": b"t"}, b"[1")
        assert operation.errors[refusal.value.code] == 400
