"""The operations that create, describe, list and replace flows. `threadline.flows` has the Flow language itself."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from threadline.chat.limits import REPLACED_FLOW_KEPT_MS
from threadline.errors import Fault
from threadline.flows.language import parse
from threadline.operations.instances import (
    Instance,
    instance_arn,
    page,
    require_instance,
    start_of_page,
)
from threadline.operations.registry import AccountCaller, Reply, bare_id, operation
from threadline.operations.resources import TAGGED
from threadline.store import Tx

SAVED = "SAVED"
OF_SAVED = "$SAVED"
QUALIFIERS = ("", "$LATEST", OF_SAVED)
"""Qualifiers that may follow the id of a flow after a colon. Source: DescribeContactFlow."""


class ContactFlow(NamedTuple):
    """A flow as stored. `content` is its Flow language JSON, `tags` a JSON object; `version` counts its contents."""

    instance_id: str
    id: str
    name: str
    type: str
    status: str
    description: str | None
    content: str
    tags: str
    updated_at_ms: int
    version: int


def require_flow(tx: Tx, instance_id: str, contact_flow_id: str) -> ContactFlow:
    """The flow, by id or ARN, also with `:$LATEST` or `:$SAVED`. Faults: ResourceNotFoundException."""
    flow_id, _, qualifier = bare_id(contact_flow_id).partition(":")
    flow = tx.row("contact_flow", ContactFlow, instance_id=instance_id, flow_id=flow_id)
    if flow is None or qualifier not in QUALIFIERS:
        raise Fault("ResourceNotFoundException", f"Contact flow not found: {contact_flow_id}")
    return flow


def content_of(tx: Tx, instance_id: str, flow_id: str, version: int) -> str:
    """The content of a flow in `version`. A replaced content is kept for as long as a chat may run it."""
    content = tx.row("content_of_version", str, instance_id=instance_id, flow_id=flow_id, version=version)
    if content is None:
        raise LookupError(f"no version {version} of flow {flow_id}")
    return content


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
    """Create a flow. Content that could not run is refused, with all its problems.

    Faults: InvalidContactFlowException with `problems`; DuplicateResourceException for a name that is taken;
        ResourceNotFoundException.
    Source: CreateContactFlow. On purpose: content that is saved but not published is checked too.
    """
    instance = require_instance(tx, caller, instance_id)
    parse(content, type)
    if tx.one("contact_flow_by_name", instance_id=instance.id, name=name):
        raise Fault("DuplicateResourceException", f"A flow with the name {name[:120]!r} exists already.")
    flow_id = tx.clock.contact_id()
    tx.run(
        "insert_contact_flow",
        instance_id=instance.id,
        id=flow_id,
        name=name,
        type=type,
        status=status,
        description=description,
        content=content,
        tags=json.dumps(dict(tags or {})),
        now_ms=tx.now_ms,
    )
    return {
        "ContactFlowId": flow_id,
        "ContactFlowArn": flow_arn(instance, flow_id),
        "FlowContentSha256": _sha256(status, content),
    }


@operation("connect")
def update_contact_flow_content(
    tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str, content: str
) -> Reply:
    """Replace a flow's content for every chat that starts the flow from now on. It is checked as in CreateContactFlow.

    Faults: InvalidContactFlowException with `problems`; ResourceNotFoundException.
    Writes: the flow; its former content stays for eight days, longer than any chat lasts.
    Source: UpdateContactFlowContent.
    Assumed: a chat that is already in the flow continues with the content that it started with.
    """
    instance = require_instance(tx, caller, instance_id)
    flow = require_flow(tx, instance.id, contact_flow_id)
    parse(content, flow.type)
    keys = {"instance_id": instance.id, "flow_id": flow.id}
    tx.run("keep_replaced_flow", now_ms=tx.now_ms, **keys)
    tx.run("set_contact_flow_content", content=content, version=flow.version + 1, now_ms=tx.now_ms, **keys)
    tx.run("forget_replaced_flows", before_ms=tx.now_ms - REPLACED_FLOW_KEPT_MS, **keys)
    return {}


@operation("connect", writes=False)
def describe_contact_flow(tx: Tx, caller: AccountCaller, *, instance_id: str, contact_flow_id: str) -> Reply:
    """Describe a flow with its content. A flow that was never published is addressed by its id with `:$SAVED`.

    Faults: ResourceNotFoundException; ContactFlowNotPublishedException.
    Source: DescribeContactFlow.
    """
    instance = require_instance(tx, caller, instance_id)
    flow = require_flow(tx, instance.id, contact_flow_id)
    if flow.status == SAVED and not contact_flow_id.endswith(f":{OF_SAVED}"):
        raise Fault(
            "ContactFlowNotPublishedException",
            f"Contact flow {flow.id} is saved but not published. Ask for {flow.id}:{OF_SAVED}.",
        )
    return {
        "ContactFlow": {
            "Arn": flow_arn(instance, flow.id),
            "Id": flow.id,
            "Name": flow.name,
            "Type": flow.type,
            "State": "ACTIVE",
            "Status": flow.status,
            "Description": flow.description,
            "Content": flow.content,
            "Tags": json.loads(flow.tags),
            "FlowContentSha256": _sha256(flow.status, flow.content),
            "LastModifiedTime": flow.updated_at_ms,
            "LastModifiedRegion": instance.region,
        }
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
                "ContactFlowState": "ACTIVE",
                "ContactFlowStatus": flow.status,
            }
            for flow in kept
        ],
        "NextToken": following,
    }


def flow_arn(instance: Instance, flow_id: str) -> str:
    """The ARN of a flow."""
    return f"{instance_arn(instance)}/contact-flow/{flow_id}"


class FlowTags:
    """The tags of flows."""

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """See `resources.Tagged`."""
        flow = tx.row("contact_flow", ContactFlow, instance_id=instance.id, flow_id=id)
        return flow and flow.tags

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """See `resources.Tagged`."""
        keys = {"instance_id": instance.id, "flow_id": id}
        return tx.one("set_contact_flow_tags", tags=new, old_tags=old, now_ms=tx.now_ms, **keys) is not None


TAGGED["contact-flow"] = FlowTags()


def _sha256(status: str, content: str) -> str | None:
    """The hash of published content; saved content has none. Source: CreateContactFlow, FlowContentSha256."""
    return None if status == SAVED else hashlib.sha256(content.encode()).hexdigest()
