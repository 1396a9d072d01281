"""A node that ends between a call and its answer: another delivers again, in the same order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Postgres
from tests.processes.supervised import Supervised
from tests.streams.aws import until
from tests.streams.keys import SigningKey
from tests.streams.receiver import Receiver, receiving
from threadline.operations.continuations import LEASE_SECONDS
from threadline.testing import Threadline
from threadline.testing.options import Options
from threadline.testing.people import Customer

TOPIC = "arn:aws:sns:eu-central-1:123456789012:chat"
TEXTS = [str(number) for number in range(25)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def ids(receiver: Receiver) -> list[str]:
    return [got.json["MessageId"] for got in receiver.got]


def texts(receiver: Receiver) -> list[str]:
    items = [json.loads(got.json["Message"]) for got in receiver.answered]
    return [item["Content"] for item in items if item["Type"] == "MESSAGE"]


def test_another_node_delivers_what_one_had_begun(
    postgres: Postgres, receiver: Receiver, tmp_path: Path
) -> None:
    options: Options = {
        "store": postgres.database(),
        "neighbours": f"{TOPIC}={receiver.url}",
        "signing_key_file": str(SigningKey(tmp_path).file),
    }
    receiver.how = "hang"
    with Threadline(**options) as other:
        with Threadline(**options) as first:
            casey = first.customer(ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC})
            for text in TEXTS:
                casey.say(text)
            until(lambda: receiver.got, bool)
        receiver.how = 200
        receiver.released.set()
        other.clock.advance(seconds=LEASE_SECONDS + 5)
        until(lambda: texts(receiver), lambda found: found[-1:] == TEXTS[-1:])
        (session,) = postgres.execute("SELECT streamed FROM session", options["store"].rpartition("/")[2])
    assert session == (1,)
    assert [text for text in texts(receiver) if text in TEXTS] == TEXTS
    assert ids(receiver)[0] == ids(receiver)[1], "the entry that was begun is sent again with the same id"


@pytest.mark.parametrize("frontends", ["0", "1"])
def test_a_killed_server_goes_on_after_its_next_start(
    receiver: Receiver, tmp_path: Path, frontends: str
) -> None:
    key = SigningKey(tmp_path)
    env = {
        "THREADLINE_NEIGHBOURS": f"{TOPIC}={receiver.url}",
        "THREADLINE_SIGNING_KEY_FILE": str(key.file),
        "THREADLINE_FRONTEND_PROCESSES": frontends,
    }
    receiver.how = "hang"
    server = Supervised(tmp_path / "data", env=env)
    try:
        workspace = server.workspace
        casey = workspace.customer(ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC})
        for text in TEXTS:
            casey.say(text)
        until(lambda: receiver.got, bool)
        workspace.close()
    finally:
        server.kill()
        server.end()
    assert texts(receiver) == []
    receiver.how = 200
    with Threadline(
        data=str(tmp_path / "data"), neighbours=env["THREADLINE_NEIGHBOURS"], signing_key_file=str(key.file)
    ) as again:
        again.clock.advance(seconds=LEASE_SECONDS + 5)
        until(lambda: texts(receiver), lambda found: found[-1:] == TEXTS[-1:])
    assert [text for text in texts(receiver) if text in TEXTS] == TEXTS
    assert ids(receiver)[0] == ids(receiver)[1]


def test_a_server_without_the_setting_keeps_the_stream_until_it_has_one(
    receiver: Receiver, tmp_path: Path
) -> None:
    """The neighbour may be away for as long as the deliveries are tried again; so may the setting."""
    data = str(tmp_path / "data")
    keys: dict[str, Any] = {"signing_key_file": str(SigningKey(tmp_path).file)}
    receiver.how = 503
    with Threadline(data=data, neighbours=f"{TOPIC}={receiver.url}", **keys) as server:
        casey: Customer = server.customer(ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC})
        casey.say("hello")
    with Threadline(data=data) as server:
        server.clock.advance(hours=2)
    receiver.how = 200
    with Threadline(data=data, neighbours=f"{TOPIC}={receiver.url}", **keys) as server:
        server.clock.advance(hours=3)
        until(lambda: texts(receiver), lambda found: found == ["hello"])
