"""The calls of a server in their order: the members of the request and of the response, and the fault that fired.

Two runs with the same calls give the same lines. So tokens are left out, a ClientToken is named by the order in which
they came (an SDK draws one for each call), and the address of the server is not in a URL.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

CALLS_MAX = 100_000
"""Calls that are kept; the oldest are forgotten first."""

SECRETS = frozenset({"ParticipantToken", "ConnectionToken", "Url", "NextToken", "SecretAccessKey"})
NOT_SHOWN = "(not shown)"
DEPTH_MAX = 20
"""Levels of a request that are kept. A client may send thousands."""


@dataclass(slots=True)
class CallRecord:
    """A call. `status` is 0 until the server has answered. `is_cut_off`: the answer was not sent, or half of it."""

    number: int
    at_ms: int
    service: str
    operation: str
    participant_id: str = ""
    contact_id: str = ""
    session: int = 0
    request: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    error: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    fault_id: str = ""
    is_cut_off: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that the call was done."""
        return 200 <= self.status < 300 and not self.is_cut_off


class SentMessage(NamedTuple):
    """A message of a chat: in the transcript, or as its sender was told."""

    session: int
    participant_id: str
    id: str
    content: str


class DeliveryVerdict(NamedTuple):
    """How many messages were acknowledged, which of them are lost, and which stand in a transcript too often."""

    acknowledged: int
    lost: list[SentMessage]
    doubled: list[SentMessage]


class Acknowledged(NamedTuple):
    """The messages of one session that were acknowledged, the participants who tried to send one, and since when."""

    since_ms: int
    senders: set[str]
    messages: dict[str, SentMessage]


def judge(sent: Mapping[int, Acknowledged], found: Mapping[int, list[SentMessage]]) -> DeliveryVerdict:
    """Compare the acknowledged messages of each session with the messages of its transcript since then."""
    lost: list[SentMessage] = []
    doubled: list[SentMessage] = []
    for session, (_, senders, messages) in sent.items():
        ids = {message.id for message in found[session]}
        lost += [message for message in messages.values() if message.id not in ids]
        told = Counter((message.participant_id, message.content) for message in messages.values())
        seen: Counter[tuple[str, str]] = Counter()
        for message in found[session]:
            key = message.participant_id, message.content
            seen[key] += 1
            if message.participant_id in senders and seen[key] > max(1, told[key]):
                doubled.append(message)
    return DeliveryVerdict(sum(len(each.messages) for each in sent.values()), lost, doubled)


class Calls:
    """The calls of one server since its start or its last reset."""

    def __init__(self) -> None:
        self._calls: list[CallRecord] = []
        self._count = 0
        self._client_tokens: dict[str, str] = {}

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self._calls)

    def add(self, at_ms: int, service: str, operation: str) -> CallRecord:
        """Note that a call has come. Its further fields are filled in by the caller."""
        self._count += 1
        call = CallRecord(self._count, at_ms, service, operation)
        self._calls.append(call)
        if len(self._calls) > CALLS_MAX:
            del self._calls[: CALLS_MAX // 10]
        return call

    def clear(self) -> None:
        """Forget all calls."""
        self.__init__()  # type: ignore[misc]

    def after(self, number: int, limit: int) -> list[CallRecord]:
        """The first `limit` calls whose number is above `number`."""
        if not self._calls:
            return []
        begin = max(0, number - self._calls[0].number + 1)
        return self._calls[begin : begin + limit]

    def sent(self) -> dict[int, Acknowledged]:
        """The messages that were acknowledged, once each, of every session in which one was tried."""
        found: dict[int, Acknowledged] = {}
        for call in self._calls:
            if call.operation == "SendMessage" and call.session:
                known = found.setdefault(call.session, Acknowledged(call.at_ms, set(), {}))
                known.senders.add(call.participant_id)
                message_id = call.response.get("Id")
                if call.acknowledged and isinstance(message_id, str):
                    content = str(call.request.get("Content", ""))
                    known.messages[message_id] = SentMessage(
                        call.session, call.participant_id, message_id, content
                    )
        return found

    def shown(self, members: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        """The members of a request or a response as they are kept."""
        return {name: self._shown(name, value, depth) for name, value in sorted(members.items())}

    def _shown(self, name: str, value: Any, depth: int) -> Any:
        if name == "ClientToken" and isinstance(value, str):
            return self._client_tokens.setdefault(value, f"client-token-{len(self._client_tokens) + 1}")
        if name in SECRETS and isinstance(value, str):
            return NOT_SHOWN
        if isinstance(value, Mapping | list) and depth >= DEPTH_MAX:
            return NOT_SHOWN
        if isinstance(value, Mapping):
            return self.shown(value, depth + 1)
        if isinstance(value, list):
            return [self._shown("", item, depth + 1) for item in value]
        return value


def text(members: Mapping[str, Any]) -> str:
    """Members as one line of JSON, always the same for the same members."""
    return json.dumps(members, sort_keys=True, separators=(",", ":"))
