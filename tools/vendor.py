"""Fetch the scripts that the pages use from npm again: `python -m tools.vendor`, for which npm is needed.

`pages/vendor/vendor.lock` names each package, its version and the files taken from it. To change one, edit the version
or the files there and run this: it writes the files, their hashes, the package's hash and its licence text.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PAGES = Path(__file__).parents[1] / "src/threadline/pages"
LOCK = PAGES / "vendor/vendor.lock"


def main() -> int:
    """Write the files of all packages and the lock file."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    for package in lock["packages"]:
        with TemporaryDirectory() as folder:
            _fetch(package, Path(folder))
        print(f"{package['name']} {package['version']}: {len(package['files'])} files")
    LOCK.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    return 0


def _fetch(package: dict[str, Any], folder: Path) -> None:
    """Write one package's files and complete its entry of the lock."""
    wanted = f"{package['name']}@{package['version']}"
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", folder, wanted],
        check=True,
        capture_output=True,
        text=True,
    )
    archive = folder / packed.stdout.split()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    package["integrity"] = f"sha512-{digest}"
    with tarfile.open(archive) as files:
        licence = files.extractfile("package/LICENSE")
        package["license_text"] = licence.read().decode() if licence else ""
        for name, file in package["files"].items():
            source = files.extractfile(f"package/{file['from']}")
            content = source.read() if source else b""
            file["sha256"] = hashlib.sha256(content).hexdigest()
            target = PAGES / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
