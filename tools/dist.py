"""`make dist`: build the wheel and the sdist into dist/, and try each in an environment that holds nothing else.

The version is that of CHANGELOG.md's head. Both files must have every file of the package. Each is installed, and
`threadline --version`, `threadline demo` on a server of its own, a test with the fixture and `pip check` must succeed
from it. Then `pipx run` and `uvx` run the demo from the wheel, as a newcomer does.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
HEAD = re.compile(r"^## (\S+) (?:- \d{4}-\d\d-\d\d|\((unreleased)\))$", re.MULTILINE)

TEST = """
def test_the_past_comes_back(threadline):
    past = threadline.past_chat()
    casey = threadline.customer(PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"})
    assert "It left this morning." in casey.reads()
"""


class NotReady(Exception):
    """Why there is nothing to release."""


def head(changelog: str) -> tuple[str, bool]:
    """The version that a changelog begins with, and whether it names the day of its release."""
    first = re.search(r"^## .*$", changelog, re.MULTILINE)
    found = HEAD.fullmatch(first[0]) if first else None
    if not found:
        seen = first[0] if first else "no head"
        raise NotReady(
            f"CHANGELOG.md begins with {seen!r}, not with '## 1.2.3 - 2026-11-26' or '(unreleased)'"
        )
    return found[1], not found[2]


def build(folder: Path) -> list[Path]:
    """The wheel and the sdist, built anew; the wheel is built from the sdist."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True)
    return sorted(folder.iterdir())


def missing(file: Path) -> list[str]:
    """The files of the package that a wheel or an sdist does not have."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            held = set(archive.namelist())
    else:
        with tarfile.open(file) as archive:
            held = {name.partition("/src/")[2] for name in archive.getnames()}
    package = ROOT / "src"
    files = [found for found in package.joinpath("threadline").rglob("*") if found.is_file()]
    wanted = [found for found in files if "__pycache__" not in found.parts]
    return sorted({str(found.relative_to(package)) for found in wanted} - held)


def attempt(file: Path, version: str) -> None:
    """Install `file` into an environment of its own, and run it from an empty folder."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        command = folder / "venv" / "bin"
        work = folder / "work"
        work.mkdir()
        _run(work, command / "pip", "install", "--quiet", "--disable-pip-version-check", file)
        _run(work, command / "pip", "check", "--disable-pip-version-check")
        told = _run(work, command / "threadline", "--version")
        if not told.startswith(f"threadline/{version} "):
            raise NotReady(f"{file.name} says it is {told.strip()}, not {version}")
        _run(work, command / "threadline", "demo")
        _run(work, command / "pip", "install", "--quiet", "--disable-pip-version-check", "pytest", "boto3")
        (work / "test_it.py").write_text(TEST)
        _run(work, command / "pytest", "-q", "test_it.py")


def attempt_runners(wheel: Path) -> None:
    """Run the demo from the wheel by pipx and by uvx."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        command = folder / "venv" / "bin"
        _run(folder, command / "pip", "install", "--quiet", "--disable-pip-version-check", "pipx", "uv")
        _run(folder, command / "pipx", "run", "--spec", wheel, "threadline", "demo")
        _run(folder, command / "uvx", "--from", wheel, "threadline", "demo")


def _run(folder: Path, command: Path, *arguments: str | Path) -> str:
    done = subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join([command.name, *map(str, arguments)])
        raise NotReady(f"`{words}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Build, try, and say what is ready; the exit status."""
    try:
        version, dated = head((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        files = build(ROOT / "dist")
        for file in files:
            print(f"Trying {file.name}", flush=True)
            if lacking := missing(file):
                raise NotReady(f"{file.name} lacks {', '.join(lacking)}")
            attempt(file, version)
        print("Trying pipx and uvx", flush=True)
        attempt_runners(next(file for file in files if file.suffix == ".whl"))
    except (NotReady, subprocess.CalledProcessError) as error:
        print(f"make dist: {error}", file=sys.stderr)
        return 1
    print("Ready:", *(f"dist/{file.name}" for file in files))
    if not dated:
        print("To release it, put the day into CHANGELOG.md's head, then `make dist` again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
