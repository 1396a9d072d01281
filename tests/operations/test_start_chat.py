"""StartChatContact, member by member."""

import json
from contextlib import closing
from typing import Any

import pytest
from botocore.config import Config

from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, PARAMETER, answer, refused
from threadline.testing import Person, Threadline
from threadline.testing.people import Item

INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
FULL = 32_768


def start(server: Threadline, **members: Any) -> dict[str, Any]:
    arguments = {
        "InstanceId": server.instance_id,
        "ContactFlowId": server.contact_flow_id,
        "ParticipantDetails": {"DisplayName": "Casey"},
    } | members
    return answer(server.connect.start_chat_contact(**arguments))


def unchecked(server: Threadline) -> Any:
    """A client without validation."""
    return server.client("connect", config=Config(parameter_validation=False))


def described(server: Threadline, contact_id: str) -> dict[str, Any]:
    reply = server.connect.describe_contact(InstanceId=server.instance_id, ContactId=contact_id)
    contact: dict[str, Any] = reply["Contact"]
    return contact


def reason(server: Threadline, contact_id: str) -> str | None:
    return described(server, contact_id).get("DisconnectReason")


def had(server: Threadline, **members: Any) -> str:
    """A chat that has ended; its contact."""
    contact_id = server.invite(**members).contact_id
    server.connect.stop_contact(InstanceId=server.instance_id, ContactId=contact_id)
    return contact_id


def test_the_answer(threadline_server: Threadline) -> None:
    reply = start(threadline_server)
    assert reply.keys() == {"ContactId", "ParticipantId", "ParticipantToken"}
    assert 1 <= len(reply["ParticipantToken"]) <= 1_000
    assert len(set(reply.values())) == 3
    contact = described(threadline_server, reply["ContactId"])
    assert contact["Channel"] == "CHAT"
    assert contact["InitiationMethod"] == "API"


# The flow


def test_a_flow_goes_by_its_id_its_arn_and_its_alias(threadline_server: Threadline) -> None:
    instance, flow = threadline_server.instance_id, threadline_server.contact_flow_id
    arn = threadline_server.connect.describe_contact_flow(InstanceId=instance, ContactFlowId=flow)[
        "ContactFlow"
    ]["Arn"]
    for name in (flow, arn, f"{flow}:$LATEST", f"{arn}:$SAVED"):
        casey = threadline_server.customer(ContactFlowId=name)
        assert "QueueInfo" in described(threadline_server, casey.contact_id), "its flow has queued it"


def test_a_flow_that_is_not_there(threadline_server: Threadline) -> None:
    theirs = threadline_server.another_account().contact_flow_id
    for flow in ("nothing", theirs):
        with refused(NOT_FOUND, f"Contact flow not found: {flow}"):
            start(threadline_server, ContactFlowId=flow)


@pytest.mark.parametrize(
    ("type_", "status", "words"),
    [
        ("CUSTOMER_QUEUE", "PUBLISHED", "starts with a flow of type CONTACT_FLOW"),
        ("AGENT_WHISPER", "SAVED", "starts with a flow of type CONTACT_FLOW"),
        ("CONTACT_FLOW", "SAVED", "is saved but not published"),
    ],
)
def test_a_flow_that_does_not_begin_a_chat(
    threadline_server: Threadline, type_: str, status: str, words: str
) -> None:
    end = {"Identifier": "end", "Type": "EndFlowExecution", "Parameters": {}, "Transitions": {}}
    if type_ == "CONTACT_FLOW":
        end["Type"] = "DisconnectParticipant"
    content = {"Version": "2019-10-30", "StartAction": "end", "Actions": [end]}
    flow = threadline_server.connect.create_contact_flow(
        InstanceId=threadline_server.instance_id,
        Name=f"{type_} {status}",
        Type=type_,
        Status=status,
        Content=json.dumps(content),
    )["ContactFlowId"]
    with refused(INVALID, words):
        start(threadline_server, ContactFlowId=flow)


def test_an_instance_that_is_not_there_or_not_yours(threadline_server: Threadline) -> None:
    with refused(NOT_FOUND, "Instance not found: nowhere"):
        start(threadline_server, InstanceId="nowhere")
    theirs = threadline_server.another_account()
    with refused(DENIED, "has no access to instance"):
        start(threadline_server, InstanceId=theirs.instance_id)


# The initial message


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("text/plain", "x" * 16_384),
        ("text/plain", "ü" * 8_192),
        ("text/markdown", "*hello*"),
        ("application/json", '{"a": 1}'),
    ],
)
def test_an_initial_message_is_the_first_item(
    threadline_server: Threadline, content_type: str, content: str
) -> None:
    casey = threadline_server.customer(
        InitialMessage={"ContentType": content_type, "Content": content},
        SupportedMessagingContentTypes=["text/plain", "text/markdown", "application/json"],
    )
    first, second = casey.history()
    assert (first["Content"], first["ContentType"], first["ParticipantRole"]) == (
        content,
        content_type,
        "CUSTOMER",
    )
    assert second["ContentType"].endswith("participant.joined")
    agent = threadline_server.agent("a1").accept(casey)
    assert agent.reads() == [content]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"ContentType": "text/markdown", "Content": "x"}, "is not enabled on this chat"),
        ({"ContentType": INTERACTIVE, "Content": "{}"}, "is sent by flows"),
        ({"ContentType": "text/plain", "Content": "ü" * 8_193}, "Content is 16386 bytes of UTF-8"),
    ],
)
def test_an_invalid_initial_message_is_refused(
    threadline_server: Threadline, message: dict[str, str], words: str
) -> None:
    with refused(INVALID, words):
        start(threadline_server, InitialMessage=message)


@pytest.mark.parametrize("types", [["text/markdown"], ["text/plain", "text/html"], ["Text/Plain"]])
def test_content_types_that_a_chat_cannot_have(threadline_server: Threadline, types: list[str]) -> None:
    with refused(INVALID, "SupportedMessagingContentTypes"):
        start(threadline_server, SupportedMessagingContentTypes=types)


def test_content_types_are_enabled_for_the_chat(threadline_server: Threadline) -> None:
    casey = threadline_server.customer(SupportedMessagingContentTypes=["text/plain", "text/markdown"])
    agent = threadline_server.agent("a1").accept(casey)
    agent.say("*hello*", "text/markdown")
    casey.see("*hello*", ContentType="text/markdown")
    with refused(("ValidationException", 400), "Enabled: text/markdown, text/plain"):
        casey.say("{}", "application/json")


# Segment attributes


@pytest.mark.parametrize(
    "types", [None, ["text/plain"], ["text/plain", INTERACTIVE], ["text/plain", f"{INTERACTIVE}.response"]]
)
def test_a_guide_needs_both_interactive_types(threadline_server: Threadline, types: list[str] | None) -> None:
    members: dict[str, Any] = {"SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Guide"}}}
    with refused(INVALID, "connect:Subtype connect:Guide needs"):
        start(threadline_server, **members, **({"SupportedMessagingContentTypes": types} if types else {}))
    both = ["text/plain", INTERACTIVE, f"{INTERACTIVE}.response"]
    reply = start(threadline_server, **members, SupportedMessagingContentTypes=both)
    contact = described(threadline_server, reply["ContactId"])
    assert contact["SegmentAttributes"] == members["SegmentAttributes"]


def test_segment_attributes_are_kept_and_not_handed_down(threadline_server: Threadline) -> None:
    kept = {"connect:Subtype": {"ValueString": "connect:Chat"}, "team": {"ValueString": "x" * 1_024}}
    source = had(threadline_server, SegmentAttributes=kept)
    assert described(threadline_server, source)["SegmentAttributes"] == kept
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": source}
    reply = start(threadline_server, PersistentChat=past)
    found = described(threadline_server, reply["ContactId"])["SegmentAttributes"]
    assert found == {"connect:Subtype": {"ValueString": "connect:Chat"}}


@pytest.mark.model_has("connect.SegmentAttributeValue.ValueArn")
def test_segment_attributes_that_will_not_do(threadline_server: Threadline) -> None:
    with refused(INVALID, "must have exactly one kind of value"):
        start(threadline_server, SegmentAttributes={"a": {"ValueString": "x", "ValueInteger": 1}})
    with refused(PARAMETER):
        start(threadline_server, SegmentAttributes={"a": {"ValueString": "x" * 1_025}})
    with refused(INVALID, "SegmentAttributes name 'two words' is not allowed"):
        start(threadline_server, SegmentAttributes={"two words": {"ValueString": "x"}})
    with refused(INVALID, "'team' has a ValueArn, which only attributes of the system have"):
        start(threadline_server, SegmentAttributes={"team": {"ValueArn": "arn:aws:connect:::x"}})


def test_a_segment_attribute_may_be_a_map(threadline_server: Threadline) -> None:
    value = {"ValueMap": {"size": {"ValueInteger": 3}, "name": {"ValueString": "x"}}}
    reply = start(threadline_server, SegmentAttributes={"team": value, "n": {"ValueInteger": 5}})
    found = described(threadline_server, reply["ContactId"])["SegmentAttributes"]
    assert found == {
        "connect:Subtype": {"ValueString": "connect:Chat"},
        "team": value,
        "n": {"ValueInteger": 5},
    }


# Attributes


def test_attributes_are_limited_in_bytes(threadline_server: Threadline) -> None:
    reply = start(threadline_server, Attributes={"a": "x" * (FULL - 1)})
    assert len(described(threadline_server, reply["ContactId"])["Attributes"]["a"]) == FULL - 1
    with refused(INVALID, f"Attributes are {FULL + 1} bytes"):
        start(threadline_server, Attributes={"a": "x" * (FULL - 2), "b": "1"})
    with refused(INVALID, f"Attributes are {FULL + 1} bytes"):
        start(threadline_server, Attributes={"a": "ü" * (FULL // 2)})
    with refused(PARAMETER, "Attributes['a'] has 32768 characters"):
        start(threadline_server, Attributes={"a": "x" * FULL})


def test_attributes_with_names_that_are_none(threadline_server: Threadline) -> None:
    with refused(INVALID, "Attribute name 'two words' is not allowed"):
        start(threadline_server, Attributes={"two words": "x"})


@pytest.mark.parametrize("by", ["PersistentChat", "RelatedContactId"])
def test_attributes_of_the_past_come_along(threadline_server: Threadline, by: str) -> None:
    source = had(threadline_server, Attributes={"order": "17", "name": "Casey"})
    related: dict[str, Any] = (
        {"RelatedContactId": source}
        if by == "RelatedContactId"
        else {"PersistentChat": {"RehydrationType": "FROM_SEGMENT", "SourceContactId": source}}
    )
    reply = start(threadline_server, Attributes={"name": "K."}, **related)
    contact = described(threadline_server, reply["ContactId"])
    assert contact["Attributes"] == {"order": "17", "name": "K."}
    assert contact["RelatedContactId"] == source
    assert contact["ContactAssociationId"] == source


def test_attributes_of_the_past_that_do_not_fit_are_left_behind(threadline_server: Threadline) -> None:
    source = had(threadline_server, Attributes={"large": "x" * 30_000, "small": "y"})
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": source}
    reply = start(threadline_server, Attributes={"own": "z" * 10_000}, PersistentChat=past)
    attributes = described(threadline_server, reply["ContactId"])["Attributes"]
    assert attributes == {"own": "z" * 10_000, "small": "y"}


def test_a_plain_relation_opens_no_history(threadline_server: Threadline) -> None:
    source = threadline_server.customer()
    source.say("before")
    related = threadline_server.customer(RelatedContactId=source.contact_id)
    assert related.continued_from is None
    related.say("after")
    assert related.reads() == ["after"]
    assert "chat.rehydrated" not in related.events()
    source.leave()
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": related.contact_id}
    related.leave()
    again = threadline_server.customer(PersistentChat=past)
    assert again.reads() == ["after"], "nor later"


def test_a_relation_to_nothing(threadline_server: Threadline) -> None:
    theirs = threadline_server.another_account().invite().contact_id
    for contact_id in ("nothing", theirs):
        with refused(NOT_FOUND, f"Related contact not found: {contact_id}"):
            start(threadline_server, RelatedContactId=contact_id)


# The customer


def test_the_customer_id_is_kept(threadline_server: Threadline) -> None:
    reply = start(threadline_server, CustomerId="customer-17")
    assert described(threadline_server, reply["ContactId"])["CustomerId"] == "customer-17"
    assert "CustomerId" not in described(threadline_server, start(threadline_server)["ContactId"])


# The duration


def test_a_customer_who_does_not_connect_within_five_minutes_is_disconnected(threadline: Threadline) -> None:
    late, connected = threadline.invite(), threadline.customer()
    credentials_only = threadline.invite()
    threadline.connectparticipant.create_participant_connection(
        ParticipantToken=credentials_only.participant_token, Type=["CONNECTION_CREDENTIALS", "WEBSOCKET"]
    )
    threadline.clock.advance(minutes=5, seconds=-1)
    assert reason(threadline, late.contact_id) is None
    threadline.clock.advance(seconds=1)
    for casey in (late, credentials_only):
        assert reason(threadline, casey.contact_id) == "CUSTOMER_CONNECTION_NOT_ESTABLISHED"
        with refused(DENIED, "the chat has ended"):
            casey.connect()
    assert reason(threadline, connected.contact_id) is None
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": late.contact_id}
    assert start(threadline, PersistentChat=past)["ContinuedFromContactId"] == late.contact_id


@pytest.mark.parametrize(("minutes", "lasts"), [(None, 1_500), (60, 60), (10_080, 10_080)])
def test_a_chat_lasts_so_long(threadline: Threadline, minutes: int | None, lasts: int) -> None:
    members: dict[str, Any] = {"ChatDurationInMinutes": minutes} if minutes else {}
    threadline.clock.stop()
    casey = threadline.customer(**members)
    agent = threadline.agent("a1").accept(casey)
    threadline.clock.advance(minutes=lasts, seconds=-1)
    assert reason(threadline, casey.contact_id) is None
    threadline.clock.advance(seconds=1)
    assert reason(threadline, casey.contact_id) == "EXPIRED"
    for person in (casey, agent):
        person.see_event("chat.ended")
        with refused(DENIED, "Access denied"):
            person.say("still there?")


def test_time_goes_on_over_a_transfer(threadline: Threadline) -> None:
    casey = threadline.customer(ChatDurationInMinutes=60)
    threadline.clock.advance(minutes=59)
    second = threadline.agent("a1").accept(casey).transfer(threadline.queue_id)
    threadline.clock.advance(minutes=1)
    assert reason(threadline, second) == "EXPIRED"
    assert reason(threadline, casey.contact_id) is None, "it had ended by the transfer"


@pytest.mark.parametrize("minutes", [0, 59, 10_081, -60])
def test_a_chat_cannot_last_so_long(threadline_server: Threadline, minutes: int) -> None:
    with closing(unchecked(threadline_server)) as client, refused(PARAMETER, "ChatDurationInMinutes"):
        client.start_chat_contact(
            InstanceId=threadline_server.instance_id,
            ContactFlowId=threadline_server.contact_flow_id,
            ParticipantDetails={"DisplayName": "Casey"},
            ChatDurationInMinutes=minutes,
        )


# DisconnectOnCustomerExit


def test_by_default_the_chat_ends_with_the_customer(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    agent = threadline_server.agent("a1").accept(casey)
    casey.leave()
    for person in (casey, agent):
        person.see_event("chat.ended")
    assert reason(threadline_server, casey.contact_id) == "CUSTOMER_DISCONNECT"


@pytest.mark.model_has("connect.StartChatContactRequest.DisconnectOnCustomerExit")
def test_disconnect_on_customer_exit_takes_the_agent_and_leaves_the_survey(
    threadline_server: Threadline,
) -> None:
    casey = threadline_server.customer(DisconnectOnCustomerExit=["AGENT"])
    agent = threadline_server.agent("a1").accept(casey)
    casey.leave()
    agent.see_event("chat.ended")
    survey: Item = casey.see_like(lambda item: item.get("ParticipantRole") == "SYSTEM", "the survey")
    assert survey["ContactId"] != casey.contact_id
    assert described(threadline_server, survey["ContactId"])["InitiationMethod"] == "DISCONNECT"
    assert reason(threadline_server, casey.contact_id) == "CUSTOMER_DISCONNECT"
    assert casey.events().count("chat.ended") == 0
    casey.say("Five stars.")
    casey.leave()
    casey.see_event("chat.ended")
    assert reason(threadline_server, survey["ContactId"]) == "CUSTOMER_DISCONNECT"


@pytest.mark.model_has("connect.StartChatContactRequest.DisconnectOnCustomerExit")
def test_disconnect_on_customer_exit_without_an_agent_is_the_end(threadline_server: Threadline) -> None:
    casey = threadline_server.customer(DisconnectOnCustomerExit=["AGENT"])
    casey.leave()
    casey.see_event("chat.ended")
    assert reason(threadline_server, casey.contact_id) == "CUSTOMER_DISCONNECT"


# Connection data in the reply


@pytest.mark.parametrize(
    ("types", "members"),
    [
        (["WEBSOCKET"], {"Websocket"}),
        (["CONNECTION_CREDENTIALS"], {"ConnectionCredentials"}),
        (["WEBSOCKET", "CONNECTION_CREDENTIALS"], {"Websocket", "ConnectionCredentials"}),
    ],
)
@pytest.mark.model_has("connect.StartChatContactRequest.ConnectionTypes")
def test_connection_data_that_was_asked_for(
    threadline_server: Threadline, types: list[str], members: set[str]
) -> None:
    reply = start(threadline_server, ConnectionTypes=types)
    assert reply.keys() == {"ContactId", "ParticipantId", "ParticipantToken"} | members
    if "Websocket" in members:
        assert reply["Websocket"].keys() == {"Url", "ConnectionExpiry"}
        assert reply["Websocket"]["Url"].startswith(threadline_server.url.replace("http", "ws"))
    if "ConnectionCredentials" in members:
        token = reply["ConnectionCredentials"]["ConnectionToken"]
        sent = threadline_server.connectparticipant.send_message(
            ConnectionToken=token, ContentType="text/plain", Content="at once"
        )
        assert sent["Id"]


@pytest.mark.model_has("connect.StartChatContactRequest.ConnectionTypes")
def test_a_replay_after_the_end_has_no_url(threadline_server: Threadline) -> None:
    types = ["WEBSOCKET", "CONNECTION_CREDENTIALS"]
    first = start(threadline_server, ConnectionTypes=types, ClientToken="replayed")
    running = start(threadline_server, ConnectionTypes=types, ClientToken="replayed")
    same = ("ContactId", "ParticipantId", "ParticipantToken")
    assert [running[name] for name in same] == [first[name] for name in same]
    assert running["Websocket"]["Url"] != first["Websocket"]["Url"], "a URL opens one socket"
    threadline_server.connect.stop_contact(
        InstanceId=threadline_server.instance_id, ContactId=first["ContactId"]
    )
    ended = start(threadline_server, ConnectionTypes=types, ClientToken="replayed")
    assert [ended[name] for name in same] == [first[name] for name in same]
    assert "Websocket" not in ended


@pytest.mark.parametrize("other", ["WEBRTC_CONNECTION", "AUTHENTICATION_SESSION"])
@pytest.mark.model_has("connect.StartChatContactRequest.ConnectionTypes")
def test_other_values_return_nothing(threadline_server: Threadline, other: str) -> None:
    """Source: model, StartChatContactRequest, ConnectionTypes."""
    plain = {"ContactId", "ParticipantId", "ParticipantToken"}
    assert start(threadline_server, ConnectionTypes=[other]).keys() == plain
    assert start(threadline_server, ConnectionTypes=[other, "WEBSOCKET"]).keys() == plain | {"Websocket"}


# Repeated calls


def test_a_replay_gives_the_very_same_token(threadline_server: Threadline) -> None:
    first, again = (start(threadline_server, ClientToken="same") for _ in range(2))
    assert first == again
    person = Person(threadline_server, "Casey", again["ContactId"], again["ParticipantToken"])
    assert person.connect().events() == ["participant.joined"]
    assert start(threadline_server, ClientToken="same") == first, "also when the customer is connected"


def test_a_replay_with_other_arguments(threadline_server: Threadline) -> None:
    start(threadline_server, ClientToken="other")
    for members in ({"Attributes": {"a": "b"}}, {"ParticipantDetails": {"DisplayName": "Kim"}}):
        with refused(INVALID, "ClientToken was used with different parameters"):
            start(threadline_server, ClientToken="other", **members)


def test_a_token_of_another_account_is_another_token(threadline_server: Threadline) -> None:
    first = start(threadline_server, ClientToken="shared")
    other = threadline_server.another_account()
    second = other.connect.start_chat_contact(
        InstanceId=other.instance_id,
        ContactFlowId=other.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
        ClientToken="shared",
    )
    assert second["ContactId"] != first["ContactId"]


def test_without_a_token_every_call_starts_a_chat(threadline_server: Threadline) -> None:
    """boto3 sends a new one with every call."""
    assert start(threadline_server)["ContactId"] != start(threadline_server)["ContactId"]


@pytest.mark.parametrize("mode", ["INCREMENTAL", "COMPLETE"])
@pytest.mark.model_has("connect.StartChatContactRequest.ParticipantConfiguration")
def test_a_response_mode_is_accepted(threadline_server: Threadline, mode: str) -> None:
    assert start(threadline_server, ParticipantConfiguration={"ResponseMode": mode})["ContactId"]
