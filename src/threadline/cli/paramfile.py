"""Values that are read from files: `file://` as text, `fileb://` as bytes."""

import os
from pathlib import Path

from threadline.cli.failures import Failure


def content(value: str) -> str | bytes | None:
    """What the file holds that `value` names; None when it names none. Raises Failure when it cannot be read."""
    prefix, separator, name = value.partition("://")
    if not separator or prefix not in ("file", "fileb"):
        return None
    path = Path(os.path.expandvars(name)).expanduser()
    try:
        if prefix == "fileb":
            return path.read_bytes()
        return path.read_text(encoding=os.environ.get("AWS_CLI_FILE_ENCODING") or "utf-8")
    except UnicodeDecodeError as error:
        raise Failure(
            f"Unable to load paramfile ({name}), text contents could not be decoded. "
            "If this is a binary file, please use the fileb:// prefix instead of the file:// prefix."
        ) from error
    except OSError as error:
        raise Failure(f"Unable to load paramfile {value}: {error}") from error
