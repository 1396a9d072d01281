"""The registry of operations, and how one is run: `@operation` registers a function, `dispatch` calls it.

An operation takes `tx`, the caller, and the model's members as keyword arguments in snake_case. It returns a dict
with the model's member names, or raises a `Fault` that the model lists for it.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec

from threadline.errors import Fault
from threadline.operations.continuations import run_due_now
from threadline.operations.idempotency import ClientToken, store_reply, stored_reply
from threadline.store import Tx

F = TypeVar("F", bound=Callable[..., Any])
Document = Mapping[str, Any]
Reply = dict[str, Any]


class AccountCaller(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A caller whose request is signed with an access key of an account."""

    account_id: str
    access_key_id: str

    @property
    def identity(self) -> str:
        """The id of the caller within which a ClientToken is unique."""
        return self.account_id


class ParticipantCaller(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A caller whose request bears a token: a participant of a session (its key in the store)."""

    session: int
    participant_id: str

    @property
    def identity(self) -> str:
        """The id of the caller within which a ClientToken is unique."""
        return self.participant_id


class ReadOnlyCaller(ParticipantCaller, frozen=True, array_like=True, tag=True, gc=False):
    """A caller with a read token, until it expires: the customer of a chat, which they may also read after its end."""

    expires_at_ms: int = 0


Caller = AccountCaller | ParticipantCaller


class Operation(NamedTuple):
    """A registered operation.

    `bearer` is the kind of token that a request must bear, or None where requests are signed; `credential` is the
    member of the model in which the token arrives: it is authenticated before the call and not passed to the function.
    With `takes_read_token` a read token will do as well; the function then gets a ReadOnlyCaller.
    `scope` names the members that, with the caller, a ClientToken is unique within; None means that no replies are
    stored. `conflict` is the error for a ClientToken that comes back with other arguments. `complete` adds to every
    reply what must not be stored. `refused` lists members of the model that the function refuses since they are not
    supported. `members` are all members that the operation takes, `credential` included.
    """

    service: str
    name: str
    call: Callable[..., Reply]
    writes: bool
    bearer: str | None
    credential: str | None
    scope: tuple[str, ...] | None
    conflict: str
    complete: Callable[..., Reply] | None
    refused: tuple[str, ...]
    members: frozenset[str]
    takes_read_token: bool = False

    def run(self, tx: Tx, caller: Caller, arguments: Mapping[str, Any]) -> Reply:
        """Call the function with the arguments that it takes."""
        if self.credential is None:
            return self.call(tx, caller, **arguments)
        taken = dict(arguments)
        taken.pop(self.credential, None)
        return self.call(tx, caller, **taken)


OPERATIONS: dict[tuple[str, str], Operation] = {}


def operation(
    service: str,
    *,
    writes: bool = True,
    bearer: str | None = None,
    credential: str | None = None,
    scope: tuple[str, ...] | None = None,
    conflict: str = "InvalidRequestException",
    complete: Callable[..., Reply] | None = None,
    refused: tuple[str, ...] = (),
    takes_read_token: bool = False,
) -> Callable[[F], F]:
    """Register a function as the model's operation of the same name; see `Operation` for the options.

    `complete(tx, reply, arguments)` returns the reply to send, for a first and for a repeated call.
    """

    def register(function: F) -> F:
        name = "".join(word.capitalize() for word in function.__name__.split("_"))
        members = set(members_of(function))
        if credential is not None:
            members.add(credential)
        OPERATIONS[service, name] = Operation(
            service,
            name,
            function,
            writes,
            bearer,
            credential,
            scope,
            conflict,
            complete,
            refused,
            frozenset(members),
            takes_read_token,
        )
        return function

    return register


def members_of(function: Callable[..., Any]) -> dict[str, bool]:
    """The members that an operation's function takes, and whether it requires them.

    Those of `**request: Unpack[SearchRequest]` are the keys of that TypedDict, which several operations share.
    """
    found: dict[str, bool] = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[2:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (request,) = get_args(parameter.annotation)
            found |= {member: member in request.__required_keys__ for member in request.__annotations__}
        else:
            found[name] = parameter.default is inspect.Parameter.empty
    return found


def dispatch(tx: Tx, operation: Operation, caller: Caller, arguments: Mapping[str, Any]) -> Reply:
    """Run an operation and the tasks that it made due at once.

    A call with a ClientToken that an earlier call had returns the stored reply of that call. Faults: the operation's,
    and one for a member that the client's model has and this server does not support.
    """
    if not operation.members.issuperset(arguments):
        unknown = min(arguments.keys() - operation.members)
        code = "ValidationException" if operation.bearer else "InvalidRequestException"
        raise Fault(code, f"{unknown} is newer than this server and not supported. Leave it out.")
    if "instance_id" in arguments:
        arguments = {**arguments, "instance_id": bare_id(arguments["instance_id"])}
    text = arguments.get("client_token")
    if operation.scope is None or not text:
        reply = operation.run(tx, caller, arguments)
    else:
        scope = [*(str(arguments[member]) for member in operation.scope), caller.identity, operation.name]
        reply = _run_once(tx, operation, caller, arguments, ClientToken.of(text, scope, arguments))
    if tx.due_now:
        run_due_now(tx)
    return operation.complete(tx, reply, arguments) if operation.complete else reply


def _run_once(
    tx: Tx, operation: Operation, caller: Caller, arguments: Mapping[str, Any], token: ClientToken
) -> Reply:
    """Return the stored reply of a ClientToken; without one, run the operation and store its reply.

    On PostgreSQL the same call may commit on another node while this one waits for a lock, and is then refused for the
    effect of the other. Its reply is there by now.
    """
    reply = stored_reply(tx, token, operation.conflict)
    if reply is not None:
        return reply
    try:
        reply = operation.run(tx, caller, arguments)
    except Fault:
        reply = None if tx.has_written else stored_reply(tx, token, operation.conflict)
        if reply is None:
            raise
        return reply
    store_reply(tx, token, reply)
    return reply


def bare_id(id_or_arn: str) -> str:
    """The id in `id_or_arn`: AWS accepts either for every id."""
    return id_or_arn.rpartition("/")[2] if id_or_arn.startswith("arn:") else id_or_arn


def refuse(code: str, **members: Any) -> None:
    """Raise a Fault for the first member that is given but not supported."""
    for name, value in members.items():
        if value is not None:
            raise Fault(code, f"{name} is not supported by this server. Leave it out.")
