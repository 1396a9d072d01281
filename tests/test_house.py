"""The house rules that a machine can check; ARCHITECTURE.md has the reasons."""

import ast
import inspect
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import apsw
import apsw.ext
import pytest

import threadline
import threadline.server  # registers every operation
from tests.parts import PARTS
from threadline.aws.model import load
from threadline.aws.names import snake
from threadline.operations.registry import OPERATIONS, Operation, members_of
from threadline.store import migrations, named_statements

PACKAGE = Path(threadline.__file__).parent
ROOT = PACKAGE.parents[1]
OURS = sorted(PACKAGE.rglob("*.py"))
EVERYTHING = OURS + [
    file for folder in ("tests", "bench", "tools") for file in sorted((ROOT / folder).rglob("*.py"))
]

DRIVERS = ("store.sqlite", "store.postgres")
UNCERTAIN = {"time", "uuid", "secrets", "random"}
RUN_STATEMENTS = {
    "store",
    "operations.units",
    "operations",
    "resources",
    "tasks",
    "bus",
    "server",
    "processes",
}
STATEMENTS = named_statements()
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
    return name == part or name.startswith(f"{part}.")


def part_of(name: str) -> str:
    part = next((part for part in PARTS if within(name, part)), None)
    assert part is not None, f"{name} belongs to no part: write a row for it into PARTS"
    return part


def is_allowed(name: str, module: str) -> bool:
    """Whether the module `name` of the package may import `module`."""
    part = part_of(name)
    may, outside = PARTS[part]
    top, _, inner = module.partition(".")
    if top == "threadline":
        if part in ("operations", "resources") and inner.startswith(DRIVERS):
            return False
        return not inner or any(within(inner, allowed) for allowed in {*may, part})
    if top in UNCERTAIN:
        return name == "clock"
    return top in sys.stdlib_module_names | outside or "*" in outside


@pytest.mark.parametrize("file", OURS, ids=name_of)
def test_imports_point_one_way(file: Path) -> None:
    refused = [module for module in imports(file) if not is_allowed(name_of(file), module)]
    assert not refused, f"{part_of(name_of(file))} may not import {', '.join(refused)}: see PARTS"


@pytest.mark.parametrize(
    ("name", "module", "allowed"),
    [
        ("server.api", "threadline.cli.serve", False),
        ("server", "threadline.cli", False),
        ("server", "threadline.processes.writer", False),
        ("awscli.main", "threadline.operations", False),
        ("awscli.main", "threadline.client.client", True),
        ("http.connection", "threadline.aws.restjson", False),
        ("chat.contact", "threadline.store", False),
        ("operations.agent", "threadline.store", True),
        ("operations.agent", "threadline.store.sqlite.store", False),
        ("operations.agent", "threadline.aws.restjson", False),
        ("operations.agent", "msgspec", True),
        ("operations.agent", "apsw", False),
        ("operations.agent", "time", False),
        ("clock", "time", True),
    ],
)
def test_an_import_against_the_arrow_is_refused(name: str, module: str, *, allowed: bool) -> None:
    assert is_allowed(name, module) == allowed


def test_a_module_of_no_part_is_refused() -> None:
    with pytest.raises(AssertionError, match="novelty belongs to no part"):
        part_of("novelty")


def test_no_parts_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for file in OURS:
        part = part_of(name_of(file))
        inner = {module.partition(".")[2] for module in imports(file) if module.startswith("threadline.")}
        graph[part] |= {part_of(name) for name in inner} - {part}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"parts that import each other: {' <- '.join(error.args[1])}")


def test_no_part_holds_more_than_a_fifth_of_the_lines() -> None:
    lines: Counter[str] = Counter()
    for file in OURS:
        lines[file.relative_to(PACKAGE).parts[0]] += len(file.read_text(encoding="utf-8").splitlines())
    large = [
        f"{part}: {count} of {lines.total()}" for part, count in lines.items() if count * 5 > lines.total()
    ]
    assert not large


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file in OURS:
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{name_of(file)}:{node.lineno}")
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice


@pytest.mark.parametrize("file", EVERYTHING, ids=lambda file: str(file.relative_to(ROOT)))
def test_everything_is_small(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= 500, f"{lines} lines, at most 500: split the file by what it is about"
    assert file.stem not in {"util", "utils", "helper", "helpers"}, "name it for what it is about"
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 70, f"{node.name} is longer than 70 lines"


def test_folders_are_shallow() -> None:
    deep = {file.parent for file in OURS if len(file.relative_to(PACKAGE).parts) > 3}
    assert not deep


def test_every_statement_has_a_sentence() -> None:
    """It stands under the name, and says what the statement does and for what; nothing of it is sent to a database."""
    for file in sorted((PACKAGE / "store" / "sql").glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        for name, sentence in re.findall(r"^-- name: (\w+)\n((?:-- .+\n)*)", text, flags=re.MULTILINE):
            said = " ".join(line.removeprefix("-- ") for line in sentence.splitlines())
            assert re.fullmatch(r"[A-Z].{9,}\.", said), f"{file.name}: {name} has no sentence: {said!r}"
    assert not [name for name, text in STATEMENTS.items() if re.search("^ *--", text, flags=re.MULTILINE)]


def test_every_statement_is_used() -> None:
    source = "\n".join(file.read_text(encoding="utf-8") for file in OURS)
    assert not {name for name in STATEMENTS if f'"{name}"' not in source}, "statements nobody runs"


@cache
def database() -> apsw.Connection:
    """An empty database with the tables of all migrations."""
    made = apsw.Connection(":memory:")
    for _, script in migrations():
        made.execute(script)
    return made


def columns_of(table: str) -> list[tuple[str, str]]:
    """A table's columns in order, each with the Python type of its values."""
    types = {"TEXT": "str", "INTEGER": "int", "BIGINT": "int"}
    return [
        (name, types[kind] if needed or key else f"{types[kind]} | None")
        for _, name, kind, needed, _, key in database().execute(f"PRAGMA table_info({table})")
    ]


@cache
def tuple_classes() -> dict[str, list[tuple[str, str]]]:
    """Of each NamedTuple of the package, by where it is: its fields in order, each with its type."""
    return {
        f"{name_of(file)}.{node.name}": [
            (line.target.id, ast.unparse(line.annotation))
            for line in node.body
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
        ]
        for file in OURS
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.ClassDef) and "NamedTuple" in {ast.unparse(base) for base in node.bases}
    }


TABLES = [
    row[0]
    for row in database().execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
        " ORDER BY name"
    )
]
"""The tables but those of the full-text index, which are virtual or SQLite's own."""

WITHOUT_ROW_CLASS = {
    "sign_in_token",
    "contact_data",
    "flow_run",
    "replaced_flow",
    "reply",
    "session_attributes",
    "token",
    "word_cursor",
}
"""Tables whose rows are only ever read in part."""


def names(fields: list[tuple[str, str]]) -> list[str]:
    return [name for name, _ in fields]


@pytest.mark.parametrize("table", sorted({*TABLES} - WITHOUT_ROW_CLASS))
def test_a_row_class_is_its_table(table: str) -> None:
    """Rows are read by position, so the order counts as much as the names."""
    columns = columns_of(table)
    classes = {
        place: fields for place, fields in tuple_classes().items() if {*names(fields)} == {*names(columns)}
    }
    assert len(classes) == 1, f"one NamedTuple has the columns of {table}: {names(columns)}"
    for place, fields in classes.items():
        assert fields == columns, f"{place} is not {table}, column by column"


def test_a_statement_returns_the_columns_of_a_row_class_in_its_order() -> None:
    orders = {frozenset(names(columns)): names(columns) for columns in map(columns_of, TABLES)}
    for name, text in STATEMENTS.items():
        returned = [column for column, *_ in apsw.ext.query_info(database(), text).description]
        assert returned == orders.get(frozenset(returned), returned), f"{name} swaps columns"


def test_a_statement_that_locks_names_the_session_that_it_locks() -> None:
    """PostgreSQL's batches keep a session for one unit by the parameter, or else by the first column."""
    for name, text in STATEMENTS.items():
        if text.startswith("SELECT") and "/*pg FOR UPDATE" in text and ":session" not in text:
            info = apsw.ext.query_info(database(), text)
            assert info.description_full is not None
            first = info.description_full[0]
            assert (first[3], first[4]) == ("session", "key"), f"{name} begins with {first[3]}.{first[4]}"


RUN_AT = {"one": 0, "all": 0, "run": 0, "row": 0, "rows": 0, "ask": 0, "place_of": 2}
"""Functions that run a named statement, with the position of its name among their arguments."""
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


def calls_of_statements(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.expr, list[Scope]]]:
    """Each call that may run a named statement, the argument that names it, and the scopes around, the inmost first."""

    def walk(node: ast.AST, around: list[Scope]) -> Iterator[tuple[ast.Call, ast.expr, list[Scope]]]:
        if isinstance(node, Scope):
            around = [node, *around]
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in RUN_AT and len(node.args) > RUN_AT[called]:
                yield node, node.args[RUN_AT[called]], around
        for child in ast.iter_child_nodes(node):
            yield from walk(child, around)

    return walk(tree, [])


def statements_put(tree: ast.Module) -> Iterator[str]:
    """The statements that a module runs with the fields of a row as parameters."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="put"), args=[ast.Constant(value=str(name)), *_]):
                yield name


def assigned(name: str, around: list[Scope], before: int) -> ast.expr | None:
    """The expression that a variable was last given in the lines before `before`, by a function around or elsewhere."""
    for function in around:
        found = [
            (node.lineno, node.value)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and node.lineno <= before
            and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and target.id == name
        ]
        if found:
            return max(found, key=lambda each: each[0])[1]
    return None


def constants(node: ast.expr | None, around: list[Scope]) -> set[str] | None:
    """The texts that an expression may be; None where they cannot be read from it."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else None
    if isinstance(node, ast.IfExp):
        yes, no = constants(node.body, around), constants(node.orelse, around)
        return yes | no if yes and no else None
    if isinstance(node, ast.Name):
        return constants(assigned(node.id, around, node.lineno), around)
    return None


def keys_of(node: ast.expr | None, around: list[Scope]) -> set[str] | None:
    """The keys of a dictionary that is written out; None where they cannot be read."""
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        return {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
    if isinstance(node, ast.Name):
        return keys_of(assigned(node.id, around, node.lineno), around)
    return None


def parameters_of(statement: str) -> set[str]:
    return set(re.findall(r"(?<!:):(\w+)", statement))


def wrong_calls(tree: ast.Module, statements: dict[str, str]) -> Iterator[str]:
    """Yield the faults in the calls of named statements in a module, each with its line."""
    for call, argument, around in calls_of_statements(tree):
        passed_on = {each.arg for scope in around for each in ast.walk(scope) if isinstance(each, ast.arg)}
        found = constants(argument, around)
        if found is None:
            if isinstance(argument, ast.Name) and argument.id not in passed_on:
                yield f"line {call.lineno}: which statement is it?"
            continue
        given: set[str] | None = set()
        for keyword in call.keywords:
            more = {keyword.arg} if keyword.arg else keys_of(keyword.value, around)
            given = None if given is None or more is None else given | more
        for name in found:
            if name not in statements:
                yield f"line {call.lineno}: there is no statement {name}"
            elif given is None:
                yield f"line {call.lineno}: {name} is called with parameters that are not written out"
            elif given != (wanted := parameters_of(statements[name])):
                yield f"line {call.lineno}: {name} is called with {sorted(given)}, and has {sorted(wanted)}"


@pytest.mark.parametrize("file", OURS, ids=name_of)
def test_a_statement_is_called_with_exactly_its_parameters(file: Path) -> None:
    if part_of(name_of(file)) in RUN_STATEMENTS:
        wrong = list(wrong_calls(tree_of(file), STATEMENTS))
        assert not wrong
        rows = [{*names(fields)} for fields in tuple_classes().values()]
        assert all(parameters_of(STATEMENTS[name]) in rows for name in statements_put(tree_of(file)))


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('tx.one("session", session=1)', ""),
        ('tx.one("session", sesion=1)', "line 2: session is called with ['sesion'], and has ['session']"),
        ('tx.one("session")', "line 2: session is called with [], and has ['session']"),
        (
            'tx.one("session", session=1, key=2)',
            "line 2: session is called with ['key', 'session'], and has ['session']",
        ),
        ('tx.one("sessions", session=1)', "line 2: there is no statement sessions"),
        ('keys = {"session": 1}; tx.row("session", Session, **keys)', ""),
        (
            'name = "session" if a else "sessions"; tx.one(name, session=1)',
            "line 2: there is no statement sessions",
        ),
        (
            'tx.one("session", **of_a_call())',
            "line 2: session is called with parameters that are not written out",
        ),
        ("tx.one(elsewhere, session=1)", "line 2: which statement is it?"),
    ],
)
def test_a_call_that_does_not_fit_its_statement_is_found(source: str, wrong: str) -> None:
    tree = ast.parse(f"def call(tx):\n    {source}")
    assert "; ".join(wrong_calls(tree, STATEMENTS)) == wrong


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_an_operation_is_its_model(operation: Operation) -> None:
    service = load(operation.service)
    name = operation.call.__name__
    assert operation.name in service.operations, (
        f"the model of {operation.service} has no {operation.name}: name {name} after an operation, in snake_case"
    )
    model = service.operations[operation.name]
    shape = service.shapes[model.input] if model.input else {"members": {}}
    parameters = members_of(operation.call)
    credential = {operation.credential} if operation.credential else set()
    given = set(parameters) | set(map(snake, operation.refused)) | credential
    members = set(map(snake, shape["members"]))
    assert given >= members, (
        f"{name} lacks {sorted(members - given)}: take each as a keyword, or list it in `refused=` of @operation"
    )
    assert given <= members, f"{name} takes {sorted(given - members)}: {model.input} has no such members"
    positional = inspect.getfullargspec(operation.call).args
    assert positional == ["tx", "caller"], (
        f"{name}: put `*` after `caller`, since members are keyword arguments"
    )
    needed = {member for member, is_required in parameters.items() if is_required}
    required = set(map(snake, shape.get("required", [])))
    assert needed | credential == required, (
        f"{name}: members that the model requires have no default, and all others have one; "
        f"look at {sorted(required ^ (needed | credential))}"
    )
    assert operation.call.__doc__, f"{name} needs a docstring: say what it does"


@cache
def functions() -> dict[str, tuple[set[str], set[str]]]:
    """Of each function of operations and rules, by its bare name: names it mentions, faults it raises."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for file in OURS:
        if name_of(file).startswith(("operations", "resources", "chat")):
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
            f"{name} raises {sorted(codes - listed[name])}: no operation that calls it lists that in its model; "
            f"listed are {sorted(listed[name])}"
        )
