"""No content reaches the audit: a text that stands for it is given in every member of every operation."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.server.test_audited import events
from threadline.operations import test_controls
from threadline.operations.registry import OPERATIONS
from threadline.testing import Customer, Threadline

SECRET = "Rosebud"
SECRET_NUMBER = 721_555_301
"""A number that stands for content: it is given where a member is a value of some attribute."""
AT = 1_700_000_000
CONFIG = Config(parameter_validation=False, retries={"max_attempts": 0}, read_timeout=120)


CALLED = sorted(
    (key for key, operation in OPERATIONS.items() if operation.call.__module__ != test_controls.__name__),
    key=lambda key: ("Delete" in key[1] or key[1] == "DisconnectParticipant", key),
)
"""All operations but the controls of tests, which reset the server. Those that end something come last."""


def value_of(shape: Shape, known: dict[str, str], *, is_valid: bool, depth: int = 0) -> Any:
    """Content in every text of a shape. With `is_valid`, ids that exist and values that the model lists."""
    if isinstance(shape, StructureShape):
        return {
            name: known[name]
            if is_valid and name in known
            else value_of(member, known, is_valid=is_valid, depth=depth + 1)
            for name, member in shape.members.items()
            if depth < 8
        }
    if isinstance(shape, ListShape):
        return [value_of(shape.member, known, is_valid=is_valid, depth=depth + 1)]
    if isinstance(shape, MapShape):
        return {SECRET: value_of(shape.value, known, is_valid=is_valid, depth=depth + 1)}
    if shape.type_name == "string":
        return shape.enum[0] if is_valid and getattr(shape, "enum", None) else SECRET
    if shape.type_name == "timestamp":
        return AT
    if shape.type_name == "boolean":
        return True
    if shape.type_name == "blob":
        return SECRET.encode()
    return SECRET_NUMBER if "Value" in shape.name else 1


def arguments_of(
    shape: StructureShape | None, casey: Customer, *, is_valid: bool
) -> Iterator[dict[str, Any]]:
    """All members of an operation at once, then only the required ones, which more operations take."""
    known = {
        "InstanceId": casey.workspace.instance_id,
        "ContactId": casey.contact_id,
        "ConnectionToken": casey.connection_token,
        "ParticipantToken": casey.participant_token,
    }
    if shape is None:
        yield {}
        return
    given = value_of(shape, known, is_valid=is_valid)
    yield given
    required = {name: value for name, value in given.items() if name in shape.required_members}
    if required != given:
        yield required


@pytest.mark.parametrize("is_valid", [True, False], ids=["with valid ids", "with content also for ids"])
def test_content_in_any_member_of_any_operation_is_not_in_the_audit(tmp_path: Path, is_valid: bool) -> None:
    folder = tmp_path / "audit"
    with Threadline(audit="all", audit_folder=str(folder)) as server:
        casey = server.customer(SECRET, Attributes={SECRET: SECRET}, CustomerId=SECRET)
        secrets = {SECRET, str(SECRET_NUMBER), casey.connection_token, casey.participant_token}
        clients = {service: server.client(service, config=CONFIG) for service, _ in OPERATIONS}
        for service, name in CALLED:
            client = clients[service]
            method = next(each for each, named in client.meta.method_to_api_mapping.items() if named == name)
            shape = client.meta.service_model.operation_model(name).input_shape
            for given in arguments_of(shape, casey, is_valid=is_valid):
                with suppress(ClientError, BotoCoreError):
                    getattr(client, method)(**given)
        names = {event["eventName"] for event in events(folder)}
        assert {name for _, name in CALLED} <= names
        for file in folder.iterdir():
            for line in file.read_text().splitlines():
                found = [secret for secret in secrets if secret in line]
                assert not found, f"{found} is in {line}"
