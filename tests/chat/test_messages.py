"""The rules of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.chat import messages
from threadline.chat.limits import CONTENT_BYTES_MAX
from threadline.errors import Fault

CODE = "ValidationException"


@pytest.mark.parametrize(
    ("wanted", "supported"),
    [
        (None, ["text/plain"]),
        ([], ["text/plain"]),
        (["text/plain"], ["text/plain"]),
        (["text/markdown", "text/plain", "text/markdown"], ["text/markdown", "text/plain"]),
        (list(messages.CONTENT_TYPES), list(messages.CONTENT_TYPES)),
    ],
)
def test_the_content_types_of_a_chat(wanted: list[str] | None, supported: list[str]) -> None:
    assert messages.check_supported(wanted, CODE) == supported


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (["text/html", "text/plain"], "'text/html' is not known"),
        (["Text/Plain"], "'Text/Plain' is not known"),
        (["text/markdown"], "must contain text/plain"),
        ([""], "'' is not known"),
    ],
)
def test_content_types_that_a_chat_cannot_have(wanted: list[str], complaint: str) -> None:
    with pytest.raises(Fault, match=complaint) as caught:
        messages.check_supported(wanted, CODE)
    assert caught.value.code == CODE


@pytest.mark.parametrize("content_type", [t for t in messages.CONTENT_TYPES if t != messages.INTERACTIVE])
def test_a_type_is_refused_where_the_chat_does_not_have_it(content_type: str) -> None:
    messages.check_message(content_type, "{}", messages.CONTENT_TYPES, CODE)
    with pytest.raises(Fault, match="is not enabled on this chat") as caught:
        messages.check_message(content_type, "{}", ["other/type"], CODE)
    assert caught.value.code == CODE
    assert "Enabled: other/type" in caught.value.message


def test_interactive_messages_are_for_flows() -> None:
    with pytest.raises(Fault, match="is sent by flows"):
        messages.check_message(messages.INTERACTIVE, "{}", messages.CONTENT_TYPES, CODE)


@pytest.mark.parametrize(("letter", "size"), [("x", 1), ("ü", 2), ("€", 3), ("😀", 4)])
def test_content_is_counted_in_bytes(letter: str, size: int) -> None:
    most = letter * (CONTENT_BYTES_MAX // size)
    messages.check_message("text/plain", most, ["text/plain"], CODE)
    with pytest.raises(Fault, match=r"bytes of UTF-8; at most 16384"):
        messages.check_message("text/plain", most + letter, ["text/plain"], CODE)


@given(st.text(max_size=40), st.integers(1, 2_000))
def test_inherited_attributes_are_never_more_than_the_limit(text: str, times: int) -> None:
    content = text * times
    try:
        messages.check_message("text/plain", content, ["text/plain"], CODE)
    except Fault:
        assert len(content.encode()) > CONTENT_BYTES_MAX
    else:
        assert len(content.encode()) <= CONTENT_BYTES_MAX
