"""A folder of flows: a file for each, and a manifest that names the flows and the resources in them."""

import json
from pathlib import Path
from typing import Any

from threadline.client.failures import Failure

MANIFEST = "flows.json"
Entry = dict[str, str]


def read_manifest(folder: Path, *, missing_ok: bool = False) -> dict[str, Any]:
    """Read the manifest. Raises Failure when there is none, or when it is not as `pull` writes it."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if missing_ok:
            return {"flows": [], "resources": {}}
        raise Failure(
            f"{path}: there is no such file. It is written by: threadline flow pull {folder}"
        ) from None
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise Failure(f"{path}: the file is not JSON: {error}.") from None
    try:
        for entry in manifest["flows"]:
            if not all(isinstance(entry[name], str) for name in ("kind", "name", "file")):
                raise TypeError
        for resource in manifest["resources"].values():
            if not all(isinstance(resource[name], str) for name in ("kind", "name")):
                raise TypeError
    except (KeyError, TypeError, AttributeError):
        raise Failure(f"{path}: each flow needs kind, name and file, each resource kind and name.") from None
    checked: dict[str, Any] = manifest
    return checked
