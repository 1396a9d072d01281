"""The declaration of a type of resource: all that its operations have in common, wherever its rows are.

`ResourceType` declares types whose rows are in the table `resource`, `FlowType` flows and modules.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from threadline.errors import Fault
from threadline.operations.instances import (
    NOT_A_NEXT_TOKEN,
    Identified,
    Instance,
    given,
    instance_arn,
    page,
    require_instance,
)
from threadline.operations.registry import AccountCaller, Reply
from threadline.resources.search import SearchRequest, is_found
from threadline.store import Tx

INVALID = "InvalidRequestException"
DUPLICATE = "DuplicateResourceException"
NOT_FOUND = "ResourceNotFoundException"
TAGS_MAX = 50
"""Source: TagResource, "a resource can have up to 50 tags"."""
READ_AT_ONCE = 1_000
"""Rows that a list reads at once where it shows only some of them."""

ARN = re.compile(r"arn:aws:connect:[a-z0-9-]+:(\d*):instance/([^/]+)(?:/([a-z-]+)/([^/]+))?")
R = TypeVar("R", bound=Identified)


class Tagged(Protocol):
    """Resources that have tags, by their ids. Tags are read and written as the JSON that is stored."""

    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """The tags of the one with this id; None where there is none."""

    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """Replace its tags. False when they are no longer `old`."""


TAGGED: dict[str, Tagged] = {}
"""All that has tags, by the part of the ARN before its id. An instance itself has an empty part."""


class WireNames(NamedTuple):
    """The model's names of members about a type: of the id, the ARN and the name of one that is described or found,
    and of the members with the one that is described, those that are listed, and those that a search finds.
    """

    id: str = "Id"
    arn: str = "Arn"
    name: str = "Name"
    described: str = ""
    listed: str = ""
    found: str = ""


class Declaration(ABC, Generic[R]):
    """A type of resource. `kind` names it in ARNs, `noun` in messages, `names` has its names on the wire."""

    def __init__(self, *, kind: str, noun: str, names: WireNames) -> None:
        self.kind = kind
        self.noun = noun
        self.names = names
        TAGGED[kind] = self

    @abstractmethod
    def row(self, tx: Tx, instance_id: str, id: str) -> R | None:
        """The one with this id; None without one."""

    @abstractmethod
    def rows(self, tx: Tx, instance_id: str, after: str, limit: int) -> Sequence[R]:
        """The first ones of the instance whose ids follow `after`, in the order of ids: oldest first."""

    @abstractmethod
    def tags_of(self, tx: Tx, instance: Instance, id: str) -> str | None:
        """See `Tagged`."""

    @abstractmethod
    def set_tags(self, tx: Tx, instance: Instance, id: str, old: str, new: str) -> bool:
        """See `Tagged`."""

    @abstractmethod
    def members(self, tx: Tx, instance: Instance, resource: R) -> Reply:
        """All members of one, as it is described and found."""

    @abstractmethod
    def summary(self, instance: Instance, resource: R) -> Reply:
        """The members of one in a list."""

    @abstractmethod
    def matches(self, resource: R, kind: str, condition: Any) -> bool:
        """Decide a condition of a search. Faults: InvalidParameterException for one that is not known."""

    def arn(self, instance: Instance, id: str) -> str:
        """The ARN of the one with this id."""
        return f"{instance_arn(instance)}/{self.kind}/{id}"

    def identity(self, instance: Instance, id: str) -> Reply:
        """The id and the ARN, with which a creation replies."""
        return {self.names.id: id, self.names.arn: self.arn(instance, id)}

    def not_found(self, id_or_arn: str) -> Fault:
        """The error for an id or ARN that names none."""
        return Fault(NOT_FOUND, f"{self.noun} not found: {id_or_arn}")

    def all(self, tx: Tx, instance_id: str) -> Sequence[R]:
        """All that the instance has, oldest first."""
        return self.rows(tx, instance_id, "", 2**31 - 1)

    def page(
        self,
        tx: Tx,
        instance_id: str,
        next_token: str | None,
        max_results: int,
        accepts: Callable[[R], bool] | None = None,
    ) -> tuple[Sequence[R], str | None]:
        """A page of those that `accepts` accepts, or of all, and the NextToken when there are more.

        Faults: InvalidRequestException for a NextToken that is not valid.
        """
        after = self._start(tx, instance_id, next_token)
        found: list[R] = []
        limit = max_results + 1 if accepts is None else READ_AT_ONCE
        while len(found) <= max_results:
            rows = self.rows(tx, instance_id, after, limit)
            found += [each for each in rows if accepts is None or accepts(each)]
            if len(rows) < limit:
                break
            after = rows[-1].id
        return page(found, max_results)

    def summaries(
        self,
        tx: Tx,
        caller: AccountCaller,
        instance_id: str,
        next_token: str | None,
        max_results: int,
        accepts: Callable[[R], bool] | None = None,
    ) -> Reply:
        """The reply of a list, of those that `accepts` accepts or of all.

        Faults: ResourceNotFoundException for the instance; InvalidRequestException for a NextToken that is not valid.
        """
        instance = require_instance(tx, caller, instance_id)
        kept, following = self.page(tx, instance.id, next_token, max_results, accepts)
        return {self.names.listed: [self.summary(instance, each) for each in kept], "NextToken": following}

    def search(
        self,
        tx: Tx,
        caller: AccountCaller,
        request: SearchRequest,
        *,
        max_results: int = 100,
        members: Callable[[Tx, Instance, R], Reply] | None = None,
    ) -> Reply:
        """The reply of a search. `max_results` is the MaxResults of a request without, `members` other members.

        Faults: ResourceNotFoundException for the instance; InvalidRequestException for a NextToken that is not valid;
            InvalidParameterException for a condition that is not known.
        """
        instance = require_instance(tx, caller, request["instance_id"])
        after = self._start(tx, instance.id, request.get("next_token"))
        found = [
            each
            for each in self.all(tx, instance.id)
            if is_found(request, lambda *leaf, each=each: self.matches(each, *leaf))
        ]
        rest = [each for each in found if each.id > after]
        kept, following = page(rest, request.get("max_results", max_results))
        members = members or self.members
        return {
            self.names.found: [members(tx, instance, each) for each in kept],
            "NextToken": following,
            "ApproximateTotalCount": len(found),
        }

    def _start(self, tx: Tx, instance_id: str, next_token: str | None) -> str:
        """The id after which a page begins. Faults: InvalidRequestException for a NextToken that is not valid."""
        if next_token and self.row(tx, instance_id, next_token) is None:
            raise Fault(INVALID, NOT_A_NEXT_TOKEN)
        return next_token or ""


def name_or_description(name: str | None, description: str | None) -> dict[str, str]:
    """The columns of a request that gives another name, another description, or both. Faults: InvalidRequestException.

    Source: UpdateQueueName, "at least Name or Description must be provided".
    """
    columns = given(name=name, description=description)
    if not columns:
        raise Fault(INVALID, "Give a Name, a Description, or both.")
    return columns


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
        raise Fault(INVALID, f"A resource has at most {TAGS_MAX} tags; it would have {len(tags)}.")
    return tags
