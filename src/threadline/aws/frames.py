"""The frames of the chat socket: text frames into commands, and replies and items into frames.

Nothing here reads or writes a socket. `bus` and the server do.
Source: the frames that amazon-connect-chatjs 5.0.0 and the mobile SDKs send and expect.
"""

import struct
from enum import Enum, auto
from typing import Any

import msgspec

from threadline.aws.restjson import iso
from threadline.jsontext import READER

CHAT_TOPIC = "aws/chat"

SUBSCRIBED = '{"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}}'
SUBSCRIPTION_FAILED = '{"topic":"aws/subscribe","content":{"status":"failure","topics":[]}}'
HEARTBEAT = '{"topic":"aws/heartbeat"}'
PONG = '{"topic":"aws/ping","statusCode":200,"statusContent":"OK"}'

BINARY, BAD_FRAME = 1003, 1007
"""Close codes. Source: RFC 6455, section 7.4.1, and its registry."""


class FrameCommand(Enum):
    """The command in a client's frame."""

    SUBSCRIBE = auto()
    SUBSCRIBE_ELSEWHERE = auto()
    HEARTBEAT = auto()
    PING = auto()
    NOTHING = auto()


class BadFrame(Exception):
    """A frame that ends its socket. `code` and `reason` are those of the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_decode = READER.raw_decode
_encode = msgspec.json.Encoder().encode
_topics = {"aws/heartbeat": FrameCommand.HEARTBEAT, "aws/ping": FrameCommand.PING}


def command(frame: str) -> FrameCommand:
    """Return the command in `frame`. For an empty frame or an unknown topic it is NOTHING.

    Only the first JSON value counts: the iOS SDK sends a stray `)` after its subscription.
    Raises BadFrame for anything that is not a JSON object.
    """
    text = frame.lstrip()
    if not text:
        return FrameCommand.NOTHING
    try:
        value, _ = _decode(text)
    except (ValueError, RecursionError):
        raise BadFrame(BAD_FRAME, "A frame must be JSON.") from None
    if not isinstance(value, dict):
        raise BadFrame(BAD_FRAME, "A frame must be a JSON object.")
    topic = value.get("topic")
    if topic == "aws/subscribe":
        return FrameCommand.SUBSCRIBE if CHAT_TOPIC in _topics_in(value) else FrameCommand.SUBSCRIBE_ELSEWHERE
    return _topics.get(topic, FrameCommand.NOTHING) if isinstance(topic, str) else FrameCommand.NOTHING


def _topics_in(frame: dict[str, Any]) -> list[Any]:
    content = frame.get("content")
    topics = content.get("topics") if isinstance(content, dict) else None
    return topics if isinstance(topics, list) else []


def chat_frame(event: dict[str, Any]) -> bytes:
    """The frame that carries `event`, an item with the model's member names, as a JSON string inside JSON.

    Times are epoch milliseconds in `event`, and ISO-8601 text in the frame.
    """
    event = {**event, "AbsoluteTime": iso(event["AbsoluteTime"])}
    if receipts := event.get("MessageMetadata", {}).get("Receipts"):
        receipts = [{name: _text(value) for name, value in receipt.items()} for receipt in receipts]
        event["MessageMetadata"] = {**event["MessageMetadata"], "Receipts": receipts}
    content = _encode(_encode(event).decode()).decode()
    return encoded(f'{{"topic":"aws/chat","contentType":"application/json","content":{content}}}')


def _text(value: str | int) -> str:
    return iso(value) if isinstance(value, int) else value


def encoded(text: str) -> bytes:
    """`text` as a WebSocket frame of a server. The bytes are the same for every socket, as no extension is negotiated.

    Source: RFC 6455, section 5.2.
    """
    payload = text.encode()
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x81, length)
    elif length < 65_536:
        head = struct.pack("!BBH", 0x81, 126, length)
    else:
        head = struct.pack("!BBQ", 0x81, 127, length)
    return head + payload
