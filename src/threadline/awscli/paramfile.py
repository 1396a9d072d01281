"""Reads values from files: `file://` as text, `fileb://` as bytes."""

import os
from pathlib import Path

from threadline.client.failures import Failure


class Unreadable(Failure):
    """The file that a value names cannot be read."""


def content(value: str) -> str | bytes | None:
    """The content of the file that `value` names; None when it names no file.

    Raises Unreadable, or Failure for an unknown encoding in AWS_CLI_FILE_ENCODING.
    """
    prefix, separator, name = value.partition("://")
    if not separator or prefix not in ("file", "fileb"):
        return None
    path = str(Path(os.path.expandvars(name)).expanduser()) if name else ""
    encoding = os.environ.get("AWS_CLI_FILE_ENCODING") or "utf-8"
    try:
        with open(path, "rb") if prefix == "fileb" else open(path, encoding=encoding) as file:
            read: str | bytes = file.read()
            return read
    except LookupError as error:
        raise Failure(str(error)) from error
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"Unable to load paramfile ({name}), text contents could not be decoded. "
            "If this is a binary file, please use the fileb:// prefix instead of the file:// prefix."
        ) from error
    except OSError as error:
        raise Unreadable(f"Unable to load paramfile {value}: {error}") from error
