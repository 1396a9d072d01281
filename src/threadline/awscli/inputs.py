"""Whole inputs: parameters read with `--cli-input-json` or `--cli-input-yaml`, and skeletons to fill in."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from threadline.aws.model import OperationModel, Shape
from threadline.awscli import paramfile
from threadline.client.failures import BadArguments, BadParameter
from threadline.client.validate import check

KEY_NAME = "KeyName"
WIDTH = 80
EXAMPLES = {
    "integer": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "boolean": True,
    "timestamp": datetime(1970, 1, 1),  # noqa: DTZ001 - shown without a zone
}
TAG = re.compile(r"<[^>]*>")


def merged(parameters: dict[str, Any], given: dict[str, str | None]) -> dict[str, Any]:
    """`parameters`, completed by those in the file of the input option. Raises BadArguments for two such options."""
    chosen = {name: text for name, text in given.items() if text is not None}
    if len(chosen) > 1:
        raise BadArguments("Only one --cli-input- parameter may be specified.")
    for name, text in chosen.items():
        content = _parsed(name, text)
        if not isinstance(content, dict):
            raise BadParameter(f"--{name}", f"Invalid type: expecting map, received {type(content)}")
        return {**content, **parameters}
    return parameters


def _parsed(name: str, text: str) -> Any:
    try:
        content = paramfile.content(text)
    except paramfile.Unreadable as failure:
        raise BadParameter(f"--{name}", str(failure)) from failure
    content = text if content is None else content
    if name == "cli-input-json":
        try:
            return json.loads(content)
        except ValueError as error:
            raise BadParameter(name, "Invalid JSON received.") from error
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(content)
    except YAMLError as error:
        raise BadParameter(name, "Invalid YAML received.") from error


def example(shape: Shape, name: str = "", within: tuple[str, ...] = (), *, named: bool = False) -> Any:
    """An example value of `shape`; with `named`, each text is the name of its member."""
    if shape.type == "structure":
        if shape.name in within:
            return {}
        inside = (*within, shape.name)
        return {key: example(member, key, inside, named=named) for key, member in shape.members.items()}
    if shape.type == "list":
        return [example(shape.member, shape.member.name, within, named=named)]
    if shape.type == "map":
        return {KEY_NAME: example(shape.value, "", within, named=named)}
    if shape.type == "string":
        return name if named else (shape.enum or [""])[0]
    return EXAMPLES[shape.type]


def write_skeleton(operation: OperationModel, out: IO[str], *, as_yaml: bool) -> None:
    """Write an input of `operation` to fill in, as JSON or as YAML with comments."""
    value = example(operation.input_shape) if operation.input_shape else {}
    if as_yaml and operation.input_shape:
        out.writelines(f"{line}\n" for line in _structure_lines(operation.input_shape, value, 0))
    else:
        json.dump(value, out, indent=4, default=datetime.isoformat)
        out.write("\n")


def _structure_lines(shape: Shape, value: dict[str, Any], depth: int) -> Iterator[str]:
    for number, (name, member) in enumerate(shape.members.items()):
        first, *more = _yaml_lines(member, value[name], depth)
        if len(f"{name}: {first}") + 2 * depth > WIDTH:
            first = f"\n{'  ' * (depth + 1)}{first}"
        gap = " " if number else "  "
        yield f"{name}:{first and ' '}{first}{gap}# {_comment(member, name in shape.required)}"
        yield from more


def _yaml_lines(shape: Shape, value: Any, depth: int) -> Iterator[str]:
    """A value in block style: first the text after the colon, then the lines below it, `depth` steps in."""
    if value == {}:
        yield "{}"
    elif shape.type == "structure":
        yield ""
        yield from (f"  {line}" for line in _structure_lines(shape, value, depth + 1))
    elif shape.type == "list":
        yield ""
        head, *rest = _element_lines(shape.member, value[0], depth)
        yield f"- {head}"
        yield from (f"  {line}" for line in rest)
    elif shape.type == "map":
        first, *more = _yaml_lines(shape.value, value[KEY_NAME], depth + 1)
        yield ""
        yield f"  {KEY_NAME}:{first and ' '}{first}"
        yield from (f"  {line}" for line in more)
    else:
        yield _scalar(value)


def _element_lines(shape: Shape, value: Any, depth: int) -> list[str]:
    if shape.type == "structure" and value:
        return list(_structure_lines(shape, value, depth + 1))
    first, *more = _yaml_lines(shape, value, depth)
    return [first, *more] if first else more


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else "''"


def _comment(shape: Shape, required: bool) -> str:
    """The first sentence of a member's documentation, and the values it may have."""
    sentence = re.split("[.:]", TAG.sub("", shape.documentation), maxsplit=1)[0]
    values = f" Valid values are: {', '.join(shape.enum)}." if shape.enum else ""
    return f"{'[REQUIRED] ' if required else ''}{sentence}.{values}"


def example_reply(operation: OperationModel, parameters: dict[str, Any]) -> dict[str, Any]:
    """An example reply to a call, after the checks of a real call. Raises BadArguments."""
    if operation.input_shape:
        check(operation.input_shape, parameters)
    if operation.output_shape is None:
        return {}
    reply: dict[str, Any] = example(operation.output_shape, named=True)
    check(operation.output_shape, reply)
    return reply
