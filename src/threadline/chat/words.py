"""The words of messages, for the search: which terms a message is found by, and whether and where it has a text.

A word is a run of letters and digits, without case and accents. Scripts without spaces between words, such as Chinese,
Japanese and Thai, have no such runs: there each character and each pair of neighbours is a term, and a text is found
anywhere. An emoji is a term.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import regex

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
RUNS = regex.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|(?P<word>[\p{{L}}\p{{N}}\p{{M}}--{UNSPACED}]+)|(?P<emoji>\p{{So}})",
    regex.V1,
)
ASCII_WORDS = re.compile("[a-z0-9]+")
ACCENTS = regex.compile("[\u0300-\u036f]+")
WORD_MAX = 40
"""Characters of a word that count. Longer runs are no words: keys, tokens, encoded files."""
SNIPPET_MAX = 120


class Run(NamedTuple):
    """A word, an emoji, or a run of a script without spaces; and where it begins in the text as it is compared."""

    text: str
    is_unspaced: bool
    start: int


def runs(text: str) -> Iterator[Run]:
    """The runs of a text as it is compared, in order. A character such as ½ or ℃ may be more than one run."""
    for found in RUNS.finditer(_compared(text)):
        run = found[0][:WORD_MAX] if found["word"] else found[0]
        yield Run(run, found["unspaced"] is not None, found.start())


def _compared(text: str) -> str:
    """`text` without case, accents and the differences of compatible characters, such as full-width letters."""
    folded = ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFC", folded)


def terms(text: str) -> list[str]:
    """The terms by which a message with this text is found, each once."""
    if text.isascii():
        return list(dict.fromkeys([word[:WORD_MAX] for word in ASCII_WORDS.findall(text.lower())]))
    found: dict[str, None] = {}
    for unspaced, word, emoji in RUNS.findall(_compared(text)):
        if unspaced:
            found.update(dict.fromkeys(unspaced))
            found.update(dict.fromkeys(_pairs(unspaced)))
        else:
            found[word[:WORD_MAX] or emoji] = None
    return list(found)


def wanted_terms(text: str) -> list[str]:
    """The terms that a message must have to be found by a text."""
    found: dict[str, None] = {}
    for run in runs(text):
        alone = not run.is_unspaced or len(run.text) == 1
        found.update(dict.fromkeys([run.text] if alone else _pairs(run.text)))
    return list(found)


def _pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(len(text) - 1)]


def has(content: str, wanted: str, *, as_phrase: bool = False) -> bool:
    """Whether a message has all words of `wanted`; `as_phrase` asks for them in this order, next to each other."""
    have, want = list(runs(content)), list(runs(wanted))
    if as_phrase:
        return f" {' '.join(_parts(want))} " in f" {' '.join(_parts(have))} "
    return all(any(_meets(run, each) for run in have) for each in want)


def _parts(found: list[Run]) -> Iterator[str]:
    """The words, and each character of scripts without spaces, so that a phrase may begin within a run."""
    for run in found:
        if run.is_unspaced:
            yield from run.text
        else:
            yield run.text


def _meets(run: Run, wanted: Run) -> bool:
    return wanted.text in run.text if wanted.is_unspaced and run.is_unspaced else wanted.text == run.text


def _place(text: str, at: int) -> int:
    """The place in a text of place `at` in the text as it is compared, which may be longer or shorter."""
    if text.isascii():
        return at
    return bisect_right(range(len(text)), at, key=lambda end: len(_compared(text[: end + 1])))


def snippet(content: str, wanted: str) -> str:
    """The part of a message around the first word of `wanted`, on one line."""
    want = list(runs(wanted))
    at = next((run.start for run in runs(content) if any(_meets(run, each) for each in want)), 0)
    start = max(0, min(_place(content, at) - SNIPPET_MAX // 3, len(content) - SNIPPET_MAX))
    end = min(len(content), start + SNIPPET_MAX)
    shown = " ".join(content[start:end].split())
    return f"{'…' if start else ''}{shown}{'…' if end < len(content) else ''}"
