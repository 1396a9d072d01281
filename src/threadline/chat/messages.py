"""The rules of messages: their content types, and their sizes in bytes."""

from collections.abc import Collection, Sequence

from threadline.chat.limits import CONTENT_BYTES_MAX
from threadline.errors import Fault

PLAIN = "text/plain"
INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
INTERACTIVE_RESPONSE = INTERACTIVE + ".response"
CONTENT_TYPES = (PLAIN, "text/markdown", "application/json", INTERACTIVE, INTERACTIVE_RESPONSE)


def check_supported(content_types: Sequence[str] | None, code: str) -> list[str]:
    """The content types of a new chat: those given, or text/plain alone.

    Source: StartChatContact, SupportedMessagingContentTypes.
    """
    if not content_types:
        return [PLAIN]
    for content_type in content_types:
        if content_type not in CONTENT_TYPES:
            raise Fault(
                code,
                f"SupportedMessagingContentTypes: {content_type!r} is not known. Known are {', '.join(CONTENT_TYPES)}.",
            )
    if PLAIN not in content_types:
        raise Fault(code, f"SupportedMessagingContentTypes must contain {PLAIN}.")
    return list(dict.fromkeys(content_types))


def check_message(content_type: str, content: str, supported: Collection[str], code: str) -> None:
    """Refuse a message that is too large, or whose type the chat does not support or participants do not send."""
    if content_type == INTERACTIVE:
        raise Fault(
            code,
            f"ContentType {content_type} is sent by flows only. Participants send {INTERACTIVE_RESPONSE}.",
        )
    if content_type not in supported:
        raise Fault(
            code,
            f"ContentType {content_type!r} is not enabled on this chat. Enabled: {', '.join(sorted(supported))};"
            " StartChatContact.SupportedMessagingContentTypes enables others.",
        )
    size = len(content.encode())
    if size > CONTENT_BYTES_MAX:
        raise Fault(code, f"Content is {size} bytes of UTF-8; at most {CONTENT_BYTES_MAX} are allowed.")
