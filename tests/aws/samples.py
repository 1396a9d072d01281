"""Makes values for any shape of a service model: valid ones, and valid ones with one change."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import regex

from threadline.aws.model import Shapes, Traits

DEPTH_MAX = 5
UUID = "019d671e-538d-7be5-b375-0123456789ab"
TEXTS = [
    "a", "Casey", "München, ☕ 🎉", "a/b c%20d+e&f=g", " x ", "line\nbreak\ttab \"quoted\" \\ null", "0", "7",
    UUID, f"arn:aws:connect:us-east-1:123456789012:instance/{UUID}", f"arn:aws:s3:::bucket/{UUID}",
    f"arn:aws:connect:us-east-1:123456789012:traffic-distribution-group/{UUID}",
    "+15551234567", "15551234567", "2026-11-22", "2026-11-22T14:26:49.834Z", "us-east-1", "us-west-2", "d-0123456789",
    "someone@example.com", "0123456789abcdef" * 4, "s3://bucket/key", "200", "Passw0rd!", "10.0.0.0/8", "abc", "a" * 36,
    "Threadline-1.0", "text/plain", "$.Name:1", "x" * 20, "x" * 100,
]  # fmt: skip


class Maker:
    """Makes values of the shapes of one model. Times are whole seconds, since botocore sends no fractions."""

    def __init__(
        self, shapes: Shapes, random: Random, *, time: Callable[[int, str], Any], everything: bool
    ) -> None:
        self.shapes = shapes
        self.random = random
        self.time = time
        self.everything = everything

    def make(self, name: str, depth: int = 0) -> Any:
        shape = self.shapes[name]
        match shape["type"]:
            case "structure":
                return self.structure(shape, depth)
            case "list":
                return [
                    self.make(shape["member"]["shape"], depth + 1) for _ in range(self.size(shape, depth))
                ]
            case "map":
                pairs = range(self.size(shape, depth))
                key, value = shape["key"]["shape"], shape["value"]["shape"]
                return {self.make(key, depth + 1): self.make(value, depth + 1) for _ in pairs}
            case "string" if name in {"Instant", "ISO8601Datetime"}:
                return self.time(self.random.randrange(2**31) * 1000, "string")
            case "timestamp":
                return self.time(self.random.randrange(2**31) * 1000, "timestamp")
            case "string":
                return self.string(shape)
            case "boolean":
                return self.random.random() < 0.5
            case "integer" | "long":
                low = shape.get("min", -5)
                return self.random.randint(low, min(shape.get("max", 2**31 - 1), low + 1000))
            case "float" | "double":
                low, high = shape.get("min", -25.0), shape.get("max", 25.0)
                return low + (high - low) * self.random.randint(0, 8) / 8
        raise AssertionError(f"{name}: no sample for type {shape['type']}")

    def structure(self, shape: Traits, depth: int = 0) -> dict[str, Any]:
        names = list(shape["members"])
        required = shape.get("required", [])
        if shape.get("union"):
            chosen = [self.random.choice(names)]
        elif self.everything:
            chosen = names
        else:
            chosen = [name for name in names if self.random.random() < 0.5]
        if depth > DEPTH_MAX and not shape.get("union"):
            chosen = []
        wanted = {*chosen, *required}
        return {
            name: self.make(shape["members"][name]["shape"], depth + 1) for name in names if name in wanted
        }

    def size(self, shape: Traits, depth: int) -> int:
        low: int = shape.get("min", 0)
        return (
            low if depth > DEPTH_MAX else min(max(low, self.random.randint(1, 3)), int(shape.get("max", 3)))
        )

    def string(self, shape: Traits) -> str:
        if "enum" in shape:
            return str(self.random.choice(shape["enum"]))
        return self.random.choice(fitting(shape.get("min", 0), shape.get("max", 2**31), shape.get("pattern")))


def fitting(low: int, high: int, pattern: str | None) -> list[str]:
    """The sample texts that a string shape allows; cut or repeated if it needs another length."""
    texts = [text for text in TEXTS if low <= len(text) <= high]
    texts += [text[:high] for text in TEXTS] + [(text * low)[:low] for text in TEXTS if low]
    if pattern:
        read = regex.compile(pattern.replace(r"\\", "\\").strip("/"))
        texts = [text for text in texts if read.search(text)]
    texts = [text for text in texts if text and low <= len(text) <= high]
    assert texts, f"no sample for {pattern} of {low} to {high} characters"
    return texts


def seconds(ms: int, kind: str) -> Any:
    """A time as a boto3 user passes it: a datetime, or text where the model has a string."""
    return datetime.fromtimestamp(ms // 1000, UTC) if kind == "timestamp" else text_time(ms)


def milliseconds(ms: int, kind: str) -> int:
    """A time as an operation passes it."""
    return ms


def text_time(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 0.5, -0.0, 1e300, "", "x", "NOT_IN_ENUM",
    "é" * 3, "\u0000", "x" * 501, "x" * 20_000, [], [None], [[]], ["x"] * 200, {}, {"": ""}, {"a": None},
    {"Unknown": {"x": [1]}},
]  # fmt: skip


def spoil(value: Any, random: Random, junk: Sequence[Any] = JUNK) -> Any:
    """`value` with one part of it replaced by junk, removed or added."""
    if random.random() < 0.2 or not value or not isinstance(value, dict | list):
        return random.choice(junk)
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], spoil(value[at], random, junk), *value[at + 1 :]]
    if random.random() < 0.15:
        return {**value, random.choice(["Unknown", "", "x" * 300]): random.choice(junk)}
    key = random.choice(list(value))
    if random.random() < 0.15:
        return {name: inner for name, inner in value.items() if name != key}
    return {**value, key: spoil(value[key], random, junk)}


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_null(inner) for inner in value.values())
    return value is None or (isinstance(value, list) and any(map(has_null, value)))
