"""Names of the services and of their members, and the folders of their models."""

import functools
import importlib.util
import re
from pathlib import Path
from typing import Literal

ServiceName = Literal["connect", "connectparticipant", "threadline"]
SERVICES: tuple[ServiceName, ...] = ("connect", "connectparticipant", "threadline")
MODELS = Path(__file__).parent.parent / "models"
"""The folder of Threadline's own model, in botocore's layout, so that AWS_DATA_PATH may name it."""

_PLURAL_ACRONYM = re.compile("[A-Z]{2,}s$")
_WORD_START = re.compile("(?<=.)(?=[A-Z][a-z])|(?<=[a-z0-9])(?=[A-Z])")


def botocore_models() -> Path:
    """The folder of botocore's models, found without importing botocore, as its import is slow."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("botocore is not installed; its service models are needed")
    return Path(spec.origin).parent / "data"


@functools.cache
def snake(name: str) -> str:
    """`ContactId` as `contact_id`, the way botocore names operations and arguments in Python."""
    if "_" in name:
        return name
    if acronym := _PLURAL_ACRONYM.search(name):
        name = f"{name[: acronym.start()]}_{acronym[0].lower()}"
    return _WORD_START.sub("_", name).lower().replace("__", "_")


def kebab(name: str) -> str:
    """`ContactId` as `contact-id`, the way the AWS CLI names commands and options."""
    return snake(name).replace("_", "-")
