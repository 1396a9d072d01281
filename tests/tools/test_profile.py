"""`make profile`: the functions of one request, as a list and as a drawing."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from tools.flame import draw
from tools.profile import PACKAGE, NotProfiled, close, listed, record
from tools.stacks import Call, part_of


@pytest.fixture(scope="module")
def roots() -> list[Call]:
    found = record("SendMessage", {"Content": "Hello?"}, requests=2, warm_up=1)
    for root in found:
        close(root)
    return found


def functions(roots: list[Call]) -> Iterator[tuple[float, str]]:
    for root in roots:
        for _, count, name, _ in listed(root, 2):
            yield count, name.strip()


def test_a_profile_counts_the_calls_of_one_request(roots: list[Call]) -> None:
    assert (1.0, "send_message") in set(functions(roots))
    assert (2.0, "may_see") in set(functions(roots)), "the message is pushed to both people in the chat"
    assert "start_chat_contact" not in {name for _, name in functions(roots)}


def test_a_profile_shows_the_path_of_a_server_without_test_controls() -> None:
    found = record("DescribeUser", {}, requests=1, warm_up=0)
    counted = {name.strip(): count for root in found for _, count, name, _ in listed(root, 1)}
    assert counted["verify"] == 1, "the signature is verified"
    assert not [name for name in counted if "Controlled" in name]


def test_a_profile_is_drawn_with_a_box_and_a_text_for_each_call(roots: list[Call]) -> None:
    svg = ET.fromstring(draw(roots, "SendMessage", "", 2, lambda function: part_of(function, PACKAGE)))
    titles = [title.text or "" for title in svg.iter("{http://www.w3.org/2000/svg}title")]
    (told,) = (title for title in titles if title.startswith("send_message\n"))
    assert "messages.py:" in told
    assert "and 1 calls a request" in told


def test_members_that_the_model_does_not_require_can_be_given() -> None:
    (loop, *_) = record("GetTranscript", {"MaxResults": 1}, requests=1, warm_up=0)
    assert "get_transcript" in {name.strip() for _, _, name, _ in listed(loop, 1)}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("SendMessages", "No model has an operation SendMessages."),
        ("DescribePrompt", "Say what PromptId are"),
        ("ListTrafficDistributionGroups", "ListTrafficDistributionGroups is not implemented"),
    ],
)
def test_what_cannot_be_profiled_is_said(operation: str, said: str) -> None:
    with pytest.raises(NotProfiled, match=said):
        record(operation, {}, requests=1, warm_up=0)
