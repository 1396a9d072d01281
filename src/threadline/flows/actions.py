"""The actions of the Flow language that this server runs: one function and its declaration each.

A function gets an action's parameters (checked when the flow was created) and the chat's data. It returns an effect for
the runner to carry out, a value or an error to branch on, or the end. It changes nothing.
To add an action, write one function here under `@action(...)`; `language` and `engine` need no change.

Source: https://docs.aws.amazon.com/connect/latest/devguide/flow-language-actions.html and its action pages.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any

from threadline.flows.references import Context, fill, is_reference, look_up, resolve

NO_MATCHING_ERROR = "NoMatchingError"
NO_MATCHING_CONDITION = "NoMatchingCondition"
PARTICIPANT_NOT_FOUND = "ParticipantNotFound"
QUEUE_AT_CAPACITY = "QueueAtCapacity"
WAIT_COMPLETED = "WaitCompleted"
CUSTOMER_RETURNED = "CustomerReturned"
BOT_DISCONNECTED = "BotParticipantDisconnected"

TEXT_CHARACTERS_MAX = 6_000
"""Characters of a message, after its references are replaced. Source: Admin Guide, play prompt block."""
TEXT_BYTES_MAX = 16_384
"""UTF-8 bytes of any message. Source: feature limits."""
ATTRIBUTES_CHARACTERS_MAX = 32_768
"""Characters of all attributes that an action sets. Source: StartChatContact, Attributes (in bytes, checked later)."""
WAIT_SECONDS_MAX = 604_800
"""The longest Wait: seven days. Source: Wait action page."""


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """Show `text` to the participants as a message of the system."""

    text: str


@dataclass(frozen=True, slots=True)
class SetTargetQueue:
    """Make the queue (an id or ARN) the one that EnterQueue uses."""

    queue_id: str


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Put the contact into its target queue."""


@dataclass(frozen=True, slots=True)
class SetDisconnectFlow:
    """Run the flow (an id or ARN) when the agent leaves and the customer stays: CustomerRemaining."""

    flow_id: str


@dataclass(frozen=True, slots=True)
class Associate:
    """Continue this chat from a past one, as CreatePersistentContactAssociation does."""

    rehydration_type: str
    source_contact_id: str


@dataclass(frozen=True, slots=True)
class SetAttributes:
    """Set user-defined attributes, all or none, on this contact or (`related`) on its related contact."""

    attributes: Mapping[str, str]
    related: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for `seconds`, or until one of `events` happens."""

    seconds: int
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class End:
    """End the contact, since the flow has ended without transferring it to a queue."""


Effect = (
    ShowMessage | SetTargetQueue | EnterQueue | SetDisconnectFlow | Associate | SetAttributes | Pause | End
)


@dataclass(frozen=True, slots=True)
class Compared:
    """The value that the conditions compare; None when the chat has no such value."""

    value: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The action failed: take the branch of this error."""

    error_type: str = NO_MATCHING_ERROR


Decision = Effect | Compared | Failed
Parameters = Mapping[str, Any]
Run = Callable[[Parameters, Context], Decision]
Reader = Callable[[Any], Any]
"""Reads a parameter out of JSON; raises ValueError with what it must be."""


@dataclass(frozen=True, slots=True)
class ActionType:
    """The declaration of an action type, by which a flow is checked before it is accepted.

    `one_of` are parameters of which exactly one is given. `refused` has the documented parameters that are not
    supported, each with an advice. `operators` are those that its conditions may use; `results` are the operands that
    its conditions must have, one each. `ends_in_queue` means that its success ends the flow and leaves the contact in a
    queue. `not_in` are the types of flow that may not contain it.
    """

    required: Mapping[str, Reader] = field(default_factory=dict)
    optional: Mapping[str, Reader] = field(default_factory=dict)
    one_of: Mapping[str, Reader] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = (NO_MATCHING_ERROR,)
    operators: tuple[str, ...] = ()
    results: Callable[[Parameters], tuple[str, ...]] | None = None
    ends_in_queue: bool = False
    terminal: bool = False
    not_in: tuple[str, ...] = ()

    @property
    def readers(self) -> dict[str, Reader]:
        """The readers of all its parameters, by name."""
        return {**self.required, **self.optional, **self.one_of}

    @property
    def needs_next(self) -> bool:
        """Whether NextAction follows its success."""
        return not (self.terminal or self.ends_in_queue or self.operators)


HOLD = ("CUSTOMER_HOLD", "AGENT_HOLD")
WHISPER = ("CUSTOMER_WHISPER", "AGENT_WHISPER", "OUTBOUND_WHISPER")

ACTION_TYPES: dict[str, ActionType] = {}
ACTION_FUNCTIONS: dict[str, Run] = {}


def action(kind: ActionType) -> Callable[[Run], Run]:
    """Register a function as the action whose Type is its name in CamelCase."""

    def register(run: Run) -> Run:
        name = "".join(word.capitalize() for word in run.__name__.split("_"))
        ACTION_TYPES[name], ACTION_FUNCTIONS[name] = kind, run
        return run

    return register


def scalar(value: Any) -> str:
    """Read a text that is not empty. A JSON number or boolean becomes the text that the console exports."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("must be a string, or a number that is not so large")
    if isinstance(value, str | int | float) and value != "":
        return str(value)
    raise ValueError("must be a string that is not empty")


def message(value: Any) -> str:
    """Read the text of a message. References in it are replaced when it is shown."""
    text = scalar(value)
    if not _fits(text):
        raise ValueError(f"must have at most {TEXT_CHARACTERS_MAX} characters and {TEXT_BYTES_MAX} bytes")
    return text


def static_or_reference(value: Any) -> str:
    """Read a fixed value, or exactly one reference."""
    text = scalar(value)
    if text.startswith("$") and not is_reference(text):
        raise ValueError(f"must be a fixed value or one reference such as $.Attributes.name, not {text!r}")
    return text


def reference(value: Any) -> str:
    """Read exactly one reference."""
    text = scalar(value)
    if not is_reference(text):
        raise ValueError("must be one reference such as $.Attributes.name")
    return text


def one_value_of(*values: str) -> Reader:
    """Make a reader of one of fixed values."""

    def read(value: Any) -> str:
        if value not in values:
            raise ValueError(f"must be {' or '.join(values)}")
        return str(value)

    return read


def seconds(value: Any) -> str:
    """Read a number of seconds to wait, or exactly one reference to it."""
    text = static_or_reference(value)
    if not is_reference(text) and _seconds(text) is None:
        raise ValueError(f"must be a whole number from 1 to {WAIT_SECONDS_MAX}, or one reference")
    return text


def wait_events(value: Any) -> tuple[str, ...]:
    """Read the events that may end a Wait early, each named once."""
    events = (CUSTOMER_RETURNED, BOT_DISCONNECTED)
    if (
        not isinstance(value, list)
        or any(event not in events for event in value)
        or len(set(value)) < len(value)
    ):
        raise ValueError(f"must be a list of {' and '.join(events)}, each at most once")
    return tuple(value)


def attributes(value: Any) -> dict[str, str]:
    """Read names and values, either of which may hold references. A value may be empty."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError("must be an object with at least one entry")
    if "" in value:
        raise ValueError("must not have an empty name")
    return {name: "" if entry == "" else _entry(name, entry, scalar) for name, entry in value.items()}


def customer_remaining(value: Any) -> dict[str, str]:
    """Read exactly one hook: CustomerRemaining, the disconnect flow."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError("must have exactly one entry; set each hook with an action of its own")
    if "CustomerRemaining" not in value:
        hook = next(iter(value))
        raise ValueError(
            f"sets {hook!r}, which has no effect on this server; only CustomerRemaining acts here"
        )
    return {"CustomerRemaining": _entry("CustomerRemaining", value["CustomerRemaining"], static_or_reference)}


_VOICE_ONLY = "is heard on voice calls only; give Text, which chat shows"


@action(
    ActionType(
        required={"Text": message},
        refused={"PromptId": _VOICE_ONLY, "SSML": _VOICE_ONLY, "Media": _VOICE_ONLY},
        not_in=HOLD,
    )
)
def message_participant(parameters: Parameters, context: Context) -> Decision:
    """Show a message to the participants.

    Assumed: a text that is empty or too long once its references are replaced takes NoMatchingError.
    """
    text = fill(parameters["Text"], context, TEXT_CHARACTERS_MAX)
    return ShowMessage(text) if text and text.strip() and _fits(text) else Failed()


@action(
    ActionType(
        required={"QueueId": static_or_reference},
        refused={"AgentId": "names an agent's own queue, which this server does not have; give QueueId"},
    )
)
def update_contact_target_queue(parameters: Parameters, context: Context) -> Decision:
    """Choose the queue that TransferContactToQueue uses."""
    queue_id = resolve(parameters["QueueId"], context)
    return SetTargetQueue(queue_id) if queue_id else Failed()


@action(ActionType(errors=(QUEUE_AT_CAPACITY, NO_MATCHING_ERROR), ends_in_queue=True))
def transfer_contact_to_queue(parameters: Parameters, context: Context) -> Decision:
    """Put the contact into its target queue and end the flow."""
    return EnterQueue()


@action(ActionType(required={"EventHooks": customer_remaining}))
def update_contact_event_hooks(parameters: Parameters, context: Context) -> Decision:
    """Set the flow that runs when the agent has left and the customer is still there."""
    flow_id = resolve(parameters["EventHooks"]["CustomerRemaining"], context)
    return SetDisconnectFlow(flow_id) if flow_id else Failed()


@action(
    ActionType(
        required={
            "RehydrationType": one_value_of("ENTIRE_PAST_SESSION", "FROM_SEGMENT"),
            "SourceContactId": static_or_reference,
        },
        optional={"ClientToken": static_or_reference},
        not_in=("CAMPAIGN",),
    )
)
def create_persistent_contact_association(parameters: Parameters, context: Context) -> Decision:
    """Continue this chat from a past one.

    Assumed: an empty or unresolved SourceContactId takes NoMatchingError, as every error of the API does.
    ClientToken is accepted and has no effect: a repeated association with the same source succeeds anyway.
    """
    source_contact_id = resolve(parameters["SourceContactId"], context)
    return Associate(parameters["RehydrationType"], source_contact_id) if source_contact_id else Failed()


@action(
    ActionType(
        required={"Attributes": attributes},
        optional={"TargetContact": one_value_of("Current", "Related")},
    )
)
def update_contact_attributes(parameters: Parameters, context: Context) -> Decision:
    """Set user-defined attributes, all of them or none; an empty value removes one.

    Source: Admin Guide, set contact attributes block. Assumed: TargetContact is Current where it is left out.
    Assumed: a value that is one unresolved reference removes its attribute too.
    """
    filled: dict[str, str] = {}
    left = ATTRIBUTES_CHARACTERS_MAX
    for entry in parameters["Attributes"].items():
        name, value = (fill(text, context, left) for text in entry)
        if name is None or value is None:
            return Failed()
        filled[name] = value
        left -= len(name) + len(value) if value else 0
    return SetAttributes(filled, parameters.get("TargetContact") == "Related")


_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?", re.ASCII)
_TEXT_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "TextStartsWith": str.startswith,
    "TextEndsWith": str.endswith,
    "TextContains": str.__contains__,
}
_NUMBER_OPERATORS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "NumberGreaterThan": operator.gt,
    "NumberGreaterOrEqualTo": operator.ge,
    "NumberLessThan": operator.lt,
    "NumberLessOrEqualTo": operator.le,
}
KEY_EXISTS = "KeyExists"


@action(
    ActionType(
        required={"ComparisonValue": reference},
        errors=(NO_MATCHING_CONDITION, NO_MATCHING_ERROR),
        operators=(*_TEXT_OPERATORS, *_NUMBER_OPERATORS, KEY_EXISTS),
    )
)
def compare(parameters: Parameters, context: Context) -> Decision:
    """Branch on a value of the chat, by the first condition that holds."""
    return Compared(look_up(parameters["ComparisonValue"], context))


def is_number(text: str) -> bool:
    """Tell whether `text` is a decimal number as the Number operators read it."""
    return _NUMBER.fullmatch(text) is not None


def holds(name: str, value: str | None, operands: Sequence[str], context: Context) -> bool:
    """Tell whether a condition with the operator `name` holds for `value`.

    Texts are compared with regard to case. A missing value fulfils no operator; a text that is not a number fulfils no
    Number operator. Source: Admin Guide, check contact attributes block.
    Assumed: KeyExists, of which only the name is documented, holds for every value that exists; its operands have no
    effect.
    """
    if value is None or name == KEY_EXISTS:
        return value is not None
    for operand in operands:
        wanted = resolve(operand, context)
        if wanted is None:
            continue
        if name in _TEXT_OPERATORS:
            if _TEXT_OPERATORS[name](value, wanted):
                return True
        elif (
            is_number(value)
            and is_number(wanted)
            and _NUMBER_OPERATORS[name](Decimal(value), Decimal(wanted))
        ):
            return True
    return False


def _wait_results(parameters: Parameters) -> tuple[str, ...]:
    return (WAIT_COMPLETED, *parameters.get("Events", ()))


@action(
    ActionType(
        one_of={"TimeLimitSeconds": seconds, "TimeoutSeconds": seconds},
        optional={"Events": wait_events},
        refused={
            "ContinueExecution": "is not supported; the flow runs no other action while it waits",
            "MinimumWaitTimeSeconds": "belongs to ContinueExecution, which is not supported",
        },
        errors=(NO_MATCHING_ERROR, PARTICIPANT_NOT_FOUND),
        operators=("Equals",),
        results=_wait_results,
    )
)
def wait(parameters: Parameters, context: Context) -> Decision:
    """Wait for a time, or until an event: the customer sends a message, or the bot has left.

    Exported flows have TimeLimitSeconds; the documentation has TimeoutSeconds.
    """
    given = parameters.get("TimeLimitSeconds") or parameters["TimeoutSeconds"]
    limit = _seconds(resolve(given, context) or "")
    return Pause(limit, parameters.get("Events", ())) if limit else Failed()


@action(ActionType(terminal=True, not_in=HOLD + WHISPER))
def disconnect_participant(parameters: Parameters, context: Context) -> Decision:
    """Disconnect the customer, which ends the contact."""
    return End()


@action(ActionType(terminal=True))
def end_flow_execution(parameters: Parameters, context: Context) -> Decision:
    """End the flow, which in an inbound or disconnect flow ends the contact.

    Source: Admin Guide, end flow block.
    """
    return End()


def _entry(name: str, value: Any, read: Reader) -> str:
    try:
        return str(read(value))
    except ValueError as error:
        raise ValueError(f"has an entry {name[:60]!r} that {error}") from None


def _fits(text: str) -> bool:
    return len(text) <= TEXT_CHARACTERS_MAX and len(text.encode()) <= TEXT_BYTES_MAX


def _seconds(text: str) -> int | None:
    whole = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
    return whole if 1 <= whole <= WAIT_SECONDS_MAX else None
