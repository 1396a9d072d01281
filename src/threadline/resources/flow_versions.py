"""The operations about versions and aliases of flows."""

from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.flow_type import FLOWS
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
def create_contact_flow_version(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    description: str | None = None,
    flow_content_sha256: str | None = None,
    contact_flow_version: int | None = None,
    last_modified_time: int | None = None,
    last_modified_region: str | None = None,
) -> Reply:
    """Give the published content of a flow the next version number. A version does not change.

    Faults: ResourceNotFoundException; InvalidRequestException for a flow that is not published, or a SHA-256 that is
        not that of its content.
    Source: CreateContactFlowVersion.
    On purpose: ContactFlowVersion, LastModifiedTime and LastModifiedRegion, which replication uses, have no effect.
    """
    flow = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    return create_version(tx, FLOWS, flow, description, flow_content_sha256)


@operation("connect")
def delete_contact_flow_version(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str, contact_flow_version: int
) -> Reply:
    """Delete a version of a flow. Chats that run it go on.

    Faults: ResourceNotFoundException; InvalidRequestException for a version that an alias names.
    Source: DeleteContactFlowVersion.
    """
    _, found = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    return delete_version(tx, found, contact_flow_version)


@operation("connect", writes=False)
def list_contact_flow_versions(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the versions of a flow, oldest first.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListContactFlowVersions.
    """
    flow = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    summaries, following = versions(tx, FLOWS, flow, next_token, max_results)
    return {"ContactFlowVersionSummaryList": summaries, "NextToken": following}


@operation("connect")
def create_contact_flow_alias(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    contact_flow_version: int,
    alias_name: str,
    description: str | None = None,
) -> Reply:
    """Give a version of a flow a name, by which chats and flows use it.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken; InvalidRequestException for
        a name that could be a version's number.
    Source: CreateContactFlowAlias.
    """
    flow = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    return create_alias(tx, FLOWS, flow, alias_name, description, contact_flow_version)


@operation("connect")
def update_contact_flow_alias(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    alias_id: str,
    name: str | None = None,
    description: str | None = None,
    contact_flow_version: int | None = None,
) -> Reply:
    """Change the name, the description or the version of an alias. Chats that run the former version go on with it.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken.
    Source: UpdateContactFlowAlias.
    """
    _, found = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    return change_alias(tx, found, alias_id, name, description, contact_flow_version)


@operation("connect")
def delete_contact_flow_alias(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str, alias_id: str
) -> Reply:
    """Delete an alias of a flow. Faults: ResourceNotFoundException. Source: DeleteContactFlowAlias."""
    _, found = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    return delete_alias(tx, found, alias_id)


@operation("connect", writes=False)
def describe_contact_flow_alias(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str, alias_id: str
) -> Reply:
    """Describe an alias of a flow. Faults: ResourceNotFoundException. Source: DescribeContactFlowAlias."""
    flow = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    return {"ContactFlowAlias": describe_alias(tx, FLOWS, flow, alias_id)}


@operation("connect", writes=False)
def list_contact_flow_aliases(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the aliases of a flow.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListContactFlowAliases.
    """
    flow = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    summaries, following = aliases(tx, FLOWS, flow, next_token, max_results)
    return {"ContactFlowAliasSummaryList": summaries, "NextToken": following}
