"""The frames of the chat socket, without any socket."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from threadline.aws.frames import (
    HEARTBEAT,
    PONG,
    SUBSCRIBED,
    SUBSCRIPTION_FAILED,
    BadFrame,
    FrameCommand,
    chat_frame,
    command,
    encoded,
)

SUBSCRIBE = '{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}'
EVENT: dict[str, Any] = {
    "AbsoluteTime": 1_795_357_609_834,
    "Id": "i",
    "Type": "MESSAGE",
    "Content": 'say "hello", \n 漢字',
}


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (SUBSCRIBE, FrameCommand.SUBSCRIBE),
        (SUBSCRIBE + ")", FrameCommand.SUBSCRIBE),  # the iOS SDK's
        (f"\n  {SUBSCRIBE}\n", FrameCommand.SUBSCRIBE),
        ('{"topic":"aws/subscribe","content":{"topics":["aws/task","aws/chat"]}}', FrameCommand.SUBSCRIBE),
        ('{"topic":"aws/subscribe","content":{"topics":["aws/task"]}}', FrameCommand.SUBSCRIBE_ELSEWHERE),
        ('{"topic":"aws/subscribe"}', FrameCommand.SUBSCRIBE_ELSEWHERE),
        ('{"topic":"aws/subscribe","content":"aws/chat"}', FrameCommand.SUBSCRIBE_ELSEWHERE),
        ('{"topic":"aws/heartbeat"}', FrameCommand.HEARTBEAT),
        ('{"topic":"aws/ping"}', FrameCommand.PING),
        ("", FrameCommand.NOTHING),
        ("  ", FrameCommand.NOTHING),
        ("{}", FrameCommand.NOTHING),
        ('{"topic":"aws/unheard-of"}', FrameCommand.NOTHING),
        ('{"topic":["aws/ping"]}', FrameCommand.NOTHING),
        ('{"topic":null}', FrameCommand.NOTHING),
        (f'{{"topic":"aws/ping","at":{"1" * 5_000}}}', FrameCommand.PING),
        (f'{{"topic":"aws/ping","at":[-{"1" * 60_000},1e999]}}', FrameCommand.PING),
        (f'{{"topic":{"1" * 5_000}}}', FrameCommand.NOTHING),
    ],
)
def test_what_a_frame_asks_for(frame: str, expected: FrameCommand) -> None:
    assert command(frame) is expected


@pytest.mark.parametrize(
    "frame", ["hello", "[]", "1", '"aws/ping"', "{", '{"topic":', '{"at":NaN}', "[" * 100_000, "\x00", "null"]
)
def test_a_frame_that_ends_its_socket(frame: str) -> None:
    with pytest.raises(BadFrame) as bad:
        command(frame)
    assert bad.value.code == 1007


@given(st.text())
def test_no_text_does_harm(text: str) -> None:
    with contextlib.suppress(BadFrame):
        assert isinstance(command(text), FrameCommand)


def unpacked(frame: bytes) -> str:
    """`frame` as a client's library reads it."""
    reader = StreamReader()
    reader.feed_data(frame)
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    read: Frame = done.value.value
    assert read.opcode is Opcode.TEXT
    return bytes(read.data).decode()


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_what_websockets_makes(length: int) -> None:
    text = "é" * (length // 2) + "x" * (length % 2)
    frame = encoded(text)
    assert frame == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
    assert unpacked(frame) == text


def test_an_item_is_json_text_within_json() -> None:
    frame = json.loads(unpacked(chat_frame(EVENT)))
    assert (frame["topic"], frame["contentType"]) == ("aws/chat", "application/json")
    assert json.loads(frame["content"]) == {**EVENT, "AbsoluteTime": "2026-11-22T14:26:49.834Z"}


def test_receipts_have_iso_times() -> None:
    receipt = {"ReadTimestamp": EVENT["AbsoluteTime"], "RecipientParticipantId": "p"}
    event = {**EVENT, "MessageMetadata": {"MessageId": "m", "Receipts": [receipt]}}
    content = json.loads(json.loads(unpacked(chat_frame(event)))["content"])
    assert content["MessageMetadata"]["Receipts"] == [
        {"ReadTimestamp": "2026-11-22T14:26:49.834Z", "RecipientParticipantId": "p"}
    ]
    assert event["MessageMetadata"]["Receipts"] == [receipt]  # untouched: other sockets send it too


def test_the_fixed_answers_are_what_chatjs_checks() -> None:
    assert json.loads(SUBSCRIBED)["content"] == {"status": "success", "topics": ["aws/chat"]}
    assert json.loads(SUBSCRIPTION_FAILED)["content"]["status"] == "failure"
    assert json.loads(HEARTBEAT) == {"topic": "aws/heartbeat"}
    assert json.loads(PONG) == {"topic": "aws/ping", "statusCode": 200, "statusContent": "OK"}
