"""Contact events and contact records of a chat with a transfer: to AWS's services, a URL and a file, in their order."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engines import store_of
from tests.streams.aws import Aws, until
from tests.streams.keys import SigningKey
from tests.streams.receiver import receiving
from threadline.testing import Threadline
from threadline.testing.options import Options

ONE_CONTACT = [
    "INITIATED",
    "CONNECTED_TO_SYSTEM",
    "QUEUED",
    "CONNECTED_TO_AGENT",
    "DISCONNECTED",
    "COMPLETED",
]


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Options:
    return store_of(request)


def with_a_transfer(server: Threadline) -> tuple[str, str]:
    """A chat that a1 transfers to a queue, from which a2 takes it; its two contacts."""
    casey = server.customer(CustomerId="c-1", Attributes={"order": "12"})
    server.clock.advance(seconds=3)
    a1 = server.agent("a1").accept(casey)
    server.clock.advance(seconds=65)
    second = server.threadline.transfer_chat(
        InstanceId=server.instance_id, ContactId=casey.contact_id, QueueId=server.queue_id
    )["ContactId"]
    server.clock.advance(seconds=5)
    server.agent("a2").accept(second)
    casey.say("bye")
    casey.leave()
    a1.drop()
    return casey.contact_id, second


def check_events(server: Threadline, details: list[dict[str, Any]], first: str, second: str) -> None:
    details = list({(each["contactId"], each["eventType"]): each for each in details}.values())
    found = [(detail["contactId"], detail["eventType"]) for detail in details]
    wanted = [(first, name) for name in ONE_CONTACT] + [(second, name) for name in ONE_CONTACT]
    assert found == wanted
    for detail in details:
        assert detail["channel"] == "CHAT"
        assert detail["instanceArn"].endswith(f"instance/{server.instance_id}")
        of_first = detail["contactId"] == first
        assert detail["initiationMethod"] == ("API" if of_first else "TRANSFER")
        assert detail.get("initialContactId") == (None if of_first else first)
        assert detail.get("previousContactId") == (None if of_first else first)
    queued = details[2]["queueInfo"]
    assert queued["queueArn"].endswith(f"queue/{server.queue_id}")
    assert (queued["queueType"], queued["enqueueTimestamp"][-1]) == ("STANDARD", "Z")
    assert details[3]["agentInfo"]["agentArn"].endswith(f"agent/{server.agents['a1']}")
    assert "agentInfo" not in details[2]


def test_events_and_records_by_the_wires_of_eventbridge_and_kinesis(store: Options, aws: Aws) -> None:
    bus, kinesis = aws.bus(), aws.kinesis()
    options: Options = {
        **store,
        "eventbridge_url": aws.url,
        "kinesis_url": aws.url,
        "contact_events": bus.arn,
        "contact_records": kinesis.arn,
    }
    with Threadline(verify=True, **options) as server:
        first, second = with_a_transfer(server)
        events = until(bus.look, lambda found: len(found) >= 12)
        assert {(each["source"], each["detail-type"]) for each in events} == {
            ("aws.connect", "Amazon Connect Contact Event")
        }
        check_events(server, [each["detail"] for each in events], first, second)
        records = until(kinesis.look, lambda found: len(found) == 2)
        check_records(server, records, first, second)

        server.connect.update_contact_attributes(
            InstanceId=server.instance_id, InitialContactId=first, Attributes={"rating": "5"}
        )
        again = until(kinesis.look, lambda found: len(found) == 4)[2:]
        assert [each["ContactId"] for each in again] == [first, second]
        assert {each["Attributes"]["rating"] for each in again} == {"5"}


def check_records(server: Threadline, records: list[dict[str, Any]], first: str, second: str) -> None:
    one, two = records
    assert {each["AWSContactTraceRecordFormatVersion"] for each in records} == {"2017-03-10"}
    assert (one["ContactId"], two["ContactId"]) == (first, second)
    assert (one["InitialContactId"], one["PreviousContactId"], one["NextContactId"]) == (None, None, second)
    assert (two["InitialContactId"], two["PreviousContactId"], two["NextContactId"]) == (first, first, None)
    assert (one["InitiationMethod"], two["InitiationMethod"]) == ("API", "TRANSFER")
    assert (one["DisconnectReason"], two["DisconnectReason"]) == (None, "CUSTOMER_DISCONNECT")
    assert one["Attributes"] == two["Attributes"] == {"order": "12"}
    assert one["Agent"]["Username"] == "a1"
    assert two["Agent"]["Username"] == "a2"
    # the clock runs on between the moves, for longer on a busy machine
    assert 65 <= one["Agent"]["AgentInteractionDuration"] < 65 + 60
    assert one["Queue"]["ARN"].rpartition("/")[2] == server.queue_id
    assert 3 <= one["Queue"]["Duration"] < 3 + 60
    assert len(one["InitiationTimestamp"]) == len("2026-11-27T07:00:00Z")
    assert one["CustomerId"] == "c-1"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_file_has_an_event_a_line_and_goes_on_behind_a_line_that_was_cut_off(tmp_path: Path) -> None:
    events, records = tmp_path / "events.jsonl", tmp_path / "records.jsonl"
    events.write_text('{"version": "0", "id": "cut o')
    with Threadline(contact_events=f"file:{events}", contact_records=f"file:{records}") as server:
        first, second = with_a_transfer(server)
        text = until(events.read_text, lambda found: found.count("\n") == 13)
        found = [json.loads(line) for line in text.splitlines()[1:]]
        check_events(server, [each["detail"] for each in found], first, second)
        check_records(server, until(lambda: lines(records), lambda found: len(found) == 2), first, second)
    assert events.stat().st_mode & 0o077 in (0, 0o044)
    assert records.stat().st_mode & 0o077 == 0
    assert len({each["id"] for each in found}) == 12


def test_a_url_gets_each_event_as_json_with_its_id_and_signature(tmp_path: Path) -> None:
    key = SigningKey(tmp_path)
    with (
        receiving() as receiver,
        Threadline(contact_events=receiver.url, signing_key_file=str(key.file)) as server,
    ):
        first, second = with_a_transfer(server)
        got = until(lambda: receiver.answered, lambda found: len(found) >= 12)
        check_events(server, [each.json["detail"] for each in got], first, second)
        for each in got:
            assert each.headers["x-threadline-call-id"] == each.json["id"]
            key.check(each.headers["x-threadline-signature"], each.body)


@pytest.fixture
def full_folder(tmp_path: Path) -> Path:
    """A path at which no file can be made, until it is a folder."""
    (tmp_path / "full").write_text("")
    return tmp_path / "full"


def test_a_file_that_cannot_be_written_is_tried_again(full_folder: Path) -> None:
    with Threadline(contact_events=f"file:{full_folder / 'events.jsonl'}") as server:
        casey = server.customer()
        find = lambda: server.threadline.list_deliveries(InstanceId=server.instance_id)["Deliveries"]  # noqa: E731
        (delivery,) = until(find, bool)
        assert (delivery["Type"], delivery["Status"]) == ("EVENTS", "RETRYING")
        assert "Not a directory" in delivery["Reason"]
        casey.leave()
        full_folder.unlink()
        full_folder.mkdir()
        server.clock.advance(minutes=5)
        found = until(lambda: lines(full_folder / "events.jsonl"), lambda found: len(found) >= 5)
    assert [each["detail"]["eventType"] for each in found] == [
        n for n in ONE_CONTACT if n != "CONNECTED_TO_AGENT"
    ]


def test_a_contact_of_a_user_waits_in_the_users_own_queue(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    with Threadline(contact_events=f"file:{events}") as server:
        casey = server.customer()
        a1 = server.agent("a1").accept(casey)
        a1.transfer(server.agent("a2"))
        found = until(lambda: lines(events), lambda found: len(found) == 8)
    assert [each["detail"]["eventType"] for each in found[6:]] == ["INITIATED", "CONNECTED_TO_SYSTEM"]
