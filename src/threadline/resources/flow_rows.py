"""Flows and modules as stored, with their versions and aliases: the common part of the operations about both.

A module is a row of `contact_flow` with the type MODULE. `version` counts the contents of a flow that were published; a
numbered version of CreateContactFlowVersion names one of those.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from threadline.chat.limits import REPLACED_FLOW_KEPT_MS
from threadline.errors import Fault
from threadline.operations.instances import Instance, instance_arn
from threadline.operations.registry import bare_id
from threadline.resources.search import matches
from threadline.store import Tx

SAVED, PUBLISHED, MODULE = "SAVED", "PUBLISHED", "MODULE"
LATEST, OF_SAVED = "$LATEST", "$SAVED"
"""Qualifiers that may follow the id of a flow after a colon. Source: DescribeContactFlow."""


class ContactFlow(NamedTuple):
    """A flow as stored. `content` is its Flow language JSON, `tags` a JSON object; `version` counts its contents.

    `draft` is content that is saved and not published. `last_number` is the number of its latest version. `settings`
    is a JSON object with members of a module that only DescribeContactFlowModule reads.
    """

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
    state: str
    draft: str | None
    last_number: int
    settings: str | None

    @property
    def is_module(self) -> bool:
        """Whether it is a module."""
        return self.type == MODULE


class FlowVersion(NamedTuple):
    """A numbered version of a flow: the content that was published when it was made."""

    instance_id: str
    flow_id: str
    number: int
    version: int
    description: str | None
    created_at_ms: int


class FlowAlias(NamedTuple):
    """An alias of a flow: a name for one of its versions."""

    instance_id: str
    flow_id: str
    id: str
    name: str
    description: str | None
    number: int
    updated_at_ms: int


class Found(NamedTuple):
    """A flow, and the version of it that an id with a qualifier names."""

    flow: ContactFlow
    qualifier: str
    version: FlowVersion | None

    @property
    def number(self) -> int | None:
        """The number of the version, if one is named."""
        return self.version.number if self.version else None

    @property
    def version_description(self) -> str | None:
        """The description of the version, if one is named."""
        return self.version.description if self.version else None

    @property
    def suffix(self) -> str:
        """The part of an ARN behind the flow's id."""
        return f":{self.version.number}" if self.version else ""

    @property
    def to_run(self) -> str:
        """The text with which a chat is started: the flow's id, with the number of a version that is named."""
        return f"{self.flow.id}:{self.version.number}" if self.version else self.flow.id

    @property
    def key(self) -> str:
        """The key of the content for a run: the flow's id and the count of its content."""
        return f"{self.flow.id}/{self.version.version if self.version else self.flow.version}"

    def content(self, tx: Tx) -> str:
        """The content that is named."""
        if self.version is not None:
            return content_of(tx, self.flow.instance_id, self.flow.id, self.version.version)
        if self.qualifier == OF_SAVED and self.flow.draft is not None:
            return self.flow.draft
        return self.flow.content


def find_flow(tx: Tx, instance_id: str, flow_ref: str, *, module: bool) -> Found:
    """Find a flow or a module by its id or ARN, with a version's number or an alias behind a colon.

    An ARN of another type of resource or of another instance names none. Faults: ResourceNotFoundException.
    """
    part = "flow-module" if module else "contact-flow"
    if flow_ref.startswith("arn:") and f"/{instance_id}/{part}/" not in flow_ref.replace("instance/", "/"):
        raise _not_found(flow_ref, module=module)
    flow_id, _, qualifier = bare_id(flow_ref).partition(":")
    flow = tx.row("contact_flow", ContactFlow, instance_id=instance_id, flow_id=flow_id)
    if flow is None or flow.is_module != module:
        raise _not_found(flow_ref, module=module)
    if qualifier in ("", LATEST, OF_SAVED):
        return Found(flow, qualifier, None)
    keys = {"instance_id": instance_id, "flow_id": flow_id}
    number = int(qualifier) if qualifier.isascii() and qualifier.isdigit() and len(qualifier) < 16 else None
    if number is None:
        alias = tx.row("flow_alias", FlowAlias, id_or_name=qualifier, **keys)
        number = alias.number if alias else None
    version = tx.row("flow_version", FlowVersion, number=number, **keys) if number else None
    if version is None:
        raise _not_found(flow_ref, module=module)
    return Found(flow, qualifier, version)


def _not_found(flow_ref: str, *, module: bool) -> Fault:
    noun = "Flow module" if module else "Contact flow"
    return Fault("ResourceNotFoundException", f"{noun} not found: {flow_ref}")


def content_of(tx: Tx, instance_id: str, flow_id: str, version: int) -> str:
    """The content of a flow in `version`. A replaced content is kept for as long as a chat may run it."""
    content = tx.row("content_of_version", str, instance_id=instance_id, flow_id=flow_id, version=version)
    if content is None:
        raise LookupError(f"no version {version} of flow {flow_id}")
    return content


def insert_flow(
    tx: Tx,
    instance: Instance,
    name: str,
    type: str,
    content: str,
    *,
    status: str = PUBLISHED,
    description: str | None = None,
    tags: Mapping[str, str],
    settings: str | None = None,
) -> str:
    """Add a flow or a module and return its id. Faults: DuplicateResourceException for a name that is taken."""
    _refuse_taken(tx, instance.id, name, module=type == MODULE)
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
        tags=json.dumps(dict(tags)),
        settings=settings,
        now_ms=tx.now_ms,
    )
    return flow_id


def publish(tx: Tx, flow: ContactFlow, content: str) -> None:
    """Make `content` the published content, and keep the former one for the chats that run it."""
    keys = {"instance_id": flow.instance_id, "flow_id": flow.id}
    tx.run("keep_replaced_flow", now_ms=tx.now_ms, **keys)
    version = flow.version + 1
    tx.run(
        "set_contact_flow_content",
        content=content,
        version=version,
        status=PUBLISHED,
        now_ms=tx.now_ms,
        **keys,
    )
    tx.run("forget_replaced_flows", before_ms=tx.now_ms - REPLACED_FLOW_KEPT_MS, **keys)


def rename(
    tx: Tx,
    flow: ContactFlow,
    *,
    name: str | None = None,
    description: str | None = None,
    state: str | None = None,
    settings: str | None = None,
) -> None:
    """Change the members that are given. Faults: DuplicateResourceException for a name that is taken."""
    if name is not None and name != flow.name:
        _refuse_taken(tx, flow.instance_id, name, module=flow.is_module)
    tx.run(
        "set_flow_metadata",
        instance_id=flow.instance_id,
        flow_id=flow.id,
        name=name or flow.name,
        description=flow.description if description is None else description,
        state=state or flow.state,
        settings=settings or flow.settings,
        now_ms=tx.now_ms,
    )


def delete_flow(tx: Tx, flow: ContactFlow) -> None:
    """Delete a flow or a module with its versions and aliases, and keep its content for the chats that run it."""
    keys = {"instance_id": flow.instance_id, "flow_id": flow.id}
    tx.run("keep_replaced_flow", now_ms=tx.now_ms, **keys)
    tx.run("delete_flow_versions", **keys)
    tx.run("delete_flow_aliases", **keys)
    tx.run("delete_flow", **keys)


def flow_arn(instance: Instance, flow_id: str, *, module: bool = False) -> str:
    """The ARN of a flow or a module."""
    return f"{instance_arn(instance)}/{'flow-module' if module else 'contact-flow'}/{flow_id}"


def matches_flow(flow: ContactFlow, kind: str, condition: Any) -> bool:
    """Decide a condition of SearchContactFlows or SearchContactFlowModules."""
    match kind:
        case "TypeCondition":
            return bool(condition == flow.type)
        case "ContactFlowTypeCondition":
            return bool(condition.get("ContactFlowType") == flow.type)
        case "StateCondition":
            return bool(condition == flow.state)
        case "StatusCondition":
            return bool(condition == flow.status)
        case _:
            texts = {"name": flow.name, "description": flow.description, "resourceID": flow.id}
            return matches(kind, condition, json.loads(flow.tags), texts)


def sha256(content: str) -> str:
    """The hash of published content. Source: CreateContactFlow, FlowContentSha256."""
    return hashlib.sha256(content.encode()).hexdigest()


def _refuse_taken(tx: Tx, instance_id: str, name: str, *, module: bool) -> None:
    taken = (
        tx.one("flow_module_by_name", instance_id=instance_id, name=name)
        if module
        else tx.one("contact_flow_by_name", instance_id=instance_id, name=name)
    )
    if taken:
        noun = "flow module" if module else "flow"
        raise Fault("DuplicateResourceException", f"A {noun} with the name {name[:120]!r} exists already.")
