"""Malformed requests are refused with a typed 4xx and change nothing. `tests/attack` tries many more, at random."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.operations.raw import borne, signed
from threadline.aws.model import load
from threadline.testing import Customer, Threadline

CODES = {
    "ValidationException",
    "InvalidRequestException",
    "InvalidParameterException",
    "ResourceNotFoundException",
    "UnknownOperationException",
}
BODIES = {
    "no JSON": b"{",
    "half a string": b'{"Content": "',
    "a trailing comma": b'{"Content": "x",}',
    "a comment": b'{"Content": "x"} // said',
    "two objects": b"{}{}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "not UTF-8": b'{"Content": "\xff", "ContentType": "text/plain"}',
    "an overlong NUL": b'{"Content": "\xc0\x80", "ContentType": "text/plain"}',
    "a surrogate in UTF-8": b'{"Content": "\xed\xa0\x80", "ContentType": "text/plain"}',
    "a surrogate, escaped": b'{"Content": "\\ud800", "ContentType": "text/plain"}',
    "surrogates the wrong way round": b'{"Content": "\\udc00\\ud800", "ContentType": "text/plain"}',
    "UTF-16": '{"Content": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"Content": "x"}',
    "a raw line break": b'{"Content": "a\nb", "ContentType": "text/plain"}',
    "NaN": b'{"MaxResults": NaN}',
    "infinity": b'{"MaxResults": 1e999}',
    "a fraction": b'{"MaxResults": 1.5}',
    "a huge number": b'{"MaxResults": 1' + b"0" * 400 + b"}",
    "a negative number": b'{"MaxResults": -1}',
    "a number in words": b'{"MaxResults": "10"}',
    "true for a number": b'{"MaxResults": true}',
    "a list for a text": b'{"Content": ["x"], "ContentType": "text/plain", "NextToken": ["x"]}',
    "an object for a text": b'{"ContentType": {}, "NextToken": {}}',
    "depth": b'{"StartPosition":' * 50_000 + b"1" + b"}" * 50_000,
    "depth in what nobody reads": b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "an unknown direction": b'{"ScanDirection": "SIDEWAYS"}',
    "a text for a structure": b'{"StartPosition": "x", "ContentType": 5}',
}


@pytest.fixture(scope="module")
def casey(threadline_server: Threadline) -> Iterator[Customer]:
    casey = threadline_server.customer()
    before = casey.history()
    yield casey
    assert casey.history() == before, "nothing of all this has changed anything"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["message", "event", "transcript"])
def test_a_body_that_makes_no_sense(casey: Customer, path: str, body: bytes) -> None:
    refusal = borne(casey, path, body)
    if path == "transcript" and refusal.status == 200:
        assert b"Content" in body, "these members are not GetTranscript's"
    else:
        assert (refusal.status, refusal.code) == (400, "ValidationException"), refusal


@pytest.mark.parametrize(
    "members", [{"Id": ""}, {"Id": "x"}, {"Id": "x" * 257}, {"Id": "0" * 36}, {"Id": "\0"}]
)
def test_a_start_position_that_is_none(casey: Customer, members: dict[str, Any]) -> None:
    refusal = borne(casey, "transcript", json.dumps({"StartPosition": members}).encode())
    assert (refusal.status, refusal.code) == (400, "ValidationException"), refusal


ODD_TEXTS = [
    "%00",
    "%ff",
    "%ed%a0%80",
    "%",
    "%z1",
    "%2",
    "%2f",
    "%252f",
    "..",
    ".",
    "%2e%2e",
    "+",
    "%20",
    "%0d%0aset-cookie:%20x",
    "'%20OR%201=1--",
    "x" * 300,
    "arn:",
    "arn%3Aaws%3Aconnect%3A%2F",
    "%F0%9F%98%80",
    ";",
    "a=b&c",
]


@pytest.mark.parametrize("text", ODD_TEXTS)
@pytest.mark.parametrize(
    "path",
    ["/contacts/{}/x", "/contacts/{instance}/{}", "/queues-summary/{}", "/threadline/lineage/{instance}/{}"],
)
def test_a_path_that_names_nothing(threadline_server: Threadline, path: str, text: str) -> None:
    refusal = signed(
        threadline_server,
        "GET",
        path.replace("{instance}", threadline_server.instance_id).replace("{}", text),
    )
    assert refusal.status in (400, 404), refusal
    assert refusal.code in CODES, refusal


NUMBERS = ["", "x", "0", "1001", "1.0", "9" * 31, "-1", "1&maxResults=x", "1%202"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_query_that_makes_no_sense(threadline_server: Threadline, number: str) -> None:
    path = f"/queues-summary/{threadline_server.instance_id}?maxResults={number}"
    refusal = signed(threadline_server, "GET", path)
    assert refusal.status == 400, refusal
    assert refusal.code in CODES, refusal


@pytest.mark.parametrize("query", ["%", "%ff=1", "maxResults=%31"])
def test_a_query_that_no_sdk_would_sign_so(threadline_server: Threadline, query: str) -> None:
    refusal = signed(threadline_server, "GET", f"/queues-summary/{threadline_server.instance_id}?{query}")
    assert (refusal.status, refusal.code) == (403, "InvalidSignatureException")


START = {
    "ContactFlowId": "flow",
    "ParticipantDetails": {"DisplayName": "Casey"},
}
ODD_MEMBERS: list[dict[str, Any]] = [
    {"ParticipantDetails": None},
    {"ParticipantDetails": {}},
    {"ParticipantDetails": {"DisplayName": ""}},
    {"ParticipantDetails": {"DisplayName": "x" * 257}},
    {"ParticipantDetails": []},
    {"Attributes": {"a": None, "b": 1}},
    {"Attributes": {"a": {"b": "c"}}},
    {"Attributes": [["a", "b"]]},
    {"InitialMessage": {"ContentType": "text/plain"}},
    {"InitialMessage": {"ContentType": "text/plain", "Content": ""}},
    {"InitialMessage": {"ContentType": "", "Content": "x"}},
    {"ChatDurationInMinutes": 59},
    {"ChatDurationInMinutes": 10_081},
    {"ChatDurationInMinutes": 60.5},
    {"ChatDurationInMinutes": "60"},
    {"ChatDurationInMinutes": 10**30},
    {"SupportedMessagingContentTypes": "text/plain"},
    {"SupportedMessagingContentTypes": ["text/plain", None]},
    {"SupportedMessagingContentTypes": ["x" * 101]},
    {"SupportedMessagingContentTypes": ["text/plain", "text/html"]},
    {"SupportedMessagingContentTypes": ["text/markdown"]},
    {"PersistentChat": []},
    {"RelatedContactId": ""},
    {"SegmentAttributes": {"connect:Subtype": "connect:Guide"}},
    {"SegmentAttributes": {"connect:Subtype": {}}},
    {"SegmentAttributes": {"connect:Subtype": {"ValueString": "a", "ValueInteger": 1}}},
    {"CustomerId": ""},
    {"CustomerId": "x" * 129},
    {"DisconnectOnCustomerExit": []},
    {"DisconnectOnCustomerExit": ["AGENT", "AGENT"]},
    {"DisconnectOnCustomerExit": ["CUSTOMER"]},
    {"ConnectionTypes": []},
    {"ConnectionTypes": ["WEBSOCKET"] * 3},
    {"ConnectionTypes": ["TELEPATHY"]},
    {"ChatStreamingConfiguration": {"StreamingEndpointArn": "arn:aws:sns:x"}},
    {"ParticipantConfiguration": {"ResponseMode": "LOUD"}},
    {"ClientToken": "x" * 501},
]


def is_known(members: dict[str, Any]) -> bool:
    """Whether the installed model has these members: the oldest supported botocore lacks some."""
    known = load("connect").shapes["StartChatContactRequest"]["members"]
    return all(name in known for name in members)


@pytest.mark.parametrize(
    "members", [each for each in ODD_MEMBERS if is_known(each)], ids=lambda members: json.dumps(members)[:40]
)
def test_a_chat_that_cannot_be_started(threadline_server: Threadline, members: dict[str, Any]) -> None:
    request = START | {
        "InstanceId": threadline_server.instance_id,
        "ContactFlowId": threadline_server.contact_flow_id,
    }
    refusal = signed(threadline_server, "PUT", "/contact/chat", json.dumps(request | members).encode())
    assert refusal.status == 400, refusal
    assert refusal.code in ("InvalidRequestException", "InvalidParameterException"), refusal
    assert refusal.message
