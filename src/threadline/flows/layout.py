"""A layout for graphs that run from left to right: columns of boxes, and the lines between them.

The steps are Sugiyama's: reverse the edges that close a circle, give each box a column by its longest path from the
start, order the boxes of a column by their neighbours so that few lines cross, then move each to the height of its
neighbours. Lines to one box share their way across the columns between.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

WIDTH, GAP, BETWEEN, ROUNDS = 236, 84, 26, 8
LINE_HEIGHT, LINE_WEIGHT = 4.0, 4.0
ON, BACK = "on", "back"
"""The ways of lines across columns: to the right, and back to the left."""
ENTRY = 24.0
"""The height, from the top of a box, at which lines enter it."""


class Box(NamedTuple):
    """A box to place: its height, and for each line from it the box where it ends, the height of its start, and
    whether it is for errors.
    """

    height: float
    lines: Sequence[tuple[str, float, bool]]


class Segment(NamedTuple):
    """A part of a line: from one point to another, and whether it ends at a box. Backward ones go to the left."""

    start: tuple[float, float]
    end: tuple[float, float]
    arrives: bool
    turns: bool = False


class Layout(NamedTuple):
    """The top left corners of the boxes, and the segments of all lines: whether all lines in one are for errors."""

    places: Mapping[str, tuple[float, float]]
    segments: Mapping[Segment, bool]


class Node(NamedTuple):
    """A box in its column; or with a `way`, the point where the lines to this box cross the column."""

    name: str
    column: int
    way: str = ""


def arrange(boxes: Mapping[str, Box], start: str) -> Layout:
    """Arrange the boxes, the first one at the left."""
    return _Arranger(boxes, start).arranged()


def positioned(boxes: Mapping[str, Box], places: Mapping[str, tuple[float, float]]) -> Layout:
    """Draw straight lines between boxes whose places are known."""
    segments: dict[Segment, bool] = {}
    for name, box in boxes.items():
        x, y = places[name]
        for target, height, failed in box.lines:
            to_x, to_y = places[target]
            segments[Segment((x + WIDTH, y + height), (to_x, to_y + ENTRY), arrives=True)] = failed
    return Layout(places, segments)


class _Arranger:
    """Arranges one graph; each step fills in what the next one reads."""

    def __init__(self, boxes: Mapping[str, Box], start: str) -> None:
        self.boxes = boxes
        self.back = _closing(boxes, start)
        self.column = _columns(boxes, self.back)
        self.columns: list[list[Node]] = [[] for _ in range(max(self.column.values()) + 1)]
        self.right: dict[Node, dict[tuple[float, Node], None]] = defaultdict(dict)
        self.left: dict[Node, dict[tuple[float, Node], None]] = defaultdict(dict)
        self.known: set[Node] = set()
        self.y: dict[Node, float] = {}

    def arranged(self) -> Layout:
        for name in self.boxes:
            self.columns[self.column[name]].append(Node(name, self.column[name]))
        for name, box in self.boxes.items():
            for target, height, _ in box.lines:
                self._lead(name, target, height)
        self._order()
        self._settle()
        top = min(self.y.values())
        self.y = {node: y - top for node, y in self.y.items()}
        places = {name: (self._x(column), self.y[Node(name, column)]) for name, column in self.column.items()}
        return Layout(places, self._segments())

    def _lead(self, name: str, target: str, height: float) -> None:
        """Add the points at which a line crosses columns, as far as no line to the same box has them already."""
        node = self._first(name, target)
        if node.way != BACK:
            self._link(Node(name, self.column[name]), node, height)
        while node.way and node not in self.known:
            self.known.add(node)
            self.columns[node.column].append(node)
            following = self._next(node)
            if following.way or node.way != BACK:
                self._link(node, following, 0.0)
            node = following

    def _first(self, name: str, target: str) -> Node:
        """The point, or the box, to which a line leads from its box."""
        if (name, target) in self.back:
            return Node(target, self.column[name], BACK)
        return self._next(Node(target, self.column[name], ON))

    def _next(self, node: Node) -> Node:
        """The point, or the box, to which lines lead from a point."""
        end, step = self.column[node.name], -1 if node.way == BACK else 1
        is_last = node.column == end if node.way == BACK else node.column + 1 == end
        return Node(node.name, end) if is_last else node._replace(column=node.column + step)

    def _link(self, one: Node, other: Node, at: float) -> None:
        near, far = (one, other) if one.column < other.column else (other, one)
        self.right[near][at, far] = None
        self.left[far][at, near] = None

    def _order(self) -> None:
        """Order the boxes of each column by their neighbours, and keep the order with the fewest crossings."""
        best, fewest = [list(column) for column in self.columns], self._crossings()
        rank = {node: place for nodes in self.columns for place, node in enumerate(nodes)}
        for turn in range(ROUNDS):
            near = self.left if turn % 2 == 0 else self.right
            for column in self.columns if turn % 2 == 0 else self.columns[::-1]:
                keys = {
                    node: _mean([rank[other] + at / 1_000 for at, other in near[node]], rank[node])
                    for node in column
                }
                column.sort(key=keys.__getitem__)
                rank.update((node, place) for place, node in enumerate(column))
            if (crossings := self._crossings()) < fewest:
                best, fewest = [list(column) for column in self.columns], crossings
        self.columns = best

    def _crossings(self) -> int:
        crossings = 0
        for here, there in pairwise(self.columns):
            rank = {node: place for place, node in enumerate(there)}
            seen: list[int] = []
            for node in here:
                ends = [rank[other] for _, other in sorted(self.right[node]) if other in rank]
                crossings += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
                for end in ends:
                    insort(seen, end)
        return crossings

    def _settle(self) -> None:
        """Move each box to the height of its neighbours, as far as the order and the distances leave it room."""
        for column in self.columns:
            y = 0.0
            for node in column:
                self.y[node] = y
                y += self._height(node) + BETWEEN
        for turn in range(2 * ROUNDS):
            for column in self.columns if turn % 2 == 0 else self.columns[::-1]:
                wanted = [self._wanted(node) for node in column]
                heights = [self._height(node) for node in column]
                weights = [LINE_WEIGHT if node.way else 1.0 for node in column]
                for node, y in zip(column, _spread(wanted, heights, weights), strict=True):
                    self.y[node] = y

    def _wanted(self, node: Node) -> float:
        entry = self._entry(node)
        heights = [self.y[other] + self._exit(other, at) - entry for at, other in self.left[node]]
        heights += [
            self.y[other] + self._entry(other) - self._exit(node, at) for at, other in self.right[node]
        ]
        return _middle(heights, self.y[node])

    def _entry(self, node: Node) -> float:
        return 0.0 if node.way else ENTRY

    def _exit(self, node: Node, at: float) -> float:
        return 0.0 if node.way else at

    def _height(self, node: Node) -> float:
        return LINE_HEIGHT if node.way else self.boxes[node.name].height

    def _x(self, column: int) -> float:
        return float(column * (WIDTH + GAP))

    def _segments(self) -> dict[Segment, bool]:
        """The segments of all lines. Those that lines share are found once, however many lines there are."""
        segments: dict[Segment, bool] = {}
        through: dict[Node, bool] = {}
        for name, box in self.boxes.items():
            x, y = self._x(self.column[name]) + WIDTH, self.y[Node(name, self.column[name])]
            for target, height, failed in box.lines:
                node = self._first(name, target)
                turns = node.way == BACK
                part = Segment((x, y + height), self._entered(node), not node.way, turns)
                segments[part] = segments.get(part, True) and failed
                through[node] = through.get(node, True) and failed
        for node in sorted(self.known, key=lambda node: -node.column if node.way == BACK else node.column):
            near, failed = self._entered(node), through[node]
            far = near[0] + (-WIDTH if node.way == BACK else WIDTH), near[1]
            following = self._next(node)
            through[following] = through.get(following, True) and failed
            arrives = not following.way
            segments[Segment(near, far, arrives=False)] = failed
            turns = arrives and node.way == BACK
            segments[Segment(far, self._entered(following), arrives, turns)] = failed
        return segments

    def _entered(self, node: Node) -> tuple[float, float]:
        """The place at which lines enter the column of a point, or a box."""
        x = self._x(node.column) + (WIDTH if node.way == BACK else 0)
        return x, self.y[node] + self._entry(node)


def _closing(boxes: Mapping[str, Box], start: str) -> set[tuple[str, str]]:
    """The lines that lead back to a box on the way to where they start, as pairs of boxes."""
    back: set[tuple[str, str]] = set()
    done: set[str] = set()
    for first in (start, *boxes):
        if first in done:
            continue
        above: set[str] = {first}
        todo = [(first, iter([line[0] for line in boxes[first].lines]))]
        while todo:
            name, targets = todo[-1]
            for target in targets:
                if target in above:
                    back.add((name, target))
                elif target not in done:
                    above.add(target)
                    todo.append((target, iter([line[0] for line in boxes[target].lines])))
                    break
            else:
                todo.pop()
                above.discard(name)
                done.add(name)
    return back


def _columns(boxes: Mapping[str, Box], back: set[tuple[str, str]]) -> dict[str, int]:
    """The column of each box: one more than the rightmost of those that lead to it."""
    targets = {
        name: {line[0] for line in box.lines if (name, line[0]) not in back} for name, box in boxes.items()
    }
    waiting = dict.fromkeys(boxes, 0)
    for inner in targets.values():
        for target in inner:
            waiting[target] += 1
    column = dict.fromkeys(boxes, 0)
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:
        for target in sorted(targets[name]):
            column[target] = max(column[target], column[name] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return column


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _middle(values: Iterable[float], otherwise: float) -> float:
    ordered = sorted(values)
    if not ordered:
        return otherwise
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _spread(wanted: Sequence[float], heights: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The tops nearest to the wanted ones that keep the order and the distances: blocks that touch move together."""
    offsets, offset = [], 0.0
    for height in heights:
        offsets.append(offset)
        offset += height + BETWEEN
    blocks: list[tuple[float, float, int]] = []
    for top, place, weight in zip(wanted, offsets, weights, strict=True):
        mean, total, count = top - place, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, others, more = blocks.pop()
            mean = (mean * total + other * others) / (total + others)
            total, count = total + others, count + more
        blocks.append((mean, total, count))
    flat = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + place for mean, place in zip(flat, offsets, strict=True)]
