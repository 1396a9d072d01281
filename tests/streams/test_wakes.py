"""Every function that appends an entry which streams show has the streams of the chat look for it."""

import ast
from pathlib import Path

import threadline

SOURCES = sorted(Path(threadline.__file__).parent.rglob("*.py"))


def appends(function: ast.FunctionDef) -> bool:
    """Whether a function appends an entry that is not for sockets alone."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tx.append":
            push_only = [keyword.value for keyword in node.keywords if keyword.arg == "push_only"]
            if not (push_only and isinstance(push_only[0], ast.Constant) and push_only[0].value is True):
                return True
    return False


def test_a_function_that_appends_an_entry_wakes_the_streams() -> None:
    functions = [
        (f"{file.name}:{node.name}", ast.unparse(node))
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and appends(node)
    ]
    assert len(functions) >= 4, f"found only {functions}"
    forgotten = [name for name, text in functions if "wake_message_streams(tx, session)" not in text]
    assert not forgotten, (
        f"streams miss the entries of {', '.join(forgotten)}: call wake_message_streams first"
    )
