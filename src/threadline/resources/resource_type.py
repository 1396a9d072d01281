"""Resources: the things that an instance has, such as queues and users, and all that their operations have in common.

A resource is one row of the table `resource`. Its class names its columns, and a `ResourceType` describes it:

    class Prompt(Resource, kw_only=True, frozen=True):
        description: str | None = None

    PROMPTS = ResourceType(Prompt, kind="prompt", noun="Prompt")

An operation about it is then a few lines, without SQL of its own: `PROMPTS.create(..)` refuses a name that is taken and
keeps the tags, `PROMPTS.require(..)` finds one by id or ARN; `change`, `delete`, `page` and `summary` do the rest.
TagResource, UntagResource and ListTagsForResource work for every type. A ClientToken makes creation idempotent with
`@operation("connect", scope=("instance_id",))`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance, instance_arn, page, start_of_page
from threadline.store import Tx

TAGS_MAX = 50
"""Source: TagResource, "a resource can have up to 50 tags"."""

ARN = re.compile(r"arn:aws:connect:[a-z0-9-]+:(\d*):instance/([^/]+)(?:/([a-z-]+)/([^/]+))?")


class Resource(msgspec.Struct, kw_only=True, frozen=True):
    """A resource as stored. The fields of a subclass are its own columns, of types that JSON has."""

    instance_id: str
    id: str
    name: str
    tags: dict[str, str] = {}
    created_at_ms: int
    updated_at_ms: int


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


class Tagged(Protocol):
    """Resources that have tags, by their ids. Tags are read and written as the JSON that is stored."""

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """The tags of the one with this id; None where there is none."""

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """Replace its tags. False when they are no longer `old`."""


TAGGED: dict[str, Tagged] = {}
"""All that has tags, by the part of the ARN before its id. An instance itself has an empty part."""


class ResourceType(Generic[R]):
    """A type of resource. `kind` names it in the store and in ARNs, `noun` in messages.

    `taken` is the error for a name that another one of the instance has. `refers` has the type that the ids in a
    column name, by the column: such a resource cannot be deleted (`refuse_used`).
    """

    def __init__(
        self,
        resource: type[R],
        *,
        kind: str,
        noun: str,
        taken: str = "DuplicateResourceException",
        refers: "Mapping[str, ResourceType[Any]] | None" = None,
    ) -> None:
        self.resource = resource
        self.kind = kind
        self.noun = noun
        self.taken = taken
        self.referrers: list[tuple[ResourceType[Any], str]] = []
        for column, target in (refers or {}).items():
            target.referrers.append((self, column))
        TAGGED[kind] = self

    def arn(self, instance: Instance, id: str) -> str:
        """The ARN of the resource with this id."""
        return f"{instance_arn(instance)}/{self.kind}/{id}"

    def summary(self, instance: Instance, resource: R) -> dict[str, Any]:
        """The members that every summary in a list has."""
        return {
            "Id": resource.id,
            "Arn": self.arn(instance, resource.id),
            "Name": resource.name,
            "LastModifiedTime": resource.updated_at_ms,
            "LastModifiedRegion": instance.region,
        }

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
        self.refuse_taken(tx, instance_id, name)
        tx.put("insert_resource", self._row_of(made))
        return made

    def find(self, tx: Tx, instance_id: str, id_or_arn: str) -> R | None:
        """The resource with this id or ARN; None without one."""
        keys = {"instance_id": instance_id, "kind": self.kind, "id": self.id_of(instance_id, id_or_arn)}
        row = tx.row("resource", ResourceRow, **keys)
        return row and self._of_row(row)

    def require(self, tx: Tx, instance_id: str, id_or_arn: str) -> R:
        """The resource with this id or ARN. Faults: ResourceNotFoundException.

        An ARN of another account, instance or type names none.
        """
        found = self.find(tx, instance_id, id_or_arn)
        if found is None:
            raise Fault("ResourceNotFoundException", f"{self.noun} not found: {id_or_arn}")
        return found

    def change(self, tx: Tx, resource: R, **columns: Any) -> R:
        """Give columns, such as `name`, new values. Faults: `taken`; ResourceNotFoundException if it was deleted.

        Other columns that another call changes at the same time, also on another node, keep that call's values.
        """
        keys = {"instance_id": resource.instance_id, "kind": self.kind, "id": resource.id}
        while (old := tx.row("resource", ResourceRow, **keys)) is not None:
            changed = msgspec.structs.replace(self._of_row(old), updated_at_ms=tx.now_ms, **columns)
            if changed.name != old.name:
                self.refuse_taken(tx, changed.instance_id, changed.name)
            new = self._row_of(changed)
            given = {"name": new.name, "data": new.data, "now_ms": tx.now_ms}
            if tx.one("update_resource", old_name=old.name, old_data=old.data, **given, **keys):
                return changed
        raise Fault("ResourceNotFoundException", f"{self.noun} not found: {resource.id}")

    def delete(self, tx: Tx, resource: R) -> None:
        """Delete a resource."""
        tx.run("delete_resource", instance_id=resource.instance_id, kind=self.kind, id=resource.id)

    def users_of(self, tx: Tx, resource: R) -> Iterator[str]:
        """Say of each resource that names this one in a column what it is."""
        for of, column in self.referrers:
            for each in of.all(tx, resource.instance_id):
                named = getattr(each, column)
                if resource.id == named or (isinstance(named, list) and resource.id in named):
                    yield f"{of.noun} {each.name!r}"

    def refuse_used(self, tx: Tx, resource: R, code: str = "InvalidRequestException") -> None:
        """Raise a Fault with `code` when another resource names this one in a column."""
        for user in self.users_of(tx, resource):
            used = f"{user} uses {self.noun.lower()} {resource.name!r}."
            raise Fault(code, f"{used} Give it another one, or delete it, first.")

    def page(
        self,
        tx: Tx,
        instance_id: str,
        next_token: str | None,
        max_results: int,
        accepts: Callable[[R], bool] | None = None,
    ) -> tuple[Sequence[R], str | None]:
        """A page of the instance's resources, oldest first, and the NextToken when there are more.

        With `accepts`, only of those that it accepts.
        Faults: InvalidRequestException for a NextToken that is not valid.
        """
        keys = {"instance_id": instance_id, "kind": self.kind}
        after = start_of_page(tx, next_token, "resource", id=next_token or "", **keys)
        if accepts is not None:
            found = [each for each in self.all(tx, instance_id) if each.id > after and accepts(each)]
            return page(found, max_results)
        rows = tx.rows("resources", ResourceRow, after=after, limit=max_results + 1, **keys)
        return page([self._of_row(row) for row in rows], max_results)

    def all(self, tx: Tx, instance_id: str) -> list[R]:
        """All of the instance's resources of this type, oldest first."""
        rows = tx.rows(
            "resources", ResourceRow, instance_id=instance_id, kind=self.kind, after="", limit=2**31 - 1
        )
        return [self._of_row(row) for row in rows]

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

    def refuse_taken(self, tx: Tx, instance_id: str, name: str, code: str = "") -> None:
        """Raise a Fault with `code`, or `taken`, when a resource of this name exists."""
        if tx.one("resource_by_name", instance_id=instance_id, kind=self.kind, name=name):
            raise Fault(code or self.taken, f"{self.noun} {name[:120]!r} exists already in this instance.")

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


class ResourceName(NamedTuple):
    """An ARN of Amazon Connect, taken apart. `kind` and `id` are empty for an instance."""

    account_id: str
    instance_id: str
    kind: str
    id: str

    @classmethod
    def of(cls, arn: str) -> Self | None:
        """The parts of `arn`; None for anything else."""
        found = ARN.fullmatch(arn)
        return found and cls(*(part or "" for part in found.groups()))


def checked_tags(kept: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags `kept` with those `added`. Faults: InvalidRequestException for too many tags."""
    tags = {**kept, **added}
    if len(tags) > TAGS_MAX:
        raise Fault(
            "InvalidRequestException", f"A resource has at most {TAGS_MAX} tags; it would have {len(tags)}."
        )
    return tags
