"""Joining a chat, connecting to it and leaving it: bots, connection data, tokens of the right and the wrong kind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.http.raw import ask
from tests.operations.refusals import (
    CONFLICT,
    DENIED,
    INVALID,
    NOT_FOUND,
    QUOTA,
    VALIDATION,
    answer,
    refused,
)
from threadline.testing import Customer, Person, Threadline
from threadline.testing.workspace import Workspace

BOT = {"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"}
WEBSOCKET, CREDENTIALS = "WEBSOCKET", "CONNECTION_CREDENTIALS"
WEBRTC = pytest.mark.model_has("connectparticipant.ConnectionType.WEBRTC_CONNECTION")


def create(server: Threadline, contact_id: str, **members: Any) -> dict[str, Any]:
    details = {"ParticipantDetails": BOT, "InstanceId": server.instance_id} | members
    return answer(server.connect.create_participant(ContactId=contact_id, **details))


def bot_in(server: Threadline, casey: Customer) -> Person:
    """A connected custom participant of the customer's chat."""
    token = create(server, casey.contact_id)["ParticipantCredentials"]["ParticipantToken"]
    return Person(server, "Bot", casey.contact_id, token, connect_participant=True).connect()


def connection(server: Workspace, token: str, *types: str, **members: Any) -> dict[str, Any]:
    return answer(
        server.connectparticipant.create_participant_connection(
            ParticipantToken=token, Type=list(types), **members
        )
    )


# CreateParticipant


def test_a_bot_takes_part(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    casey.say("before")
    reply = create(threadline_server, casey.contact_id)
    assert reply.keys() == {"ParticipantCredentials", "ParticipantId"}
    assert reply["ParticipantCredentials"].keys() == {"ParticipantToken", "Expiry"}
    token = reply["ParticipantCredentials"]["ParticipantToken"]
    assert casey.events() == ["participant.joined"], "it joins when it connects"
    bot = Person(threadline_server, "Bot", casey.contact_id, token, connect_participant=True).connect()
    joined = casey.see_event("participant.joined", ParticipantRole="CUSTOM_BOT")
    assert (joined["DisplayName"], joined["ParticipantId"]) == ("Bot", reply["ParticipantId"])
    assert bot.reads() == ["before"]
    bot.say("I am a bot.")
    casey.see("I am a bot.", ParticipantRole="CUSTOM_BOT")
    bot.leave()
    casey.see_event("participant.left", ParticipantRole="CUSTOM_BOT")
    bot.see_event("chat.ended")
    assert "chat.ended" not in casey.events(), "the chat goes on without it"
    with refused(DENIED, "the participant has left the chat"):
        bot.say("one more thing")


def test_a_chat_has_one_bot_at_a_time(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    bot = bot_in(threadline_server, casey)
    with refused(QUOTA, "has a custom participant already"):
        create(threadline_server, casey.contact_id)
    bot.leave()
    assert create(threadline_server, casey.contact_id)["ParticipantId"] != bot.contact_id
    with refused(QUOTA, "has a custom participant already"):
        create(threadline_server, casey.contact_id)


def test_a_bot_is_disconnected_when_an_agent_joins(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    bot = bot_in(threadline_server, casey)
    agent = threadline_server.agent("a1").accept(casey)
    left = casey.see_event("participant.left", ParticipantRole="CUSTOM_BOT")
    joined = casey.see_event("participant.joined", ParticipantRole="AGENT")
    assert left["AbsoluteTime"] < joined["AbsoluteTime"]
    bot.see_event("chat.ended")
    for call in (lambda: bot.say("still here"), lambda: bot.page(), lambda: bot.connect()):
        with refused(DENIED, "the participant has left the chat"):
            call()
    agent.say("Hello")
    casey.read(casey.see("Hello"))
    agent.see_event("message.read")


def test_a_bot_that_has_not_connected_yet_cannot_after_an_agent_has_joined(
    threadline_server: Threadline,
) -> None:
    casey = threadline_server.customer()
    token = create(threadline_server, casey.contact_id)["ParticipantCredentials"]["ParticipantToken"]
    threadline_server.agent("a1").accept(casey)
    with refused(DENIED, "the participant has left the chat"):
        connection(threadline_server, token, CREDENTIALS, ConnectParticipant=True)
    casey.see_event("participant.joined", ParticipantRole="AGENT")
    assert "participant.left" not in casey.events(), "nobody has seen it come"


def test_no_bot_is_added_while_an_agent_is_there(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    agent = threadline_server.agent("a1").accept(casey)
    with refused(CONFLICT, "is with an agent"):
        create(threadline_server, casey.contact_id)
    second = agent.transfer(threadline_server.queue_id)
    with refused(CONFLICT, "Contact is not active"):
        create(threadline_server, casey.contact_id)
    assert create(threadline_server, second)["ParticipantId"], "the agent has left"


def test_the_credentials_of_a_bot_expire_with_its_chat(threadline_server: Threadline) -> None:
    before = datetime.now(UTC)
    casey = threadline_server.customer()
    credentials = create(threadline_server, casey.contact_id)["ParticipantCredentials"]
    lifetime = datetime.fromisoformat(credentials["Expiry"]) - before
    assert abs(lifetime - timedelta(hours=25)) < timedelta(minutes=1)


@pytest.mark.parametrize("role", ["CUSTOMER", "AGENT", "SYSTEM", "SUPERVISOR"])
def test_another_role_is_not_added(threadline_server: Threadline, role: str) -> None:
    casey = threadline_server.customer()
    with refused(INVALID, f"ParticipantRole {role} cannot be added to a chat"):
        create(
            threadline_server,
            casey.contact_id,
            ParticipantDetails={"ParticipantRole": role, "DisplayName": "X"},
        )


@pytest.mark.model_has("connect.ParticipantDetailsToAdd.ParticipantCapabilities")
def test_a_bot_that_cannot_be_added(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    with refused(INVALID, "DisplayName is required"):
        create(threadline_server, casey.contact_id, ParticipantDetails={"ParticipantRole": "CUSTOM_BOT"})
    with refused(INVALID, "ParticipantCapabilities do not apply"):
        create(
            threadline_server,
            casey.contact_id,
            ParticipantDetails=BOT | {"ParticipantCapabilities": {"Video": "SEND"}},
        )
    with refused(NOT_FOUND, "Contact not found"):
        create(threadline_server, "nothing")
    with refused(NOT_FOUND, "Instance not found"):
        create(threadline_server, casey.contact_id, InstanceId="nowhere")
    casey.leave()
    with refused(CONFLICT, "Contact is not active"):
        create(threadline_server, casey.contact_id)


def test_the_same_bot_again(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    first, again = (create(threadline_server, casey.contact_id, ClientToken="t") for _ in range(2))
    assert first == again
    with refused(INVALID, "ClientToken was used with different parameters"):
        create(
            threadline_server,
            casey.contact_id,
            ClientToken="t",
            ParticipantDetails=BOT | {"DisplayName": "Bob"},
        )


# CreateParticipantConnection


@pytest.mark.parametrize("types", [[WEBSOCKET], [CREDENTIALS], [CREDENTIALS, WEBSOCKET], [WEBSOCKET] * 2])
def test_the_connection_data_are_those_of_type(threadline_server: Threadline, types: list[str]) -> None:
    casey = threadline_server.invite()
    reply = connection(threadline_server, casey.participant_token, *types)
    assert ("Websocket" in reply, "ConnectionCredentials" in reply) == (
        WEBSOCKET in types,
        CREDENTIALS in types,
    )
    assert len(reply) == len(set(types))


def test_connection_data_and_its_times(threadline: Threadline) -> None:
    casey = threadline.invite()
    now = threadline.clock.now_ms() / 1000
    reply = connection(threadline, casey.participant_token, WEBSOCKET, CREDENTIALS)

    def seconds(text: str) -> float:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp() - now

    assert 0 <= seconds(reply["Websocket"]["ConnectionExpiry"]) - 3_600 < 60
    assert 0 <= seconds(reply["ConnectionCredentials"]["Expiry"]) - 86_400 < 60
    assert len(reply["Websocket"]["Url"]) <= 2_000
    assert len(reply["ConnectionCredentials"]["ConnectionToken"]) <= 1_000


def test_earlier_connection_tokens_stay_valid(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    tokens = {
        connection(threadline_server, casey.participant_token, CREDENTIALS)["ConnectionCredentials"][
            "ConnectionToken"
        ]
        for _ in range(5)
    }
    assert len(tokens) == 5
    for token in (*tokens, casey.connection_token):
        casey.connection_token = token
        assert casey.say("Hello")["Id"]


def test_a_connection_token_lasts_a_day_and_a_participant_token_as_long_as_the_chat(
    threadline: Threadline,
) -> None:
    casey = threadline.customer(ChatDurationInMinutes=10_080)
    threadline.clock.advance(minutes=24 * 60, seconds=-1)
    assert casey.page()["Transcript"]
    threadline.clock.advance(seconds=1)
    with refused(DENIED, "the connection token has expired. CreateParticipantConnection gives a new one"):
        casey.page()
    threadline.clock.advance(minutes=5 * 24 * 60)
    assert casey.connect().say("a week later")["Id"]


@pytest.mark.parametrize(
    ("types", "members", "words"),
    [
        pytest.param(["WEBRTC_CONNECTION"], {}, "Type WEBRTC_CONNECTION is for calls", marks=WEBRTC),
        pytest.param(
            [CREDENTIALS, "WEBRTC_CONNECTION"], {}, "Type WEBRTC_CONNECTION is for calls", marks=WEBRTC
        ),
        (["TELEPATHY"], {}, "Invalid value for Type"),
        (None, {}, "Type is required"),
        (None, {"ConnectParticipant": False}, "Type is required"),
    ],
)
def test_a_connection_that_cannot_be_had(
    threadline_server: Threadline, types: list[str] | None, members: dict[str, Any], words: str
) -> None:
    casey = threadline_server.invite()
    given: dict[str, Any] = members | ({"Type": types} if types else {})
    with refused(VALIDATION, words):
        threadline_server.connectparticipant.create_participant_connection(
            ParticipantToken=casey.participant_token, **given
        )


def credentials_of(casey: Customer, **members: Any) -> None:
    """A connection without a socket, as bridges to other messengers use it."""
    reply = connection(casey.workspace, casey.participant_token, CREDENTIALS, **members)
    casey.connection_token = reply["ConnectionCredentials"]["ConnectionToken"]


def connects(casey: Customer) -> None:
    credentials_of(casey, ConnectParticipant=True)


def acknowledges(casey: Customer) -> None:
    credentials_of(casey)
    casey.workspace.connectparticipant.send_event(
        ConnectionToken=casey.connection_token,
        ContentType="application/vnd.amazonaws.connect.event.connection.acknowledged",
    )


@pytest.mark.parametrize("comes", [connects, acknowledges, Customer.connect])
def test_a_chat_begins(threadline: Threadline, comes: Callable[[Customer], None]) -> None:
    """With a socket that has subscribed, with ConnectParticipant, or with the retired event."""
    casey = threadline.invite()
    comes(casey)
    comes(casey)
    agent = threadline.agent("a1").accept(casey)
    agent.say("How can I help?")
    contact = threadline.connect.describe_contact(
        InstanceId=threadline.instance_id, ContactId=casey.contact_id
    )["Contact"]
    assert "ConnectedToSystemTimestamp" in contact
    threadline.clock.advance(minutes=5)
    assert casey.reads() == ["How can I help?"], "the time to connect in is over, and the chat goes on"
    joined = [item["ParticipantId"] for item in casey.history() if item["Type"] == "EVENT"]
    assert joined == [casey.participant_id, agent.participant_id], "once each"


def test_credentials_alone_begin_no_chat(threadline: Threadline) -> None:
    casey = threadline.invite()
    credentials_of(casey)
    credentials_of(casey, ConnectParticipant=False)
    casey.say("Is anybody there?")
    with refused(INVALID, "the customer has not connected yet"):
        threadline.agent("a1").take(casey)
    threadline.clock.advance(minutes=5)
    with refused(DENIED, "the chat has ended"):
        casey.say("Hello?")
    contact = threadline.connect.describe_contact(
        InstanceId=threadline.instance_id, ContactId=casey.contact_id
    )["Contact"]
    assert contact["DisconnectReason"] == "CUSTOMER_CONNECTION_NOT_ESTABLISHED"


def test_the_first_socket_gets_chat_rehydrated_after_a_connection_without_a_socket(
    threadline_server: Threadline,
) -> None:
    past = threadline_server.customer()
    past.leave()
    source = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": past.contact_id}
    casey = threadline_server.invite(PersistentChat=source)
    connects(casey)
    casey.connect().see_event("chat.rehydrated")


def test_a_customer_may_write_before_the_socket_is_open(threadline_server: Threadline) -> None:
    casey = threadline_server.invite()
    casey.connection_token = connection(threadline_server, casey.participant_token, CREDENTIALS)[
        "ConnectionCredentials"
    ]["ConnectionToken"]
    casey.say("already here")
    agent = threadline_server.agent("a1").accept(casey.connect())
    assert agent.reads() == ["already here"]


# Tokens


def test_tokens_are_of_two_kinds(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    with refused(DENIED, "this is a connection token; a participant token is needed here"):
        connection(threadline_server, casey.connection_token, CREDENTIALS)
    ticket = connection(threadline_server, casey.participant_token, WEBSOCKET)["Websocket"]["Url"].partition(
        "="
    )[2]
    for wrong, words in (
        (casey.participant_token, "this is a participant token; a connection token is needed here"),
        (ticket, "this is a socket ticket; a connection token is needed here"),
        ("nothing", "the connection token is not known"),
        (casey.connection_token[:-1], "the connection token is not known"),
        (casey.connection_token.swapcase(), "the connection token is not known"),
    ):
        casey.connection_token = wrong
        with refused(DENIED, words):
            casey.say("Hello")


@pytest.mark.parametrize("path", ["connection", "message", "event", "transcript", "disconnect"])
@pytest.mark.parametrize("headers", [{}, {"x_amz_bearer": ""}, {"x_amz_bearer": "x" * 2_000}])
def test_without_a_token_nothing_is_looked_at(
    threadline_server: Threadline, path: str, headers: dict[str, str]
) -> None:
    refusal = ask(threadline_server.url, "POST", f"/participant/{path}", b"\xff{", **headers)
    assert (refusal.status, refusal.error) == (403, "AccessDeniedException")


def test_the_signature_does_not_matter_to_participants(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    stranger = threadline_server.client("connectparticipant", aws_access_key_id="AKIDSTRANGER")
    sent = stranger.send_message(
        ConnectionToken=casey.connection_token, ContentType="text/plain", Content="Hello"
    )
    assert casey.see("Hello")["Id"] == sent["Id"]
    stranger.close()


# DisconnectParticipant


def test_leaving_answers_nothing_and_is_done_once(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    leave = threadline_server.connectparticipant.disconnect_participant
    for _ in range(2):
        assert answer(leave(ConnectionToken=casey.connection_token, ClientToken="t")) == {}
    with refused(DENIED, "the chat has ended"):
        leave(ConnectionToken=casey.connection_token, ClientToken="another")
    assert casey.events().count("chat.ended") == 1


@pytest.mark.model_has("connect.StartChatContactRequest.DisconnectOnCustomerExit")
def test_leaving_that_is_repeated_does_not_leave_the_survey_too(threadline_server: Threadline) -> None:
    """An SDK repeats a call when the reply is lost."""
    casey = threadline_server.customer(DisconnectOnCustomerExit=["AGENT"])
    threadline_server.agent("a1").accept(casey)
    leave = threadline_server.connectparticipant.disconnect_participant
    for _ in range(2):
        leave(ConnectionToken=casey.connection_token, ClientToken="the agent, please")
    casey.see(ParticipantRole="SYSTEM")
    assert "chat.ended" not in casey.events()
    leave(ConnectionToken=casey.connection_token, ClientToken="and I")
    casey.see_event("chat.ended")


def test_a_customer_may_leave_without_having_connected(threadline_server: Threadline) -> None:
    casey = threadline_server.invite()
    casey.connection_token = connection(threadline_server, casey.participant_token, CREDENTIALS)[
        "ConnectionCredentials"
    ]["ConnectionToken"]
    casey.leave()
    contact = threadline_server.connect.describe_contact(
        InstanceId=threadline_server.instance_id, ContactId=casey.contact_id
    )["Contact"]
    assert contact["DisconnectReason"] == "CUSTOMER_DISCONNECT"


def test_two_participants_leave_at_the_same_time(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    agent = threadline_server.agent("a1").accept(casey)
    agent.leave()
    survey = casey.see(ParticipantRole="SYSTEM")["ContactId"]
    with refused(DENIED, "the participant has left the chat"):
        agent.leave()
    casey.leave()
    assert casey.see_event("participant.left", ParticipantRole="CUSTOMER")["ContactId"] == survey
    assert casey.events().count("chat.ended") == 1
