"""Lex V2 bots: RecognizeText, and the effect of its answers on a chat.

Source: Lex V2 runtime, RecognizeText; Admin Guide, get customer input block.
"""

from collections.abc import Mapping
from typing import Any

from threadline.neighbours import wire
from threadline.neighbours.wire import CallFailed

CLOSED = ("Fulfilled", "ReadyForFulfillment", "Failed")
"""States of an intent that end the talk."""
MESSAGES_MAX = 10
MESSAGE_CHARACTERS_MAX = 16_384
INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"


def recognize_text(endpoint: str, request: Mapping[str, Any], region: str, seconds: float) -> dict[str, Any]:
    """Send a text to a bot by Lex's own wire and return the response. Raises CallFailed."""
    try:
        found: dict[str, Any] = wire.client("lexv2-runtime", endpoint, region, seconds).recognize_text(
            **request
        )
    except Exception as error:  # noqa: BLE001 - botocore raises errors of many kinds
        raise wire.failure_of(error) from None
    return found


def request(
    alias_arn: str, session_id: str, locale: str, text: str, attributes: Mapping[str, str]
) -> dict[str, Any]:
    """Return the members of RecognizeText. Raises CallFailed for an ARN that names no alias of a bot."""
    parts = alias_arn.rpartition(":")[2].split("/")
    if len(parts) != 3 or parts[0] != "bot-alias":
        raise CallFailed("the ARN names no alias of a bot")
    members: dict[str, Any] = {
        "botId": parts[1],
        "botAliasId": parts[2],
        "localeId": locale,
        "sessionId": session_id,
        "text": text,
    }
    if attributes:
        members["sessionState"] = {"sessionAttributes": dict(attributes)}
    return members


def read_response(response: Mapping[str, Any]) -> tuple[list[tuple[str, str]], str | None, dict[str, Any]]:
    """Return the messages (content type and content), the intent when it ends the talk, and the value of `$.Lex`."""
    messages = response.get("messages") or []
    state = response.get("sessionState") or {}
    intent = state.get("intent") or {} if isinstance(state, Mapping) else None
    if not isinstance(messages, list) or not isinstance(intent, Mapping):
        raise CallFailed("the answer is not one of RecognizeText")
    shown = [_message(entry) for entry in messages[:MESSAGES_MAX] if isinstance(entry, Mapping)]
    name = str(intent.get("name") or "")
    slots = intent.get("slots") or {}
    lex = {
        "IntentName": name,
        "Slots": {key: _slot(value) for key, value in slots.items()} if isinstance(slots, Mapping) else {},
        "SessionAttributes": dict(state.get("sessionAttributes") or {}),
        "DialogState": str(intent.get("state") or ""),
    }
    return [entry for entry in shown if entry[1]], name if intent.get("state") in CLOSED else None, lex


def _message(entry: Mapping[str, Any]) -> tuple[str, str]:
    content = str(entry.get("content") or "")[:MESSAGE_CHARACTERS_MAX]
    if entry.get("contentType") == "CustomPayload" and '"templateType"' in content:
        return INTERACTIVE, content
    return "text/plain", content


def _slot(value: Any) -> str:
    found = value.get("value") if isinstance(value, Mapping) else None
    return str(found.get("interpretedValue") or "") if isinstance(found, Mapping) else ""
