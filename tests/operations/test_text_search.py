"""SearchTranscripts, and SearchContacts by transcript: messages are found by their words, on both engines."""

from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.engines import Postgres
from tests.operations.refusals import DENIED, INVALID, PARAMETER, refused
from tests.operations.test_contacts import EVER
from threadline.store import named_statements
from threadline.store.postgres.pipeline import for_postgres, statement
from threadline.testing import Threadline
from threadline.testing.people import Customer

Hits = list[dict[str, Any]]


def search(server: Threadline, text: str, **members: Any) -> Hits:
    """The hits of all pages."""
    asked = {"InstanceId": server.instance_id, "SearchText": text, **members}
    reply = server.threadline.search_transcripts(**asked)
    hits: Hits = reply["Hits"]
    while "NextToken" in reply:
        reply = server.threadline.search_transcripts(**asked, NextToken=reply["NextToken"])
        hits += reply["Hits"]
    return hits


def snippets(server: Threadline, text: str, **members: Any) -> list[str]:
    return [hit["Snippet"] for hit in search(server, text, **members)]


def said(server: Threadline, *texts: str) -> Customer:
    """A chat that has ended, and is in the index."""
    casey = server.customer()
    for text in texts:
        casey.say(text)
    casey.leave()
    server.clock.advance(seconds=2)
    return casey


def test_a_message_is_found_with_its_place(threadline: Threadline) -> None:
    casey = said(threadline, "Hello.", "My parcel has not come.", "Parcels, parcels")
    [hit] = search(threadline, "PARCEL come")
    items = threadline.threadline.get_contact_transcript(
        InstanceId=threadline.instance_id,
        ContactId=hit["ContactId"],
        StartPosition={"Id": hit["ItemId"]},
        MaxResults=1,
    )["Transcript"]
    assert items[0]["Content"] == "My parcel has not come."
    assert items[0]["AbsoluteTime"] == hit["AbsoluteTime"]
    assert (hit["ContactId"], hit["InitialContactId"]) == (casey.contact_id, casey.contact_id)
    assert (hit["ParticipantRole"], hit["DisplayName"]) == ("CUSTOMER", "Casey")
    assert hit["Snippet"] == "My parcel has not come."


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("我的包裹还没有到", "包裹"),
        ("荷物がまだ届きません", "届きません"),
        ("พัสดุยังไม่มา", "ยังไม่"),
        ("Un café à Malmö", "cafe malmo"),
        ("Great 👍🏽 thanks", "👍"),
        ("الطرد لم يصل", "الطرد"),
        ("a %s \" ' ; -- * ^ : OR NEAR(x)", "near or"),
    ],
)
def test_every_script_is_found(threadline: Threadline, content: str, text: str) -> None:
    said(threadline, content, "something else")
    assert snippets(threadline, text) == [content]


def test_pages_go_from_the_newest_chat_to_the_oldest(threadline: Threadline) -> None:
    for number in range(3):
        said(threadline, f"parcel {number} a", f"parcel {number} b")
    expected = [f"parcel {number} {letter}" for number in (2, 1, 0) for letter in "ba"]
    for size in (1, 4, 100):
        assert snippets(threadline, "parcel", MaxResults=size) == expected


def test_a_search_of_one_chat_and_one_role(threadline: Threadline) -> None:
    past = threadline.past_chat()
    said(threadline, "Another parcel.")
    assert snippets(threadline, "parcel", ContactId=past.c3) == ["My parcel has not come."]
    assert snippets(threadline, "the depot", ParticipantRole="AGENT") == ["I will ask the depot."]
    assert snippets(threadline, "the depot", ParticipantRole="CUSTOMER") == []


def test_messages_of_a_running_chat_are_found_after_a_while(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.say("Where is my parcel?")
    casey.say("I wait for my parcel.")
    threadline.clock.advance(seconds=31)
    assert len(search(threadline, "parcel")) == 2
    casey.say("The parcel has come.")
    threadline.clock.advance(seconds=31)
    assert len(search(threadline, "parcel")) == 3
    for number in range(45):
        casey.say(f"thanks {number}")
    casey.leave()
    for _ in range(4):
        threadline.clock.advance(seconds=2)
    assert len(search(threadline, "thanks")) == 45
    assert len(search(threadline, "parcel")) == 3


def test_another_account_finds_nothing(threadline: Threadline) -> None:
    said(threadline, "A secret parcel.")
    other = threadline.another_account()
    assert (
        other.threadline.search_transcripts(InstanceId=other.instance_id, SearchText="parcel")["Hits"] == []
    )
    with refused(DENIED, "has no access to instance"):
        other.threadline.search_transcripts(InstanceId=threadline.instance_id, SearchText="parcel")


def test_hostile_searches_are_refused_in_words(threadline: Threadline) -> None:
    client, here = threadline.threadline, {"InstanceId": threadline.instance_id}
    for text in ("%", '"', "' ; --", "___", "*"):
        with refused(INVALID, "has no word to search for: give letters, digits or an emoji"):
            client.search_transcripts(**here, SearchText=text)
    for text in ("℅", "⑴", "℃ ½", "🧾", 'NEAR(a b, 2) OR "x" AND ^y*', "a:b", "x%y_z"):
        assert client.search_transcripts(**here, SearchText=text)["Hits"] == []
    with refused(INVALID, "SearchText has 1000 words to search for; 50 are allowed at most"):
        client.search_transcripts(**here, SearchText=" ".join(f"w{number}" for number in range(1_000)))
    with refused(PARAMETER, "SearchText"):
        client.search_transcripts(**here, SearchText="w " * 10_000)
    for token in ("x", "1.2", "9" * 19):
        with refused(INVALID, "NextToken is not one that SearchTranscripts has given."):
            client.search_transcripts(**here, SearchText="x", NextToken=token)


def test_common_words_are_read_in_parts(threadline: Threadline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message has the pairs of the text, and only one has the text. The server is in the test's process."""
    monkeypatch.setattr("threadline.operations.text_search.EXAMINED_MAX", 2)
    monkeypatch.setattr("threadline.operations.text_search.READ_MAX", 2)
    said(threadline, "一二三", *["一二 二三"] * 5)
    asked = {"InstanceId": threadline.instance_id, "SearchText": "一二三"}
    assert threadline.threadline.search_transcripts(**asked).get("NextToken"), "a part was read"
    assert snippets(threadline, "一二三") == ["一二三"]


def test_contacts_are_found_by_their_transcript(threadline: Threadline) -> None:
    past = threadline.past_chat()
    other = said(threadline, f"Nothing {uuid4()}")

    def found(*criteria: tuple[str, str, list[str]], match: str = "MATCH_ALL") -> list[str]:
        given = [
            {"ParticipantRole": role, "MatchType": how, "SearchText": texts} for role, how, texts in criteria
        ]
        transcript = {"Criteria": given, "MatchType": match}
        connect: Any = threadline.connect
        reply = connect.search_contacts(
            InstanceId=threadline.instance_id,
            TimeRange=EVER,
            SearchCriteria={"ContactAnalysis": {"Transcript": transcript}},
        )
        return [contact["Id"] for contact in reply["Contacts"]]

    assert found(("CUSTOMER", "MATCH_ANY", ["parcel", "unheard"])) == [past.c1]
    assert found(("AGENT", "MATCH_ALL", ["morning left"])) == [past.c2]
    assert found(("AGENT", "MATCH_EXACT", ["morning left"])) == []
    assert found(("AGENT", "MATCH_EXACT", ["left this morning"])) == [past.c2]
    assert found(("CUSTOMER", "MATCH_ALL", ["parcel", "unheard"])) == []
    both = [("CUSTOMER", "MATCH_ALL", ["stars"]), ("AGENT", "MATCH_ALL", ["depot"])]
    assert found(*both, match="MATCH_ANY") == [past.c3, past.c1]
    assert found(*both) == []
    none = found(("CUSTOMER", "MATCH_NONE", ["parcel", "stars"]))
    assert none == [other.contact_id, past.c2]
    with refused(INVALID, "has no word to search for"):
        found(("CUSTOMER", "MATCH_ANY", ["%"]))


def test_a_call_looks_up_a_bounded_number_of_texts(
    threadline: Threadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request may name 600 texts for every contact. The server is in the test's process."""
    monkeypatch.setattr("threadline.operations.text_search.LOOK_UPS_MAX", 100)
    chats = [said(threadline, f"parcel {number}").contact_id for number in range(5)]
    texts = [f"unheard{number}" for number in range(99)]
    connect: Any = threadline.connect
    given = {"ParticipantRole": "CUSTOMER", "MatchType": "MATCH_ANY", "SearchText": [*texts, "parcel"]}
    asked = {
        "InstanceId": threadline.instance_id,
        "TimeRange": EVER,
        "SearchCriteria": {"ContactAnalysis": {"Transcript": {"Criteria": [given]}}},
    }
    found, calls = [], 0
    reply: dict[str, Any] = {"NextToken": None}
    while "NextToken" in reply:
        token = {"NextToken": reply["NextToken"]} if reply["NextToken"] else {}
        reply = connect.search_contacts(**asked, **token)
        found += [contact["Id"] for contact in reply["Contacts"]]
        calls += 1
    assert sorted(found) == sorted(chats)
    assert calls >= 5, "a call examines one contact"
    with refused(INVALID, "fewer with many texts to search for"):
        connect.search_contacts(**asked, Sort={"FieldName": "DISCONNECT_TIMESTAMP", "Order": "ASCENDING"})


def test_rare_words_are_found_behind_the_newest_messages(
    threadline: Threadline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL reads the newest rows in order and finds older ones by their terms, each once and newest first."""
    monkeypatch.setattr("threadline.operations.text_search.NEWEST_ROWS", 2)
    for number in range(6):
        said(threadline, f"parcel {number}", "nothing of it")
    assert snippets(threadline, "parcel") == [f"parcel {number}" for number in reversed(range(6))]
    asked = {"InstanceId": threadline.instance_id, "SearchText": "parcel", "MaxResults": 4}
    page = threadline.threadline.search_transcripts(**asked)
    rest = threadline.threadline.search_transcripts(**asked, NextToken=page["NextToken"])
    found = [hit["Snippet"] for hit in page["Hits"] + rest["Hits"]]
    assert found == [f"parcel {number}" for number in reversed(range(6))]
    assert snippets(threadline, "parcel 0") == ["parcel 0"]


def test_postgresql_finds_rare_words_by_the_index_on_terms(postgres: Postgres) -> None:
    """Its settings forbid a bitmap scan wherever there is another way; here there is none."""
    address = postgres.database()
    with Threadline(store=address), closing(psycopg.connect(address, autocommit=True)) as connection:
        connection.execute(
            "INSERT INTO item_words SELECT n, ARRAY['late', '_i0', 'w' || n % 500] || ARRAY("
            "SELECT 'common' || m FROM generate_series(1, 20) m) FROM generate_series(1, 40000) n"
        )
        for name in ("enable_seqscan", "enable_bitmapscan", "jit"):
            connection.execute(f"SET {name} = off".encode())
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute("VACUUM ANALYZE item_words")
        found = statement("rare", for_postgres(named_statements()["items_with_rare_terms"]))
        connection.execute(b"PREPARE rare AS " + found.text)
        values = {
            "terms": "w7 _i0",
            "first_number": 0,
            "last_number": 1 << 62,
            "limit": 100,
            "instance_id": "i",
        }
        given = sql.SQL(", ").join([sql.Literal(values[name]) for name in found.parameters])
        rows = connection.execute(sql.SQL("EXPLAIN EXECUTE rare ({})").format(given)).fetchall()
    plan = "\n".join(str(row[0]) for row in rows)
    assert "Bitmap Index Scan on item_words_terms" in plan, plan
    assert "Seq Scan" not in plan, plan
