"""Resources: the things that an instance has, such as queues and users, and all that their operations have in common.

A resource is one row of the table `resource`. Its class names its columns, and a `ResourceType` declares it:

    class Prompt(Resource, kw_only=True, frozen=True):
        description: str | None = None
        s3_uri: str

    PROMPTS = ResourceType(
        Prompt,
        kind="prompt",
        noun="Prompt",
        names=WireNames("PromptId", "PromptARN", described="Prompt", listed="PromptSummaryList", found="Prompts"),
    )

An operation about it is then a few lines, without SQL of its own. `create` refuses a name that is taken and keeps the
tags, `named` finds the one that a request names, `change` changes it. `describe`, `update`, `remove`, `summaries` (a
list) and `search` are whole replies. TagResource, UntagResource and ListTagsForResource work for every type. A
ClientToken makes creation idempotent with `@operation("connect", scope=("instance_id",))`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance, modified, require_instance
from threadline.operations.registry import AccountCaller, Reply
from threadline.resources.declaration import (
    DUPLICATE,
    INVALID,
    Declaration,
    ResourceName,
    WireNames,
    checked_tags,
)
from threadline.resources.search import matches
from threadline.store import Tx


class Resource(msgspec.Struct, kw_only=True, frozen=True):
    """A resource as stored. The fields of a subclass are its own columns, of types that JSON has."""

    instance_id: str
    id: str
    name: str
    tags: dict[str, str] = {}
    created_at_ms: int
    updated_at_ms: int

    def own_members(self, tx: Tx, instance: Instance) -> Reply:
        """The members that only this type has, as it is described and found."""
        return {}

    def own_summary(self) -> Reply:
        """The members that only this type has in a list."""
        return {}

    def texts(self) -> dict[str, str | Sequence[str] | None]:
        """The texts by which a search finds it, by their FieldNames. A list matches when one of its texts does."""
        description = getattr(self, "description", None)
        return {"name": self.name, "description": description, "resourceID": self.id}

    def matches(self, kind: str, condition: Any) -> bool:
        """Decide a condition of a search. Faults: InvalidParameterException for one that is not known."""
        return matches(kind, condition, self.tags, self.texts())


R = TypeVar("R", bound=Resource)
COMMON = frozenset(Resource.__struct_fields__)


class ResourceRow(NamedTuple):
    """A row of the table `resource`. `data` holds the columns of the type, `tags` the tags, both as JSON objects."""

    instance_id: str
    kind: str
    id: str
    name: str
    data: str
    tags: str
    created_at_ms: int
    updated_at_ms: int


class ResourceType(Declaration[R]):
    """A type of resource. `kind` names it in the store and in ARNs, `noun` in messages.

    `taken` is the error for a name that another one of the instance has, `taken_later` where an update gives it.
    `refers` has the type that the ids in a column name, by the column: such a resource cannot be deleted, and `in_use`
    is the error for that.
    """

    def __init__(
        self,
        resource: type[R],
        *,
        kind: str,
        noun: str,
        names: WireNames | None = None,
        taken: str = DUPLICATE,
        taken_later: str | None = None,
        in_use: str = INVALID,
        refers: "Mapping[str, ResourceType[Any]] | None" = None,
    ) -> None:
        super().__init__(kind=kind, noun=noun, names=names or WireNames())
        self.resource = resource
        self.taken = taken
        self.taken_later = taken_later or taken
        self.in_use = in_use
        self.referrers: list[tuple[ResourceType[Any], str]] = []
        for column, target in (refers or {}).items():
            target.referrers.append((self, column))

    def create(
        self,
        tx: Tx,
        instance_id: str,
        name: str,
        *,
        id: str | None = None,
        tags: Mapping[str, str] | None = None,
        **columns: Any,
    ) -> R:
        """Add a resource with an id of its own. Faults: `taken`; InvalidRequestException for tags."""
        made = self.resource(
            instance_id=instance_id,
            id=id or tx.clock.contact_id(),
            name=name,
            tags=checked_tags({}, tags or {}),
            created_at_ms=tx.now_ms,
            updated_at_ms=tx.now_ms,
            **columns,
        )
        self._refuse_taken(tx, instance_id, name, self.taken)
        tx.put("insert_resource", self._row_of(made))
        return made

    def find(self, tx: Tx, instance_id: str, id_or_arn: str) -> R | None:
        """The resource with this id or ARN; None without one."""
        return self.row(tx, instance_id, self.id_of(instance_id, id_or_arn))

    def require(self, tx: Tx, instance_id: str, id_or_arn: str) -> R:
        """The resource with this id or ARN. Faults: ResourceNotFoundException.

        An ARN of another account, instance or type names none.
        """
        found = self.find(tx, instance_id, id_or_arn)
        if found is None:
            raise self.not_found(id_or_arn)
        return found

    def named(self, tx: Tx, caller: AccountCaller, instance_id: str, id_or_arn: str) -> tuple[Instance, R]:
        """The instance and the resource that a request names. Faults: ResourceNotFoundException."""
        instance = require_instance(tx, caller, instance_id)
        return instance, self.require(tx, instance.id, id_or_arn)

    def describe(self, tx: Tx, caller: AccountCaller, instance_id: str, id_or_arn: str) -> Reply:
        """The reply of an operation that describes a resource. Faults: ResourceNotFoundException."""
        instance, resource = self.named(tx, caller, instance_id, id_or_arn)
        return {self.names.described: self.members(tx, instance, resource)}

    def update(
        self, tx: Tx, caller: AccountCaller, instance_id: str, id_or_arn: str, **columns: Any
    ) -> Reply:
        """Change columns for an operation whose reply is empty. Faults: those of `change`."""
        _, resource = self.named(tx, caller, instance_id, id_or_arn)
        self.change(tx, resource, **columns)
        return {}

    def remove(self, tx: Tx, caller: AccountCaller, instance_id: str, id_or_arn: str) -> Reply:
        """Delete a resource for an operation whose reply is empty. Faults: those of `delete`."""
        _, resource = self.named(tx, caller, instance_id, id_or_arn)
        self.delete(tx, resource)
        return {}

    def change(self, tx: Tx, resource: R, **columns: Any) -> R:
        """Give columns, such as `name`, new values. Faults: `taken_later`; ResourceNotFoundException if it was deleted.

        Other columns that another call changes at the same time, also on another node, keep that call's values.
        """
        keys = {"instance_id": resource.instance_id, "kind": self.kind, "id": resource.id}
        while (old := tx.row("resource", ResourceRow, **keys)) is not None:
            changed = msgspec.structs.replace(self._of_row(old), updated_at_ms=tx.now_ms, **columns)
            if changed.name != old.name:
                self._refuse_taken(tx, changed.instance_id, changed.name, self.taken_later)
            new = self._row_of(changed)
            given = {"name": new.name, "data": new.data, "now_ms": tx.now_ms}
            if tx.one("update_resource", old_name=old.name, old_data=old.data, **given, **keys):
                return changed
        raise self.not_found(resource.id)

    def delete(self, tx: Tx, resource: R) -> None:
        """Delete a resource. Faults: `in_use` when another resource names this one in a column."""
        for user in self.users_of(tx, resource):
            used = f"{user} uses {self.noun.lower()} {resource.name!r}."
            raise Fault(self.in_use, f"{used} Give it another one, or delete it, first.")
        tx.run("delete_resource", instance_id=resource.instance_id, kind=self.kind, id=resource.id)

    def users_of(self, tx: Tx, resource: R) -> Iterator[str]:
        """Say of each resource that names this one in a column what it is."""
        for of, column in self.referrers:
            for each in of.all(tx, resource.instance_id):
                named = getattr(each, column)
                if resource.id == named or (isinstance(named, list) and resource.id in named):
                    yield f"{of.noun} {each.name!r}"

    def row(self, tx: Tx, instance_id: str, id: str) -> R | None:
        """See `Declaration`."""
        row = tx.row("resource", ResourceRow, instance_id=instance_id, kind=self.kind, id=id)
        return row and self._of_row(row)

    def rows(self, tx: Tx, instance_id: str, after: str, limit: int) -> list[R]:
        """See `Declaration`."""
        keys = {"instance_id": instance_id, "kind": self.kind}
        return [
            self._of_row(row) for row in tx.rows("resources", ResourceRow, after=after, limit=limit, **keys)
        ]

    def members(self, tx: Tx, instance: Instance, resource: R) -> Reply:
        """See `Declaration`."""
        members = self.identity(instance, resource.id)
        members[self.names.name] = resource.name
        if hasattr(resource, "description"):
            members["Description"] = resource.description
        members["Tags"] = resource.tags
        return members | modified(instance, resource.updated_at_ms) | resource.own_members(tx, instance)

    def summary(self, instance: Instance, resource: R) -> Reply:
        """See `Declaration`."""
        named = {"Id": resource.id, "Arn": self.arn(instance, resource.id), self.names.name: resource.name}
        return named | modified(instance, resource.updated_at_ms) | resource.own_summary()

    def matches(self, resource: R, kind: str, condition: Any) -> bool:
        """See `Declaration`."""
        return resource.matches(kind, condition)

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """See `Tagged`."""
        row = tx.row("resource", ResourceRow, instance_id=instance.id, kind=self.kind, id=id)
        return row and row.tags

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """See `Tagged`."""
        keys = {"instance_id": instance.id, "kind": self.kind, "id": id}
        return tx.one("set_resource_tags", tags=new, old_tags=old, now_ms=tx.now_ms, **keys) is not None

    def id_of(self, instance_id: str, id_or_arn: str) -> str:
        """The id in an id or ARN; empty for an ARN of another instance or type."""
        if not id_or_arn.startswith("arn:"):
            return id_or_arn
        named = ResourceName.of(id_or_arn)
        return named.id if named and (named.instance_id, named.kind) == (instance_id, self.kind) else ""

    def _refuse_taken(self, tx: Tx, instance_id: str, name: str, code: str) -> None:
        """Raise a Fault with `code` when a resource of this name exists."""
        if tx.one("resource_by_name", instance_id=instance_id, kind=self.kind, name=name):
            raise Fault(code, f"{self.noun} {name[:120]!r} exists already in this instance.")

    def _row_of(self, resource: R) -> ResourceRow:
        columns = msgspec.to_builtins(resource)
        data = {name: value for name, value in columns.items() if name not in COMMON}
        return ResourceRow(
            resource.instance_id,
            self.kind,
            resource.id,
            resource.name,
            msgspec.json.encode(data).decode(),
            msgspec.json.encode(resource.tags).decode(),
            resource.created_at_ms,
            resource.updated_at_ms,
        )

    def _of_row(self, row: ResourceRow) -> R:
        columns = msgspec.json.decode(row.data)
        common = row._asdict()
        del common["kind"], common["data"]
        common["tags"] = msgspec.json.decode(row.tags)
        return msgspec.convert(columns | common, self.resource)
