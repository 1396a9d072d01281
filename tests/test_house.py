"""The house rules that a machine can check; ARCHITECTURE.md has the reasons."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import threadline
import threadline.server  # registers every operation
from threadline.aws.model import load
from threadline.aws.names import snake
from threadline.operations.registry import OPERATIONS, Operation
from threadline.store import named_statements

PACKAGE = Path(threadline.__file__).parent
ROOT = PACKAGE.parents[1]
OURS = sorted(PACKAGE.rglob("*.py"))
EVERYTHING = OURS + [
    file for folder in ("tests", "bench", "tools") for file in sorted((ROOT / folder).rglob("*.py"))
]

# The package itself holds its version and nothing else, so that every part may import it.
LIGHT = {"errors", "clock", "config", "jsontext"}

# The modules that a part of the package may import: of the other parts, and from outside the standard library.
# The first entry that a module's name starts with is its own; each may import itself.
PARTS: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "clock": ({"errors"}, set()),
    "config": ({"errors"}, set()),
    "jsontext": (set(), set()),
    "style": (set(), set()),
    "commands": (set(), set()),
    "datadir": ({"clock"}, set()),
    "chat": ({"errors"}, set()),
    "flows": ({"errors", "jsontext"}, set()),
    "store": ({"errors", "clock", "datadir", "chat"}, {"apsw", "greenlet", "msgspec", "psycopg"}),
    "aws": ({*LIGHT}, {"botocore", "dateutil", "msgspec", "regex"}),
    "http": ({*LIGHT}, {"httptools", "websockets"}),
    "operations.units": ({"operations", "store", "aws"}, {"msgspec"}),
    "operations": ({*LIGHT, "chat", "flows", "store"}, {"msgspec"}),
    "tasks": ({*LIGHT, "chat", "flows", "store", "operations"}, set()),
    "bus": ({*LIGHT, "chat", "store", "operations"}, {"msgspec", "nats"}),
    "server": (
        {*LIGHT, "style", "datadir", "chat", "store", "operations", "tasks", "bus", "aws", "http"},
        set(),
    ),
    "processes": (
        {*LIGHT, "datadir", "chat", "store", "operations", "http", "server"},
        {"msgspec", "uvloop"},
    ),
    "client": ({*LIGHT, "datadir", "aws"}, {"*"}),
    "awscli": ({*LIGHT, "commands", "style", "aws", "client"}, {"*"}),
    "cli": ({*LIGHT, "commands", "datadir", "style", "store", "aws", "client", "awscli", "processes"}, {"*"}),
    "testing": ({*LIGHT, "aws", "client", "cli", "server", "operations"}, {"*"}),
    "": ({"cli"}, set()),
}
DRIVERS = ("store.sqlite", "store.postgres")
UNCERTAIN = {"time", "uuid", "secrets", "random"}
OF_THE_WIRE = {"AccessDeniedException", "ThrottlingException", "TooManyRequestsException"}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{file}: write imports in full"
            assert node.level == 0, f"{file}: write imports in full"
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if is_module(name) else node.module for name in submodules)


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def within(name: str, part: str) -> bool:
    return not part or name == part or name.startswith(f"{part}.")


@pytest.mark.parametrize("file", OURS, ids=name_of)
def test_imports_point_one_way(file: Path) -> None:
    part = next(part for part in PARTS if within(name_of(file), part))
    may, outside = PARTS[part]
    for module in imports(file):
        top, _, inner = module.partition(".")
        if top == "threadline":
            is_allowed = not inner or any(within(inner, allowed) for allowed in {*may, part})
            assert is_allowed, f"{part} imports {module}"
            assert part != "operations" or not inner.startswith(DRIVERS), "operations see Tx, never a driver"
        elif top in UNCERTAIN:
            assert name_of(file) == "clock", f"{module}: all that is not the same twice is in clock.py"
        else:
            assert top in sys.stdlib_module_names | outside or "*" in outside, (
                f"{part or file} imports {module}"
            )


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: str(file.relative_to(ROOT)))
def test_everything_is_small(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 500
    assert file.stem not in {"util", "utils", "helper", "helpers"}, "name it for what it is about"
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 70, f"{node.name} is longer than 70 lines"


def test_folders_are_shallow() -> None:
    deep = {file.parent for file in OURS if len(file.relative_to(PACKAGE).parts) > 3}
    assert not deep


def test_every_statement_is_used_and_every_name_exists() -> None:
    source = "\n".join(file.read_text(encoding="utf-8") for file in OURS)
    named = set(named_statements())
    assert not {name for name in named if f'"{name}"' not in source}, "statements nobody runs"
    called = set(re.findall(r"\btx\.(?:all|one|put|row|rows|run)\(\s*\"(\w+)\"", source))
    assert not called - named, "names without a statement"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_an_operation_is_its_model(operation: Operation) -> None:
    service = load(operation.service)
    model = service.operations[operation.name]
    shape = service.shapes[model.input] if model.input else {"members": {}}
    parameters = list(inspect.signature(operation.call).parameters.values())[2:]
    credential = {operation.credential} if operation.credential else set()
    given = {parameter.name for parameter in parameters} | set(map(snake, operation.refused)) | credential
    assert given == set(map(snake, shape["members"]))
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters)
    needed = {parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty}
    assert needed | credential == set(map(snake, shape.get("required", [])))
    assert operation.call.__doc__, "say what it does"


@cache
def functions() -> dict[str, tuple[set[str], set[str]]]:
    """Of each function of operations and rules, by its bare name: names it mentions, faults it raises."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for file in OURS:
        if name_of(file).startswith(("operations", "chat")):
            for node in ast.walk(tree_of(file)):
                if isinstance(node, ast.FunctionDef):
                    mentions, codes = found.setdefault(node.name, (set(), set()))
                    mentions |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                    mentions |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                    codes |= set(fault_codes(node))
    return found


def fault_codes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault":
            code = node.args[0]
            if isinstance(code, ast.Constant):
                yield str(code.value)


def reachable(name: str) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (current := waiting.pop()) not in seen and current in functions():
            seen.add(current)
            waiting += functions()[current][0]
    return seen


def test_every_fault_is_one_the_model_lists() -> None:
    listed: dict[str, set[str]] = {}
    for operation in OPERATIONS.values():
        errors = load(operation.service).operations[operation.name].errors
        for name in reachable(operation.call.__name__):
            listed.setdefault(name, set()).update(errors)
    for name, (_, codes) in functions().items():
        assert codes <= listed.get(name, codes) | OF_THE_WIRE, (
            f"{name} raises what no operation that calls it lists"
        )
