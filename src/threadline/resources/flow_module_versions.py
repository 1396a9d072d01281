"""The operations about versions and aliases of modules."""

from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.flow_type import MODULES
from threadline.resources.flow_version_rows import (
    aliases,
    change_alias,
    create_alias,
    create_version,
    delete_alias,
    delete_version,
    describe_alias,
    versions,
)
from threadline.store import Tx


@operation("connect")
def create_contact_flow_module_version(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    description: str | None = None,
    flow_module_content_sha256: str | None = None,
) -> Reply:
    """Give the published content of a module the next version number. A version does not change.

    Faults: ResourceNotFoundException; InvalidRequestException for a module that is not published, or a SHA-256 that is
        not that of its content.
    Source: CreateContactFlowModuleVersion.
    """
    flow = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return create_version(tx, MODULES, flow, description, flow_module_content_sha256)


@operation("connect")
def delete_contact_flow_module_version(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    contact_flow_module_version: int,
) -> Reply:
    """Delete a version of a module. Chats that run it go on.

    Faults: ResourceNotFoundException; InvalidRequestException for a version that an alias names.
    Source: DeleteContactFlowModuleVersion.
    """
    _, found = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return delete_version(tx, found, contact_flow_module_version)


@operation("connect", writes=False)
def list_contact_flow_module_versions(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the versions of a module, oldest first.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListContactFlowModuleVersions.
    """
    flow = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    summaries, following = versions(tx, MODULES, flow, next_token, max_results)
    return {"ContactFlowModuleVersionSummaryList": summaries, "NextToken": following}


@operation("connect")
def create_contact_flow_module_alias(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    contact_flow_module_version: int,
    alias_name: str,
    description: str | None = None,
) -> Reply:
    """Give a version of a module a name, by which chats and flows use it.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken; InvalidRequestException for
        a name that could be a version's number.
    Source: CreateContactFlowModuleAlias.
    """
    flow = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return create_alias(tx, MODULES, flow, alias_name, description, contact_flow_module_version)


@operation("connect")
def update_contact_flow_module_alias(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    alias_id: str,
    name: str | None = None,
    description: str | None = None,
    contact_flow_module_version: int | None = None,
) -> Reply:
    """Change the name, the description or the version of an alias. Chats that run the former version go on with it.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken.
    Source: UpdateContactFlowModuleAlias.
    """
    _, found = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return change_alias(tx, found, alias_id, name, description, contact_flow_module_version)


@operation("connect")
def delete_contact_flow_module_alias(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_module_id: str, alias_id: str
) -> Reply:
    """Delete an alias of a module. Faults: ResourceNotFoundException. Source: DeleteContactFlowModuleAlias."""
    _, found = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return delete_alias(tx, found, alias_id)


@operation("connect", writes=False)
def describe_contact_flow_module_alias(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_module_id: str, alias_id: str
) -> Reply:
    """Describe an alias of a module. Faults: ResourceNotFoundException. Source: DescribeContactFlowModuleAlias."""
    flow = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return {"ContactFlowModuleAlias": describe_alias(tx, MODULES, flow, alias_id)}


@operation("connect", writes=False)
def list_contact_flow_module_aliases(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the aliases of a module.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListContactFlowModuleAliases.
    """
    flow = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    summaries, following = aliases(tx, MODULES, flow, next_token, max_results)
    return {"ContactFlowModuleAliasSummaryList": summaries, "NextToken": following}
