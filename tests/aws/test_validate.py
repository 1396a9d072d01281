"""The fast check and the one with sentences agree, and the sentences help a person."""

import json
from contextlib import suppress
from functools import cache, partial
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aws.samples import Maker, has_null, milliseconds, spoil
from threadline.aws import restjson
from threadline.aws.model import OperationModel, Shapes, Traits, load
from threadline.aws.names import SERVICES, snake
from threadline.aws.validate import Invalid, JsonPath, check, check_structure, members_of, native
from threadline.errors import Fault

HOT = [
    "StartChatContact", "StopContact", "CreateParticipantConnection",
    "SendMessage", "SendEvent", "GetTranscript", "DisconnectParticipant", "UpdateContactAttributes",
    "AcceptContact", "TransferChat", "CreatePersistentContactAssociation",
]  # fmt: skip


def operation_named(name: str) -> OperationModel:
    return next(
        found for service in SERVICES for key, found in load(service).operations.items() if key == name
    )


def body_of(operation: OperationModel) -> tuple[Shapes, Traits]:
    shapes = load(operation.service).shapes
    assert operation.input is not None
    return shapes, members_of(shapes[operation.input], location=None)


@cache
def checked_quickly() -> list[tuple[Shapes, Traits, Any]]:
    """Every operation's body that the fast check can express: the model's shapes, the body's structure, its type."""
    bodies = [body_of(operation) for service in SERVICES for operation in load(service).operations.values()]
    return [(*body, kind) for body in bodies if body[1]["members"] and (kind := native(*body)) is not None]


@pytest.mark.parametrize("name", HOT)
def test_busy_operations_are_checked_quickly(name: str) -> None:
    assert native(*body_of(operation_named(name))) is not None


def test_most_operations_are_checked_quickly() -> None:
    assert len(checked_quickly()) > 100


@settings(max_examples=1_500, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_quick_and_in_words_agree(which: int, seed: int) -> None:
    shapes, structure, kind = checked_quickly()[which % len(checked_quickly())]
    random = Random(seed)
    value: Any = Maker(shapes, random, time=milliseconds, everything=random.random() < 0.3).structure(
        structure
    )
    for _ in range(random.randrange(3)):
        value = spoil(value, random)
    try:
        quick: Any = msgspec.json.decode(json.dumps(value), type=kind)
    except msgspec.ValidationError as error:
        quick = error
    try:
        slow: Any = check_structure(shapes, structure, value, JsonPath(""))
    except Invalid as invalid:
        slow = invalid
    if isinstance(quick, msgspec.ValidationError):
        assert isinstance(slow, Invalid) or has_null(value), (quick, value)
    else:
        assert quick == slow


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_whatever_is_sent_is_read_or_refused(which: int, seed: int) -> None:
    operations = [operation for service in SERVICES for operation in load(service).operations.values()]
    operation = operations[which % len(operations)]
    shapes, structure = body_of(operation)
    random = Random(seed)
    body = json.dumps(
        spoil(Maker(shapes, random, time=milliseconds, everything=True).structure(structure), random)
    ).encode()
    if random.random() < 0.5:
        at = random.randrange(len(body))
        body = body[:at] + random.randbytes(random.randrange(3)) + body[at + 1 :]
    labels = {
        segment[1:-1]: random.choice(["x", "", "%", "%zz", "%ff", "ÿ", "7", "-", "9" * 400, "%2F..%2F"])
        for segment in operation.uri.split("/")
        if segment.startswith("{")
    }
    query = random.choice(
        [b"", b"maxResults=x&nextToken=%f", b"&&=&maxResults=1&maxResults=2", random.randbytes(9)]
    )
    headers = {b"x-amz-bearer": b"t", b"x-amz-last-modified-time": random.choice([b"x", b"\xff", b"0" * 99])}
    read, fault = {}, None
    try:
        read = restjson.parse(operation, labels, query, headers, body)
    except Fault as refused:
        fault = refused
    assert set(read) <= set(map(snake, shapes[operation.input or ""]["members"]))
    assert fault is None or (operation.errors[fault.code] == 400 and len(fault.message) < 2_000)


LABELS = {"InstanceId": "i", "InitialContactId": "c"}
GOOD = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": "s"}
MISSING_OR_MISTYPED, BOUND = "InvalidRequestException", "InvalidParameterException"


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"RehydrationType": None}, MISSING_OR_MISTYPED, "RehydrationType is required."),
        ({"SourceContactId": None}, MISSING_OR_MISTYPED, "SourceContactId is required."),
        ({"SourceContactId": 7}, MISSING_OR_MISTYPED, "SourceContactId must be a string, not a number."),
        ({"SourceContactId": ["s"]}, MISSING_OR_MISTYPED, "SourceContactId must be a string, not a list."),
        ({"SourceContactId": ""}, BOUND, "SourceContactId must not be empty."),
        (
            {"SourceContactId": "s" * 257},
            BOUND,
            "SourceContactId has 257 characters; at most 256 are allowed.",
        ),
        ({"ClientToken": "t" * 501}, BOUND, "ClientToken has 501 characters; at most 500 are allowed."),
        (
            {"RehydrationType": "FROM_SEGMENTS"},
            BOUND,
            "Invalid value for RehydrationType: 'FROM_SEGMENTS' is none of ENTIRE_PAST_SESSION, FROM_SEGMENT.",
        ),
    ],
)
def test_what_is_wrong_with_an_association(change: dict[str, Any], code: str, message: str) -> None:
    assert refusal("CreatePersistentContactAssociation", {**GOOD, **change}, LABELS) == (code, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "RehydrationType is required."),
        (b"null", "The request body must be an object, not null."),
        (b"[]", "The request body must be an object, not a list."),
        (b"{", "The request body is not JSON: "),
        (b"NaN", "The request body is not JSON: "),
        (b'{"SourceContactId": NaN}', "The request body is not JSON: "),
        (b'{"SourceContactId": "\\ud800"}', "The request body is not JSON: "),
        (
            b'{"RehydrationType": ' + b"1" * 100_000 + b"}",
            "RehydrationType must be a string, not a number.",
        ),
        (b'{"RehydrationType": 1e999}', "RehydrationType must be a string, not a number."),
        (b'{"Unknown": 1e999, "SourceContactId": NaN}', "The request body is not JSON: "),
        (b'{"Unknown": 1e999, "SourceContactId": "\\ud800"}', "The request body is not JSON: "),
        (b'{"Unknown": 1e999, "SourceContactId"}', "The request body is not JSON: "),
        (b'{"Unknown": 1e999, "Other": ' + b"[" * 100_000, "The request body is nested too deeply."),
        (b"\xef\xbb\xbf{}", "The request body is not JSON: "),
        (b"{}{}", "The request body is not JSON: "),
        (b'{"SourceContactId": "\xff"}', "The request body is not valid UTF-8."),
        (b'{"Unknown": "\xff"}', "The request body is not valid UTF-8."),
        (b'{"SourceContactId": ' + b"[" * 100_000, "The request body is nested too deeply."),
        (b'{"Unknown": ' + b'{"":' * 100_000, "The request body is nested too deeply."),
    ],
)
def test_what_is_no_request(body: bytes, message: str) -> None:
    operation = operation_named("CreatePersistentContactAssociation")
    with pytest.raises(Fault) as refused:
        restjson.parse(operation, LABELS, b"", {}, body)
    assert refused.value.code == MISSING_OR_MISTYPED
    assert refused.value.message.startswith(message)


def test_of_a_key_given_twice_the_last_counts() -> None:
    operation = operation_named("CreatePersistentContactAssociation")
    body = b'{"RehydrationType": "FROM_SEGMENT", "SourceContactId": %b, "SourceContactId": %b}'
    for first in (b'"a"', b"7"):
        assert restjson.parse(operation, LABELS, b"", {}, body % (first, b'"b"'))["source_contact_id"] == "b"
    with pytest.raises(Fault, match="SourceContactId must be a string"):
        restjson.parse(operation, LABELS, b"", {}, body % (b'"a"', b"7"))


@pytest.mark.parametrize("id_", ["", "x" * 257])
def test_an_id_in_the_path_is_neither_empty_nor_endless(id_: str) -> None:
    code, message = refusal("CreatePersistentContactAssociation", GOOD, {**LABELS, "InitialContactId": id_})
    assert code == BOUND
    assert message.startswith("InitialContactId ")


def test_a_bound_of_the_participant_service_is_a_validation_exception() -> None:
    content = {"ContentType": "text/plain", "Content": "x" * 16_385}
    assert refusal("SendMessage", content, {}) == (
        "ValidationException",
        "Content has 16385 characters; at most 16384 are allowed.",
    )


def test_a_body_that_no_member_asks_for_is_not_looked_at() -> None:
    labels = {"InstanceId": "i", "ContactId": "%E2%98%95%2F%252F"}
    read = restjson.parse(operation_named("DescribeContact"), labels, b"x=%", {}, b"\xff[")
    assert read == {"instance_id": "i", "contact_id": "☕/%2F"}


def test_the_place_of_a_fault_is_named() -> None:
    chat: dict[str, Any] = {
        "InstanceId": "i",
        "ContactFlowId": "f",
        "ParticipantDetails": {"DisplayName": "Casey"},
    }
    attributes = {**chat, "Attributes": {"topic": 7}}
    assert (
        refusal("StartChatContact", attributes, {})[1]
        == "Attributes['topic'] must be a string, not a number."
    )
    types = {**chat, "SupportedMessagingContentTypes": ["text/plain", ""]}
    assert refusal("StartChatContact", types, {})[1] == "SupportedMessagingContentTypes[1] must not be empty."
    nested = {**chat, "ParticipantDetails": {}}
    assert refusal("StartChatContact", nested, {})[1] == "ParticipantDetails.DisplayName is required."
    minutes = {**chat, "ChatDurationInMinutes": 10_081}
    assert refusal("StartChatContact", minutes, {})[1] == (
        "Invalid value for ChatDurationInMinutes: 10081 is not from 60 to 10080."
    )


def test_what_is_sensitive_is_not_shown() -> None:
    secret = "Passw0rd" * 3
    with pytest.raises(Invalid) as invalid:
        check(load("connect").shapes, "Password", secret + " ", JsonPath("Password"))
    assert "(not shown)" in invalid.value.message
    assert secret not in invalid.value.message


def test_what_is_long_is_cut() -> None:
    code, message = refusal(
        "CreatePersistentContactAssociation", {**GOOD, "RehydrationType": "x" * 9_000}, LABELS
    )
    assert code == BOUND
    assert len(message) < 150


def test_a_union_has_exactly_one_member() -> None:
    shapes = load("connect").shapes
    for value in ({}, {"ConnectUserArn": "a", "AWSIdentityArn": "b"}, {"Unknown": 1}):
        with pytest.raises(Invalid, match="exactly one of ConnectUserArn, AWSIdentityArn"):
            check(shapes, "CreatedByInfo", value, JsonPath("CreatedBy"))
    assert check(shapes, "CreatedByInfo", {"ConnectUserArn": "a", "AWSIdentityArn": None}, JsonPath("")) == {
        "ConnectUserArn": "a"
    }


def test_a_shape_within_itself_is_read_and_its_depth_is_bounded() -> None:
    operation = operation_named("UpdateContactRoutingData")
    labels = {"InstanceId": "i", "ContactId": "c"}

    def nested(depth: int, innermost: bytes) -> bytes:
        expression = b'{"AndExpression":[' * depth + innermost + b"]}" * depth
        return b'{"RoutingCriteria":{"Steps":[{"Expression":' + expression + b"}]}}"

    read = restjson.parse(operation, labels, b"", {}, nested(1, b'{"AndExpression":null}'))
    assert read["routing_criteria"] == {"Steps": [{"Expression": {"AndExpression": [{}]}}]}
    with pytest.raises(Fault) as refused:
        restjson.parse(operation, labels, b"", {}, nested(2, b'{"OrExpression":7}'))
    assert refused.value.message == (
        "RoutingCriteria.Steps[0].Expression.AndExpression[0].AndExpression[0].OrExpression"
        " must be a list, not a number."
    )
    for innermost in (b"{}", b"null", b"7"):
        with pytest.raises(Fault, match="nested too deeply"):
            restjson.parse(operation, labels, b"", {}, nested(5_000, innermost))


@pytest.mark.parametrize(
    "seconds", ["1e308", "-1e308", "1e400", "1" * 5_000, "-" + "1" * 5_000, "1e17", "-1e17"]
)
def test_a_time_beyond_all_times_is_refused(seconds: str) -> None:
    times = f'{{"Type": "INITIATION_TIMESTAMP", "StartTime": {seconds}, "EndTime": 1}}'
    body = f'{{"InstanceId": "i", "TimeRange": {times}}}'
    with pytest.raises(
        Fault, match=r"Invalid value for TimeRange\.StartTime: .* is no time in seconds"
    ) as refused:
        restjson.parse(operation_named("SearchContacts"), {}, b"", {}, body.encode())
    assert refused.value.code == BOUND


def test_the_first_and_the_last_time_there_is() -> None:
    shapes = load("connect").shapes
    for seconds, expected in (
        (-62_135_596_800, -62_135_596_800_000),
        (253_402_300_799.999, 253_402_300_799_999),
    ):
        assert check(shapes, "Timestamp", seconds, JsonPath("T")) == expected
    for seconds, expected in ((-0.0, 0), (0.0004, 0), (1.5, 1_500), (10**9, 10**12)):
        assert check(shapes, "Timestamp", seconds, JsonPath("T")) == expected
    for none in (float("nan"), float("inf"), -62_135_596_801, 253_402_300_800, True, "1", "2026-11-22", None):
        with pytest.raises(Invalid):
            check(shapes, "Timestamp", none, JsonPath("T"))


def as_sent(ms: int, kind: str) -> int | str:
    return ms // 1000 if kind == "timestamp" else restjson.iso(ms)


NUMBERS = [
    "1e308", "-1e308", "1e400", "1e-400", "-0", "-0.0", "1.0", "0.1", "true", "false", '"1"', '"NaN"', '"Infinity"',
    "9" * 19, "-" + "9" * 19, "9" * 30, "1" * 5_000, "-" + "1" * 5_000, "1." + "1" * 5_000, "1e" + "1" * 5_000,
    "2147483648", "-2147483649", "9223372036854775808", "-9223372036854775809",
]  # fmt: skip


@pytest.mark.parametrize("name", ["StartChatContact", "SearchContacts", "GetTranscript", "DescribeLineage"])
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_read_or_refused_wherever_it_stands(name: str, number: str) -> None:
    """In every member of the body, in unknown members, and in the query string."""
    operation = operation_named(name)
    labels = {"InstanceId": "i", "ContactId": "c"}
    shapes, structure = body_of(operation)
    made = Maker(shapes, Random(7), time=as_sent, everything=True).structure(structure)
    whole = json.dumps(made).encode()
    parse = partial(restjson.parse, operation, labels, headers={b"x-amz-bearer": b"t"})
    for member in made:
        body = json.dumps({**made, member: "NUMBER"}).replace('"NUMBER"', number).encode()
        with suppress(Fault):
            parse(query_string=b"", body=body)
    if made:
        unknown = f'{{"Unknown": [{number}], "U": {{"x": {number}}}'.encode()
        body = unknown + b", " + whole[1:]
        assert parse(query_string=b"", body=body) == parse(query_string=b"", body=whole)
    with suppress(Fault):
        parse(query_string=f"maxResults={quote(number)}&nextToken=1".encode(), body=whole)


@pytest.mark.parametrize(
    ("name", "member", "value", "path"),
    [
        ("StartChatContact", "Attributes", {"a": "x", "b": None}, "Attributes['b'] must be a string"),
        ("StartChatContact", "SegmentAttributes", {"s": None}, "SegmentAttributes['s'] must be an object"),
        ("UpdateContactAttributes", "Attributes", {"a": None}, "Attributes['a'] must be a string"),
        ("CreateContactFlow", "Tags", {"a": None}, "Tags['a'] must be a string"),
        ("StartChatContact", "SupportedMessagingContentTypes", ["text/plain", None], "[1] must be a string"),
    ],
)
def test_a_null_entry_is_refused_and_a_null_member_is_absent(
    name: str, member: str, value: Any, path: str
) -> None:
    operation = operation_named(name)
    shapes, structure = body_of(operation)
    made = Maker(shapes, Random(3), time=milliseconds, everything=False).structure(structure)
    code, message = refusal(name, {**made, member: value}, {"InstanceId": "i"})
    assert code == MISSING_OR_MISTYPED
    assert path in message
    assert message.endswith("not null. Leave it out instead.")
    if member not in structure["required"]:
        body = json.dumps({**made, member: None}).encode()
        read = restjson.parse(operation, {"InstanceId": "i"}, b"", {}, body)
        assert snake(member) not in read


def refusal(name: str, body: dict[str, Any], labels: dict[str, str]) -> tuple[str, str]:
    with pytest.raises(Fault) as refused:
        restjson.parse(operation_named(name), labels, b"", {b"x-amz-bearer": b"t"}, json.dumps(body).encode())
    return refused.value.code, refused.value.message
