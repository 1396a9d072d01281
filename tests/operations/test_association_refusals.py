"""Every refusal of CreatePersistentContactAssociation, row by row of the error table, and their order.

Three rows cannot occur here. All contacts are chats, so nothing is refused for its channel (6, 9). Nothing of a chat
is ever deleted, so no past chat lacks its transcript (17). Transcripts need no bucket, so none can be missing (22).
Row 18, a transcript that is not written yet, is a success here: see the last test.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from tests.http.raw import ask
from tests.operations.raw import signed
from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, PARAMETER, refused
from threadline.testing import Customer, PastChat, Threadline, Workspace

UNKNOWN = "01a203c5-0000-7000-8000-000000000000"
FROM_SEGMENT = {"RehydrationType": "FROM_SEGMENT"}
ENTIRE = {"RehydrationType": "ENTIRE_PAST_SESSION"}


class Scene:
    """A past chat of three contacts, and running chats to continue it in."""

    def __init__(self, server: Threadline) -> None:
        self.server = server
        self.past: PastChat = server.past_chat()
        self.other: Workspace = server.another_account()
        self.client = server.client("connect", config=Config(parameter_validation=False))

    def chat(self, **members: Any) -> Customer:
        return self.server.invite(**members)

    def call(self, contact_id: str | None = None, **members: Any) -> Any:
        """Associate a new chat, or the given contact, with the past chat's second contact, or as `members` say."""
        arguments = {
            "InstanceId": self.server.instance_id,
            "InitialContactId": contact_id or self.chat().contact_id,
            "RehydrationType": "FROM_SEGMENT",
            "SourceContactId": self.past.c2,
        } | members
        given = {name: value for name, value in arguments.items() if value is not None}
        return self.client.create_persistent_contact_association(**given)["ContinuedFromContactId"]


@pytest.fixture(scope="module")
def scene(threadline_server: Threadline) -> Iterator[Scene]:
    made = Scene(threadline_server)
    yield made
    made.client.close()


# Rows 1 and 2: members that are malformed


@pytest.mark.parametrize(
    ("members", "what", "words"),
    [
        pytest.param({"RehydrationType": None}, INVALID, "RehydrationType is required.", id="1"),
        pytest.param({"SourceContactId": None}, INVALID, "SourceContactId is required.", id="1"),
        pytest.param({"RehydrationType": 5}, INVALID, "RehydrationType must be a string", id="1: type"),
        pytest.param({"SourceContactId": ["x"]}, INVALID, "SourceContactId must be a string", id="1: type"),
        pytest.param({"ClientToken": True}, INVALID, "ClientToken must be a string", id="1: type"),
        pytest.param(
            {"RehydrationType": "ALL"}, PARAMETER, "Invalid value for RehydrationType", id="2: enum"
        ),
        pytest.param({"RehydrationType": ""}, PARAMETER, "Invalid value for RehydrationType", id="2: enum"),
        pytest.param({"SourceContactId": "x" * 257}, PARAMETER, "SourceContactId has 257", id="2: length"),
        pytest.param({"SourceContactId": ""}, PARAMETER, "SourceContactId must not be empty", id="2: empty"),
        pytest.param({"InitialContactId": "x" * 257}, PARAMETER, "InitialContactId has 257", id="2: length"),
        pytest.param({"InstanceId": "x" * 101}, PARAMETER, "InstanceId has 101", id="2: length"),
        pytest.param({"ClientToken": "x" * 501}, PARAMETER, "ClientToken has 501", id="2: length"),
    ],
)
def test_a_request_that_is_written_wrongly(
    scene: Scene, members: dict[str, Any], what: tuple[str, int], words: str
) -> None:
    with refused(what, words):
        scene.call(**members)


@pytest.mark.parametrize("length", [256, 1])
def test_members_at_their_bounds_are_looked_up(scene: Scene, length: int) -> None:
    with refused(NOT_FOUND, "Source contact not found"):
        scene.call(SourceContactId="x" * length, ClientToken="t" * 500)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "must be an object, not a list"),
        (b"null", "must be an object, not null"),
        (b'"text"', "must be an object, not a string"),
        (b"\xff", "is not valid UTF-8"),
        (b"", "RehydrationType is required."),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_request(scene: Scene, body: bytes, words: str) -> None:
    path = f"/contact/persistent-contact-association/{scene.server.instance_id}/{scene.chat().contact_id}"
    refusal = signed(scene.server, "POST", path, body)
    assert (refusal.status, refusal.code) == (400, "InvalidRequestException"), refusal
    assert words in refusal.message


# Rows 3 to 8 and 10 to 12: contacts that are unknown, foreign, or in the wrong state


def test_3_an_instance_that_is_not_there(scene: Scene) -> None:
    with refused(NOT_FOUND, f"Instance not found: {UNKNOWN}"):
        scene.call(InstanceId=UNKNOWN)


def test_4_an_instance_of_another_account(scene: Scene) -> None:
    contact_id = scene.chat().contact_id
    with refused(DENIED, "has no access to instance"):
        scene.other.connect.create_persistent_contact_association(
            InstanceId=scene.server.instance_id,
            InitialContactId=contact_id,
            SourceContactId=scene.past.c2,
            **FROM_SEGMENT,
        )


def test_4_without_a_signature(scene: Scene) -> None:
    path = f"/contact/persistent-contact-association/{scene.server.instance_id}/{UNKNOWN}"
    answer = ask(scene.server.url, "POST", path, b"{}")
    assert (answer.status, answer.error) == (403, "MissingAuthenticationTokenException")


def test_5_a_current_contact_that_is_not_there_or_in_another_instance(scene: Scene) -> None:
    for contact_id in (UNKNOWN, scene.other.invite().contact_id):
        with refused(NOT_FOUND, f"Contact not found: {contact_id}"):
            scene.call(contact_id)


def test_7_a_chat_that_has_ended(scene: Scene) -> None:
    with refused(INVALID, "Contact is not active"):
        scene.call(scene.past.c3)


def test_8_a_source_that_is_not_there_or_in_another_instance_is_refused_in_the_same_words(
    scene: Scene,
) -> None:
    theirs = scene.other.invite()
    scene.other.connect.stop_contact(InstanceId=scene.other.instance_id, ContactId=theirs.contact_id)
    for source in (UNKNOWN, theirs.contact_id):
        with refused(NOT_FOUND, f"Source contact not found: {source}"):
            scene.call(SourceContactId=source)


@pytest.mark.parametrize("kind", [FROM_SEGMENT, ENTIRE])
def test_10_a_source_whose_chat_is_running(scene: Scene, kind: dict[str, str]) -> None:
    live = scene.server.customer()
    with refused(INVALID, "Source chat session has not ended"):
        scene.call(SourceContactId=live.contact_id, **kind)
    agent = scene.server.agent("a1").accept(live)
    second = agent.transfer(scene.server.queue_id)
    with refused(INVALID, f"still active in contact {second}"):
        scene.call(SourceContactId=live.contact_id, **kind)


def test_11_a_source_of_the_same_chat(scene: Scene) -> None:
    live = scene.server.customer()
    second = scene.server.agent("a1").accept(live).transfer(scene.server.queue_id)
    for current, source in [(second, live.contact_id), (second, second), (live.contact_id, second)]:
        with refused(INVALID, "belongs to the current chat itself"):
            scene.call(current, SourceContactId=source)


def test_12_an_entire_past_session_by_a_later_contact(scene: Scene) -> None:
    for source in (scene.past.c2, scene.past.c3):
        with refused(INVALID, "must be the initial contact of the past chat session"):
            scene.call(SourceContactId=source, **ENTIRE)


# Rows 13 to 16: chats with an association already


@pytest.mark.parametrize("by", ["the operation", "StartChatContact"])
def test_13_a_chat_that_continues_another_already(scene: Scene, by: str) -> None:
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": scene.past.c2}
    current = scene.chat(**({"PersistentChat": past} if by == "StartChatContact" else {})).contact_id
    scene.call(current)
    for members in ({"SourceContactId": scene.past.c1}, {"SourceContactId": scene.past.c1, **ENTIRE}):
        with refused(INVALID, "A persistent association already exists for this chat"):
            scene.call(current, **members)
        with refused(INVALID, "A persistent association already exists for this chat"):
            scene.call(current, ClientToken="new", **members)


def test_14_the_same_again_is_answered_the_same(scene: Scene) -> None:
    current = scene.server.customer()
    tokens = [None, "t", None, "u", "t"]
    assert {scene.call(current.contact_id, ClientToken=token) for token in tokens} == {scene.past.c2}
    assert current.events().count("chat.rehydrated") == 1


def test_15_a_client_token_of_another_call(scene: Scene) -> None:
    current = scene.chat().contact_id
    scene.call(current, ClientToken="t")
    for members in ({"SourceContactId": scene.past.c1}, ENTIRE, {"SourceContactId": UNKNOWN}):
        with refused(INVALID, "ClientToken was used with different parameters"):
            scene.call(current, ClientToken="t", **members)
    assert scene.call(scene.chat().contact_id, ClientToken="t") == scene.past.c2, (
        "another chat, another token"
    )


def test_15_a_client_token_of_a_call_that_was_refused_is_free(scene: Scene) -> None:
    current = scene.chat().contact_id
    with refused(NOT_FOUND):
        scene.call(current, ClientToken="t", SourceContactId=UNKNOWN)
    assert scene.call(current, ClientToken="t") == scene.past.c2


def test_16_a_chat_that_was_started_with_a_plain_relation(scene: Scene) -> None:
    current = scene.chat(RelatedContactId=scene.past.c2).contact_id
    with refused(INVALID, "A persistent association already exists for this chat"):
        scene.call(current)


# Row 19


@pytest.fixture
def limited() -> Iterator[Threadline]:
    with Threadline(rate_limits=True) as server:
        server.clock.stop()
        yield server


def test_19_more_calls_than_amazon_allows(limited: Threadline) -> None:
    no_retries = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    client = limited.client("connect", config=no_retries)
    arguments = {"InstanceId": limited.instance_id, "InitialContactId": UNKNOWN}
    for _ in range(8):
        with refused(INVALID, "RehydrationType is required"):
            client.create_persistent_contact_association(**arguments)
    with refused(("ThrottlingException", 429), "Rate exceeded"):
        client.create_persistent_contact_association(**arguments)
    limited.clock.advance(seconds=0.2)
    with refused(INVALID):
        client.create_persistent_contact_association(**arguments)
    client.close()


# Rows 20 and 21: the same by StartChatContact


@pytest.mark.parametrize("given", [{}, {"SourceContactId": UNKNOWN}, {"RehydrationType": "FROM_SEGMENT"}])
def test_20_a_persistent_chat_that_does_not_say_enough(scene: Scene, given: dict[str, str]) -> None:
    missing = "RehydrationType" if "RehydrationType" not in given else "SourceContactId"
    with refused(INVALID, f"PersistentChat.{missing} is required"):
        scene.chat(PersistentChat=given)


def test_21_a_persistent_chat_with_a_plain_relation(scene: Scene) -> None:
    with refused(INVALID, "RelatedContactId and PersistentChat cannot both be provided"):
        scene.chat(
            PersistentChat={"SourceContactId": scene.past.c2, **FROM_SEGMENT}, RelatedContactId=scene.past.c2
        )


@pytest.mark.parametrize(
    ("past", "what", "words"),
    [
        (lambda scene: {"SourceContactId": UNKNOWN, **FROM_SEGMENT}, NOT_FOUND, "Source contact not found"),
        (lambda scene: {"SourceContactId": scene.chat().contact_id, **ENTIRE}, INVALID, "has not ended"),
        (lambda scene: {"SourceContactId": scene.past.c2, **ENTIRE}, INVALID, "must be the initial contact"),
        (lambda scene: {"SourceContactId": "", **ENTIRE}, PARAMETER, "must not be empty"),
        (lambda scene: {"SourceContactId": UNKNOWN, "RehydrationType": "x"}, PARAMETER, "Invalid value for"),
    ],
)
def test_start_with_an_invalid_past_creates_nothing(
    scene: Scene, past: Callable[[Scene], dict[str, str]], what: tuple[str, int], words: str
) -> None:
    arguments = {
        "InstanceId": scene.server.instance_id,
        "ContactFlowId": scene.server.contact_flow_id,
        "ParticipantDetails": {"DisplayName": "Casey"},
        "PersistentChat": past(scene),
        "ClientToken": "t",
    }
    with refused(what, words):
        scene.client.start_chat_contact(**arguments)
    with refused(what, words):
        scene.client.start_chat_contact(**arguments)


# The order of checks: of two errors, the first is reported


def test_the_caller_is_checked_before_the_members(scene: Scene) -> None:
    stranger = scene.server.client("connect", aws_secret_access_key="wrong")
    with refused(("InvalidSignatureException", 403)):
        stranger.create_persistent_contact_association(
            InstanceId=UNKNOWN, InitialContactId=UNKNOWN, RehydrationType="ALL", SourceContactId="x" * 300
        )
    stranger.close()


@pytest.mark.parametrize(
    ("members", "what", "words"),
    [
        ({"InstanceId": UNKNOWN, "RehydrationType": "ALL"}, PARAMETER, "RehydrationType"),
        ({"InstanceId": UNKNOWN, "InitialContactId": "nobody"}, NOT_FOUND, "Instance not found"),
        ({"InitialContactId": "nobody", "SourceContactId": "no one"}, NOT_FOUND, "Contact not found: nobody"),
    ],
)
def test_syntax_before_instance_before_current_contact_before_source(
    scene: Scene, members: dict[str, str], what: tuple[str, int], words: str
) -> None:
    with refused(what, words):
        scene.call(**members)


def test_the_client_token_before_the_state_of_the_chat(scene: Scene) -> None:
    current = scene.server.customer()
    scene.call(current.contact_id, ClientToken="t")
    current.leave()
    assert scene.call(current.contact_id, ClientToken="t") == scene.past.c2
    with refused(INVALID, "ClientToken was used with different parameters"):
        scene.call(current.contact_id, ClientToken="t", SourceContactId=UNKNOWN)
    with refused(INVALID, "Contact is not active"):
        scene.call(current.contact_id)
    with refused(INVALID, "Contact is not active"):
        scene.call(current.contact_id, SourceContactId=UNKNOWN)


def test_an_association_that_exists_before_the_source(scene: Scene) -> None:
    current = scene.chat().contact_id
    scene.call(current)
    live = scene.chat().contact_id
    for source in (UNKNOWN, live, current):
        with refused(INVALID, "A persistent association already exists"):
            scene.call(current, SourceContactId=source)


def test_the_state_of_the_source_before_the_rule_of_the_type(scene: Scene) -> None:
    live = scene.server.customer()
    second = scene.server.agent("a1").accept(live).transfer(scene.server.queue_id)
    with refused(INVALID, "Source chat session has not ended"):
        scene.call(SourceContactId=second, **ENTIRE)


def test_18_a_chat_can_be_continued_in_the_moment_it_has_ended(scene: Scene) -> None:
    casey = scene.server.customer()
    casey.say("last words")
    casey.leave()
    returned = scene.server.customer(PersistentChat={"SourceContactId": casey.contact_id, **FROM_SEGMENT})
    assert returned.reads() == ["last words"]


def test_a_refusal_reads_the_same_for_every_client(scene: Scene) -> None:
    path = f"/contact/persistent-contact-association/{scene.server.instance_id}/{UNKNOWN}"
    body = json.dumps({"SourceContactId": scene.past.c2, **FROM_SEGMENT}).encode()
    refusal = signed(scene.server, "POST", path, body)
    assert refusal == (404, "ResourceNotFoundException", f"Contact not found: {UNKNOWN}")
    with pytest.raises(scene.server.connect.exceptions.ResourceNotFoundException):
        scene.call(UNKNOWN)
