"""SendMessage and SendEvent: the valid messages and events, their recipients, and the stored entries."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from botocore.config import Config

from tests.flows.fixture import FlowFixture
from tests.flows.flows import say, wait
from tests.operations.raw import borne
from tests.operations.refusals import DENIED, VALIDATION, answer, refused
from tests.units import Function
from threadline.chat.participant import Role
from threadline.chat.transcript import Item
from threadline.errors import Fault
from threadline.operations.sessions import insert_participant, session_of
from threadline.store import Tx
from threadline.testing import Agent, Customer, Threadline
from threadline.testing.people import EVENT

MOST = 16_384
INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
DELIVERED, READ = EVENT + "message.delivered", EVENT + "message.read"


def two(server: Threadline, **members: Any) -> tuple[Customer, Agent]:
    casey = server.customer(**members)
    return casey, server.agent("a1").accept(casey)


def event(person: Customer | Agent, content_type: str, content: str | None = None, **members: Any) -> Any:
    given = {"Content": content} if content is not None else {}
    reply = person.workspace.connectparticipant.send_event(
        ConnectionToken=person.connection_token, ContentType=content_type, **given, **members
    )
    return answer(reply)


def message_id(item: dict[str, Any]) -> str:
    return json.dumps({"messageId": item["Id"]})


# Messages


def test_a_message_is_pushed_to_all_and_to_the_sender(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    sent = answer(casey.say("Hello"))
    assert sent.keys() == {"Id", "AbsoluteTime"}
    for person in (casey, agent):
        item = person.see("Hello")
        assert (item["Id"], item["AbsoluteTime"]) == (sent["Id"], sent["AbsoluteTime"])
        assert item["InitialContactId"] == item["ContactId"] == casey.contact_id
    assert casey.page(MaxResults=1)["Transcript"][0]["Id"] == sent["Id"]


@pytest.mark.parametrize(
    "content",
    [
        "x",
        " ",
        "\n",
        "a\r\nb\tc",
        "\x7f\x1f",
        "ü€😀",
        "👩‍👩‍👧‍👦",
        "\u202e\u200b\ufeff\ufffe",
        '"\\/{}[]',
        "' OR 1=1; --",
        "%s %d {} :name ?1",
        "x" * MOST,
        "😀" * (MOST // 4),
    ],
    ids=lambda content: ascii(content)[:30],
)
def test_a_text_comes_back_as_it_was_sent(threadline_server: Threadline, content: str) -> None:
    casey = threadline_server.customer()
    casey.say(content)
    assert casey.see(content)["Content"] == content
    assert casey.reads() == [content]


@pytest.mark.parametrize(("letter", "size"), [("x", 1), ("ü", 2), ("€", 3), ("😀", 4)])
def test_a_message_is_limited_in_bytes(threadline_server: Threadline, letter: str, size: int) -> None:
    casey = threadline_server.customer()
    casey.say(letter * (MOST // size))
    with (
        closing(
            threadline_server.client("connectparticipant", config=Config(parameter_validation=False))
        ) as client,
        refused(VALIDATION, "16384"),
    ):
        client.send_message(
            ConnectionToken=casey.connection_token,
            ContentType="text/plain",
            Content=letter * (MOST // size + 1),
        )
    assert len(casey.reads()) == 1


def test_no_text_has_a_nul(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    with refused(VALIDATION, "U+0000"):
        casey.say("a\0b")


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("text/markdown", "is not enabled on this chat. Enabled: text/plain"),
        ("text/html", "is not enabled on this chat"),
        ("TEXT/PLAIN", "is not enabled on this chat"),
        ("text/plain; charset=utf-8", "is not enabled on this chat"),
        (INTERACTIVE, "is sent by flows"),
        (EVENT + "typing", "is not enabled on this chat"),
    ],
)
def test_a_type_the_chat_does_not_have(threadline_server: Threadline, content_type: str, words: str) -> None:
    casey = threadline_server.customer()
    with refused(VALIDATION, words):
        casey.say("x", content_type)


def test_an_answer_to_an_interactive_message(threadline_server: Threadline) -> None:
    casey, agent = two(
        threadline_server, SupportedMessagingContentTypes=["text/plain", f"{INTERACTIVE}.response"]
    )
    casey.say('{"a": 1}', f"{INTERACTIVE}.response")
    assert agent.see('{"a": 1}')["ContentType"] == f"{INTERACTIVE}.response"


def test_a_message_repeated_with_one_token_is_stored_once(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    first, again = (answer(casey.say("Hello", ClientToken="t")) for _ in range(2))
    assert first == again
    other_tab = casey.another_tab()
    assert answer(other_tab.say("Hello", ClientToken="t")) == first, "also with a newer connection token"
    with refused(VALIDATION, "ClientToken was used with different parameters"):
        casey.say("Hello!", ClientToken="t")
    assert answer(agent.say("Hello", ClientToken="t"))["Id"] != first["Id"], "everyone has their own tokens"
    assert casey.reads() == ["Hello", "Hello"]


def test_concurrent_messages_are_stored_once_in_the_order_of_their_ids(
    threadline_server: Threadline,
) -> None:
    casey, agent = two(threadline_server)
    texts = [f"line {number % 20}" for number in range(60)]

    def say(text: str) -> str:
        return str(casey.say(text, ClientToken=text)["Id"])

    with ThreadPoolExecutor(10) as pool:
        sent = list(pool.map(say, texts))
    kept = [item for item in casey.history() if item["Type"] == "MESSAGE"]
    assert {item["Content"]: item["Id"] for item in kept} == dict(zip(texts, sent, strict=True))
    assert len(kept) == 20
    assert [item["Id"] for item in kept] == sorted(item["Id"] for item in kept)
    heard = [item["Id"] for item in agent.catch_up() if item["Type"] == "MESSAGE"]
    assert heard == [item["Id"] for item in kept]


# Typing


def test_typing_is_for_the_others_and_for_now(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    reply = event(casey, EVENT + "typing")
    assert reply.keys() == {"Id", "AbsoluteTime"}
    seen = agent.see_event("typing")
    assert (seen["Id"], seen["ParticipantId"]) == (reply["Id"], casey.participant_id)
    assert "typing" not in casey.events()
    assert all("typing" not in item["ContentType"] for item in casey.history())


def test_a_retired_event_of_a_connected_participant_does_nothing(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    before = agent.catch_up()[:]
    assert event(casey, EVENT + "connection.acknowledged")["Id"]
    assert agent.catch_up() == before


@pytest.mark.parametrize("kind", ["chat.ended", "participant.joined", "transfer.succeeded", "x", "Typing"])
def test_an_event_that_participants_do_not_send(threadline_server: Threadline, kind: str) -> None:
    casey = threadline_server.customer()
    before = casey.history()
    with refused(VALIDATION, "is not an event that participants send"):
        event(casey, EVENT + kind)
    assert casey.history() == before


# Receipts


def test_a_receipt_may_say_more_than_is_read(threadline_server: Threadline) -> None:
    """A number of 5,000 digits is JSON."""
    casey, agent = two(threadline_server)
    casey.say("Hello")
    heard = agent.see("Hello")
    event(agent, READ, f'{{"at": {"1" * 5_000}, "messageId": "{heard["Id"]}"}}')
    casey.see(Type="MESSAGEMETADATA")


def test_receipts_stand_on_the_message_and_are_pushed_once(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    casey.say("Hello")
    heard = agent.see("Hello")
    agent.delivered(heard)
    pushed = casey.see(Type="MESSAGEMETADATA")
    assert pushed["MessageMetadata"]["MessageId"] == heard["Id"]
    [receipt] = pushed["MessageMetadata"]["Receipts"]
    assert receipt["RecipientParticipantId"] == agent.participant_id
    agent.read(heard)
    casey.see_like(
        lambda item: "ReadTimestamp" in json.dumps(item.get("MessageMetadata", {})), "that it was read"
    )
    for again in (agent.delivered, agent.read):
        again(heard)
    assert [item["Type"] for item in casey.catch_up()].count("MESSAGEMETADATA") == 2
    for person in (casey, agent):
        message = person.page(MaxResults=1)["Transcript"][0]
        [kept] = message["MessageMetadata"]["Receipts"]
        assert kept.keys() == {"DeliveredTimestamp", "ReadTimestamp", "RecipientParticipantId"}
        assert kept["DeliveredTimestamp"] == receipt["DeliveredTimestamp"]
        assert message["MessageMetadata"]["MessageId"] == heard["Id"]


def test_receipts_come_back_with_the_past(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    casey.say("Hello")
    agent.read(agent.see("Hello"))
    casey.leave()
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": casey.contact_id}
    returned = threadline_server.customer(PersistentChat=past)
    [message] = [item for item in returned.history() if item["Type"] == "MESSAGE"]
    assert message["MessageMetadata"]["Receipts"][0]["RecipientParticipantId"] == agent.participant_id


@pytest.mark.parametrize("kind", [DELIVERED, READ])
def test_a_receipt_for_an_item_of_the_past_has_no_effect(threadline_server: Threadline, kind: str) -> None:
    """Amazon's widget sends a receipt for every message that it shows."""
    dana = threadline_server.customer()
    dana.say("Long ago")
    dana.leave()
    oldest = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": dana.contact_id}
    casey, _ = two(threadline_server, PersistentChat=oldest)
    casey.say("Hello")
    casey.leave()
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": casey.contact_id}
    returned, agent = two(threadline_server, PersistentChat=past)
    for person in (returned, agent):
        before = person.history()
        heard = person.catch_up()[:]
        for item in before:
            if "RelatedContactId" in item:
                assert event(person, kind, message_id(item)).keys() == {"Id", "AbsoluteTime"}
        assert (person.history(), person.catch_up()) == (before, heard)


def test_a_receipt_reveals_no_item_that_its_sender_may_not_see(threadline_server: Threadline) -> None:
    """Items of a foreign chat, of a segment that is not shown, and unknown ids get the same refusal."""
    casey = threadline_server.customer()
    c2 = threadline_server.agent("a1").accept(casey).transfer(threadline_server.queue_id)
    casey.say("later")
    dropped = casey.see("later")
    assert dropped["ContactId"] == c2
    casey.leave()
    stranger = threadline_server.customer()
    stranger.say("secret")
    foreign = stranger.see("secret")
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": casey.contact_id}
    returned = threadline_server.customer(PersistentChat=past)
    shown = next(item for item in returned.history() if "RelatedContactId" in item)
    pushed = returned.see_event("chat.rehydrated")
    never = {"Id": shown["Id"][:-1] + ("1" if shown["Id"][-1] != "1" else "2")}
    mixed = {"Id": foreign["Id"][:24] + shown["Id"][24:]}
    for item in (foreign, dropped, never, mixed, pushed):
        with refused(VALIDATION, f"No message of this chat has the id '{item['Id']}'"):
            event(returned, READ, message_id(item))


def test_a_delivered_receipt_after_a_read_one_has_no_effect(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    casey.say("Hello")
    heard = agent.see("Hello")
    agent.read(heard)
    agent.delivered(heard)
    [kept] = casey.page(MaxResults=1)["Transcript"][0]["MessageMetadata"]["Receipts"]
    assert kept.keys() == {"ReadTimestamp", "RecipientParticipantId"}


def test_a_receipt_for_an_own_message_has_no_effect(threadline_server: Threadline) -> None:
    casey, _ = two(threadline_server)
    casey.say("Hello")
    assert event(casey, DELIVERED, message_id(casey.see("Hello")))["Id"]
    assert "MessageMetadata" not in casey.page(MaxResults=1)["Transcript"][0]


def test_the_customer_reads_an_agents_message_after_a_bot(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    bot = threadline_server.connect.create_participant(
        InstanceId=threadline_server.instance_id,
        ContactId=casey.contact_id,
        ParticipantDetails={"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"},
    )
    threadline_server.connectparticipant.create_participant_connection(
        ParticipantToken=bot["ParticipantCredentials"]["ParticipantToken"],
        Type=["CONNECTION_CREDENTIALS"],
        ConnectParticipant=True,
    )
    agent = threadline_server.agent("a1").accept(casey)
    agent.say("Hello")
    casey.read(casey.see("Hello"))
    assert agent.see_event("message.read")


async def test_receipts_are_for_two() -> None:
    fixture = FlowFixture()
    await fixture.open()
    chat = await fixture.run(first=say("Hello", "stay"), stay=wait("3600"))
    [row] = await fixture.rows("item", session=chat.caller.session, seq=2)
    receipt = {"content_type": READ, "content": json.dumps({"messageId": Item(*row).id})}

    def join(tx: Tx) -> None:
        session = session_of(tx, chat.caller.session)
        for name in ("Sam", "Robin"):
            insert_participant(tx, session, Role.SUPERVISOR, name, user_id=None, connected=True)

    await fixture.store.write(Function(join))
    with pytest.raises(Fault, match="Receipts are for chats of two") as caught:
        await fixture.act(chat.caller, "SendEvent", **receipt)
    assert caught.value.code == "ConflictException"
    await fixture.store.close()


NO_RECEIPTS = [None, "x", "{}", "[]", "null", '"x"', '{"messageId": 5}', '{"messageId": null}', "[" * 5_000]
NO_MESSAGES = ['{"messageId": ""}', '{"messageId": "x"}', '{"messageid": "x"}', '{"messageId": ["x"]}']


@pytest.mark.parametrize("content", [*NO_RECEIPTS, *NO_MESSAGES])
def test_a_receipt_for_nothing(threadline_server: Threadline, content: str | None) -> None:
    casey, _ = two(threadline_server)
    for kind in (DELIVERED, READ):
        with refused(VALIDATION):
            event(casey, kind, content)


def test_a_receipt_for_another_chats_message_is_refused(threadline_server: Threadline) -> None:
    casey, agent = two(threadline_server)
    other, _ = two(threadline_server)
    other.say("elsewhere")
    joined = agent.page(MaxResults=1)["Transcript"][0]
    for item in (other.see("elsewhere"), joined):
        with refused(VALIDATION, "No message of this chat has the id"):
            event(casey, READ, message_id(item))


# Refused senders


@pytest.mark.parametrize("path", ["message", "event", "transcript", "disconnect"])
def test_after_the_end_nothing_more(threadline_server: Threadline, path: str) -> None:
    casey, agent = two(threadline_server)
    second = agent.transfer(threadline_server.queue_id)
    bodies = {"message": b'{"ContentType":"text/plain","Content":"x"}', "event": b'{"ContentType":"x"}'}
    body = bodies.get(path, b"{}")
    refusal = borne(agent, path, body)
    assert (refusal.status, refusal.code) == (403, "AccessDeniedException")
    assert "the participant has left the chat" in refusal.message
    threadline_server.connect.stop_contact(InstanceId=threadline_server.instance_id, ContactId=second)
    refusal = borne(casey, path, body)
    assert (refusal.status, refusal.code) == (403, "AccessDeniedException")
    assert "the chat has ended" in refusal.message
    with refused(DENIED, "the chat has ended"):
        casey.connect()
