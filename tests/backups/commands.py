"""The commands `threadline backup`, `restore` and `check`, as their users run them."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw

SECONDS_MAX = 60


def run(*words: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `threadline WORDS` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "threadline", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        env=os.environ | (env or {}),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def said(*words: str | Path) -> str:
    """Return the output of a command that succeeds. Standard error is no terminal here, and must stay empty."""
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def refused(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """Return the one line by which a command says why it cannot do its work."""
    done = run(*words, env=env)
    assert done.returncode == 255, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def found(folder: Path) -> list[str]:
    """What `threadline check` finds wrong with a folder, a line each, without the folder's name."""
    done = run("check", folder)
    *findings, last = done.stdout.splitlines()
    assert done.returncode == int(bool(findings)), done.stdout + done.stderr
    assert "; checked " in last
    return [line.removeprefix(f"{folder}: ") for line in findings]


def change(folder: Path, *statements: str) -> None:
    """Change the database of a folder that nobody serves, behind the program's back."""
    with closing(apsw.Connection(str(folder / "threadline.db"))) as connection:
        for statement in statements:
            connection.execute(statement)


def texts(folder: Path, name: str) -> list[str]:
    """The messages of one who is called `name`, in the database of a backup."""
    with closing(apsw.Connection(str(folder / "threadline.db"), apsw.SQLITE_OPEN_READONLY)) as connection:
        rows = connection.execute(
            "SELECT content FROM item WHERE type = 'MESSAGE' AND display_name = ? ORDER BY session, seq",
            (name,),
        )
        return [str(content) for (content,) in rows]
