"""Converts words to parameters by the model: JSON, shorthand, files, numbers."""

import json
from typing import Any

from threadline.aws.model import Shape
from threadline.awscli import paramfile
from threadline.client.failures import BadParameter, Failure

SCALARS = frozenset(("string", "integer", "long", "float", "double", "boolean", "timestamp"))


def unpack(shape: Shape, option: str, given: Any) -> Any:
    """The value of the parameter `given` as a word or a list of words. Raises Failure."""
    if isinstance(given, bool):
        return given
    try:
        words = _from_file(given)
    except paramfile.Unreadable as failure:
        raise BadParameter(option, str(failure)) from failure
    if isinstance(words, bytes) and _takes_shorthand(shape):
        raise Failure(f"{option} takes text: read it with file:// instead of fileb://")
    try:
        if _takes_shorthand(shape) and not _looks_like_json(words):
            return _shorthand(shape, option, words)
        return _plain(shape, option, words)
    except ValueError as error:
        raise Failure(str(error)) from error


def _from_file(given: Any) -> Any:
    single = given[0] if isinstance(given, list) and len(given) == 1 else given
    content = paramfile.content(single) if isinstance(single, str) else None
    return given if content is None else content


def _takes_shorthand(shape: Shape) -> bool:
    if shape.type == "list":
        return shape.member.type not in SCALARS
    return shape.type not in SCALARS


def _looks_like_json(words: Any) -> bool:
    first = words[0] if words and isinstance(words, list) else words
    return isinstance(first, str) and first.strip().startswith(("[", "{"))


def _shorthand(shape: Shape, option: str, words: Any) -> Any:
    if shape.type == "structure" and list(shape.members) == ["Value"] and "=" not in words:
        return {"Value": words}
    from threadline.awscli import shorthand

    try:
        if isinstance(words, list):
            return [shorthand.parse(word, shape.member) for word in words]
        return shorthand.parse(words, shape)
    except shorthand.BadShorthand as error:
        raise BadParameter(option, str(error)) from error


def _plain(shape: Shape, option: str, words: Any) -> Any:
    if shape.type in ("structure", "map"):
        if not words.lstrip().startswith("{"):
            raise BadParameter(option, f"Invalid JSON:\n{words}")
        return _json(option, words)
    if shape.type == "list":
        single = words[0] if isinstance(words, list) and len(words) == 1 else words
        if isinstance(single, str) and single.strip().startswith("["):
            return _json(option, single)
        try:
            return [_plain(shape.member, option, word) for word in words]
        except ValueError as error:
            raise BadParameter(option, words[0]) from error
    if shape.type in ("integer", "long"):
        return int(words)
    if shape.type in ("float", "double"):
        return float(words)
    return words


def _json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadParameter(option, f"Invalid JSON: {error}\nJSON received: {text}") from error
