r"""The shorthand syntax of the AWS CLI: `DisplayName=Casey`, `a=b,c=d`, `k=[x,y]`, `k={a=b}`, `k@=file://path`.

    parameter = pair *("," pair)
    pair      = key ("=" | "@=") value               after @= items name files, until the next key
    value     = list | map | item *("," item)        several items make a list
    list      = "[" [element *("," element)] "]"
    map       = "{" [pair *("," pair)] "}"           values here are elements
    element   = list | map | item
    item      = 'quoted' | "quoted" | bare           \, is a comma in a bare item

Source: the AWS CLI user guide, "Shorthand syntax"; where that is silent, the behaviour of the AWS CLI. Characters
beyond the basic plane must be quoted, as in the AWS CLI.
"""

import re
import string
from typing import Any, NoReturn

from threadline.aws.model import Shape
from threadline.awscli import paramfile

KEY = re.compile(r"[A-Za-z0-9\-_.#/:]*")
SPACE = re.compile(f"[{string.whitespace}]*")
# An escaped quote ends the text only if no other quote does. The AWS CLI's patterns for it take exponential time.
SINGLE = re.compile(r"'(?:[^'\\]|\\.)*'|'.*'", re.DOTALL)
DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"|".*"', re.DOTALL)
_FIRST_CHARACTER = r"(?:\\,|[!#-&(-+\-.-<>-Z\\-z|-\uffff])"
BARE = re.compile(_FIRST_CHARACTER + r"(?:\\,|[\s!#-&(-+\-.-\\^-|~-\uffff])*")
BARE_WITHOUT_EQUALS = re.compile(_FIRST_CHARACTER + r"(?:\\,|[\s!#-&(-+\-.-<>-\uffff])*")
NAMES = {SINGLE: "singled quoted", DOUBLE: "double quoted", BARE: "first", BARE_WITHOUT_EQUALS: "second"}


class BadShorthand(ValueError):
    """The text is not shorthand syntax; the message points at the character."""


def parse(text: str, shape: Shape) -> Any:
    """The value of `text`, converted to the types of `shape`. Raises BadShorthand, ValueError or Failure."""
    return typed(_Parser(text).parameter(), shape)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._names_files = False

    def parameter(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._pair(found)
        while self._at < len(self._text):
            self._expect(",", spaced=True)
            self._pair(found)
        return found

    def _pair(self, found: dict[str, Any]) -> None:
        start = self._at
        key = self._matched(KEY)
        self._names_files = self._accept("@")
        self._expect("=", spaced=True)
        if key in found:
            self._duplicate(key, start)
        found[key] = self._value()

    def _value(self) -> Any:
        if self._at == len(self._text):
            return ""
        return self._element() if self._text[self._at] in "[{" else self._items()

    def _items(self) -> Any:
        first = self._item()
        self._matched(SPACE)
        if self._at == len(self._text) or self._text[self._at] != ",":
            return first
        items = [first]
        while True:
            comma = self._at
            self._expect(",", spaced=True)
            if self._at == len(self._text):
                self._fail("<second>", "<none>")
            try:
                item = self._item(BARE_WITHOUT_EQUALS)
                self._matched(SPACE)
                if self._at < len(self._text) and self._text[self._at] != ",":
                    self._fail(",", self._text[self._at])
            except BadShorthand:
                if self._at == len(self._text):
                    raise
                self._at = comma
                break
            items.append(item)
            if self._at == len(self._text):
                break
        return items if len(items) > 1 else first

    def _element(self) -> Any:
        start = self._text[self._at : self._at + 1]
        if start == "[":
            return self._list()
        return self._map() if start == "{" else self._item()

    def _list(self) -> list[Any]:
        self._expect("[", spaced=True)
        found = []
        while not self._next_is("]"):
            found.append(self._element())
            self._matched(SPACE)
            if not self._next_is("]"):
                self._expect(",")
                self._matched(SPACE)
        self._expect("]")
        return found

    def _map(self) -> dict[str, Any]:
        self._expect("{", spaced=True)
        found: dict[str, Any] = {}
        while not self._next_is("}"):
            start = self._at
            key = self._matched(KEY)
            self._names_files = self._accept("@")
            self._expect("=", spaced=True)
            value = self._element()
            self._matched(SPACE)
            if not self._next_is("}"):
                self._expect(",")
                self._matched(SPACE)
            if key in found:
                self._duplicate(key, start)
            found[key] = value
        self._expect("}")
        return found

    def _item(self, bare: re.Pattern[str] = BARE) -> str | bytes:
        text = self._text_of_item(bare)
        content = paramfile.content(text) if self._names_files else None
        return text if content is None else content

    def _text_of_item(self, bare: re.Pattern[str]) -> str:
        start = self._text[self._at : self._at + 1]
        if start in ("'", '"'):
            quoted = self._matched(SINGLE if start == "'" else DOUBLE)[1:-1]
            return quoted.replace(f"\\{start}", start).replace("\\\\", "\\")
        if bare is BARE and not bare.match(self._text, self._at):
            return ""
        return self._matched(bare).replace("\\,", ",").rstrip()

    def _matched(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            self._fail(f"<{NAMES[pattern]}>", "<none>")
        self._at = found.end()
        return found.group()

    def _next_is(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _accept(self, character: str) -> bool:
        self._matched(SPACE)
        accepted = self._next_is(character)
        self._at += accepted
        return accepted

    def _expect(self, character: str, *, spaced: bool = False) -> None:
        if spaced:
            self._matched(SPACE)
        if not self._next_is(character):
            self._fail(character, self._text[self._at] if self._at < len(self._text) else "EOF")
        self._at += 1
        if spaced:
            self._matched(SPACE)

    def _fail(self, expected: str, received: str) -> NoReturn:
        where = _pointer(self._text, self._at)
        raise BadShorthand(f"Expected: '{expected}', received: '{received}' for input:\n {where}")

    def _duplicate(self, key: str, at: int) -> NoReturn:
        raise BadShorthand(
            f'Second instance of key "{key}" encountered for input:\n{_pointer(self._text, at)}\n'
            'This is often because there is a preceding "," instead of a space.'
        )


def _pointer(text: str, at: int) -> str:
    """`text` with a caret under the character at `at`, below its line."""
    end = text.find("\n", at)
    shown, rest = (text, "") if end < 0 else (text[:end], text[end:])
    return f"{shown}\n{' ' * (at - shown.rfind(chr(10)) - 1)}^{rest}"


def typed(value: Any, shape: Shape) -> Any:
    """`value` with texts turned into numbers, booleans and one-item lists where `shape` has those.

    Raises ValueError for a bad number. Validation finds everything else that does not fit.
    """
    if shape.type == "structure" and isinstance(value, dict):
        known = shape.members
        return {key: typed(item, known[key]) if key in known else item for key, item in value.items()}
    if shape.type == "map" and isinstance(value, dict):
        return {key: typed(item, shape.value) for key, item in value.items()}
    if shape.type == "list":
        if not isinstance(value, list):
            return [value]
        if shape.member.type == "structure" and len(shape.member.members) == 1:
            (only,) = shape.member.members
            return [item if isinstance(item, dict) else {only: item} for item in value]
        return [typed(item, shape.member) for item in value]
    if not isinstance(value, str):
        return value
    if shape.type in ("integer", "long"):
        return int(value)
    if shape.type in ("float", "double"):
        return float(value)
    if shape.type == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    return value
