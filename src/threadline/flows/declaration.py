"""How an action is declared: its parameters, errors and branches, by which a flow is checked before it is accepted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from threadline.flows.effects import NO_MATCHING_CONDITION, NO_MATCHING_ERROR, Decision
from threadline.flows.readers import Reader
from threadline.flows.references import Context

HOLD = ("CUSTOMER_HOLD", "AGENT_HOLD")
WHISPER = ("CUSTOMER_WHISPER", "AGENT_WHISPER", "OUTBOUND_WHISPER")

Parameters = Mapping[str, Any]
Run = Callable[[Parameters, Context], Decision]


class OnChat(StrEnum):
    """The part that an action plays on a chat."""

    ACTS = "acts"
    NOTHING_VISIBLE = "nothing visible"
    VOICE_ONLY = "voice only"
    OF_SERVICE = "of another service"
    NEVER = "never"
    UNGUARDED = "without a branch for errors"


@dataclass(frozen=True, slots=True)
class ActionType:
    """The declaration of an action type.

    `one_of` are parameters of which exactly one is given, `any_of` such of which at least one is. `ignored` are
    documented parameters without effect on a chat. `open` actions take any parameter and any error type of their
    service.
    `errors` are the error types that the action may have beside NoMatchingError and NoMatchingCondition.
    `operators` are those that its conditions may use; `results` are the operands that its conditions must have, one
    each. `ends_in_queue` means that its success ends the flow and leaves the contact in a queue. `not_in` are the
    types of flow that may not contain it, `only_in` the only types that may, where it is not empty.
    """

    required: Mapping[str, Reader] = field(default_factory=dict)
    optional: Mapping[str, Reader] = field(default_factory=dict)
    one_of: Mapping[str, Reader] = field(default_factory=dict)
    any_of: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    open: bool = False
    errors: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    results: Callable[[Parameters], tuple[str, ...]] | None = None
    ends_in_queue: bool = False
    terminal: bool = False
    next_is_optional: bool = False
    not_in: tuple[str, ...] = ()
    only_in: tuple[str, ...] = ()
    on_chat: OnChat = OnChat.ACTS

    @property
    def readers(self) -> dict[str, Reader]:
        """The readers of all its parameters, by name."""
        return {**self.required, **self.optional, **self.one_of}

    @property
    def all_errors(self) -> tuple[str, ...]:
        """The error types that a branch may have."""
        return (*self.errors, NO_MATCHING_CONDITION, NO_MATCHING_ERROR)

    @property
    def needs_next(self) -> bool:
        """Whether NextAction follows its success."""
        return not (self.terminal or self.ends_in_queue or self.operators or self.next_is_optional)

    def allows(self, flow_type: str | None) -> bool:
        """Tell whether a flow of the type may contain the action; None is any type."""
        if flow_type is None:
            return True
        return flow_type not in self.not_in and (not self.only_in or flow_type in self.only_in)


ACTION_TYPES: dict[str, ActionType] = {}
ACTION_FUNCTIONS: dict[str, Run] = {}


def action(kind: ActionType, *names: str) -> Callable[[Run], Run]:
    """Register a function as the action whose Type is its name in CamelCase, or the actions of the given names."""

    def register(run: Run) -> Run:
        for name in names or ("".join(word.capitalize() for word in run.__name__.split("_")),):
            ACTION_TYPES[name], ACTION_FUNCTIONS[name] = kind, run
        return run

    return register
