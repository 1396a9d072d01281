"""The operations: one AWS operation is one plain function, run inside one transaction.

`dispatch` is all the machinery there is: find the function, answer a repeated ClientToken from the stored reply,
run what became due. An operation takes `tx`, the caller, and the model's members as keyword arguments in
snake_case; it answers a dict with the model's member names, or raises a `Fault` the model lists for it.
"""

import base64
import hashlib
import hmac
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from threadline.clock import token_hash
from threadline.errors import Fault
from threadline.store import Task, Tx

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])
Document = Mapping[str, Any]
Reply = dict[str, Any]
RETRY_DELAYS_MS = (1_000, 5_000, 30_000, 120_000, 600_000)


class AccountCaller(NamedTuple):
    """Who signed the request with an access key."""

    account_id: str
    access_key_id: str


class ParticipantCaller(NamedTuple):
    """Who showed a bearer token: a participant of a session (its key in the store)."""

    session: int
    participant_id: str


Caller = AccountCaller | ParticipantCaller


class Operation(NamedTuple):
    """How the edge calls an operation.

    `bearer` is the kind of token the caller must show, or None where requests are signed. `scope` names the members
    that, with the caller, a ClientToken is unique within; None means that the operation keeps no replies.
    `refused` lists members of the model that are not supported and are refused by the function; `members` are all that
    it takes.
    """

    service: str
    name: str
    call: Callable[..., Reply]
    writes: bool
    bearer: str | None
    scope: tuple[str, ...] | None
    conflict: str
    freshen: Callable[..., Reply] | None
    refused: tuple[str, ...]
    members: frozenset[str]


OPERATIONS: dict[tuple[str, str], Operation] = {}
CONTINUATIONS: dict[str, Callable[[Tx, Task], None]] = {}


def operation(
    service: str,
    *,
    writes: bool = True,
    bearer: str | None = None,
    scope: tuple[str, ...] | None = None,
    conflict: str = "InvalidRequestException",
    freshen: Callable[..., Reply] | None = None,
    refused: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Register a function as the model's operation of the same name; see `Operation` for the options.

    `freshen(tx, reply, arguments)` completes every reply, first or repeated, with what must not be stored.
    """

    def register(function: F) -> F:
        name = "".join(word.capitalize() for word in function.__name__.split("_"))
        members = frozenset(inspect.signature(function).parameters) - {"tx", "caller"}
        OPERATIONS[service, name] = Operation(
            service, name, function, writes, bearer, scope, conflict, freshen, refused, members
        )
        return function

    return register


def continuation(kind: str) -> Callable[[F], F]:
    """Register what continues a task of `kind`, as `function(tx, task)`."""

    def register(function: F) -> F:
        CONTINUATIONS[kind] = function
        return function

    return register


def dispatch(tx: Tx, operation: Operation, caller: Caller, arguments: Mapping[str, Any]) -> Reply:
    """Run an operation: the reply of an earlier call with the same ClientToken, or a new one."""
    if not operation.members.issuperset(arguments):
        unknown = min(arguments.keys() - operation.members)
        code = "ValidationException" if operation.bearer else "InvalidRequestException"
        raise Fault(code, f"{unknown} is newer than this server and not supported. Leave it out.")
    if "instance_id" in arguments:
        arguments = {**arguments, "instance_id": bare_id(arguments["instance_id"])}
    token = arguments.get("client_token")
    if operation.scope is None or not token:
        reply = operation.call(tx, caller, **arguments)
    else:
        reply = _once(tx, operation, caller, arguments, token)
    if tx.due_now:
        run_due_now(tx)
    return operation.freshen(tx, reply, arguments) if operation.freshen else reply


class Secret(str):
    """A secret in a reply, which can be made again for the same ClientToken and is never stored."""

    __slots__ = ("label",)
    label: str


def issue_secret(tx: Tx, label: str, client_token: str | None) -> Secret:
    """A new secret of 256 bits. With a ClientToken it comes from that and the reply's random salt.

    So a repeated call gets the same secret while the store holds only its hash, and who has the store's content
    but not the ClientToken cannot make it.
    """
    if client_token is None:
        secret = Secret(tx.clock.token())
    else:
        tx.salt = tx.salt or tx.clock.token()
        digest = hmac.new(tx.salt.encode(), f"{label}\n{client_token}".encode(), hashlib.sha256).digest()
        secret = Secret(base64.urlsafe_b64encode(digest).rstrip(b"=").decode())
    secret.label = label
    return secret


def _once(tx: Tx, operation: Operation, caller: Caller, arguments: Mapping[str, Any], token: str) -> Reply:
    """Answer a ClientToken seen before from its stored reply; otherwise run the operation and store the reply."""
    identity = caller.account_id if isinstance(caller, AccountCaller) else caller.participant_id
    scope = [str(arguments[member]) for member in operation.scope or ()]
    key = "/".join([*scope, identity, operation.name, token_hash(token)[:40]])
    given = hashlib.sha256(msgspec.json.encode(arguments, order="sorted")).hexdigest()
    stored = tx.one("reply_of", key=key)
    if stored is not None:
        arguments_hash, salt, text = stored
        if arguments_hash != given:
            raise Fault(
                operation.conflict,
                "ClientToken was used with different parameters. Send a new ClientToken with a new request.",
            )
        tx.salt = salt
        revived: Reply = _revive(tx, msgspec.json.decode(text), token)
        return revived
    reply = operation.call(tx, caller, **arguments)
    tx.run(
        "insert_reply",
        key=key,
        arguments_hash=given,
        salt=tx.salt,
        reply=msgspec.json.encode(_conceal(reply)).decode(),
        now_ms=tx.now_ms,
    )
    return reply


def _conceal(value: Any) -> Any:
    if isinstance(value, Secret):
        return {"$secret": value.label}
    if isinstance(value, dict):
        return {name: _conceal(member) for name, member in value.items()}
    return value


def _revive(tx: Tx, value: Any, token: str) -> Any:
    if isinstance(value, dict):
        if "$secret" in value:
            return issue_secret(tx, value["$secret"], token)
        return {name: _revive(tx, member, token) for name, member in value.items()}
    return value


def run_due_now(tx: Tx) -> None:
    """Run the tasks that this transaction made and that are due already."""
    while tx.due_now:
        _continue(tx, tx.due_now.pop(0))


def due_tasks(tx: Tx, limit: int = 100) -> tuple[list[Task], int | None]:
    """Up to `limit` tasks that are due, and when the earliest there is is due, in epoch milliseconds."""
    tasks = [Task(*row) for row in tx.all("due_tasks", now_ms=tx.now_ms, limit=limit)]
    first = tx.one("next_task")
    return tasks, first[0] if first else None


def run_task(tx: Tx, task: Task) -> None:
    """Run a task that is due, unless it is gone by now: cancelled, or run by another node.

    The session is locked before the task, as wherever tasks are cancelled. These locks are the task's lease: they end
    with the transaction, and with the node that holds them.
    """
    if task.session is not None:
        tx.one("session", session=task.session)
    _continue(tx, task)
    run_due_now(tx)


def _continue(tx: Tx, task: Task) -> None:
    """Run one task and delete its row; when it fails, undo it and try again later, so that nothing is lost."""
    try:
        with tx.savepoint():
            if tx.one("delete_task", id=task.id):
                CONTINUATIONS[task.kind](tx, task)
    except Exception:
        delay_ms = put_off(tx, task)
        log.exception(
            "task %s of contact %s failed; it runs again in %d ms", task.kind, task.contact_id, delay_ms
        )


def put_off(tx: Tx, task: Task) -> int:
    """Let a task that has failed wait, the longer the more often it has; by how many milliseconds."""
    delay_ms = RETRY_DELAYS_MS[min(task.attempts, len(RETRY_DELAYS_MS) - 1)]
    tx.run("postpone_task", id=task.id, due_at_ms=tx.now_ms + delay_ms)
    return delay_ms


def bare_id(id_or_arn: str) -> str:
    """The id in `id_or_arn`: AWS accepts either wherever it asks for an id."""
    return id_or_arn.rpartition("/")[2] if id_or_arn.startswith("arn:") else id_or_arn


def refuse(code: str, **members: Any) -> None:
    """Raise a clear refusal for the first member that is given but not supported."""
    for name, value in members.items():
        if value is not None:
            raise Fault(code, f"{name} is not supported by this server. Leave it out.")
