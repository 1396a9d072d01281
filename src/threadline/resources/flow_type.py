"""The declarations of flows and of modules: all that the operations about both have in common.

A module is a flow of the type MODULE, with operations of its own. Both have versions and aliases, which an id names
behind a colon; so `find` and `named` return a `Found`.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from threadline.errors import Fault
from threadline.operations.instances import Instance, modified, require_instance
from threadline.operations.registry import AccountCaller, Reply, bare_id
from threadline.resources.declaration import DUPLICATE, INVALID, Declaration, WireNames
from threadline.resources.flow_rows import (
    LATEST,
    OF_SAVED,
    PUBLISHED,
    SAVED,
    ContactFlow,
    FlowAlias,
    FlowVersion,
    Found,
    sha256,
)
from threadline.resources.search import matches
from threadline.store import Tx


class FlowType(Declaration[ContactFlow]):
    """Flows, or modules. `names.id` and `names.arn` are the names with which operations about versions reply."""

    @abstractmethod
    def has(self, flow: ContactFlow) -> bool:
        """Whether a row is one of these."""

    @abstractmethod
    def is_taken(self, tx: Tx, instance_id: str, name: str) -> bool:
        """Whether one of these has the name."""

    def found_members(self, instance: Instance, found: Found, content: str) -> Reply:
        """All members of one in the version that is found, as it is described and found by a search."""
        flow = found.flow
        return {
            "Arn": self.arn(instance, flow.id) + found.suffix,
            "Id": flow.id,
            "Name": flow.name,
            "State": flow.state,
            "Status": flow.status,
            "Description": flow.description,
            "Content": content,
            "Tags": json.loads(flow.tags),
            "Version": found.number,
            "VersionDescription": found.version_description,
        }

    def find(self, tx: Tx, instance_id: str, flow_ref: str) -> Found:
        """Find one by its id or ARN, with a version's number or an alias behind a colon.

        An ARN of another type of resource or of another instance names none. Faults: ResourceNotFoundException.
        """
        if flow_ref.startswith("arn:") and f"/{instance_id}/{self.kind}/" not in flow_ref.replace(
            "instance/", "/"
        ):
            raise self.not_found(flow_ref)
        flow_id, _, qualifier = bare_id(flow_ref).partition(":")
        flow = self.row(tx, instance_id, flow_id)
        if flow is None:
            raise self.not_found(flow_ref)
        if qualifier in ("", LATEST, OF_SAVED):
            return Found(flow, qualifier, None)
        keys = {"instance_id": instance_id, "flow_id": flow_id}
        number = (
            int(qualifier) if qualifier.isascii() and qualifier.isdigit() and len(qualifier) < 16 else None
        )
        if number is None:
            alias = tx.row("flow_alias", FlowAlias, id_or_name=qualifier, **keys)
            number = alias.number if alias else None
        version = tx.row("flow_version", FlowVersion, number=number, **keys) if number else None
        if version is None:
            raise self.not_found(flow_ref)
        return Found(flow, qualifier, version)

    def named(self, tx: Tx, caller: AccountCaller, instance_id: str, flow_ref: str) -> tuple[Instance, Found]:
        """The instance and the flow that a request names. Faults: ResourceNotFoundException."""
        instance = require_instance(tx, caller, instance_id)
        return instance, self.find(tx, instance.id, flow_ref)

    def refuse_version(self, found: Found) -> None:
        """Raise a Fault for a version, which does not change."""
        if found.number is not None:
            noun = self.noun.lower()
            raise Fault(INVALID, f"A version of a {noun} does not change. Update the {noun} itself.")

    def create(
        self,
        tx: Tx,
        instance: Instance,
        name: str,
        type: str,
        content: str,
        *,
        status: str = PUBLISHED,
        description: str | None = None,
        tags: Mapping[str, str] | None,
        settings: str | None = None,
    ) -> str:
        """Add one and return its id. Faults: DuplicateResourceException for a name that is taken."""
        self._refuse_taken(tx, instance.id, name)
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
            settings=settings,
            now_ms=tx.now_ms,
        )
        return flow_id

    def change(
        self,
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
            self._refuse_taken(tx, flow.instance_id, name)
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

    def update(
        self, tx: Tx, caller: AccountCaller, instance_id: str, flow_ref: str, **members: str | None
    ) -> Reply:
        """Change the members that are given, for an operation whose reply is empty. Faults: those of `change`."""
        _, found = self.named(tx, caller, instance_id, flow_ref)
        self.change(tx, found.flow, **members)
        return {}

    def remove(self, tx: Tx, caller: AccountCaller, instance_id: str, flow_ref: str) -> Reply:
        """Delete one with its versions and aliases, and keep its content for the chats that run it."""
        instance, found = self.named(tx, caller, instance_id, flow_ref)
        keys = {"instance_id": instance.id, "flow_id": found.flow.id}
        tx.run("keep_replaced_flow", now_ms=tx.now_ms, **keys)
        tx.run("delete_flow_versions", **keys)
        tx.run("delete_flow_aliases", **keys)
        tx.run("delete_flow", **keys)
        return {}

    def row(self, tx: Tx, instance_id: str, id: str) -> ContactFlow | None:
        """See `Declaration`."""
        flow = tx.row("contact_flow", ContactFlow, instance_id=instance_id, flow_id=id)
        return flow if flow and self.has(flow) else None

    def members(self, tx: Tx, instance: Instance, resource: ContactFlow) -> Reply:
        """See `Declaration`. The rows of a list have no content, so it is read."""
        found = self.find(tx, instance.id, resource.id)
        return self.found_members(instance, found, found.content(tx))

    def matches(self, resource: ContactFlow, kind: str, condition: Any) -> bool:
        """See `Declaration`."""
        match kind:
            case "TypeCondition":
                return bool(condition == resource.type)
            case "ContactFlowTypeCondition":
                return bool(condition.get("ContactFlowType") == resource.type)
            case "StateCondition":
                return bool(condition == resource.state)
            case "StatusCondition":
                return bool(condition == resource.status)
        texts = {"name": resource.name, "description": resource.description, "resourceID": resource.id}
        return matches(kind, condition, json.loads(resource.tags), texts)

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """See `Tagged`."""
        flow = self.row(tx, instance.id, id)
        return flow and flow.tags

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """See `Tagged`."""
        keys = {"instance_id": instance.id, "flow_id": id}
        return tx.one("set_contact_flow_tags", tags=new, old_tags=old, now_ms=tx.now_ms, **keys) is not None

    def _refuse_taken(self, tx: Tx, instance_id: str, name: str) -> None:
        if self.is_taken(tx, instance_id, name):
            raise Fault(DUPLICATE, f"{self.noun} {name[:120]!r} exists already in this instance.")


class ContactFlows(FlowType):
    """Flows that chats run."""

    def has(self, flow: ContactFlow) -> bool:
        """See `FlowType`."""
        return not flow.is_module

    def is_taken(self, tx: Tx, instance_id: str, name: str) -> bool:
        """See `FlowType`."""
        return tx.one("contact_flow_by_name", instance_id=instance_id, name=name) is not None

    def rows(self, tx: Tx, instance_id: str, after: str, limit: int) -> Sequence[ContactFlow]:
        """See `Declaration`."""
        return tx.rows("contact_flows", ContactFlow, instance_id=instance_id, after=after, limit=limit)

    def found_members(self, instance: Instance, found: Found, content: str) -> Reply:
        """See `FlowType`."""
        flow = found.flow
        is_draft = flow.status == SAVED or (found.qualifier == OF_SAVED and flow.draft is not None)
        own = {
            "Type": flow.type,
            "Status": SAVED if is_draft else flow.status,
            "FlowContentSha256": None if is_draft else sha256(content),
        }
        return super().found_members(instance, found, content) | own | modified(instance, flow.updated_at_ms)

    def summary(self, instance: Instance, resource: ContactFlow) -> Reply:
        """See `Declaration`."""
        return {
            "Id": resource.id,
            "Arn": self.arn(instance, resource.id),
            "Name": resource.name,
            "ContactFlowType": resource.type,
            "ContactFlowState": resource.state,
            "ContactFlowStatus": resource.status,
        }


class FlowModules(FlowType):
    """Modules, which flows invoke."""

    def has(self, flow: ContactFlow) -> bool:
        """See `FlowType`."""
        return flow.is_module

    def is_taken(self, tx: Tx, instance_id: str, name: str) -> bool:
        """See `FlowType`."""
        return tx.one("flow_module_by_name", instance_id=instance_id, name=name) is not None

    def rows(self, tx: Tx, instance_id: str, after: str, limit: int) -> Sequence[ContactFlow]:
        """See `Declaration`."""
        return tx.rows("flow_modules", ContactFlow, instance_id=instance_id, after=after, limit=limit)

    def found_members(self, instance: Instance, found: Found, content: str) -> Reply:
        """See `FlowType`."""
        own = {"FlowModuleContentSha256": sha256(content)}
        settings: Reply = json.loads(found.flow.settings or "{}")
        return super().found_members(instance, found, content) | own | settings

    def summary(self, instance: Instance, resource: ContactFlow) -> Reply:
        """See `Declaration`."""
        return {
            "Id": resource.id,
            "Arn": self.arn(instance, resource.id),
            "Name": resource.name,
            "State": resource.state,
        }


FLOWS = ContactFlows(
    kind="contact-flow",
    noun="Contact flow",
    names=WireNames("ContactFlowId", "ContactFlowArn", listed="ContactFlowSummaryList", found="ContactFlows"),
)
MODULES = FlowModules(
    kind="flow-module",
    noun="Flow module",
    names=WireNames(
        "ContactFlowModuleId",
        "ContactFlowModuleArn",
        listed="ContactFlowModulesSummaryList",
        found="ContactFlowModules",
    ),
)
