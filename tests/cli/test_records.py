"""`threadline transcript`: a chat as a terminal shows it."""

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
