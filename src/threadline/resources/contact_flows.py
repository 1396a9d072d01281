"""The operations about flows. `threadline.flows` has the Flow language itself; modules are in `flow_modules`, versions
and aliases of both in `flow_versions`.
"""

from collections.abc import Mapping, Sequence
from typing import Unpack

from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.flow_contents import check_content, replace_content
from threadline.resources.flow_rows import OF_SAVED, SAVED, Found, sha256
from threadline.resources.flow_type import FLOWS
from threadline.resources.search import SearchRequest
from threadline.store import Tx


def require_flow(tx: Tx, instance_id: str, contact_flow_id: str) -> Found:
    """The flow, by id or ARN, also with a version or an alias behind a colon. Faults: ResourceNotFoundException."""
    return FLOWS.find(tx, instance_id, contact_flow_id)


def require_published(tx: Tx, instance_id: str, contact_flow_id: str) -> Found:
    """The flow, which must be one that chats can run.

    Faults: ResourceNotFoundException; InvalidRequestException for a flow that is archived, or saved but not published.
    """
    found = require_flow(tx, instance_id, contact_flow_id)
    check_published(found)
    return found


def check_published(found: Found) -> None:
    """Refuse a flow that chats cannot run. Faults: InvalidRequestException.

    Assumed: `:$SAVED` of a flow without a draft names the published content, as in DescribeContactFlow.
    """
    is_draft = found.qualifier == OF_SAVED and found.flow.draft is not None
    if found.flow.status == SAVED or is_draft:
        raise Fault("InvalidRequestException", f"Contact flow {found.flow.id} is saved but not published.")
    if found.flow.state != "ACTIVE":
        raise Fault("InvalidRequestException", f"Contact flow {found.flow.id} is archived.")


@operation("connect")
def create_contact_flow(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    type: str,
    description: str | None = None,
    content: str,
    status: str = "PUBLISHED",
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create a flow. Published content that could not run is refused, with all its problems.

    Faults: InvalidContactFlowException with `problems`; DuplicateResourceException for a name that is taken;
        ResourceNotFoundException.
    Source: CreateContactFlow: saved content is not checked.
    """
    instance = require_instance(tx, caller, instance_id)
    if status != SAVED:
        check_content(tx, instance.id, content, type)
    flow_id = FLOWS.create(
        tx, instance, name, type, content, status=status, description=description, tags=tags
    )
    saved = {"FlowContentSha256": None if status == SAVED else sha256(content)}
    return FLOWS.identity(instance, flow_id) | saved


@operation("connect")
def update_contact_flow_content(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str, content: str
) -> Reply:
    """Publish new content of a flow for every chat that starts it from now on; with `:$SAVED` keep it as a draft.

    A flow that was saved is published by this too. Published content is checked as in CreateContactFlow.
    Faults: InvalidContactFlowException with `problems`; ResourceNotFoundException; InvalidRequestException for a
        version, which does not change.
    Writes: the flow; its former content stays for eight days, longer than any chat lasts.
    Source: UpdateContactFlowContent.
    Assumed: a chat that is already in the flow continues with the content that it started with.
    """
    _, found = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    FLOWS.refuse_version(found)
    replace_content(tx, found, content)
    return {}


@operation("connect")
def update_contact_flow_metadata(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    name: str | None = None,
    description: str | None = None,
    contact_flow_state: str | None = None,
) -> Reply:
    """Change the name, the description or the state of a flow. A chat cannot start with an archived flow.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken.
    Source: UpdateContactFlowMetadata.
    """
    members = {"name": name, "description": description, "state": contact_flow_state}
    return FLOWS.update(tx, caller, instance_id, contact_flow_id, **members)


@operation("connect")
def update_contact_flow_name(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_id: str,
    name: str | None = None,
    description: str | None = None,
) -> Reply:
    """Change the name or the description of a flow.

    Faults: ResourceNotFoundException; DuplicateResourceException for a name that is taken.
    Source: UpdateContactFlowName.
    """
    return FLOWS.update(tx, caller, instance_id, contact_flow_id, name=name, description=description)


@operation("connect")
def delete_contact_flow(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str) -> Reply:
    """Delete a flow with its versions and aliases. Chats that are in it, or were started with it, still run it.

    Faults: ResourceNotFoundException. Source: DeleteContactFlow.
    Assumed: a flow that a hook or another flow names may be deleted; the action that names it fails from then on.
    """
    return FLOWS.remove(tx, caller, instance_id, contact_flow_id)


@operation("connect", writes=False)
def describe_contact_flow(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str) -> Reply:
    """Describe a flow with its content; with `:$SAVED` its draft, with a number or an alias a version.

    Faults: ResourceNotFoundException; ContactFlowNotPublishedException.
    Source: DescribeContactFlow.
    Assumed: `:$SAVED` of a flow without a draft describes the published content.
    """
    instance, found = FLOWS.named(tx, caller, instance_id, contact_flow_id)
    if found.flow.status == SAVED and found.qualifier != OF_SAVED:
        raise Fault(
            "ContactFlowNotPublishedException",
            f"Contact flow {found.flow.id} is saved but not published. Ask for {found.flow.id}:{OF_SAVED}.",
        )
    return {"ContactFlow": FLOWS.found_members(instance, found, found.content(tx))}


@operation("connect", writes=False)
def list_contact_flows(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    contact_flow_types: Sequence[str] | None = None,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the flows of an instance, of the given types or of all.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListContactFlows.
    """
    accepts = (lambda flow: flow.type in contact_flow_types) if contact_flow_types else None
    return FLOWS.summaries(tx, caller, instance_id, next_token, max_results, accepts)


@operation("connect", writes=False)
def search_contact_flows(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find flows by name, description, id, type, state, status or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchContactFlows.
    """
    return FLOWS.search(tx, caller, request)
