"""Draws tables like the AWS CLI's: sections below each other, as wide as the widest, nested ones between bars.

A section of one row becomes name and value pairs when the table is wider than the terminal (80 columns without one).
"""

import os
import sys
from typing import IO, Any
from unicodedata import east_asian_width

from threadline.client.failures import Failure

PADDING = 4
BORDERS = 2
INDENT = 2
WIDTH = 80
BAR, CELL, RESET = "\x1b[2m\x1b[33m", "\x1b[1m\x1b[34m", "\x1b[0m"


def write_table(title: str, value: Any, out: IO[str], *, coloured: bool) -> None:
    """Draw `value` below `title`; nothing when it is empty. Raises Failure when rows differ in length."""
    sections = _Sections()
    if not sections.add(title, value, 0):
        return
    drawn = sections.found
    width = max(section.natural_width() for section in drawn)
    if width > _terminal_width():
        drawn = [section.upright() for section in drawn]
        width = max(section.natural_width() for section in drawn)
    pen = _Pen(out, coloured=coloured)
    pen.text("-" * width + "\n")
    for section in drawn:
        section.draw(pen, width - INDENT * section.depth)


class _Pen:
    """Writes lines between the bars of their depth; each piece is followed by a reset when coloured."""

    def __init__(self, out: IO[str], *, coloured: bool) -> None:
        self._out = out
        self.coloured = coloured

    def text(self, text: str) -> None:
        self._out.write(text + (RESET if self.coloured else ""))

    def line(self, text: str, depth: int) -> None:
        bars = (f"{BAR}|{RESET}" if self.coloured else "|") * depth
        for piece in (bars, text, bars, "\n"):
            self.text(piece)

    def cell(self, text: str) -> str:
        return f"{CELL}{text}{RESET}" if self.coloured else text


class _Section:
    def __init__(self, title: str, depth: int) -> None:
        self.title = title
        self.depth = depth
        self.headers: list[str] = []
        self.rows: list[list[str]] = []
        self._widths: list[int] | None = None

    def head(self, headers: list[str]) -> None:
        self._fit(headers)
        self.headers = headers

    def row(self, cells: list[Any]) -> None:
        texts = [str(cell) for cell in cells]
        self._fit(texts)
        self.rows.append(texts)

    def _fit(self, texts: list[str]) -> None:
        widths = [_width(text) for text in texts]
        if self._widths is not None and len(self._widths) != len(widths):
            raise Failure(f"Row should have {len(self._widths)} elements, instead it has {len(widths)}")
        self._widths = [*map(max, self._widths, widths)] if self._widths is not None else widths

    def natural_width(self) -> int:
        columns = sum(width + PADDING for width in self._widths or ()) + BORDERS
        return max(columns, _width(self.title) + BORDERS) + INDENT * self.depth

    def upright(self) -> "_Section":
        if len(self.rows) != 1 or not self.headers:
            return self
        turned = _Section(self.title, self.depth)
        for header, cell in zip(self.headers, self.rows[0], strict=True):
            turned.row([header, cell])
        return turned

    def draw(self, pen: _Pen, width: int) -> None:
        if self.title:
            pen.line(_centred(self.title, width, "|"), self.depth)
        if not self.rows:
            pen.line(f"+{'-' * (width - BORDERS)}+", self.depth)
            return
        columns = _scaled([cell + PADDING for cell in self._widths or ()], width)
        if not columns:
            return
        rule = "".join("-" * (column - 1) + "+" for column in columns)
        rule = "+" + rule[1:]
        pen.line(rule, self.depth)
        if self.headers:
            pen.line(_joined(_centred, self.headers, columns), self.depth)
            pen.line(rule, self.depth)
        for cells in self.rows:
            pen.line(_joined(_left, cells, columns, pen.cell), self.depth)
        pen.line(rule, self.depth)


class _Sections:
    """The sections of a value, in order."""

    def __init__(self) -> None:
        self.found: list[_Section] = []

    def add(self, title: str | None, value: Any, depth: int) -> bool:
        if not value:
            return False
        if title is not None:
            self.found.append(_Section(title, depth))
        if isinstance(value, dict):
            self._structure(value, depth)
        elif isinstance(value, list) and isinstance(value[0], dict):
            self._structures(title or self.found[-1].title, value, depth)
        elif isinstance(value, list):
            for item in value:
                if not isinstance(item, dict | list):
                    self.found[-1].row([item])
                elif not any(isinstance(inner, dict | list) for inner in item):
                    self.found[-1].row(list(item))
                else:
                    self.add(None, item, depth)
        return True

    def _structure(self, value: dict[str, Any], depth: int) -> None:
        headers, nested = _split([value])
        if len(headers) == 1:
            self.found[-1].row([headers[0], value[headers[0]]])
        elif headers:
            self.found[-1].head(headers)
            self.found[-1].row([value[header] for header in headers])
        for name in nested:
            self.add(name, value[name], depth + 1)

    def _structures(self, title: str, items: list[Any], depth: int) -> None:
        if not all(isinstance(item, dict) for item in items):
            raise Failure("A list of structures and other values has no table")
        headers, nested = _split(items)
        for number, item in enumerate(items):
            if number and nested:
                self.found.append(_Section(title, depth))
            if not number or nested:
                self.found[-1].head(headers)
            self.found[-1].row([item.get(header, "") for header in headers])
            for name in nested:
                if name in item:
                    self.add(name, item[name], depth + 1)


def _split(items: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Names of plain members and of nested ones, sorted; a member that occurs as both counts as plain."""
    plain: set[str] = set()
    nested: set[str] = set()
    for item in items:
        for name, value in item.items():
            (nested if isinstance(value, dict | list) else plain).add(name)
    return sorted(plain), sorted(nested)


def _scaled(widths: list[int], total: int) -> list[int]:
    """`widths` stretched in proportion until they fill `total`."""
    if not widths:
        return []
    factor = total / sum(widths)
    scaled = [round(width * factor) for width in widths]
    order = range(len(scaled))
    while excess := sum(scaled) - total:
        for index in order if excess > 0 else reversed(order):
            scaled[index] += -1 if excess > 0 else 1
            if sum(scaled) == total:
                break
    return scaled


def _joined(placed: Any, texts: list[str], columns: list[int], style: Any = str) -> str:
    cells = zip(texts, columns, strict=True)
    return "".join(
        placed(text, column, "" if number else "|", style) for number, (text, column) in enumerate(cells)
    )


def _centred(text: str, width: int, left: str, style: Any = str) -> str:
    before = width // 2 - _width(text) // 2 - 1
    after = width - 1 - len(left) - before - _width(text)
    return f"{left}{' ' * before}{style(text)}{' ' * after}|"


def _left(text: str, width: int, left: str, style: Any = str) -> str:
    room = width - len(left) - 1 - _width(text)
    before = INDENT if room >= INDENT else 0
    return f"{left}{' ' * before}{style(text)}{' ' * (room - before)}|"


def _width(text: str) -> int:
    """Columns on a terminal; characters of ambiguous width count as wide."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(c) in "WFA" else 1 for c in text)


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return WIDTH
