"""`POST /start-chat`: a front end without a backend starts chats, on this machine, as Amazon's widget asks for them."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from threadline.config import Settings
from threadline.server.start_chat import start_chat
from threadline.testing import Threadline

PAGE = {"Origin": "http://localhost:3000", "Content-Type": "text/plain;charset=UTF-8"}
CASEY = {"ParticipantDetails": {"DisplayName": "Casey"}}


def ask(
    server: Threadline, body: object, headers: Mapping[str, str] = PAGE, customer: str = ""
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = "/start-chat" + (f"?customer={customer}" if customer else "")
    try:
        connection.request("POST", path, content, dict(headers))
        answer = connection.getresponse()
        found = {name.lower(): text for name, text in answer.getheaders()}
        return answer.status, json.loads(answer.read()), found
    finally:
        connection.close()


def started(server: Threadline, customer: str = "", **members: Any) -> dict[str, str]:
    status, answer, _ = ask(server, {**CASEY, **members}, customer=customer)
    assert status == 200, answer
    result: dict[str, str] = answer["data"]["startChatResult"]
    return result


def ended_chat(server: Threadline, customer: str = "") -> str:
    """A past chat that was started by the route."""
    result = started(server, customer)
    token = server.connectparticipant.create_participant_connection(
        ParticipantToken=result["ParticipantToken"], Type=["CONNECTION_CREDENTIALS"], ConnectParticipant=True
    )["ConnectionCredentials"]["ConnectionToken"]
    server.connectparticipant.disconnect_participant(ConnectionToken=token)
    return result["ContactId"]


def past(contact_id: str) -> dict[str, Any]:
    return {"PersistentChat": {"SourceContactId": contact_id, "RehydrationType": "ENTIRE_PAST_SESSION"}}


def test_the_request_of_amazons_widget_starts_a_chat(verifying_server: Threadline) -> None:
    body = {
        "InstanceId": verifying_server.instance_id,
        "ContactFlowId": verifying_server.contact_flow_id,
        "ParticipantDetails": {"DisplayName": "Casey"},
        "Username": "casey",
        "Attributes": {"topic": "parcel"},
        "SupportedMessagingContentTypes": ["text/plain", "text/markdown"],
    }
    status, answer, headers = ask(verifying_server, body)
    assert status == 200, answer
    assert headers["access-control-allow-origin"] == PAGE["Origin"]
    result = answer["data"]["startChatResult"]
    assert set(result) == {"ContactId", "ParticipantId", "ParticipantToken"}
    contact = {"InstanceId": verifying_server.instance_id, "InitialContactId": result["ContactId"]}
    assert verifying_server.connect.get_contact_attributes(**contact)["Attributes"] == {"topic": "parcel"}


def test_a_name_is_enough(verifying_server: Threadline) -> None:
    contact_id = started(verifying_server)["ContactId"]
    found = verifying_server.connect.describe_contact(
        InstanceId=verifying_server.instance_id, ContactId=contact_id
    )
    assert found["Contact"]["Id"] == contact_id


def test_a_customer_continues_their_own_chat_and_nobody_elses(verifying_server: Threadline) -> None:
    own, other = uuid4().hex, uuid4().hex
    source = ended_chat(verifying_server, own)
    theirs = past(source)
    assert started(verifying_server, own, **theirs)["ContinuedFromContactId"] == source
    for customer in (other, ""):
        status, answer, _ = ask(verifying_server, {**CASEY, **theirs}, customer=customer)
        assert (status, "ContinuedFromContactId" in str(answer)) == (400, False), answer
    unknown = past(ended_chat(verifying_server))
    status, answer, _ = ask(verifying_server, {**CASEY, **unknown}, customer=own)
    assert status == 400, f"a chat without a customer belongs to nobody: {answer}"


def test_a_chat_of_another_backend_is_nobodys(verifying_server: Threadline) -> None:
    source = past(verifying_server.past_chat().c1)
    status, answer, _ = ask(verifying_server, {**CASEY, **source}, customer=uuid4().hex)
    assert (status, "CustomerId" in answer["Message"]) == (400, True), answer


def test_nothing_but_a_chat_is_taken_from_the_body(verifying_server: Threadline) -> None:
    source = verifying_server.past_chat()
    more: dict[str, Any] = {"RelatedContactId": source.c1, "CustomerId": "somebody", "Unknown": 1}
    contact_id = started(verifying_server, **more)["ContactId"]
    contact = {"InstanceId": verifying_server.instance_id, "InitialContactId": contact_id}
    assert verifying_server.connect.get_contact_attributes(**contact)["Attributes"] == {}
    described = verifying_server.connect.describe_contact(
        InstanceId=verifying_server.instance_id, ContactId=contact_id
    )["Contact"]
    assert "CustomerId" not in described


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost.evil.example", "http://[", "http://127.0.0.1:1/x"],
)
def test_a_page_from_elsewhere_is_refused(verifying_server: Threadline, origin: str) -> None:
    status, answer, headers = ask(verifying_server, CASEY, {"Origin": origin})
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException"), answer


def test_a_name_that_another_site_points_here_is_refused(verifying_server: Threadline) -> None:
    status, answer, _ = ask(verifying_server, CASEY, {"Host": "evil.example"})
    assert (status, "THREADLINE_START_CHAT_ROUTE" in answer["Message"]) == (403, True), answer


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"1", b"[" * 5_000, {"ParticipantDetails": 1}, {"InstanceId": "x"}]
)
def test_a_body_that_is_no_chat_is_refused_in_words(verifying_server: Threadline, body: object) -> None:
    status, answer, _ = ask(verifying_server, body)
    assert status in (400, 404), answer
    assert answer["Message"]


def test_one_address_cannot_start_chats_without_end(verifying_server: Threadline) -> None:
    answers = [ask(verifying_server, CASEY) for _ in range(60)]
    refused = [headers for status, _, headers in answers if status == 429]
    assert refused, [status for status, _, _ in answers]
    assert "retry-after" in refused[0]


@pytest.mark.parametrize(
    ("chosen", "is_there"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"public_url": "https://chat.example.com"}, False),
        ({"public_url": "auto"}, False),
        ({"start_chat_route": "off"}, False),
        ({"start_chat_route": "on", "host": "0.0.0.0"}, True),
    ],
)
def test_the_route_is_there_for_this_machine_alone_unless_it_is_set(
    threadline: Threadline, chosen: dict[str, Any], is_there: bool
) -> None:
    assert bool(start_chat(Settings(**chosen), None, threadline.clock)) is is_there  # type: ignore[arg-type]
