"""The units of work of a server. A frontend sends those of its clients to the writer's process."""

from dataclasses import asdict
from typing import Any

from threadline.aws import restjson
from threadline.aws.model import load
from threadline.operations.continuations import answer_task, lease_task, put_off, run_task
from threadline.operations.keys import unlock_keys
from threadline.operations.participants import subscribe
from threadline.operations.registry import OPERATIONS, Caller, ParticipantCaller, dispatch
from threadline.operations.sign_in import make_sign_in_token, sign_in
from threadline.operations.workspace import first_workspace, make_workspace
from threadline.store import Task, Tx, UnitOfWork


class Call(UnitOfWork[bytes], gc=False):
    """A call of an operation. `url` is the server's URL by this client's request, if requests decide that."""

    service: str
    name: str
    caller: Caller
    arguments: dict[str, Any]
    url: str = ""

    @property
    def session(self) -> int | None:
        """The session of a participant's call. A call of the account may write any session."""
        return self.caller.session if isinstance(self.caller, ParticipantCaller) else None

    def run(self, tx: Tx) -> bytes:
        """Run the operation and return the body of the response. Faults: the operation's."""
        if self.url:
            tx.policy = tx.policy._replace(url=self.url)
        reply = dispatch(tx, OPERATIONS[self.service, self.name], self.caller, self.arguments)
        return restjson.serialise(load(self.service).operations[self.name], reply)


class StartChat(Call, gc=False):
    """A StartChatContact of a caller who has no key. It takes a past chat of the same CustomerId only."""

    def run(self, tx: Tx) -> bytes:
        """Start the chat and return the body of the response. Faults: those of StartChatContact."""
        tx.policy = tx.policy._replace(require_same_customer="known")
        return Call.run(self, tx)


class Subscribe(UnitOfWork[tuple[int, str]], gc=False):
    """The subscription of a participant's socket to their session."""

    session: int
    participant_id: str

    def run(self, tx: Tx) -> tuple[int, str]:
        """Subscribe, and return the cursor to deliver from and the session's first contact. Faults: see `subscribe`."""
        subscription = subscribe(tx, ParticipantCaller(self.session, self.participant_id))
        return subscription.cursor, subscription.initial_contact_id


class NoteUse(UnitOfWork[None], gc=False):
    """The use of an access key at a time (epoch milliseconds)."""

    access_key_id: str
    at_ms: int

    def run(self, tx: Tx) -> None:
        """Keep the time as the key's last use. Faults: none."""
        tx.run("set_access_key_last_used", id=self.access_key_id, at_ms=self.at_ms)


class KeepUpload(UnitOfWork[bool], gc=False):
    """The end of an upload: the bytes of a file are the object `key`."""

    attachment_id: str
    key: str

    def run(self, tx: Tx) -> bool:
        """Keep the key, and return whether the file is still to be completed. Faults: none."""
        return tx.one("keep_upload", id=self.attachment_id, object_key=self.key) is not None


class Probe(UnitOfWork[None], gc=False):
    """A check whether the store can write: a write transaction that reads one row and writes nothing."""

    def run(self, tx: Tx) -> None:
        """Read one row. Faults: none."""
        tx.one("first_instance")


class RunTask(UnitOfWork[None], gc=False):
    """A task that is due."""

    task: Task

    @property
    def session(self) -> int | None:
        """The session of the task."""
        return self.task.session

    def run(self, tx: Tx) -> None:
        """Run the task. Faults: none; see `run_task`."""
        run_task(tx, self.task)


class PutOff(UnitOfWork[int], gc=False):
    """A task whose transaction has failed."""

    task: Task

    @property
    def session(self) -> int | None:
        """The session of the task."""
        return self.task.session

    def run(self, tx: Tx) -> int:
        """Make the task due later. Faults: none."""
        return put_off(tx, self.task)


class LeaseTask(UnitOfWork[dict[str, Any] | None], gc=False):
    """A task that makes a call outside: the part before the call."""

    task: Task

    @property
    def session(self) -> int | None:
        """The session of the task."""
        return self.task.session

    def run(self, tx: Tx) -> dict[str, Any] | None:
        """Take the task and return the request. Faults: none; see `lease_task`."""
        return lease_task(tx, self.task)


class AnswerTask(UnitOfWork[None], gc=False):
    """A task that makes a call outside: the part after the call."""

    task: Task
    answer: dict[str, Any]

    @property
    def session(self) -> int | None:
        """The session of the task."""
        return self.task.session

    def run(self, tx: Tx) -> None:
        """Use the answer. Faults: none; see `answer_task`."""
        answer_task(tx, self.task, self.answer)


class FirstWorkspace(UnitOfWork[tuple[str | None, dict[str, Any] | None]], gc=False):
    """The first workspace of the store, which is made in an empty store.

    `expected` is the instance that the store has to begin with; empty where any will do. `preset` has the ids of a new
    one, as in `make_workspace`. See `unlock_keys` for the `secrets` that the server knows and for `accept_loss`.
    """

    expected: str
    preset: dict[str, str]
    secrets: dict[str, str]
    accept_loss: bool

    def run(self, tx: Tx) -> tuple[str | None, dict[str, Any] | None]:
        """Return the store's first instance and, if it is as expected, the workspace. Raises BadKey."""
        tx.one("alone")
        row = tx.one("first_instance")
        found = row[0] if row else None
        if self.expected not in ("", found):
            return found, None
        unlock_keys(tx, self.secrets, accept_loss=self.accept_loss)
        return found, asdict(first_workspace(tx, self.preset))


class MakeSignInToken(UnitOfWork[str], gc=False):
    """A token with which a browser signs in to an account."""

    account_id: str

    def run(self, tx: Tx) -> str:
        """Make the token and return it. Faults: none."""
        token, _ = make_sign_in_token(tx, self.account_id)
        return token


class SignIn(UnitOfWork[dict[str, str]], gc=False):
    """The trade of a browser's token for temporary credentials."""

    token: str

    def run(self, tx: Tx) -> dict[str, str]:
        """Take the token and return credentials. Faults: AccessDeniedException."""
        return sign_in(tx, self.token)


class MakeWorkspace(UnitOfWork[dict[str, Any]], gc=False):
    """One more workspace, of an account of its own."""

    account_id: str
    alias: str

    def run(self, tx: Tx) -> dict[str, Any]:
        """Make the workspace and return it. Faults: none."""
        return asdict(make_workspace(tx, account_id=self.account_id, alias=self.alias))


AnyUnit = (
    Call
    | StartChat
    | Subscribe
    | NoteUse
    | KeepUpload
    | Probe
    | RunTask
    | PutOff
    | LeaseTask
    | AnswerTask
    | FirstWorkspace
    | MakeWorkspace
    | MakeSignInToken
    | SignIn
)
"""The units that a frontend can send. A test holds that it has every class of `UnitOfWork`."""
