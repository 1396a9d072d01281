"""Actions that choose a branch: by a value, a count, chance, time, or the state of a queue."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from threadline.flows.declaration import ActionType, Parameters, action
from threadline.flows.effects import (
    PARTICIPANT_NOT_FOUND,
    CheckHours,
    Compared,
    Counted,
    Decision,
    Failed,
    Pause,
    ReadMetric,
    ReadMetrics,
)
from threadline.flows.readers import (
    WAIT_SECONDS_MAX,
    as_whole,
    reference,
    scalar,
    static_or_reference,
    wait_events,
    whole,
)
from threadline.flows.references import Context, look_up, resolve

WAIT_COMPLETED = "WaitCompleted"
CUSTOMER_RETURNED = "CustomerReturned"
BOT_DISCONNECTED = "BotParticipantDisconnected"
LOOPS_MAX = 100
"""Source: Loop action page."""

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
    Assumed: the operand NULL, which some exported flows have, is a text like any other: a missing value does not
    fulfil it.
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


@action(
    ActionType(
        required={"LoopCount": whole(0, LOOPS_MAX)},
        operators=("Equals",),
        results=lambda parameters: ("ContinueLooping", "DoneLooping"),
    )
)
def loop(parameters: Parameters, context: Context) -> Decision:
    """Take ContinueLooping LoopCount times, then DoneLooping, after which it counts from the beginning again."""
    limit = as_whole(resolve(parameters["LoopCount"], context), 0, LOOPS_MAX)
    return Failed() if limit is None else Counted(limit)


@action(ActionType(operators=tuple(_NUMBER_OPERATORS)))
def distribute_by_percentage(parameters: Parameters, context: Context) -> Decision:
    """Branch on a random whole number from 1 to 100, which the context has as `Percent`.

    Source: Admin Guide, distribute by percentage block. Its conditions are cumulative thresholds: NumberLessThan.
    Observed: the console writes a share of 3 % as less than 4.
    """
    return Compared(look_up("$.Percent", context))


@action(
    ActionType(
        optional={"HoursOfOperationId": static_or_reference},
        operators=("Equals",),
        results=lambda parameters: ("True", "False"),
    )
)
def check_hours_of_operation(parameters: Parameters, context: Context) -> Decision:
    """Branch on whether the hours of operation are open now: those that are named, or those of the contact's queue."""
    given = parameters.get("HoursOfOperationId")
    hours_id = resolve(given, context) if given else None
    return Failed() if given and not hours_id else CheckHours(hours_id)


@action(
    ActionType(
        required={"MetricType": scalar},
        optional={"QueueId": static_or_reference, "AgentId": static_or_reference},
        ignored=("Channel", "QueueChannel"),
        operators=("Equals", *_NUMBER_OPERATORS),
    )
)
def check_metric_data(parameters: Parameters, context: Context) -> Decision:
    """Branch on a metric of a queue, such as NumberOfAgentsAvailable or OldestContactInQueueAgeSeconds.

    Observed: OldestContactInQueueAgeSeconds is compared in milliseconds; the console writes 300000 for five minutes.
    Assumed: a metric that this server does not have takes NoMatchingError.
    """
    given = parameters.get("QueueId")
    queue_id = resolve(given, context) if given else None
    if (given and not queue_id) or "AgentId" in parameters:
        return Failed()
    return ReadMetric(parameters["MetricType"], queue_id)


@action(
    ActionType(
        required={"MetricType": scalar},
        optional={"QueueId": static_or_reference, "AgentId": static_or_reference},
        operators=("Equals", *_NUMBER_OPERATORS),
    )
)
def check_staffing(parameters: Parameters, context: Context) -> Decision:
    """Branch on whether a queue has agents who are available, staffed or online."""
    return check_metric_data(parameters, context)


@action(
    ActionType(
        optional={"QueueId": static_or_reference, "AgentId": static_or_reference},
        ignored=("QueueChannel", "Channel", "MetricType"),
    )
)
def get_metric_data(parameters: Parameters, context: Context) -> Decision:
    """Read the metrics of a queue, which `$.Metrics` then refers to."""
    given = parameters.get("QueueId")
    queue_id = resolve(given, context) if given else None
    return Failed() if given and not queue_id else ReadMetrics(queue_id)


def _wait_results(parameters: Parameters) -> tuple[str, ...]:
    return (WAIT_COMPLETED, *parameters.get("Events", ()))


@action(
    ActionType(
        one_of={
            "TimeLimitSeconds": whole(1, WAIT_SECONDS_MAX),
            "TimeoutSeconds": whole(1, WAIT_SECONDS_MAX),
        },
        optional={"Events": wait_events(CUSTOMER_RETURNED, BOT_DISCONNECTED)},
        ignored=("ContinueExecution", "MinimumWaitTimeSeconds"),
        errors=(PARTICIPANT_NOT_FOUND,),
        operators=("Equals",),
        results=_wait_results,
    )
)
def wait(parameters: Parameters, context: Context) -> Decision:
    """Wait for a time, or until an event: the customer sends a message, or the bot has left.

    Exported flows have TimeLimitSeconds; the documentation has TimeoutSeconds.
    Assumed: ContinueExecution, of which only the name is known, has no effect.
    """
    given = parameters.get("TimeLimitSeconds") or parameters["TimeoutSeconds"]
    limit = as_whole(resolve(given, context), 1, WAIT_SECONDS_MAX)
    return Pause(limit, parameters.get("Events", ())) if limit else Failed()
