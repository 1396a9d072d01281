"""Versions and aliases of flows and modules: the work that their operations have in common."""

from threadline.errors import Fault
from threadline.operations.instances import NOT_A_NEXT_TOKEN, Instance, modified
from threadline.operations.registry import Reply
from threadline.resources.declaration import DUPLICATE, INVALID, NOT_FOUND
from threadline.resources.flow_rows import PUBLISHED, FlowAlias, FlowVersion, Found, sha256
from threadline.resources.flow_type import FlowType
from threadline.store import Tx


def create_version(
    tx: Tx, of: FlowType, named: tuple[Instance, Found], description: str | None, content_sha256: str | None
) -> Reply:
    """Give the published content the next number. Faults: InvalidRequestException."""
    instance, found = named
    flow = found.flow
    if flow.status != PUBLISHED:
        raise Fault(INVALID, f"{flow.id} is saved but not published: publish it before you make a version.")
    if content_sha256 is not None and content_sha256 != sha256(flow.content):
        raise Fault(
            INVALID, "The SHA-256 is not that of the published content. Describe the flow and try again."
        )
    keys = {"instance_id": flow.instance_id, "flow_id": flow.id}
    number = tx.row("number_flow", int, **keys) or 1
    tx.run(
        "insert_flow_version",
        number=number,
        version=flow.version,
        description=description,
        now_ms=tx.now_ms,
        **keys,
    )
    return {of.names.arn: f"{of.arn(instance, flow.id)}:{number}", "Version": number}


def versions(
    tx: Tx, of: FlowType, named: tuple[Instance, Found], next_token: str | None, max_results: int
) -> tuple[list[Reply], str | None]:
    """A page of a flow's versions, newest last, and the NextToken when there are more."""
    if next_token and not (next_token.isascii() and next_token.isdigit() and len(next_token) < 16):
        raise Fault(INVALID, NOT_A_NEXT_TOKEN)
    instance, found = named
    keys = {"instance_id": instance.id, "flow_id": found.flow.id}
    after = int(next_token or 0)
    rows = tx.rows("flow_versions", FlowVersion, after=after, limit=max_results + 1, **keys)
    arn = of.arn(instance, found.flow.id)
    summaries: list[Reply] = [
        {
            "Arn": f"{arn}:{row.number}",
            "VersionDescription": row.description,
            "Version": row.number,
            **modified(instance, row.created_at_ms),
        }
        for row in rows[:max_results]
    ]
    return summaries, str(rows[max_results - 1].number) if len(rows) > max_results else None


def delete_version(tx: Tx, found: Found, number: int) -> Reply:
    """Delete a version that no alias names. Assumed: one that an alias names is refused."""
    keys = {"instance_id": found.flow.instance_id, "flow_id": found.flow.id}
    require_version(tx, found, number)
    for alias in tx.rows("flow_aliases", FlowAlias, after="", limit=1_000, **keys):
        if alias.number == number:
            raise Fault(INVALID, f"The alias {alias.name} names version {number}: change the alias before.")
    tx.run("delete_flow_version", number=number, **keys)
    return {}


def require_version(tx: Tx, found: Found, number: int) -> None:
    """Refuse a version that the flow does not have. Faults: ResourceNotFoundException."""
    keys = {"instance_id": found.flow.instance_id, "flow_id": found.flow.id}
    if tx.one("flow_version", number=number, **keys) is None:
        raise Fault(NOT_FOUND, f"{found.flow.id} has no version {number}.")


def require_alias(tx: Tx, found: Found, alias_id: str) -> FlowAlias:
    """The alias with this id. Faults: ResourceNotFoundException."""
    keys = {"instance_id": found.flow.instance_id, "flow_id": found.flow.id}
    alias = tx.row("flow_alias", FlowAlias, id_or_name=alias_id, **keys)
    if alias is None or alias.id != alias_id:
        raise Fault(NOT_FOUND, f"Alias not found: {alias_id}")
    return alias


def check_alias_name(tx: Tx, found: Found, name: str) -> None:
    """Refuse a name that another alias of the flow has, or that could be the number of a version."""
    if name.isdigit() or name.startswith("$"):
        raise Fault(INVALID, f"{name!r} cannot be the name of an alias: it would name a version.")
    keys = {"instance_id": found.flow.instance_id, "flow_id": found.flow.id}
    if tx.one("flow_alias", id_or_name=name, **keys):
        raise Fault(DUPLICATE, f"An alias with the name {name!r} exists already.")


def create_alias(
    tx: Tx, of: FlowType, named: tuple[Instance, Found], name: str, description: str | None, number: int
) -> Reply:
    """Give a version a name. Faults: those of its two checks."""
    instance, found = named
    require_version(tx, found, number)
    check_alias_name(tx, found, name)
    alias_id = tx.clock.contact_id()
    tx.run(
        "insert_flow_alias",
        instance_id=found.flow.instance_id,
        flow_id=found.flow.id,
        id=alias_id,
        name=name,
        description=description,
        number=number,
        now_ms=tx.now_ms,
    )
    return {of.names.arn: f"{of.arn(instance, found.flow.id)}:{name}", "Id": alias_id}


def change_alias(
    tx: Tx, found: Found, alias_id: str, name: str | None, description: str | None, number: int | None
) -> Reply:
    """Change the members of an alias that are given. Faults: as in `create_alias`."""
    alias = require_alias(tx, found, alias_id)
    if name is not None and name != alias.name:
        check_alias_name(tx, found, name)
    if number is not None:
        require_version(tx, found, number)
    tx.run(
        "update_flow_alias",
        instance_id=found.flow.instance_id,
        flow_id=found.flow.id,
        id=alias.id,
        name=name or alias.name,
        description=alias.description if description is None else description,
        number=number or alias.number,
        now_ms=tx.now_ms,
    )
    return {}


def delete_alias(tx: Tx, found: Found, alias_id: str) -> Reply:
    """Delete an alias. Faults: ResourceNotFoundException."""
    alias = require_alias(tx, found, alias_id)
    keys = {"instance_id": found.flow.instance_id, "flow_id": found.flow.id}
    tx.run("delete_flow_alias", id=alias.id, **keys)
    return {}


def describe_alias(tx: Tx, of: FlowType, named: tuple[Instance, Found], alias_id: str) -> Reply:
    """The members of an alias. Faults: ResourceNotFoundException."""
    instance, found = named
    alias = require_alias(tx, found, alias_id)
    return {
        **of.identity(instance, found.flow.id),
        "AliasId": alias.id,
        "Version": alias.number,
        "Name": alias.name,
        "Description": alias.description,
        **modified(instance, alias.updated_at_ms),
    }


def aliases(
    tx: Tx, of: FlowType, named: tuple[Instance, Found], next_token: str | None, max_results: int
) -> tuple[list[Reply], str | None]:
    """A page of a flow's aliases, and the NextToken when there are more."""
    instance, found = named
    if next_token:
        require_alias(tx, found, next_token)
    keys = {"instance_id": instance.id, "flow_id": found.flow.id}
    rows = tx.rows("flow_aliases", FlowAlias, after=next_token or "", limit=max_results + 1, **keys)
    arn = of.arn(instance, found.flow.id)
    summaries: list[Reply] = [
        {
            "Arn": f"{arn}:{row.name}",
            "AliasId": row.id,
            "Version": row.number,
            "AliasName": row.name,
            "AliasDescription": row.description,
            **modified(instance, row.updated_at_ms),
        }
        for row in rows[:max_results]
    ]
    return summaries, rows[max_results - 1].id if len(rows) > max_results else None
