"""GetTranscript with all its parameters: sizes, directions, orders, start positions, contacts, tokens."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from botocore.config import Config

from tests.operations.raw import borne
from tests.operations.refusals import VALIDATION, answer, refused
from threadline.testing import Agent, Customer, PastChat, Threadline
from threadline.testing.people import EVENT, Item

CURRENT = 17
"""Casey and Alex joined, five lines each of them; Alex transferred and left, Robin joined, two lines."""
WORDS = [
    "Hello",
    "Hello, I am Alex.",
    *(f"line {number}" for number in range(8)),
    "Hello, I am Robin.",
    "Hello.",
]


class Talk(NamedTuple):
    """A running chat of two segments that continues a past one of three."""

    server: Threadline
    casey: Customer
    robin: Agent
    second: str
    past: PastChat
    own: list[Item]
    """The current items, oldest first."""
    before: list[Item]
    """The past items, oldest first."""


@pytest.fixture(scope="module")
def talk(threadline_server: Threadline) -> Iterator[Talk]:
    past = threadline_server.past_chat()
    casey = threadline_server.customer(
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": past.c1}
    )
    alex = threadline_server.agent("a1").accept(casey)
    robin = threadline_server.agent("a2")
    casey.say(WORDS[0])
    alex.say(WORDS[1])
    for number, text in enumerate(WORDS[2:10]):
        (alex if number % 2 else casey).say(text)
    second = alex.transfer(robin)
    robin.accept(second)
    robin.say(WORDS[10])
    casey.say(WORDS[11])
    items = casey.history()
    own = [item for item in items if "ContactId" in item]
    before = [item for item in items if "RelatedContactId" in item]
    assert items == before + own
    assert len(own) == CURRENT
    yield Talk(threadline_server, casey, robin, second, past, own, before)
    for person in (casey, robin, alex):
        person.drop()


def ids(items: list[Item]) -> list[str]:
    return [item["Id"] for item in items]


def pages(casey: Customer, **arguments: Any) -> list[list[Item]]:
    found: list[list[Item]] = []
    while True:
        page = casey.page(**arguments)
        found.append(page["Transcript"])
        if "NextToken" not in page:
            return found
        arguments["NextToken"] = page["NextToken"]


def test_every_message_is_in_the_transcript(talk: Talk) -> None:
    assert [item["Content"] for item in talk.own if item["Type"] == "MESSAGE"] == WORDS
    kinds = [item["ContentType"].removeprefix(EVENT) for item in talk.own if item["Type"] == "EVENT"]
    joined = "participant.joined"
    assert kinds == [joined, joined, "transfer.succeeded", "participant.left", joined]
    assert [item["ContentType"].removeprefix(EVENT) for item in talk.before][-2:] == [
        "participant.left",
        "chat.ended",
    ], "the end of a past chat belongs to it"


def test_the_members_of_an_item(talk: Talk) -> None:
    message = talk.own[-1]
    assert message == {
        "AbsoluteTime": message["AbsoluteTime"],
        "Content": "Hello.",
        "ContentType": "text/plain",
        "Id": message["Id"],
        "Type": "MESSAGE",
        "ParticipantId": talk.casey.participant_id,
        "DisplayName": "Casey",
        "ParticipantRole": "CUSTOMER",
        "ContactId": talk.second,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["AbsoluteTime"])
    assert talk.before[-1].keys() == {"AbsoluteTime", "ContentType", "Id", "Type", "RelatedContactId"} | (
        talk.before[-1].keys() & {"ParticipantId", "DisplayName", "ParticipantRole"}
    )
    assert {item["RelatedContactId"] for item in talk.before} == set(talk.past)


def test_a_reply_leads_on_until_nothing_is_left(talk: Talk) -> None:
    reply = answer(talk.casey.page())
    assert reply.keys() == {"InitialContactId", "Transcript", "NextToken"}
    last = answer(talk.casey.page(StartPosition={"MostRecent": 1}))
    assert last.keys() == {"InitialContactId", "Transcript"}
    assert reply["InitialContactId"] == talk.casey.contact_id


@pytest.mark.parametrize("arguments", [{}, {"MaxResults": 0}, {"MaxResults": 10}])
def test_ten_items_newest_first_unless_asked_otherwise(talk: Talk, arguments: dict[str, int]) -> None:
    assert ids(talk.casey.page(**arguments)["Transcript"]) == ids(talk.own[:-11:-1])


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, CURRENT - 1, CURRENT, CURRENT + 1, 100])
def test_pages_of_every_size_hold_the_same(talk: Talk, size: int, order: str) -> None:
    read = pages(talk.casey, MaxResults=size, SortOrder=order, ScanDirection="BACKWARD")
    newest_first = [page[::-1] if order == "ASCENDING" else page for page in read]
    assert ids([item for page in newest_first for item in page]) == ids((talk.before + talk.own)[::-1])
    assert all(len({"ContactId" in item for item in page}) == 1 for page in read), "pages do not mix"
    current = [len(page) for page in read if "ContactId" in page[0]]
    past = [len(page) for page in read if "ContactId" not in page[0]]
    assert current == [size] * (CURRENT // size) + ([CURRENT % size] if CURRENT % size else [])
    assert set(past[:-1]) <= {size}
    assert sum(past) == len(talk.before)


def test_the_size_may_change_on_the_way(talk: Talk) -> None:
    first = talk.casey.page(MaxResults=4)
    second = talk.casey.page(MaxResults=100, NextToken=first["NextToken"])
    assert ids(first["Transcript"] + second["Transcript"]) == ids(talk.own[::-1])


@pytest.mark.parametrize("size", [101, -1, 10**10])
def test_a_page_has_a_hundred_items_at_most(talk: Talk, size: int) -> None:
    refusal = borne(talk.casey, "transcript", json.dumps({"MaxResults": size}).encode())
    assert (refusal.status, refusal.code) == (400, "ValidationException")


def test_a_token_is_for_more_and_the_end_is_empty(talk: Talk) -> None:
    exactly = talk.casey.page(MaxResults=CURRENT)
    assert exactly["NextToken"], "the past follows"
    rest = talk.casey.page(MaxResults=100, NextToken=exactly["NextToken"])
    assert ids(rest["Transcript"]) == ids(talk.before[::-1])
    assert "NextToken" not in rest
    all_but_one = talk.casey.page(MaxResults=len(talk.before) - 1, NextToken=exactly["NextToken"])
    last = talk.casey.page(MaxResults=1, NextToken=all_but_one["NextToken"])
    assert ids(last["Transcript"]) == ids(talk.before[:1])
    assert "NextToken" not in last


def test_the_first_page_of_an_empty_chat_is_of_the_past(talk: Talk) -> None:
    past = {"RehydrationType": "FROM_SEGMENT", "SourceContactId": talk.past.c3}
    quiet = talk.server.invite(PersistentChat=past)
    credentials = talk.server.connectparticipant.create_participant_connection(
        ParticipantToken=quiet.participant_token, Type=["CONNECTION_CREDENTIALS"]
    )["ConnectionCredentials"]
    quiet.connection_token = credentials["ConnectionToken"]
    assert ids(quiet.history()) == ids(talk.before)
    assert ids(quiet.page(MaxResults=3)["Transcript"]) == ids(talk.before[:-4:-1])


def test_an_empty_chat_has_an_empty_page(talk: Talk) -> None:
    quiet = talk.server.invite()
    quiet.connection_token = talk.server.connectparticipant.create_participant_connection(
        ParticipantToken=quiet.participant_token, Type=["CONNECTION_CREDENTIALS"]
    )["ConnectionCredentials"]["ConnectionToken"]
    page = quiet.page()
    assert (page["Transcript"], "NextToken" in page) == ([], False)


# Start positions


@pytest.mark.parametrize(
    "body", [{}, {"StartPosition": {}}, {"StartPosition": {"Id": None, "MostRecent": None}}]
)
def test_forward_needs_a_place_to_start(talk: Talk, body: dict[str, Any]) -> None:
    refusal = borne(talk.casey, "transcript", json.dumps({"ScanDirection": "FORWARD", **body}).encode())
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    assert "send StartPosition with Id, AbsoluteTime or MostRecent" in refusal.message


def test_an_empty_start_position_is_none(talk: Talk) -> None:
    """chatjs always sends one."""
    assert answer(talk.casey.page(StartPosition={})) == answer(talk.casey.page())


@pytest.mark.parametrize("at", [0, 1, CURRENT // 2, CURRENT - 1])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_forward_from_an_item_to_the_newest(talk: Talk, at: int, size: int) -> None:
    start = {"Id": talk.own[at]["Id"]}
    for explicit in ({}, {"ScanDirection": "FORWARD"}):
        read = pages(talk.casey, StartPosition=start, SortOrder="ASCENDING", MaxResults=size, **explicit)
        assert ids([item for page in read for item in page]) == ids(talk.own[at:])
        if not explicit:
            break
    descending = talk.casey.page(StartPosition=start, SortOrder="DESCENDING", MaxResults=size)
    assert ids(descending["Transcript"]) == ids(talk.own[at : at + size][::-1])


@pytest.mark.parametrize("at", [0, 1, CURRENT // 2, CURRENT - 1])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_backward_from_an_item_to_the_oldest_but_not_into_the_past(talk: Talk, at: int, size: int) -> None:
    arguments = {"StartPosition": {"Id": talk.own[at]["Id"]}, "ScanDirection": "BACKWARD", "MaxResults": size}
    read = pages(talk.casey, **arguments)
    assert ids([item for page in read for item in page]) == ids(talk.own[at::-1])
    ascending = talk.casey.page(SortOrder="ASCENDING", **arguments)
    assert ids(ascending["Transcript"]) == ids(talk.own[max(at + 1 - size, 0) : at + 1])


def moved(item: Item, **by: float) -> str:
    moment = datetime.fromisoformat(item["AbsoluteTime"]) + timedelta(**by)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("at", "by", "forward", "backward"),
    [
        (5, {}, 5, 5),
        (0, {"hours": -1}, 0, None),
        (CURRENT - 1, {"hours": 1}, None, CURRENT - 1),
        (0, {"milliseconds": -1}, 0, None),
        (CURRENT - 1, {"milliseconds": 1}, None, CURRENT - 1),
    ],
)
def test_from_a_time(
    talk: Talk, at: int, by: dict[str, float], forward: int | None, backward: int | None
) -> None:
    start = {"AbsoluteTime": moved(talk.own[at], **by)}
    later = talk.casey.page(StartPosition=start, SortOrder="ASCENDING", MaxResults=100)["Transcript"]
    assert ids(later) == (ids(talk.own[forward:]) if forward is not None else [])
    earlier = talk.casey.page(StartPosition=start, ScanDirection="BACKWARD", MaxResults=100)["Transcript"]
    assert ids(earlier) == (ids(talk.own[backward::-1]) if backward is not None else [])


def test_between_two_items_a_time_leads_to_the_next_in_the_direction(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.say("one")
    threadline.clock.advance(seconds=10)
    casey.say("two")
    between = moved(casey.see("one"), seconds=5)
    page = casey.page(StartPosition={"AbsoluteTime": between}, ScanDirection="BACKWARD", MaxResults=1)
    assert [item["Content"] for item in page["Transcript"]] == ["one"]
    page = casey.page(StartPosition={"AbsoluteTime": between}, ScanDirection="FORWARD", MaxResults=1)
    assert [item["Content"] for item in page["Transcript"]] == ["two"]


@pytest.mark.parametrize("form", ["offset", "no zone", "microseconds", "space"])
def test_a_time_may_be_written_in_several_ways(talk: Talk, form: str) -> None:
    moment = datetime.fromisoformat(talk.own[5]["AbsoluteTime"])
    text = {
        "offset": moment.astimezone(timezone(timedelta(hours=-7))).isoformat(timespec="milliseconds"),
        "no zone": moment.replace(tzinfo=None).isoformat(timespec="milliseconds"),
        "microseconds": moment.isoformat(timespec="microseconds"),
        "space": str(moment),
    }[form]
    page = talk.casey.page(StartPosition={"AbsoluteTime": text}, MaxResults=1)
    assert ids(page["Transcript"]) == ids(talk.own[5:6])


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "1790000000000", "T", "x" * 100])
def test_a_time_that_is_none(talk: Talk, text: str) -> None:
    with refused(VALIDATION, "is not a time such as"):
        talk.casey.page(StartPosition={"AbsoluteTime": text})


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1970-01-01"])
def test_a_time_at_the_edge_of_time(talk: Talk, text: str) -> None:
    page = talk.casey.page(StartPosition={"AbsoluteTime": text}, SortOrder="ASCENDING", MaxResults=100)
    assert ids(page["Transcript"]) in ([], ids(talk.own))


@pytest.mark.parametrize("count", [0, 1, 2, CURRENT, CURRENT + 1, 100])
def test_from_the_most_recent(talk: Talk, count: int) -> None:
    at = max(CURRENT - max(count, 1), 0)
    later = pages(talk.casey, StartPosition={"MostRecent": count}, SortOrder="ASCENDING", MaxResults=3)
    assert ids([item for page in later for item in page]) == ids(talk.own[at:])
    earlier = pages(talk.casey, StartPosition={"MostRecent": count}, ScanDirection="BACKWARD")
    assert ids([item for page in earlier for item in page]) == ids(talk.own[at::-1])


def test_a_start_has_one_member(talk: Talk) -> None:
    with refused(VALIDATION, "must have one member, not Id and MostRecent"):
        talk.casey.page(StartPosition={"MostRecent": 1, "Id": talk.own[0]["Id"]})


def test_a_start_is_an_item_of_the_current_chat(talk: Talk) -> None:
    for item in (talk.before[0], talk.before[-1]):
        for direction in ("FORWARD", "BACKWARD"):
            with refused(VALIDATION, "is not an item of the current chat"):
                talk.casey.page(StartPosition={"Id": item["Id"]}, ScanDirection=direction)
    other = talk.server.customer()
    other.say("elsewhere")
    own_id, other_id = talk.own[2]["Id"], other.see("elsewhere")["Id"]
    mixed = other_id[:24] + own_id[24:]
    for item_id in (other_id, mixed, own_id.upper(), own_id.replace("-", ""), f"{own_id} ", own_id[:-1]):
        with refused(VALIDATION, "is not an item of the current chat"):
            talk.casey.page(StartPosition={"Id": item_id})


def test_a_push_only_entry_is_not_a_start_position(talk: Talk) -> None:
    hidden = talk.casey.see_event("chat.rehydrated")
    with refused(VALIDATION, "is not an item of the current chat"):
        talk.casey.page(StartPosition={"Id": hidden["Id"]})


# One contact's items


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_part_of_one_contact(talk: Talk, size: int) -> None:
    for contact_id in (talk.casey.contact_id, talk.second):
        part = [item for item in talk.own if item["ContactId"] == contact_id]
        assert part
        read = pages(talk.casey, ContactId=contact_id, MaxResults=size)
        assert ids([item for page in read for item in page]) == ids(part[::-1])


def test_a_part_from_a_place_in_another_part(talk: Talk) -> None:
    first, last = talk.own[0]["Id"], talk.own[-1]["Id"]
    second = [item for item in talk.own if item["ContactId"] == talk.second]
    arguments = {"ContactId": talk.second, "SortOrder": "ASCENDING", "MaxResults": 100}
    assert ids(talk.casey.page(StartPosition={"Id": first}, **arguments)["Transcript"]) == ids(second)
    page = talk.casey.page(StartPosition={"Id": first}, ScanDirection="BACKWARD", **arguments)
    assert page["Transcript"] == []
    page = talk.casey.page(StartPosition={"Id": last}, ScanDirection="BACKWARD", **arguments)
    assert ids(page["Transcript"]) == ids(second)


@pytest.mark.parametrize("which", ["past", "of another chat", "unknown", "of another account"])
def test_the_part_of_a_foreign_contact_is_empty(talk: Talk, which: str) -> None:
    contact_id = {
        "past": lambda: talk.past.c2,
        "of another chat": lambda: talk.server.invite().contact_id,
        "unknown": lambda: "x" * 256,
        "of another account": lambda: talk.server.another_account().invite().contact_id,
    }[which]()
    start = {"StartPosition": {"MostRecent": 5}}
    for arguments in ({}, {"ScanDirection": "BACKWARD"}, start, {**start, "ScanDirection": "BACKWARD"}):
        page = talk.casey.page(ContactId=contact_id, **arguments)
        assert (page["Transcript"], "NextToken" in page) == ([], False)


# Tokens


def test_a_token_is_bound_to_its_first_request(talk: Talk) -> None:
    token = talk.casey.page(MaxResults=2)["NextToken"]
    again = talk.casey.page(MaxResults=2, NextToken=token)
    assert again["Transcript"], "a token can be used more than once"
    assert answer(talk.casey.page(MaxResults=2, NextToken=token)) == answer(again)
    same = {"NextToken": token, "ScanDirection": "BACKWARD", "SortOrder": "DESCENDING"}
    assert talk.casey.page(MaxResults=2, **same)["Transcript"] == again["Transcript"]
    for name, other in (
        ("ScanDirection", "FORWARD"),
        ("SortOrder", "ASCENDING"),
        ("ContactId", talk.casey.contact_id),
    ):
        with refused(VALIDATION, f"NextToken does not belong to this request: its first page had {name}"):
            talk.casey.page(NextToken=token, **{name: other})


@pytest.mark.parametrize("contact", ["all", "first", "second"])
@pytest.mark.parametrize("order", [None, "ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("direction", [None, "FORWARD", "BACKWARD"])
@pytest.mark.parametrize("start", [None, {"MostRecent": 7}])
def test_a_token_alone_goes_on_as_the_first_page_began(
    talk: Talk, start: dict[str, int] | None, direction: str | None, order: str | None, contact: str
) -> None:
    """For every kind of first request; also with some or all of its parameters repeated."""
    if direction == "FORWARD" and start is None:
        return
    contact_id = {"all": None, "first": talk.casey.contact_id, "second": talk.second}[contact]
    asked = {
        "StartPosition": start,
        "ScanDirection": direction,
        "SortOrder": order,
        "ContactId": contact_id,
    }
    first = {name: value for name, value in asked.items() if value is not None}
    expected = pages(talk.casey, MaxResults=2, **first)
    for said_again in ((), ("StartPosition",), ("ScanDirection",), ("SortOrder", "ContactId")):
        page = talk.casey.page(MaxResults=2, **first)
        read = [page["Transcript"]]
        while "NextToken" in page:
            more = {name: first[name] for name in said_again if name in first}
            page = talk.casey.page(MaxResults=2, NextToken=page["NextToken"], **more)
            read.append(page["Transcript"])
        assert read == expected


def test_a_token_is_for_the_participant_it_was_given_to(talk: Talk) -> None:
    tokens = [talk.casey.page(MaxResults=size)["NextToken"] for size in (2, CURRENT)]
    strangers = [talk.robin, talk.server.customer(), talk.server.another_account().customer()]
    for stranger in strangers:
        for token in tokens:
            with refused(VALIDATION, "NextToken does not belong to this request"):
                stranger.page(NextToken=token)
    assert talk.casey.another_tab().page(NextToken=tokens[0])["Transcript"], (
        "the same customer in another tab"
    )


def test_a_token_that_was_tampered_with(talk: Talk) -> None:
    token = talk.casey.page(MaxResults=2)["NextToken"]
    other = {"A": "B", "_": "-"}
    tampered = [token[:at] + other.get(letter, "A") + token[at + 1 :] for at, letter in enumerate(token[:-1])]
    garbage = [token[:-1], token[:5], token + "A", "x", "=", "é", "a" * 1_000, " " + token]
    for text in tampered + garbage:
        with refused(VALIDATION, "NextToken does not belong to this request"):
            talk.casey.page(NextToken=text)
    refusal = borne(talk.casey, "transcript", json.dumps({"NextToken": "x" * 1_001}).encode())
    assert (refusal.status, refusal.code) == (400, "ValidationException")


def test_a_token_does_not_reveal_its_content(talk: Talk) -> None:
    token = talk.casey.page(MaxResults=CURRENT)["NextToken"]
    assert re.fullmatch(r"[\w-]{1,1000}", token)
    for secret in (*talk.past, talk.casey.contact_id):
        assert secret not in token


def test_new_messages_do_not_move_the_pages(threadline_server: Threadline) -> None:
    casey = threadline_server.customer()
    for number in range(6):
        casey.say(f"line {number}")
    first = casey.page(MaxResults=3)
    casey.say("meanwhile")
    second = casey.page(MaxResults=3, NextToken=first["NextToken"])
    said = [item["Content"] for item in first["Transcript"] + second["Transcript"]]
    assert said == [f"line {number}" for number in range(5, -1, -1)]


def test_the_past_that_comes_meanwhile_follows_the_pages(talk: Talk) -> None:
    casey = talk.server.customer()
    casey.say("hello")
    first = casey.page(MaxResults=1)
    casey.continue_from("FROM_SEGMENT", talk.past.c3)
    second = casey.page(MaxResults=1, NextToken=first["NextToken"])
    assert second["NextToken"]
    third = casey.page(MaxResults=100, NextToken=second["NextToken"])
    assert ids(third["Transcript"]) == ids(talk.before[::-1])


def test_a_client_without_validation_gets_the_same_refusals(talk: Talk) -> None:
    """A client without validation gets the server's checks, all with the same code."""
    client = talk.server.client("connectparticipant", config=Config(parameter_validation=False))
    for arguments in ({"SortOrder": "UP"}, {"ScanDirection": ""}, {"ContactId": ""}, {"NextToken": ""}):
        with refused(VALIDATION):
            client.get_transcript(ConnectionToken=talk.casey.connection_token, **arguments)
    client.close()
