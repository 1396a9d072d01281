"""The picture of a flow: its boxes, rows and lines, and the layout behind it."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.flows import Document, content, do, on, say
from threadline.flows.drawing import draw
from threadline.flows.language import parse
from threadline.flows.layout import BETWEEN, ENTRY, WIDTH, Box, arrange

SVG = "{http://www.w3.org/2000/svg}"
CHOICE = on(
    do("Compare", {"ComparisonValue": "$.Attributes.<&>"}, "no", NoMatchingCondition="no")
    | {"Parameters": {"ComparisonValue": "$.Attributes.size"}},
    ("Equals", ["a", "b"], "yes"),
    ("NumberGreaterThan", ["3"], "no"),
)


def texts(picture: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(picture).iter(f"{SVG}text")]


def drawn(**actions: Document) -> str:
    return draw(parse(content(**actions)))


def test_a_block_shows_its_type_what_it_does_and_a_row_for_each_target() -> None:
    shown = texts(drawn(first=CHOICE, yes=say("<Hello> & welcome"), no=say("Bye")))
    assert shown[0] == "Compare"
    assert "$.Attributes.size" in shown
    assert "<Hello> & welcome" in shown
    assert [text for text in shown if "a, b" in text] == ["a, ba, b"]  # its tooltip, and the row
    assert any("NoMatchingCondition" in text for text in shown)


def test_a_picture_names_no_colour_of_one_scheme_alone() -> None:
    picture = drawn(first=say("Hello"))
    assert "prefers-color-scheme: dark" in picture
    assert not ET.fromstring(picture).findall(f".//{SVG}script")


def test_a_block_that_nothing_leads_to_is_drawn_apart() -> None:
    picture = drawn(first=say("Hello"), lonely=say("Nobody hears this"))
    away = ET.fromstring(picture).findall(f"{SVG}g[@class='away']")
    assert [group.findtext(f"{SVG}title") for group in away] == ["lonely"]


@pytest.mark.parametrize("targets", [["first"], ["second", "first"]])
def test_a_circle_is_drawn_with_an_arrow_back(targets: list[str]) -> None:
    names = ["first", "second"][: len(targets)]
    flow = {name: say("again", target) for name, target in zip(names, targets, strict=True)}
    arrows = [path for path in ET.fromstring(drawn(**flow)).iter(f"{SVG}path") if path.get("marker-end")]
    assert len(arrows) == 1 + len(targets)  # and the one from the start


GRAPHS = st.integers(1, 14).flatmap(
    lambda size: st.lists(
        st.lists(st.tuples(st.integers(0, size - 1), st.booleans()), max_size=4),
        min_size=size,
        max_size=size,
    )
)


@given(GRAPHS)
def test_boxes_never_overlap_and_every_line_arrives(graph: list[list[tuple[int, bool]]]) -> None:
    boxes = {
        f"b{number}": Box(
            80.0,
            [(f"b{to}", 20.0 + at, failed) for at, (to, failed) in enumerate(lines) if to != number],
        )
        for number, lines in enumerate(graph)
    }
    layout = arrange(boxes, "b0")
    assert set(layout.places) == set(boxes)
    columns: dict[float, list[float]] = {}
    for x, y in layout.places.values():
        columns.setdefault(x, []).append(y)
    for tops in columns.values():
        assert all(low - high >= 80 + BETWEEN - 0.001 for high, low in pairwise(sorted(tops)))
    onward = {part.start: (part, failed) for part, failed in layout.segments.items()}
    assert len(onward) == len(layout.segments)
    for name, box in boxes.items():
        for target, height, failed in box.lines:
            at, arrives = (layout.places[name][0] + WIDTH, layout.places[name][1] + height), False
            while not arrives:
                part, for_errors = onward[at]
                assert failed or not for_errors, "the line of a success is drawn as one of an error"
                at, arrives = part.end, part.arrives
            assert at == (layout.places[target][0], layout.places[target][1] + ENTRY)
