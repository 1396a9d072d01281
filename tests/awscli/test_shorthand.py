import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.aws.model import Shape, find_cached
from threadline.awscli import shorthand

START = find_cached("connect").operations["StartChatContact"].input_shape
assert START is not None
ATTRIBUTES = START.members["Attributes"]
SEGMENTS = START.members["SegmentAttributes"]
EXPRESSION = find_cached("connect").operations["SearchContacts"].input_shape
assert EXPRESSION is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=b", {"a": "b"}),
        ("a=b,c=d", {"a": "b", "c": "d"}),
        ("a=b c,d = e ", {"a": "b c", "d": "e"}),
        ("a=", {"a": ""}),
        ("a=,b=c", {"a": "", "b": "c"}),
        ("a=b=c", {"a": "b=c"}),
        (r"a=b\,c", {"a": "b,c"}),
        ("a=1,2,b=3", {"a": ["1", "2"], "b": "3"}),
        ("a=[1,2]", {"a": ["1", "2"]}),
        ("a=[]", {"a": []}),
        ("a={b=c,d=[e,{f=g}]}", {"a": {"b": "c", "d": ["e", {"f": "g"}]}}),
        ("""a="b, \\"c\\"",d='it\\'s'""", {"a": 'b, "c"', "d": "it's"}),
        ("a.b/c:d#e-f_0=g", {"a.b/c:d#e-f_0": "g"}),
        ("a=é日", {"a": "é日"}),
    ],
)
def test_what_it_says(text: str, value: Any) -> None:
    assert shorthand.parse(text, ATTRIBUTES) == value


BAD = [
    "",
    "a",
    "a=b,",
    "a=b,,c=d",
    "a=[b",
    "a={b",
    "a={b=c",
    'a="b',
    "a='b",
    "a=b,a=c",
    "a={b=c,b=d}",
    "a=😀",
    "=b,=",
]


@pytest.mark.parametrize("text", BAD)
def test_what_it_refuses_it_points_at(text: str) -> None:
    with pytest.raises(shorthand.BadShorthand, match=r"(?s)for input:\n.*\^"):
        shorthand.parse(text, ATTRIBUTES)


def test_the_caret_stands_below_the_character() -> None:
    with pytest.raises(shorthand.BadShorthand) as caught:
        shorthand.parse("a={b=c,\nd;e}", ATTRIBUTES)
    lines = str(caught.value).splitlines()
    assert lines[-1].index("^") == lines[-2].index(";")


@given(st.text('"\\a\n', max_size=14))
def test_a_quoted_text_ends_where_the_aws_cli_ends_it(text: str) -> None:
    """By its own pattern, which takes exponential time for a longer one."""
    theirs = re.compile(r'"(?:\\\\|\\"|[^"])*"').match(f'"{text}')
    ours = shorthand.DOUBLE.match(f'"{text}')
    assert (ours and ours.group()) == (theirs and theirs.group())
    single = shorthand.SINGLE.match(f'"{text}'.replace('"', "'"))
    assert (single and single.group().replace("'", '"')) == (theirs and theirs.group())


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("text", ["\\" * 10_001, "\\a" * 10_000, "a" * 10_000])
def test_a_quoted_text_that_is_never_closed_is_refused(quote: str, text: str) -> None:
    with pytest.raises(shorthand.BadShorthand, match=r"(double|singled) quoted"):
        shorthand.parse(f"a={quote}{text}", ATTRIBUTES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k@={ValueString=file:///x}", {"k": {"ValueString": "file:///x"}}),
        ("k={ValueString@=file://name.txt}", {"k": {"ValueString": "Casey"}}),
        ("k@=[file://name.txt,'file://name.txt']", {"k": ["Casey", "Casey"]}),
        ("k@=file://name.txt,file://name.txt,a=file://x", {"k": ["Casey", "Casey"], "a": "file://x"}),
        ("k@={a=1,b@=file://name.txt,c=file:///x}", {"k": {"a": "1", "b": "Casey", "c": "file:///x"}}),
    ],
)
def test_only_what_follows_its_own_key_names_a_file(
    text: str, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "name.txt").write_text("Casey", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert shorthand.parse(text, ATTRIBUTES) == value


@pytest.mark.model_has("connect.SegmentAttributeValue.ValueList")
def test_numbers_and_single_items_become_what_the_model_wants() -> None:
    assert shorthand.parse("a={ValueInteger=7}", SEGMENTS) == {"a": {"ValueInteger": 7}}
    assert shorthand.parse("a={ValueList=[{ValueInteger=1}]}", SEGMENTS) == {
        "a": {"ValueList": [{"ValueInteger": 1}]}
    }


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "name.txt").write_text("Casey, Jones", encoding="utf-8")
    assert shorthand.parse(f"a@=file://{tmp_path}/name.txt,b=c", ATTRIBUTES) == {
        "a": "Casey, Jones",
        "b": "c",
    }


KEYS = st.text("abcXYZ019-_.#/:", min_size=1, max_size=6)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.dictionaries(KEYS, TEXTS, min_size=1, max_size=4))
def test_whatever_is_quoted_comes_back(values: dict[str, str]) -> None:
    text = ",".join(f"{key}={quoted(value)}" for key, value in values.items())
    assert shorthand.parse(text, ATTRIBUTES) == values


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    shape: Shape = ATTRIBUTES
    try:
        found = shorthand.parse(text, shape)
    except shorthand.BadShorthand:
        return
    assert isinstance(found, dict)
