"""The operations about flow modules: flows that other flows invoke."""

import json
from collections.abc import Mapping
from typing import Any, Unpack

from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.flow_contents import check_content, replace_content
from threadline.resources.flow_rows import MODULE, Found
from threadline.resources.flow_type import MODULES
from threadline.resources.search import SearchRequest
from threadline.store import Tx


def require_module(tx: Tx, instance_id: str, module_id: str) -> Found:
    """The module, by id or ARN, also with a version or an alias behind a colon. Faults: ResourceNotFoundException."""
    return MODULES.find(tx, instance_id, module_id)


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
    module_id = MODULES.create(
        tx, instance, name, MODULE, content, description=description, tags=tags, settings=json.dumps(kept)
    )
    return {"Id": module_id, "Arn": MODULES.arn(instance, module_id)}


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
    _, found = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    MODULES.refuse_version(found)
    if settings is not None:
        kept = json.loads(found.flow.settings or "{}")
        MODULES.change(tx, found.flow, settings=json.dumps({**kept, "Settings": settings}))
    if content is not None:
        replace_content(tx, found, content)
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
    members = {"name": name, "description": description, "state": state}
    return MODULES.update(tx, caller, instance_id, contact_flow_module_id, **members)


@operation("connect")
def delete_contact_flow_module(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_module_id: str
) -> Reply:
    """Delete a module with its versions and aliases. Flows that are inside it go on.

    Faults: ResourceNotFoundException. Source: DeleteContactFlowModule.
    """
    return MODULES.remove(tx, caller, instance_id, contact_flow_module_id)


@operation("connect", writes=False)
def describe_contact_flow_module(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_module_id: str
) -> Reply:
    """Describe a module with its content; with a number or an alias behind a colon, a version of it.

    Faults: ResourceNotFoundException. Source: DescribeContactFlowModule.
    """
    instance, found = MODULES.named(tx, caller, instance_id, contact_flow_module_id)
    return {"ContactFlowModule": MODULES.found_members(instance, found, found.content(tx))}


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
    state = contact_flow_module_state
    accepts = (lambda module: module.state == state) if state else None
    return MODULES.summaries(tx, caller, instance_id, next_token, max_results, accepts)


@operation("connect", writes=False)
def search_contact_flow_modules(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find modules by name, description, id, state, status or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchContactFlowModules.
    """
    return MODULES.search(tx, caller, request)
