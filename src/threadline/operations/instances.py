"""Instances as stored, the instance of a call, and the pages of lists."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from threadline.errors import Fault
from threadline.operations.registry import AccountCaller, Reply
from threadline.store import Tx

NOT_A_NEXT_TOKEN = "NextToken is not one that this operation has given."


class Identified(Protocol):
    """A row that has an id."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Identified)
T = TypeVar("T")


class Instance(NamedTuple):
    """An instance. `paging_key` authenticates the NextTokens that are handed out; `tags` is a JSON object."""

    id: str
    account_id: str
    alias: str
    paging_key: str
    created_at_ms: int
    region: str
    tags: str


def require_instance(tx: Tx, caller: AccountCaller, instance_id: str) -> Instance:
    """The caller's instance. Faults: ResourceNotFoundException; AccessDeniedException for another account's.

    Assumed: AccessDeniedException is sent also where an operation's model does not list it, as IAM does.
    """
    instance = tx.row("instance", Instance, instance_id=instance_id)
    if instance is None:
        raise Fault("ResourceNotFoundException", f"Instance not found: {instance_id}")
    if instance.account_id != caller.account_id:
        raise Fault(
            "AccessDeniedException", f"The access key's account has no access to instance {instance_id}."
        )
    return instance


def instance_arn(instance: Instance) -> str:
    """The ARN of an instance. On purpose: its region is the instance's, also when a client signs for another."""
    return f"arn:aws:connect:{instance.region}:{instance.account_id}:instance/{instance.id}"


def start_of_page(tx: Tx, next_token: str | None, statement: str, **keys: str) -> str:
    """The id after which a page begins: empty, or the NextToken when `statement` finds a row for it.

    Faults: InvalidRequestException for a token without such a row.
    """
    if not next_token:
        return ""
    if tx.one(statement, **keys) is None:
        raise Fault("InvalidRequestException", NOT_A_NEXT_TOKEN)
    return next_token


def page(found: Sequence[R], limit: int) -> tuple[Sequence[R], str | None]:
    """The first `limit` of `found`, and the NextToken when there are more: the id of the last one."""
    kept = found[:limit]
    return kept, kept[-1].id if len(found) > limit else None


def page_of(
    entries: Sequence[T], key: Callable[[T], str], next_token: str | None, limit: int
) -> tuple[Sequence[T], str | None]:
    """A page of entries that are all at hand, and the NextToken when there are more: the key of the last one.

    Faults: InvalidRequestException for a NextToken that is no entry's key.
    """
    start = 0
    if next_token:
        keys = [key(entry) for entry in entries]
        if next_token not in keys:
            raise Fault("InvalidRequestException", NOT_A_NEXT_TOKEN)
        start = keys.index(next_token) + 1
    kept = entries[start : start + limit]
    return kept, key(kept[-1]) if start + limit < len(entries) else None


def modified(instance: Instance, at_ms: int) -> Reply:
    """The members that say when and where something was changed last."""
    return {"LastModifiedTime": at_ms, "LastModifiedRegion": instance.region}


def given(**members: Any) -> dict[str, Any]:
    """The members of a request that are not left out."""
    return {name: value for name, value in members.items() if value is not None}
