"""Effects and decisions: the values that an action's function returns.

An effect is a request that the runner carries out and answers with an `engine.Outcome`. A decision names the branch
without the runner. All are plain values: they hold no connection, no transaction and no clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NO_MATCHING_ERROR = "NoMatchingError"
NO_MATCHING_CONDITION = "NoMatchingCondition"
PARTICIPANT_NOT_FOUND = "ParticipantNotFound"
QUEUE_AT_CAPACITY = "QueueAtCapacity"
INPUT_TIME_LIMIT_EXCEEDED = "InputTimeLimitExceeded"
TIME_LIMIT_EXCEEDED = "TimeLimitExceeded"


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """Show `text` to the participants as a message of the system."""

    text: str


@dataclass(frozen=True, slots=True)
class SetTargetQueue:
    """Make the queue (an id or ARN) the one that EnterQueue uses; with `agent`, the queue of this user."""

    queue_id: str
    agent: bool = False


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Put the contact into its target queue."""


@dataclass(frozen=True, slots=True)
class MoveToQueue:
    """Take the contact out of its queue and put a new contact into the queue (an id or ARN) or a user's queue."""

    queue_id: str
    agent: bool = False


@dataclass(frozen=True, slots=True)
class TransferToAgent:
    """Offer the contact to the agent whom the quick connect or the target queue names."""


@dataclass(frozen=True, slots=True)
class SetHooks:
    """Run these flows (ids or ARNs) at the events of the hooks; None runs no flow at an event."""

    hooks: Mapping[str, str | None]


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
class SetContactData:
    """Set members of the contact: Name, Description, CustomerId, LanguageCode, References and others."""

    values: Mapping[str, Any]
    related: bool = False


@dataclass(frozen=True, slots=True)
class TagContact:
    """Add tags to the contact and remove those whose keys are in `removed`."""

    added: Mapping[str, str]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckHours:
    """Answer True or False: whether the hours (an id or ARN), or those of the contact's queue, are open now."""

    hours_id: str | None


@dataclass(frozen=True, slots=True)
class ReadMetric:
    """Answer with one metric of a queue (an id or ARN), or of the contact's queue, as its result."""

    metric: str
    queue_id: str | None


@dataclass(frozen=True, slots=True)
class ReadMetrics:
    """Answer with all metrics of a queue (an id or ARN), or of the contact's queue, under `$.Metrics`."""

    queue_id: str | None


@dataclass(frozen=True, slots=True)
class LoadFlow:
    """Find the published flow or module (an id or ARN) and answer with its key, which the engine goes on in."""

    flow_id: str
    module: bool


@dataclass(frozen=True, slots=True)
class InvokeLambda:
    """Invoke a Lambda function. `attributes` are its Parameters; the answer is JSON, or flat strings."""

    function_arn: str
    attributes: Mapping[str, Any]
    seconds: int
    is_json: bool
    waits: bool = True


@dataclass(frozen=True, slots=True)
class AskBot:
    """Show `text`, if any, and send `message`, if any, to a Lex bot's alias; wait `seconds` for the customer."""

    alias_arn: str
    text: str | None
    message: str | None
    attributes: Mapping[str, str]
    seconds: int


@dataclass(frozen=True, slots=True)
class ShowView:
    """Show a view to the customer and wait `seconds` for the action that they choose.

    With `hides_answer` the data of their answer is not in the transcript.
    """

    view_id: str
    version: str | None
    data: Mapping[str, Any]
    seconds: int
    hides_answer: bool = False


@dataclass(frozen=True, slots=True)
class CallService:
    """Ask the neighbour that is configured for actions of this type; without one the action fails."""

    type: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Announce:
    """Show the texts one after the other, then wait until the contact leaves the queue."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for `seconds`, or until one of `events` happens."""

    seconds: int
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class End:
    """The flow has ended. With `disconnects` the contact ends in every type of flow."""

    disconnects: bool = False


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep `values` in the state of the run, by the root of the references that read them, and go on."""

    values: Mapping[str, Any]
    logs: bool | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """The value that the conditions compare; None when the chat has no such value."""

    value: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """One more pass through a loop of `limit` passes."""

    limit: int


@dataclass(frozen=True, slots=True)
class Return:
    """The module has ended: go back to the flow that invoked it."""

    result: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The action failed: take the branch of this error. `reason` goes to the log when it is for an operator."""

    error_type: str = NO_MATCHING_ERROR
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Passed:
    """The action has no effect on a chat: go on with NextAction."""


Waiting = Pause | InvokeLambda | AskBot | ShowView | CallService | Announce
"""Effects after which the flow waits for an event."""
Effect = (
    ShowMessage
    | SetTargetQueue
    | EnterQueue
    | MoveToQueue
    | TransferToAgent
    | SetHooks
    | Associate
    | SetAttributes
    | SetContactData
    | TagContact
    | CheckHours
    | ReadMetric
    | ReadMetrics
    | LoadFlow
    | Waiting
    | End
)
Decision = Effect | Remember | Compared | Counted | Return | Failed | Passed
