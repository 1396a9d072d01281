"""The test controls: faults that a test sets, and the calls that were answered. Refused by a server without them.

They read and change what `Tx.policy.controls` holds, which is memory of the server's one process, never the store.
"""

from typing import Any, NoReturn

from threadline.aws.faults import PROTOCOL_FAULTS
from threadline.aws.model import load
from threadline.aws.names import SERVICES
from threadline.controls import Controls
from threadline.controls.calls import CallRecord, text
from threadline.controls.faults import FRAME, WEBSOCKET, FaultKind, Rule, kinds_of
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

    `operation` is an operation's name, `WebSocket` or `Frame`; without it, the calls of every operation fail.
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
    if name is None or name in (WEBSOCKET, FRAME) or any(name == known for _, known in OPERATIONS):
        return name or ""
    near = [
        known for _, known in OPERATIONS if known.lower() == name.replace("-", "").replace("_", "").lower()
    ]
    hint = f" Write {near[0]}." if near else f" Name one as Amazon does, or {WEBSOCKET}, or {FRAME}."
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
    if target == FRAME or fault not in codes:
        _refuse(where, fault, [*sorted(kinds), *(sorted(codes) if target != FRAME else ())])


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
