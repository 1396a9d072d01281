"""chatjs, one browser tab each, for tests in Python."""

import json
from typing import Any, Self

from tests.clients.script import Script

Item = dict[str, Any]
EVENT = "application/vnd.amazonaws.connect.event."


class Chatjs(Script):
    """A tab with chatjs of one major version; `call` takes the session's own methods."""

    def __init__(self, major: int, endpoint: str) -> None:
        super().__init__("chatjs.js", str(major), endpoint)

    def join(self, role: str, contact_id: str, participant_id: str, participant_token: str) -> Self:
        """Create the session and connect it; returns once the socket is subscribed."""
        details = {
            "contactId": contact_id,
            "participantId": participant_id,
            "participantToken": participant_token,
        }
        self.call("create", type=role, chatDetails=details)
        self.call("connect")
        self.see("frame", lambda frame: frame["topic"] == "aws/subscribe")
        return self

    def say(self, text: str) -> Item:
        """Send a message; returns its Id and AbsoluteTime."""
        reply: Item = self.call("sendMessage", contentType="text/plain", message=text)
        return reply

    def send_event(self, kind: str, content: Any = None) -> Any:
        """Send an event such as `typing` or `message.read`."""
        argument = {} if content is None else {"content": json.dumps(content)}
        return self.call("sendEvent", contentType=EVENT + kind, **argument)

    def see_request(self, text: str) -> None:
        """Wait until a request with this string in its body has been answered."""
        self.see("request", lambda request: f'"{text}"' in request["body"])

    def see_message(self, content: str) -> Item:
        """Wait for a message with this text."""
        item: Item = self.see("onMessage", lambda item: item.get("Content") == content)
        return item

    def see_event(self, kind: str) -> Item:
        """Wait for an event that has no callback of its own, such as `participant.joined`."""
        item: Item = self.see("onMessage", lambda item: item["ContentType"] == EVENT + kind)
        return item
