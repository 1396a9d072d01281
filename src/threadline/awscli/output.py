"""Writes replies the way the AWS CLI v2 does: json, text, yaml, yaml-stream; tables are in `table`."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Any

from threadline.client.failures import Failure
from threadline.client.paging import TOKEN, Pages

Query = Callable[[Any], Any]


def compiled(expression: str) -> Query:
    """A function that selects by a JMESPath `expression`. Raises ValueError for a bad expression."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    search = jmespath.compile(expression).search

    def select(value: Any) -> Any:
        try:
            return search(value)
        except JMESPathError as error:
            raise Failure(str(error)) from error

    return select


def unchanged(value: Any) -> Any:
    """Select everything."""
    return value


def write(
    form: str, operation: str, answer: dict[str, Any] | Pages, query: Query, out: IO[str], *, coloured: bool
) -> None:
    """Write the part of `answer` that `query` selects, in the output format `form`. `operation` is a table's title."""
    if form == "off":
        for _ in answer if isinstance(answer, Pages) else ():
            pass
    elif form == "text":
        _text_pages(answer, query, out)
    elif form == "yaml-stream":
        _yaml_pages(answer, query, out)
    else:
        whole = answer.merged() if isinstance(answer, Pages) else answer
        value = query(whole)
        if value == {}:
            return
        if form == "json":
            _json(value, out)
        elif form == "yaml":
            _yaml(value, out)
        else:
            from threadline.awscli.table import write_table

            write_table(operation, value, out, coloured=coloured)


def _json(value: Any, out: IO[str]) -> None:
    json.dump(value, out, indent=4, ensure_ascii=False, default=datetime.isoformat)
    out.write("\n")


def _yaml(value: Any, out: IO[str]) -> None:
    if isinstance(value, dict | list):
        _dump_yaml(value, out)
    else:
        out.write(json.dumps(value, ensure_ascii=False, default=datetime.isoformat) + "\n")


def _yaml_pages(answer: dict[str, Any] | Pages, query: Query, out: IO[str]) -> None:
    if isinstance(answer, Pages):
        for page in answer:
            _dump_yaml([query(page)], out)
    elif (value := query(answer)) != {}:
        _dump_yaml([value], out)


def _dump_yaml(value: Any, out: IO[str]) -> None:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(value, out)


def _text_pages(answer: dict[str, Any] | Pages, query: Query, out: IO[str]) -> None:
    if not isinstance(answer, Pages):
        _text(query(answer), out)
        return
    for number, page in enumerate(answer):
        shown = {answer.result_key: page.get(answer.result_key)}
        if number == 0:
            shown.update(answer.first)
        _text(query(shown), out)
    if answer.resume_token is not None:
        _text(query({TOKEN: {TOKEN: answer.resume_token}}), out)


def _text(value: Any, out: IO[str]) -> None:
    if value == {}:
        return
    out.writelines(line + "\n" for line in _lines(value, None, None))


def _lines(value: Any, label: str | None, columns: list[str] | None) -> Iterator[str]:
    if isinstance(value, list):
        yield from _list_lines(value, label)
    elif isinstance(value, dict):
        if columns is None:
            columns = sorted(key for key, item in value.items() if not isinstance(item, dict | list))
        cells = [_cell(value.get(name, "")) for name in columns]
        if cells:
            yield "\t".join([*([label.upper()] if label else []), *cells])
        for key in sorted(set(value) - set(columns)):
            yield from _lines(value[key], key, None)
    else:
        yield _cell(value)


def _list_lines(items: list[Any], label: str | None) -> Iterator[str]:
    if not items:
        return
    if any(isinstance(item, dict) for item in items):
        if not all(isinstance(item, dict) for item in items):
            raise Failure("A list of structures and other values has no text form")
        columns = sorted(
            {key for item in items for key, inner in item.items() if not isinstance(inner, dict | list)}
        )
        for item in items:
            yield from _lines(item, label, columns)
    elif any(isinstance(item, list) for item in items):
        yield from _list_lines([item for item in items if not isinstance(item, list)], label)
        for item in items:
            if isinstance(item, list):
                yield from _list_lines(item, label)
    elif label:
        for item in items:
            yield f"{label.upper()}\t{_cell(item)}"
    else:
        yield "\t".join(_cell(item) for item in items)


def _cell(value: Any) -> str:
    return str(value)
