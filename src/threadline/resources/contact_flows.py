"""The operations about flows. `threadline.flows` has the Flow language itself; modules are in `flow_modules`, versions
and aliases of both in `flow_versions`.
"""

import json
from collections.abc import Mapping, Sequence

from threadline.errors import Fault
from threadline.operations.instances import Instance, page, require_instance, start_of_page
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.flow_contents import check_content
from threadline.resources.flow_rows import (
    OF_SAVED,
    SAVED,
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
from threadline.resources.resource_type import TAGGED
from threadline.resources.search import Search
from threadline.store import Tx


def require_flow(tx: Tx, instance_id: str, contact_flow_id: str) -> Found:
    """The flow, by id or ARN, also with a version or an alias behind a colon. Faults: ResourceNotFoundException."""
    return find_flow(tx, instance_id, contact_flow_id, module=False)


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
    flow_id = insert_flow(
        tx, instance, name, type, content, status=status, description=description, tags=tags or {}
    )
    return {
        "ContactFlowId": flow_id,
        "ContactFlowArn": flow_arn(instance, flow_id),
        "FlowContentSha256": None if status == SAVED else sha256(content),
    }


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
    instance = require_instance(tx, caller, instance_id)
    found = require_flow(tx, instance.id, contact_flow_id)
    if found.number is not None:
        raise Fault("InvalidRequestException", "A version of a flow does not change. Update the flow itself.")
    if found.qualifier == OF_SAVED:
        keys = {"instance_id": instance.id, "flow_id": found.flow.id}
        tx.run("set_flow_draft", draft=content, now_ms=tx.now_ms, **keys)
        return {}
    check_content(tx, instance.id, content, found.flow.type)
    publish(tx, found.flow, content)
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
    instance = require_instance(tx, caller, instance_id)
    flow = require_flow(tx, instance.id, contact_flow_id).flow
    rename(tx, flow, name=name, description=description, state=contact_flow_state)
    return {}


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
    instance = require_instance(tx, caller, instance_id)
    flow = require_flow(tx, instance.id, contact_flow_id).flow
    rename(tx, flow, name=name, description=description)
    return {}


@operation("connect")
def delete_contact_flow(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str) -> Reply:
    """Delete a flow with its versions and aliases. Chats that are in it, or were started with it, still run it.

    Faults: ResourceNotFoundException. Source: DeleteContactFlow.
    Assumed: a flow that a hook or another flow names may be deleted; the action that names it fails from then on.
    """
    instance = require_instance(tx, caller, instance_id)
    delete_flow(tx, require_flow(tx, instance.id, contact_flow_id).flow)
    return {}


@operation("connect", writes=False)
def describe_contact_flow(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str) -> Reply:
    """Describe a flow with its content; with `:$SAVED` its draft, with a number or an alias a version.

    Faults: ResourceNotFoundException; ContactFlowNotPublishedException.
    Source: DescribeContactFlow.
    Assumed: `:$SAVED` of a flow without a draft describes the published content.
    """
    instance = require_instance(tx, caller, instance_id)
    found = require_flow(tx, instance.id, contact_flow_id)
    if found.flow.status == SAVED and found.qualifier != OF_SAVED:
        raise Fault(
            "ContactFlowNotPublishedException",
            f"Contact flow {found.flow.id} is saved but not published. Ask for {found.flow.id}:{OF_SAVED}.",
        )
    return {"ContactFlow": flow_members(tx, instance, found)}


def flow_members(tx: Tx, instance: Instance, found: Found) -> Reply:
    """The members of a flow in DescribeContactFlow and SearchContactFlows."""
    flow = found.flow
    is_draft = flow.status == SAVED or (found.qualifier == OF_SAVED and flow.draft is not None)
    content = found.content(tx)
    return {
        "Arn": flow_arn(instance, flow.id) + found.suffix,
        "Id": flow.id,
        "Name": flow.name,
        "Type": flow.type,
        "State": flow.state,
        "Status": SAVED if is_draft else flow.status,
        "Description": flow.description,
        "Content": content,
        "Tags": json.loads(flow.tags),
        "FlowContentSha256": None if is_draft else sha256(content),
        "Version": found.number,
        "VersionDescription": found.version_description,
        "LastModifiedTime": flow.updated_at_ms,
        "LastModifiedRegion": instance.region,
    }


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
    instance = require_instance(tx, caller, instance_id)
    found: list[ContactFlow] = []
    after = start_of_page(tx, next_token, "contact_flow", instance_id=instance.id, flow_id=next_token or "")
    while len(found) <= max_results:
        flows = tx.rows(
            "contact_flows", ContactFlow, instance_id=instance.id, after=after, limit=max_results + 1
        )
        found += [flow for flow in flows if not contact_flow_types or flow.type in contact_flow_types]
        if len(flows) <= max_results:
            break
        after = flows[-1].id
    kept, following = page(found, max_results)
    return {
        "ContactFlowSummaryList": [
            {
                "Id": flow.id,
                "Arn": flow_arn(instance, flow.id),
                "Name": flow.name,
                "ContactFlowType": flow.type,
                "ContactFlowState": flow.state,
                "ContactFlowStatus": flow.status,
            }
            for flow in kept
        ],
        "NextToken": following,
    }


@operation("connect", writes=False)
def search_contact_flows(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 100,
    search_filter: Document | None = None,
    search_criteria: Document | None = None,
) -> Reply:
    """Find flows by name, description, id, type, state, status or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchContactFlows.
    """
    instance = require_instance(tx, caller, instance_id)
    searched = Search(search_criteria, search_filter, next_token, max_results)
    return searched.reply(
        "ContactFlows",
        tx.rows("contact_flows", ContactFlow, instance_id=instance.id, after="", limit=2**31 - 1),
        lambda flow: flow_members(tx, instance, require_flow(tx, instance.id, flow.id)),
        matches_flow,
    )


class FlowTags:
    """The tags of flows, or of modules."""

    def __init__(self, *, module: bool) -> None:
        self._module = module

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """See `resource_type.Tagged`."""
        flow = tx.row("contact_flow", ContactFlow, instance_id=instance.id, flow_id=id)
        return flow.tags if flow and flow.is_module == self._module else None

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """See `resource_type.Tagged`."""
        keys = {"instance_id": instance.id, "flow_id": id}
        return tx.one("set_contact_flow_tags", tags=new, old_tags=old, now_ms=tx.now_ms, **keys) is not None


TAGGED["contact-flow"] = FlowTags(module=False)
TAGGED["flow-module"] = FlowTags(module=True)
