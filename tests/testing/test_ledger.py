"""The calls, the verdict on messages, frozen ids, the clock and snapshots, in a test and over the wire."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.command_line import nowhere, run
from tests.operations.raw import signed
from tests.processes.supervised import supervised
from threadline.testing import Threadline, Workspace

__all__ = ["nowhere", "run"]
SEEDS = int(os.environ.get("THREADLINE_LEDGERS", "5"))
ONCE = Config(retries={"total_max_attempts": 1})
FAULTS = ("ThrottlingException", "InternalServerException", "REPLY_LOST", "CONNECTION_RESET", "HALF_RESPONSE")


def ledger(threadline: Threadline, seed: int) -> bytes:
    """The calls of a test that is played by its seed, as bytes."""
    random = Random(seed)
    for fault in FAULTS:
        threadline.fail("SendMessage", fault, probability=0.2, seed=seed)
    threadline.fail("Frame", "FRAME_DUPLICATED", probability=0.1, seed=seed)
    client = threadline.client("connectparticipant", config=ONCE)
    people = [threadline.invite(name).connect() for name in ("Casey", "Robin")]
    agent = threadline.agent().accept(people[0])
    for number in range(12):
        sender = random.choice([*people, agent])
        try:
            client.send_message(
                ConnectionToken=sender.connection_token, ContentType="text/plain", Content=f"message {number}"
            )
        except (ClientError, BotoCoreError):
            threadline.clock.advance(seconds=1)
    for person in (*people, agent):
        person.history()
    threadline.threadline.transfer_chat(
        InstanceId=threadline.instance_id, ContactId=people[0].contact_id, QueueId=threadline.queue_id
    )
    for person in people:
        person.leave()
    calls = threadline.calls
    assert {call.fault for call in calls} - {""}, "no fault has happened"
    return json.dumps([call._replace(at=call.at.isoformat()) for call in calls], sort_keys=True).encode()  # type: ignore[arg-type]


def test_the_same_seed_and_calls_give_the_same_calls_byte_for_byte() -> None:
    with Threadline() as threadline:
        seen = set()
        for seed in range(SEEDS):
            ledgers = []
            for _ in range(2):
                threadline.reset(seed=seed)
                ledgers.append(ledger(threadline, seed))
            assert ledgers[0] == ledgers[1], f"seed {seed}"
            seen.add(ledgers[0])
        assert len(seen) == SEEDS


def test_calls_are_asserted_on(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.say("Hello?")
    threadline.assert_called("SendMessage", times=1, Content="Hello?", fault="")
    with pytest.raises(
        AssertionError, match=r"SendMessage, Content='Bye'.*found 0 times(.|\n)*CreateParticipantConn"
    ):
        threadline.assert_called("SendMessage", Content="Bye")
    with pytest.raises(AssertionError, match=r"SendMessage: wanted 2 times, found once\."):
        threadline.assert_called("SendMessage", times=2)
    call = threadline.calls.of("StartChatContact")[0]
    assert call.response["ParticipantToken"] == "(not shown)"
    assert call.contact_id == casey.contact_id
    assert casey.connection_token not in str(threadline.calls)


def test_a_doubled_and_a_lost_message_are_found(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.say("Yes.")
    casey.say("Yes.")
    threadline.assert_no_message_lost_or_doubled()
    client = threadline.client("connectparticipant", config=ONCE)
    members = {"ConnectionToken": casey.connection_token, "ContentType": "text/plain", "Content": "Pay 5."}
    with threadline.fail("SendMessage", "REPLY_LOST"), pytest.raises(BotoCoreError):
        client.send_message(**members)
    threadline.assert_no_message_lost_or_doubled()
    client.send_message(**members)
    verdict = threadline.verdict()
    assert (verdict.acknowledged, verdict.lost) == (3, [])
    assert [message["Content"] for message in verdict.doubled] == ["Pay 5."]
    with pytest.raises(AssertionError, match=r"doubled: .*Pay 5"):
        threadline.assert_no_message_lost_or_doubled()


def test_a_snapshot_begins_another_server_with_its_chats_and_its_time(tmp_path: Path) -> None:
    folder = tmp_path / "past"
    with Threadline() as threadline:
        threadline.clock.set("2030-05-01T12:00:00Z")
        past = threadline.past_chat()
        casey = threadline.customer()
        threadline.save(folder)
    with Threadline(snapshot=folder) as threadline:
        assert threadline.clock.now().isoformat().startswith("2030-05-01T12:00")
        again = threadline.customer()
        assert again.continue_from("ENTIRE_PAST_SESSION", past.c1) == past.c3
        assert "Five stars." in again.reads()
        threadline.agent().accept(casey.contact_id).say("You are still there.")
        threadline.reset(snapshot=folder)
        assert len(threadline.connect.search_contacts(**everything(threadline))["Contacts"]) == 4
        with pytest.raises(Exception, match="not empty"):
            threadline.save(folder)


def test_a_snapshot_has_the_files_of_its_chats(tmp_path: Path) -> None:
    folder = tmp_path / "past"
    with Threadline() as threadline:
        casey = threadline.customer()
        attachment_id = casey.attach("receipt.txt", b"12 EUR", "text/plain")
        casey.leave()
        threadline.save(folder)
    with Threadline(snapshot=folder, objects=f"{tmp_path}/objects") as threadline:
        again = threadline.customer()
        again.continue_from("ENTIRE_PAST_SESSION", casey.contact_id)
        assert again.attachment(attachment_id).body == b"12 EUR"
    with Threadline() as threadline:
        threadline.reset(snapshot=folder)
        again = threadline.customer()
        again.continue_from("ENTIRE_PAST_SESSION", casey.contact_id)
        assert again.attachment(attachment_id).body == b"12 EUR"
        again.attach("other.txt", b"more", "text/plain")


def everything(workspace: Workspace) -> dict[str, Any]:
    begin, end = "2030-05-01T00:00:00Z", "2030-05-02T00:00:00Z"
    return {
        "InstanceId": workspace.instance_id,
        "TimeRange": {"Type": "INITIATION_TIMESTAMP", "StartTime": begin, "EndTime": end},
    }


@contextmanager
def under_control() -> Iterator[Workspace]:
    with supervised(":memory:", "--port", "0", "--test-controls") as server, Threadline() as same_ids:
        yield Workspace(
            server.url, {**same_ids.env, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "key"}
        )


def test_a_server_under_test_controls_is_moved_saved_and_reset_over_the_wire(tmp_path: Path) -> None:
    with under_control() as workspace:
        controls = workspace.threadline
        controls.reset_server(Seed=7)
        before = controls.move_clock()["Time"]
        casey = workspace.customer(ChatDurationInMinutes=60)
        assert (controls.move_clock(Seconds=30)["Time"] - before).total_seconds() == 30
        path = controls.save_snapshot(Path=str(tmp_path / "snapshot"))["Path"]
        controls.move_clock(Seconds=3600)
        casey.see_event("chat.ended")
        first = workspace.calls
        controls.reset_server(Seed=7)
        assert workspace.calls == []
        assert workspace.customer(ChatDurationInMinutes=60).contact_id == casey.contact_id
        assert controls.move_clock(Time=before.timestamp() + 9)["Time"].timestamp() == before.timestamp() + 9
        assert [call.operation for call in first] == [call.operation for call in workspace.calls]
        controls.reset_server(Snapshot=path)
        with pytest.raises(ClientError, match="is no backup"):
            controls.reset_server(Snapshot=str(tmp_path))
        assert workspace.agent().accept(casey.contact_id).history() is not None


def test_a_call_of_odd_characters_is_listed(threadline: Threadline) -> None:
    body = b'{"ContactId":"\\ud800","InstanceId":"\\udfff \xc3\xa9"}'
    assert signed(threadline, "POST", "/contact/stop", body).status == 400
    assert threadline.calls.of("StopContact")[0].request["ContactId"] == "\ud800"
