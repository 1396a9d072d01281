"""The rules of attributes: changing them, inheriting those of a past chat, and their size."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.chat import attributes
from threadline.chat.limits import ATTRIBUTES_BYTES_MAX
from threadline.errors import Fault

names = st.text("abcXYZ09-_", min_size=1, max_size=5)
values = st.text(max_size=10) | st.integers(0, 20_000).map(lambda size: "ü" * (size // 2))
attribute_sets = st.dictionaries(names, values, max_size=6)
allowed_sets = attribute_sets.filter(lambda given: attributes.size_of(given) <= ATTRIBUTES_BYTES_MAX)


@pytest.mark.parametrize("name", ["a", "A-b_9", "-", "_", "x" * 127])
def test_names_that_are_allowed(name: str) -> None:
    attributes.check({name: ""})


@pytest.mark.parametrize("name", ["", " ", "a b", "a.b", "ä", "a\n", "\u0661", "a:b", "$.x"])
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(Fault, match="Attribute name") as caught:
        attributes.check({"fine": "", name: ""})
    assert caught.value.code == "InvalidRequestException"


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, 0),
        ({"a": "x" * 32_767}, 32_768),
        ({"a": "x" * 32_768}, 32_769),
        ({"a": "ü" * 16_383, "b": ""}, 32_767),
        ({"a": "x" * 32_767, "b" * 100: ""}, 32_768),
        ({"a": "ü" * 16_383, "b": "x"}, 32_769),
        ({"a": "😀" * 8_192}, 32_769),
    ],
)
def test_the_size_is_counted_in_bytes(given: Mapping[str, str], size: int) -> None:
    assert attributes.size_of(given) == size
    if size <= ATTRIBUTES_BYTES_MAX:
        attributes.check(given)
    else:
        with pytest.raises(Fault, match=f"Attributes are {size} bytes; at most 32768"):
            attributes.check(given)


@pytest.mark.parametrize(
    ("own", "past", "merged"),
    [
        ({}, {}, {}),
        ({}, {"a": "1"}, {"a": "1"}),
        ({"a": "2"}, {"a": "1", "b": "1"}, {"a": "2", "b": "1"}),
        ({"a": ""}, {"a": "1"}, {}),
        ({}, {"a": ""}, {}),
        ({"a": "x" * 32_767}, {"b": "1"}, {"a": "x" * 32_767}),
        ({"a": "x" * 32_765}, {"b": "1"}, {"a": "x" * 32_765, "b": "1"}),
        ({"a": "x" * 32_765, "c" * 100: ""}, {"b": "1"}, {"a": "x" * 32_765, "b": "1"}),
        ({"a": "x" * 32_000}, {"b": "y" * 1_000, "c": "z"}, {"a": "x" * 32_000, "c": "z"}),
    ],
)
def test_the_inherited_attributes(
    own: Mapping[str, str], past: Mapping[str, str], merged: Mapping[str, str]
) -> None:
    assert attributes.inherit(own, past) == merged


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({}, {"a": "1"}, {"a": "1"}),
        ({"a": "1"}, {"a": "2"}, {"a": "2"}),
        ({"a": "1", "b": "1"}, {"a": ""}, {"b": "1"}),
        ({}, {"a": ""}, {}),
        ({"a": "", "b": "1"}, {"b": "2"}, {"b": "2"}),
        ({"a": "x" * 32_767}, {"a": "", "b": "y" * 32_767}, {"b": "y" * 32_767}),
    ],
)
def test_an_empty_value_removes_an_attribute(
    before: Mapping[str, str], changes: Mapping[str, str], after: Mapping[str, str]
) -> None:
    assert attributes.update(before, changes) == after


def test_a_name_that_is_not_allowed_cannot_be_removed_either() -> None:
    with pytest.raises(Fault, match="Attribute name"):
        attributes.update({}, {"a b": ""})


@given(own=allowed_sets, past=attribute_sets)
def test_own_attributes_win_and_all_stay_within_the_limit(own: dict[str, str], past: dict[str, str]) -> None:
    merged = attributes.inherit(own, past)
    attributes.check(merged)
    assert {name: value for name, value in own.items() if value}.items() <= merged.items()
    assert "" not in merged.values()
    assert merged.items() <= (past | own).items()
    own_again = own | merged
    assert attributes.inherit(own_again, past) == merged, "a second time changes nothing"
    left_out = {name for name, value in past.items() if value and name not in own} - merged.keys()
    room = ATTRIBUTES_BYTES_MAX - attributes.size_of(merged)
    assert all(attributes.size_of({name: past[name]}) > room for name in left_out)


# Segment attributes


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"": {"ValueString": "x"}}, "name '' is not allowed"),
        ({"two words": {"ValueString": "x"}}, "name 'two words' is not allowed"),
        ({"a.b": {"ValueString": "x"}}, "name 'a.b' is not allowed"),
        ({"connect:ContactExpiry": {"ValueString": "x"}}, "name 'connect:ContactExpiry' is not allowed"),
        ({"connect:subtype": {"ValueString": "x"}}, "name 'connect:subtype' is not allowed"),
        ({"a": {}}, "'a' must have exactly one kind of value"),
        ({"a": {"ValueString": "x", "ValueInteger": 1}}, "'a' must have exactly one kind of value"),
        ({"a": {"ValueMap": {"b": {}}}}, "'a.b' must have exactly one kind of value"),
        ({"a": {"ValueArn": "arn:aws:connect:::x"}}, "'a' has a ValueArn"),
        ({"a": {"ValueList": [{"ValueString": "x"}]}}, "'a' has a ValueList"),
        ({"a": {"ValueMap": {"b": {"ValueMap": {"c": {"ValueList": []}}}}}}, "'a.b.c' has a ValueList"),
        ({"connect:Subtype": {"ValueInteger": 1}}, "connect:Subtype '' is not allowed: give a ValueString"),
        ({"connect:Subtype": {"ValueString": ""}}, "connect:Subtype '' is not allowed: give a ValueString"),
        ({"connect:Subtype": {"ValueString": "x"}}, "connect:Subtype 'x' is not allowed: give a ValueString"),
        ({"connect:Subtype": {"ValueString": "connect:guide"}}, "one of connect:Chat, connect:Guide, "),
        (
            {"connect:Subtype": {"ValueString": "connect:Task"}},
            "connect:Subtype 'connect:Task' is not allowed",
        ),
        ({"connect:Subtype": {"ValueArn": "arn:aws:connect:::x"}}, "'connect:Subtype' has a ValueArn"),
    ],
)
def test_segment_attributes_that_a_caller_cannot_set(given: Mapping[str, Any], words: str) -> None:
    with pytest.raises(Fault) as caught:
        attributes.check_segment({"fine": {"ValueString": ""}, **given})
    assert caught.value.code == "InvalidRequestException"
    assert words in caught.value.message


@pytest.mark.parametrize("subtype", ["Chat", "Guide", "SMS", "Apple", "WhatsApp"])
def test_every_subtype_of_a_chat_may_be_given(subtype: str) -> None:
    attributes.check_segment({"connect:Subtype": {"ValueString": f"connect:{subtype}"}})


def test_segment_attributes_always_have_a_subtype() -> None:
    chat = {"connect:Subtype": {"ValueString": "connect:Chat"}}
    guide = {"connect:Subtype": {"ValueString": "connect:Guide"}, "a-1_b": {"ValueInteger": 1}}
    attributes.check_segment(guide)
    assert attributes.segment_attributes({}) == chat
    assert attributes.segment_attributes(guide) == guide
