"""`threadline transcript`, `chats` and `search`: records as a terminal shows them."""

import json

from tests.command_line import Run
from threadline.testing import Threadline

HOSTILE = "red \x1b[31m, bell \x07,\nnext line"


def test_the_past_stands_above_a_divider(threadline: Threadline, here: Run) -> None:
    past = threadline.past_chat()
    casey = threadline.customer(
        PersistentChat={"SourceContactId": past.c1, "RehydrationType": "FROM_SEGMENT"}
    )
    casey.say("It came.")
    casey.leave()
    done = here("transcript", casey.contact_id)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    dividers = [at for at, line in enumerate(lines) if line.startswith("── ")]
    assert [lines[at].split()[1:3] for at in dividers] == [["past", "chat"], ["this", "chat"]]
    assert past.c1 in lines[dividers[0]]
    assert casey.contact_id in lines[dividers[1]]
    assert "My parcel has not come." in "\n".join(lines[dividers[0] : dividers[1]])
    assert "It came." in "\n".join(lines[dividers[1] :])
    assert lines[-1].endswith("the chat ends")


def test_a_message_does_not_steer_the_terminal(threadline: Threadline, here: Run) -> None:
    casey = threadline.customer("Ca\x1bsey")
    casey.say(HOSTILE)
    done = here("transcript", casey.contact_id)
    assert "red \N{REPLACEMENT CHARACTER}[31m, bell \N{REPLACEMENT CHARACTER}, next line" in done.out
    assert "\x1b" not in done.out
    assert "\x07" not in done.out


def test_the_newest_items_alone(threadline: Threadline, here: Run) -> None:
    casey = threadline.customer()
    for number in range(5):
        casey.say(f"number {number}")
    done = here("transcript", casey.contact_id, "--last", "2")
    assert "number 4" in done.out
    assert "number 3" in done.out
    assert "number 2" not in done.out
    assert "older items are left out" in done.out
    whole = json.loads(here("transcript", casey.contact_id, "--output", "json").out)
    assert whole["HasMore"] is False
    assert [item["Content"] for item in whole["Transcript"] if "number" in item.get("Content", "")] == [
        f"number {number}" for number in range(5)
    ]


def test_a_transcript_that_is_not_there(threadline: Threadline, here: Run) -> None:
    done = here("transcript", "nothing")
    assert (done.status, done.out) == (254, "")
    assert "Contact not found: nothing" in done.err
    assert here("transcript", "nothing", "--last", "0").status == 2


def test_the_chats_of_a_customer_in_a_terminal(threadline: Threadline, here: Run) -> None:
    first = threadline.customer(CustomerId="4711")
    first.leave()
    second = threadline.customer(CustomerId="4711")
    second.continue_from("ENTIRE_PAST_SESSION", first.contact_id)
    done = here("chats", "--customer-id", "4711")
    assert (done.status, done.err) == (0, "")
    heads = [line.split()[:2] for line in done.out.splitlines() if line.split()[0] in "●○"]
    assert heads == [["○", second.contact_id], ["●", first.contact_id]]
    assert f"running, continues {first.contact_id}" in done.out
    assert "not to be continued: Source chat session has not ended" in done.out
    assert "by customer disconnect" in done.out
    assert "no chats" in here("chats", "--customer-id", "another").out
    listed = json.loads(here("chats", "--customer-id", "4711", "--output", "json").out)
    assert [chat["CanBeContinued"] for chat in listed["Chats"]] == [False, True]


def test_messages_are_found_from_a_terminal(threadline: Threadline, here: Run) -> None:
    past = threadline.past_chat()
    threadline.clock.advance(seconds=2)
    done = here("search", "parcel", "come")
    assert (done.status, done.err) == (0, "")
    contact, sender, snippet = done.out.splitlines()
    assert (contact, snippet.strip()) == (past.c1, "My parcel has not come.")
    assert sender.endswith("Casey")
    assert "nothing found" in here("search", "parcel", "--role", "AGENT").out
    listed = json.loads(here("search", "i", "--max", "1", "--output", "json").out)
    assert (len(listed["Hits"]), listed["HasMore"]) == (1, False)
    assert "there are more" not in here("search", "five").out
    refusal = here("search", "%")
    assert (refusal.status, refusal.out) == (254, "")
    assert "has no word to search for" in refusal.err
