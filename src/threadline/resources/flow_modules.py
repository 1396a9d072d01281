"""The operations about flow modules: flows that other flows invoke."""

import json
from collections.abc import Mapping
from typing import Any

from threadline.errors import Fault
from threadline.operations.instances import Instance, page, require_instance, start_of_page
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.flow_contents import check_content
from threadline.resources.flow_rows import (
    MODULE,
    OF_SAVED,
    ContactFlow,
    Found,
    delete_flow,
    find_flow,
    flow_arn,
    insert_flow,
    matches_flow,
    publish,
    rename,
    sha256,
)
from threadline.resources.search import Search
from threadline.store import Tx


def require_module(tx: Tx, instance_id: str, module_id: str) -> Found:
    """The module, by id or ARN, also with a version or an alias behind a colon. Faults: ResourceNotFoundException."""
    return find_flow(tx, instance_id, module_id, module=True)


@operation("connect", scope=("instance_id",), conflict="IdempotencyException")
def create_contact_flow_module(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    description: str | None = None,
    content: str,
    tags: Mapping[str, str] | None = None,
    client_token: str | None = None,
    settings: str | None = None,
    external_invocation_configuration: Mapping[str, Any] | None = None,
) -> Reply:
    """Create a module. Content that could not run is refused, with all its problems.

    Faults: InvalidContactFlowModuleException with Problems; DuplicateResourceException for a name that is taken;
        ResourceNotFoundException; IdempotencyException for a ClientToken that comes back with other arguments.
    Source: CreateContactFlowModule.
    On purpose: Settings and ExternalInvocationConfiguration are kept and have no effect.
    """
    instance = require_instance(tx, caller, instance_id)
    check_content(tx, instance.id, content, MODULE)
    kept = {"Settings": settings, "ExternalInvocationConfiguration": external_invocation_configuration}
    module_id = insert_flow(
        tx,
        instance,
        name,
        MODULE,
        content,
        description=description,
        tags=tags or {},
        settings=json.dumps(kept),
    )
    return {"Id": module_id, "Arn": flow_arn(instance, module_id, module=True)}


@operation("connect")
def update_contact_flow_module_content(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    content: str | None = None,
    settings: str | None = None,
) -> Reply:
    """Publish new content or settings of a module. Flows that are inside it go on with the former content.

    Faults: InvalidContactFlowModuleException with Problems; ResourceNotFoundException; InvalidRequestException for a
        version, which does not change.
    Source: UpdateContactFlowModuleContent. Assumed: `:$SAVED` keeps the content as a draft, as with flows.
    """
    instance = require_instance(tx, caller, instance_id)
    found = require_module(tx, instance.id, contact_flow_module_id)
    if found.number is not None:
        raise Fault(
            "InvalidRequestException", "A version of a module does not change. Update the module itself."
        )
    if settings is not None:
        kept = json.loads(found.flow.settings or "{}")
        rename(tx, found.flow, settings=json.dumps({**kept, "Settings": settings}))
    if content is None:
        return {}
    if found.qualifier == OF_SAVED:
        keys = {"instance_id": instance.id, "flow_id": found.flow.id}
        tx.run("set_flow_draft", draft=content, now_ms=tx.now_ms, **keys)
        return {}
    check_content(tx, instance.id, content, MODULE)
    publish(tx, found.flow, content)
    return {}


@operation("connect")
def update_contact_flow_module_metadata(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_id: str,
    name: str | None = None,
    description: str | None = None,
    state: str | None = None,
) -> Reply:
    """Change the name, the description or the state of a module. A flow cannot invoke an archived module.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken.
    Source: UpdateContactFlowModuleMetadata.
    """
    instance = require_instance(tx, caller, instance_id)
    module = require_module(tx, instance.id, contact_flow_module_id).flow
    rename(tx, module, name=name, description=description, state=state)
    return {}


@operation("connect")
def delete_contact_flow_module(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_module_id: str
) -> Reply:
    """Delete a module with its versions and aliases. Flows that are inside it go on.

    Faults: ResourceNotFoundException. Source: DeleteContactFlowModule.
    """
    instance = require_instance(tx, caller, instance_id)
    delete_flow(tx, require_module(tx, instance.id, contact_flow_module_id).flow)
    return {}


@operation("connect", writes=False)
def describe_contact_flow_module(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_module_id: str
) -> Reply:
    """Describe a module with its content; with a number or an alias behind a colon, a version of it.

    Faults: ResourceNotFoundException. Source: DescribeContactFlowModule.
    """
    instance = require_instance(tx, caller, instance_id)
    found = require_module(tx, instance.id, contact_flow_module_id)
    return {"ContactFlowModule": module_members(tx, instance, found)}


def module_members(tx: Tx, instance: Instance, found: Found) -> Reply:
    """The members of a module in DescribeContactFlowModule and SearchContactFlowModules."""
    module, content = found.flow, found.content(tx)
    return {
        "Arn": flow_arn(instance, module.id, module=True) + found.suffix,
        "Id": module.id,
        "Name": module.name,
        "Content": content,
        "Description": module.description,
        "State": module.state,
        "Status": module.status,
        "Tags": json.loads(module.tags),
        "FlowModuleContentSha256": sha256(content),
        "Version": found.number,
        "VersionDescription": found.version_description,
        **json.loads(module.settings or "{}"),
    }


@operation("connect", writes=False)
def list_contact_flow_modules(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_module_state: str | None = None,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the modules of an instance, of one state or of both.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListContactFlowModules.
    """
    instance = require_instance(tx, caller, instance_id)
    after = start_of_page(tx, next_token, "contact_flow", instance_id=instance.id, flow_id=next_token or "")
    modules = tx.rows("flow_modules", ContactFlow, instance_id=instance.id, after=after, limit=2**31 - 1)
    found = [one for one in modules if contact_flow_module_state in (None, one.state)]
    kept, following = page(found, max_results)
    return {
        "ContactFlowModulesSummaryList": [
            {
                "Id": one.id,
                "Arn": flow_arn(instance, one.id, module=True),
                "Name": one.name,
                "State": one.state,
            }
            for one in kept
        ],
        "NextToken": following,
    }


@operation("connect", writes=False)
def search_contact_flow_modules(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 100,
    search_filter: Document | None = None,
    search_criteria: Document | None = None,
) -> Reply:
    """Find modules by name, description, id, state, status or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchContactFlowModules.
    """
    instance = require_instance(tx, caller, instance_id)
    searched = Search(search_criteria, search_filter, next_token, max_results)
    return searched.reply(
        "ContactFlowModules",
        tx.rows("flow_modules", ContactFlow, instance_id=instance.id, after="", limit=2**31 - 1),
        lambda module: module_members(tx, instance, require_module(tx, instance.id, module.id)),
        matches_flow,
    )
