"""The operations that the pages call, against the service models."""

import re

from threadline.aws.model import load
from threadline.aws.names import SERVICES
from threadline.operations.registry import OPERATIONS
from threadline.server.assets import PAGES

ROW = re.compile(r'^  (\w+): \[\s*"(\w+)",\s*"(\w+)",\s*"([^"]+)",?\s*\]', re.MULTILINE)


def test_the_table_of_operations_is_that_of_the_models() -> None:
    text = (PAGES / "lib/operations.js").read_text(encoding="utf-8")
    rows = ROW.findall(text)
    assert len(rows) == text.count("["), "a row is written in another way"
    for name, service, method, path in rows:
        model = load(next(known for known in SERVICES if known == service)).operations[name]
        assert (model.method, model.uri) == (method, path), name
        assert (service, name) in OPERATIONS, f"{name} is not implemented"
        members = model.input_shape.members if model.input_shape and method == "GET" else {}
        for member, shape in members.items():
            if shape.traits.get("location") == "querystring":
                assert shape.traits["locationName"] == member[0].lower() + member[1:], f"{name}.{member}"
