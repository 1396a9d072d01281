"""The optional dependencies, by the extra in pyproject.toml that lists them."""

import shlex
from importlib.metadata import PackageNotFoundError, requires


def missing(module: str | None, extra: str) -> str:
    """The advice for a `module` that cannot be imported: the command that installs what `extra` lists."""
    try:
        lines = requires("threadline") or []
    except PackageNotFoundError:  # run from its sources
        lines = []
    wanted = [line.partition(";")[0].strip() for line in lines if line.endswith(f"extra == '{extra}'")]
    how = f": pip install {shlex.join(wanted)}" if wanted else f" from the extra {extra} in pyproject.toml."
    return f"{module} is not installed. Install it into the environment of threadline{how}"
