"""The test controls: faults that a test sets, and the calls that were answered. Refused by a server without them.

They read and change what `Tx.policy.controls` holds, which is memory of the server's one process, never the store.
"""

from pathlib import Path
from typing import Any, NoReturn

from threadline.aws.faults import PROTOCOL_FAULTS
from threadline.aws.model import load
from threadline.aws.names import SERVICES
from threadline.chat.transcript import Item
from threadline.clock import ManualClock
from threadline.controls import Beginning, ControlRefused, Controls
from threadline.controls.calls import CallRecord, SentMessage, judge, text
from threadline.controls.faults import OF_EVENTS, WEBSOCKET, FaultKind, Rule, kinds_of
from threadline.errors import Fault
from threadline.operations.registry import OPERATIONS, AccountCaller, Reply, operation
from threadline.store import Tx

INVALID = "InvalidRequestException"
INTERNAL = "InternalServiceException"
PAGE_CALLS = 100


@operation("threadline", writes=False)
def set_fault(
    tx: Tx,
    caller: AccountCaller,
    *,
    fault: str,
    operation: str | None = None,
    times: int | None = None,
    probability: float | None = None,
    seed: int | None = None,
    participant_id: str | None = None,
    contact_id: str | None = None,
    seconds: float | None = None,
    message: str | None = None,
) -> Reply:
    """Have calls, handshakes or pushed items fail from now on.

    `operation` is the name of an operation or of another event, such as `WebSocket`; without it, the calls of every
    operation fail.
    Faults: AccessDeniedException without test controls; InvalidRequestException for an operation or a fault that there
        is not, and for one that the operation cannot have.
    """
    controls = _controls(tx)
    target = _target(operation)
    _check_fault(target, fault)
    if fault == FaultKind.DELAY and not seconds:
        raise Fault(INVALID, "A DELAY takes Seconds: how long the call waits.")
    rule = Rule(
        controls.faults.next_id(),
        target,
        fault,
        times or 0,
        1.0 if probability is None else probability,
        seed or 0,
        participant_id or "",
        contact_id or "",
        seconds or 0.0,
        message or "",
    )
    controls.faults.set(rule)
    return {"FaultId": rule.id}


@operation("threadline", writes=False)
def list_faults(tx: Tx, caller: AccountCaller) -> Reply:
    """List the faults that are set, in their order, and how often each has happened.

    Faults: AccessDeniedException without test controls.
    """
    return {"Faults": [_shown(rule, fired) for rule, fired in _controls(tx).faults.all()]}


@operation("threadline", writes=False)
def clear_faults(tx: Tx, caller: AccountCaller, *, fault_id: str | None = None) -> Reply:
    """Remove one fault, or all of them.

    Faults: AccessDeniedException without test controls; ResourceNotFoundException for a fault that is not set.
    """
    faults = _controls(tx).faults
    if fault_id is None:
        faults.clear_all()
    elif not faults.clear(fault_id):
        raise Fault(
            "ResourceNotFoundException", f"Fault not found: {fault_id}. ListFaults lists those that are set."
        )
    return {}


@operation("threadline", writes=False)
def list_calls(
    tx: Tx, caller: AccountCaller, *, max_results: int = PAGE_CALLS, next_token: str | None = None
) -> Reply:
    """List the calls since the server's start, oldest first, with their answers and faults.

    Faults: AccessDeniedException without test controls; InvalidRequestException for a NextToken that is none.
    """
    if next_token is not None and not (next_token.isascii() and next_token.isdigit()):
        raise Fault(INVALID, "NextToken is not one of ListCalls: send that of the previous answer, or none.")
    found = _controls(tx).calls.after(int(next_token or 0), max_results + 1)
    page = found[:max_results]
    reply: Reply = {"Calls": [_call(call) for call in page]}
    if len(found) > max_results:
        reply["NextToken"] = str(page[-1].number)
    return reply


@operation("threadline", writes=False)
def list_flow_steps(
    tx: Tx, caller: AccountCaller, *, max_results: int = PAGE_CALLS, next_token: str | None = None
) -> Reply:
    """List the blocks of flows that have run since the server's start, oldest first, as the flow log has them.

    Faults: AccessDeniedException without test controls; InvalidRequestException for a NextToken that is none.
    """
    if next_token is not None and not (next_token.isascii() and next_token.isdigit()):
        raise Fault(
            INVALID, "NextToken is not one of ListFlowSteps: send that of the previous answer, or none."
        )
    found = _controls(tx).steps.after(int(next_token or 0), max_results + 1)
    page = found[:max_results]
    reply: Reply = {"Steps": [{**step, "Parameters": text(step["Parameters"])} for _, step in page]}
    if len(found) > max_results:
        reply["NextToken"] = str(page[-1][0])
    return reply


@operation("threadline", writes=False)
def check_messages(tx: Tx, caller: AccountCaller) -> Reply:
    """Compare the messages that senders were told are sent with the transcripts: none may be lost or doubled.

    A message counts as doubled when the transcript has it more often from a participant than that participant was told.
    Once is right for a message whose answer was lost. Reads: item, of every chat with a SendMessage among the calls.
    Faults: AccessDeniedException without test controls.
    """
    sent = _controls(tx).calls.sent()
    verdict = judge(sent, {session: _messages(tx, session, sent[session].since_ms) for session in sent})
    return {
        "AcknowledgedCount": verdict.acknowledged,
        "Lost": [_found(message) for message in verdict.lost],
        "Doubled": [_found(message) for message in verdict.doubled],
    }


@operation("threadline", writes=False)
def move_clock(
    tx: Tx, caller: AccountCaller, *, time: int | None = None, seconds: float | None = None
) -> Reply:
    """Move the server's clock to a time, or by a number of seconds; without either, say what it shows.

    The answer comes when all that has become due has run. Faults: AccessDeniedException without test controls;
        InvalidRequestException for both members at once.
    """
    _controls(tx)
    clock = tx.clock
    if not isinstance(clock, ManualClock):
        raise Fault(INVALID, "The clock of this server cannot be moved.")
    if time is not None and seconds is not None:
        raise Fault(INVALID, "Send Time or Seconds: where the clock goes, or how far.")
    if time is not None:
        clock.advance(ms=time - clock.now_ms())
    elif seconds:
        clock.advance(seconds=seconds)
    return {"Time": clock.now_ms()}


@operation("threadline", writes=False)
def reset_server(
    tx: Tx, caller: AccountCaller, *, seed: int | None = None, snapshot: str | None = None
) -> Reply:
    """Have a server in memory begin anew: without chats, faults and calls, or with the chats of a snapshot.

    With `seed`, ids are the same in every run and the clock stands until it is moved. Sockets and connections close.
    Faults: AccessDeniedException without test controls; InvalidRequestException for a server that keeps its data, and
        for a snapshot that cannot be read.
    """
    controls = _controls(tx)
    beginning = Beginning(seed, Path(snapshot) if snapshot else None)
    try:
        controls.server.check(beginning)
    except ControlRefused as refused:
        raise Fault(INVALID, str(refused)) from refused
    controls.beginning = beginning
    return {}


@operation("threadline", writes=False)
def save_snapshot(tx: Tx, caller: AccountCaller, *, path: str) -> Reply:
    """Save the chats and the time as a new folder on the server's machine: a backup, for `reset_server` or a restore.

    Faults: AccessDeniedException without test controls; InvalidRequestException when it cannot be written there.
    """
    controls = _controls(tx)
    try:
        controls.server.save(Path(path))
    except ControlRefused as refused:
        raise Fault(INVALID, str(refused)) from refused
    return {"Path": str(Path(path).absolute())}


def _messages(tx: Tx, session: int, since_ms: int) -> list[SentMessage]:
    items = tx.rows("page_forward", Item, session=session, first_seq=1, last_seq=2**62, limit=2**31 - 1)
    return [
        SentMessage(session, item.participant_id or "", item.id, item.content or "")
        for item in items
        if item.type == "MESSAGE" and item.at_ms >= since_ms
    ]


def _found(message: SentMessage) -> Reply:
    return {"ParticipantId": message.participant_id, "MessageId": message.id, "Content": message.content}


def _controls(tx: Tx) -> Controls:
    controls = tx.policy.controls
    if controls is None:
        raise Fault(
            "AccessDeniedException",
            "This server has no test controls. A server for tests has them:"
            " start it with `threadline serve --test-controls`.",
        )
    return controls


def _target(name: str | None) -> str:
    """The operation's name as the models write it. Faults: InvalidRequestException."""
    if name is None or name in OF_EVENTS or any(name == known for _, known in OPERATIONS):
        return name or ""
    near = [
        known for _, known in OPERATIONS if known.lower() == name.replace("-", "").replace("_", "").lower()
    ]
    hint = f" Write {near[0]}." if near else f" Name one as Amazon does, or one of {', '.join(OF_EVENTS)}."
    raise Fault(INVALID, f"This server has no operation {name}.{hint}")


def _check_fault(target: str, fault: str) -> None:
    """Refuse a fault that the calls of `target` cannot have. Faults: InvalidRequestException."""
    kinds = kinds_of(target)
    if fault in kinds:
        return
    where = target or "every operation"
    if fault in FaultKind.__members__:
        _refuse(where, fault, sorted(kinds))
    codes = _codes(target)
    has_codes = target == WEBSOCKET or target not in OF_EVENTS
    if not has_codes or fault not in codes:
        _refuse(where, fault, [*sorted(kinds), *(sorted(codes) if has_codes else ())])


def _codes(target: str) -> set[str]:
    """The error codes that a client of an operation may see."""
    listed = set(PROTOCOL_FAULTS)
    if not target:
        return listed | {INTERNAL}
    for service in SERVICES:
        if target in load(service).operations:
            listed |= set(load(service).operations[target].errors)
    return listed


def _refuse(where: str, fault: str, known: list[str]) -> NoReturn:
    raise Fault(INVALID, f"{fault} is no fault of {where}. Choose one of: {', '.join(known)}.")


def _shown(rule: Rule, fired: int) -> Reply:
    shown: dict[str, Any] = {
        "FaultId": rule.id,
        "Operation": rule.operation or None,
        "Fault": rule.fault,
        "Times": rule.times or None,
        "Probability": rule.probability,
        "Seed": rule.seed,
        "ParticipantId": rule.participant_id or None,
        "ContactId": rule.contact_id or None,
        "Seconds": rule.seconds or None,
        "Message": rule.message or None,
        "Fired": fired,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _call(call: CallRecord) -> Reply:
    shown: dict[str, Any] = {
        "Number": call.number,
        "Timestamp": call.at_ms,
        "Operation": call.operation,
        "ParticipantId": call.participant_id or None,
        "ContactId": call.contact_id or None,
        "Request": text(call.request),
        "Status": call.status,
        "Error": call.error or None,
        "Response": text(call.response),
        "Acknowledged": call.acknowledged,
        "Fault": call.fault or None,
        "FaultId": call.fault_id or None,
    }
    return {name: value for name, value in shown.items() if value is not None}
