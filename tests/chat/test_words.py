"""The words of messages: terms, phrases and snippets in the scripts that people write in."""

import pytest

from threadline.chat.words import has, runs, snippet, terms, wanted_terms


@pytest.mark.parametrize(
    ("content", "wanted", "expected"),
    [
        ("My parcel has not come.", "PARCEL", True),
        ("My parcel has not come.", "come parcel", True),
        ("My parcels have come.", "parcel", False),
        ("Un café à Malmö", "cafe malmo", True),
        ("ΕΛΛΗΝΙΚΆ γράμματα", "ελληνικα", True),
        ("Straße", "STRASSE", True),
        ("我的包裹还没有到", "包裹", True),
        ("我的包裹还没有到", "还", True),
        ("我的包裹还没有到", "包还", False),
        ("荷物がまだ届きません", "届きません", True),
        ("พัสดุยังไม่มา", "ยังไม่", True),
        ("소포가 아직 안 왔어요", "소포", True),
        ("हिन्दी में पार्सल", "पार्सल", True),
        ("الطرد لم يصل", "الطرد", True),
        ("Great 👍🏽 thanks", "👍", True),
        ("Order ABC-4711", "4711 abc", True),
        ("FULL width", "full", True),
        ("order number 4711", "471", False),
        ("It has 20 ℃", "℃", True),
        ("It has 20 °C", "℃", True),
        ("₨100", "rs100", True),
        ("1½ pieces", "1½", True),
        ("℅ the depot", "c/o", True),
    ],
)
def test_a_message_has_words(content: str, wanted: str, expected: bool) -> None:
    assert has(content, wanted) is expected
    if expected:
        missing = set(wanted_terms(wanted)) - set(terms(content))
        assert not missing, "a message that has the words is found by their terms"


def test_a_phrase_is_in_order() -> None:
    assert has("It left this morning.", "left this", as_phrase=True)
    assert not has("It left this morning.", "this left", as_phrase=True)
    assert not has("It left this morning.", "eft this", as_phrase=True)
    assert has("我的包裹还没有到", "包裹还没", as_phrase=True)


def test_every_character_is_found_by_itself_and_is_no_part_of_a_query() -> None:
    """Some become others as they are compared: ⑴ is (1), ℅ is c/o. All scripts, symbols and emoji are tried."""
    for code in (
        *range(0x20, 0x3400),
        *range(0xF900, 0x10000),
        *range(0x1D400, 0x1D800),
        *range(0x1F000, 0x1FB00),
    ):
        character = chr(code)
        wanted = wanted_terms(character)
        assert all(term.isalnum() or not term.isascii() for term in wanted), f"U+{code:04X}: {wanted}"
        assert set(wanted) <= set(terms(character)), f"U+{code:04X} is not found: {wanted}"
        assert not wanted or has(character, character), f"U+{code:04X}"


@pytest.mark.parametrize("text", ["", "%", '"', "'; DROP TABLE item; --", "_", "*", "\x00", "\ud800"])
def test_terms_hold_nothing_that_a_query_could_mean(text: str) -> None:
    for term in terms(text):
        assert term.isalnum(), term
        assert term == term.casefold()


def test_long_runs_are_cut() -> None:
    assert [len(run.text) for run in runs("a" * 16_000)] == [40]
    assert len(terms("字" * 16_000)) == 2


def test_a_snippet_shows_the_place() -> None:
    content = "x " * 300 + "the  parcel\nis here" + " y" * 300
    shown = snippet(content, "PARCEL")
    assert "the parcel is here" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 140
    assert snippet("short", "nothing") == "short"
    longer = "½ " * 300 + "the parcel" + " ﷺ" * 300  # each is more characters as it is compared
    assert "the parcel" in snippet(longer, "parcel")
