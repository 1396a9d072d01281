"""The picture of a flow: its boxes, rows and lines, and the layout behind it."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.flows import Document, content, do, on, say
from threadline.flows.drawing import draw
from threadline.flows.language import parse
from threadline.flows.layout import BETWEEN, WIDTH, Box, arrange

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
        st.lists(st.tuples(st.integers(0, size - 1), st.sampled_from([50.0, 69.0])), max_size=4),
        min_size=size,
        max_size=size,
    )
)


@given(GRAPHS)
def test_boxes_never_overlap_and_every_line_arrives(graph: list[list[tuple[int, float]]]) -> None:
    boxes = {
        f"b{number}": Box(80.0, [(f"b{target}", height) for target, height in lines if target != number])
        for number, lines in enumerate(graph)
    }
    layout = arrange(boxes, "b0")
    assert set(layout.places) == set(boxes)
    columns: dict[float, list[float]] = {}
    for x, y in layout.places.values():
        columns.setdefault(x, []).append(y)
    for tops in columns.values():
        assert all(low - high >= 80 + BETWEEN - 0.001 for high, low in pairwise(sorted(tops)))
    for (name, number), parts in layout.lines.items():
        target, height = boxes[name].lines[number]
        assert parts[0].start == (layout.places[name][0] + WIDTH, layout.places[name][1] + height)
        assert parts[-1].end[0] == layout.places[target][0]
        assert all(one.end == other.start for one, other in pairwise(parts))
        assert [part.arrives for part in parts] == [False] * (len(parts) - 1) + [True]
