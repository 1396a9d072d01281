"""The store: named SQL behind one transaction type, `Tx`, on two engines.

Operations see `Tx` and nothing else of this package. A unit of work is a value with a `run(tx)`; the store runs it
in a transaction, commits, tells its observer the effects, and only then answers. There is no fake store:
SQLite in memory is the fake.
"""

import contextlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Mapping
from importlib import resources
from typing import Any, Generic, NamedTuple, TypeVar, overload

import msgspec

from threadline.chat.limits import Policy
from threadline.chat.transcript import Item
from threadline.clock import Clock
from threadline.store.rows import Row as Row
from threadline.store.rows import all_taken_apart, taken_apart

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
Work = Callable[["Tx"], T]


class Appended(NamedTuple):
    """Items appended to a session's log: `items` follow the entry numbered `before` without a gap."""

    session: int
    before: int
    items: tuple[Item, ...]


class Signal(NamedTuple):
    """An event for the participants who are connected now, such as typing. It is not kept."""

    session: int
    sender: str
    event: dict[str, Any]


class Committed(NamedTuple):
    """The effects of a commit: items to push, signals to pass on, and when the earliest new task is due.

    `access_keys` are the ids of keys that were changed or deleted: caches forget them.
    """

    appended: tuple[Appended, ...]
    signals: tuple[Signal, ...]
    tasks_due_ms: int | None
    access_keys: tuple[str, ...] = ()

    def of(self, sessions: Container[int]) -> "Committed":
        """The part for a process that has sockets of `sessions` only."""
        appended = tuple([appended for appended in self.appended if appended.session in sessions])
        signals = tuple([each for each in self.signals if each.session in sessions])
        return Committed(appended, signals, None, self.access_keys)


BACKGROUND = frozenset({"index", "index_past", "erase", "sweep", "delete_chats"})
"""The kinds of tasks that run one at a time and with pauses, beside everything else. None of them is urgent."""


class Task(NamedTuple):
    """Something to do later: a row, so that it survives a restart."""

    id: int
    kind: str
    session: int | None
    contact_id: str | None
    due_at_ms: int
    attempts: int
    payload: str
    background: int = 0


class Tx(ABC):
    """One transaction. `now_ms` is its time: the same for all that happens in it."""

    salt = ""
    _tasks_due_ms: int | None = None
    _access_keys: tuple[str, ...] = ()

    def __init__(self, clock: Clock, policy: Policy) -> None:
        self.clock = clock
        self.policy = policy
        self.now_ms = clock.now_ms()
        self.due_now: list[Task] = []
        self._items: dict[int, list[Item]] = {}
        self._signals: list[Signal] = []

    @abstractmethod
    def all(self, name: str, /, **parameters: Any) -> list[Row]:
        """The rows of the named statement."""

    @property
    def has_written(self) -> bool:
        """Whether this transaction has written, where others can commit while it runs; else True."""
        return True

    @abstractmethod
    def savepoint(self) -> contextlib.AbstractContextManager[None]:
        """A scope whose writes are undone when an exception leaves it."""

    def one(self, name: str, /, **parameters: Any) -> Row | None:
        """The first row of the named statement, or None."""
        rows = self.all(name, **parameters)
        return rows[0] if rows else None

    @overload
    def row(self, name: str, a: type[A], /, **parameters: Any) -> A | None: ...
    @overload
    def row(self, name: str, a: type[A], b: type[B], /, **parameters: Any) -> tuple[A, B] | None: ...
    @overload
    def row(
        self, name: str, a: type[A], b: type[B], c: type[C], /, **parameters: Any
    ) -> tuple[A, B, C] | None: ...
    @overload
    def row(
        self, name: str, a: type[A], b: type[B], c: type[C], d: type[D], /, **parameters: Any
    ) -> tuple[A, B, C, D] | None: ...
    def row(self, name: str, /, *classes: type, **parameters: Any) -> Any:
        """The first row of the named statement, taken apart into `classes`; None where there is no row.

        A row class takes as many columns as it has fields, any other class one column:
        `session, contact, count = tx.row("session_and_contact", Session, Contact, int, ..)`.
        """
        found = self.all(name, **parameters)
        return taken_apart(found[0], classes) if found else None

    @overload
    def rows(self, name: str, a: type[A], /, **parameters: Any) -> list[A]: ...
    @overload
    def rows(self, name: str, a: type[A], b: type[B], /, **parameters: Any) -> list[tuple[A, B]]: ...
    @overload
    def rows(
        self, name: str, a: type[A], b: type[B], c: type[C], /, **parameters: Any
    ) -> list[tuple[A, B, C]]: ...
    def rows(self, name: str, /, *classes: type, **parameters: Any) -> Any:
        """All rows of the named statement, each taken apart into `classes`, as in `row`."""
        return all_taken_apart(self.all(name, **parameters), classes)

    def run(self, name: str, /, **parameters: Any) -> None:
        """Run the named statement for its effect."""
        self.all(name, **parameters)

    def put(self, name: str, row: Any, /) -> None:
        """Run the named statement with the fields of `row`, a NamedTuple, as its parameters in their order."""
        self.run(name, **row._asdict())

    def append(
        self,
        session: int,
        *,
        contact_id: str,
        type: str,
        content_type: str,
        content: str | None = None,
        participant_id: str | None = None,
        display_name: str | None = None,
        participant_role: str | None = None,
        push_only: bool = False,
        audience: str | None = None,
        metadata: dict[str, Any] | None = None,
        client_token: str | None = None,
        after: tuple[int, int] | None = None,
        is_counted: bool = False,
    ) -> Item:
        """Add an entry to a session's log and return it.

        `after` is the number and the time (epoch milliseconds) of the log's last entry, where the caller has read and
        locked the session's row; `is_counted` says that the caller has already written there what `following` says.
        Writes: session (the counter that is number and lock in one), item. Wakes: the session.
        Times within a session strictly increase, so that clients which sort by time keep the order.
        """
        number = self.following(session, after)
        if number is None:
            row = self.one("grow_session", session=session, now_ms=self.now_ms)
            if row is None:
                raise LookupError(f"no session {session}")
            number = row[0], row[1]
        elif not is_counted:
            self.run("count_entry", session=session, seq=number[0], at_ms=number[1])
        seq, at_ms = number
        item = Item(
            session,
            seq,
            contact_id,
            self.clock.item_id(at_ms, seq),
            at_ms,
            type,
            content_type,
            content,
            participant_id,
            display_name,
            participant_role,
            int(push_only),
            audience,
            json.dumps(metadata) if metadata is not None else None,
            client_token,
        )
        self.put("insert_item", item)
        self._items.setdefault(session, []).append(item)
        return item

    def following(self, session: int, after: tuple[int, int] | None) -> tuple[int, int] | None:
        """The number and time of a session's next entry; None when nobody here knows. `after` as in `append`."""
        if appended := self._items.get(session):
            after = appended[-1].seq, appended[-1].at_ms
        return (after[0] + 1, max(self.now_ms, after[1] + 1)) if after else None

    def signal(self, session: int, sender: str, event: dict[str, Any]) -> None:
        """Show `event` to the other participants who are connected when this commits."""
        self._signals.append(Signal(session, sender, event))

    def later(
        self,
        kind: str,
        due_at_ms: int,
        *,
        session: int | None = None,
        contact_id: str | None = None,
        payload: Mapping[str, Any] | None = None,
        attempts: int = 0,
        outside: bool = False,
    ) -> None:
        """Write a task row. One that is due already runs before this transaction commits, unless it is `outside`."""
        row = {
            "kind": kind,
            "session": session,
            "contact_id": contact_id,
            "due_at_ms": due_at_ms,
            "attempts": attempts,
            "payload": json.dumps(payload or {}),
            "background": int(kind in BACKGROUND),
        }
        if due_at_ms <= self.now_ms and attempts == 0 and not outside:
            self.due_now += [Task(*task) for task in self.all("insert_task", **row)]
        else:
            self.run("insert_task", **row)
        self.wake_timers(due_at_ms)

    def wake_timers(self, due_at_ms: int) -> None:
        """Have the timers look for due tasks at this time at the latest, once this commits."""
        if self._tasks_due_ms is None or due_at_ms < self._tasks_due_ms:
            self._tasks_due_ms = due_at_ms

    def remove_remains(self, reached: str | None) -> str | None:
        """Do a step of removing, from the files of the store, the remains of content that was deleted before.

        `reached` is the result of the step before, None for the first. Returns None when nothing is left to do here.
        """
        return None

    def forget_access_key(self, access_key_id: str) -> None:
        """Have every process of the server look this key up again, once this commits."""
        self._access_keys += (access_key_id,)

    def mark(self) -> tuple[Any, ...]:
        """Where the effects of this transaction stand, for `rewind`."""
        counts = {session: len(items) for session, items in self._items.items()}
        return counts, len(self._signals), len(self.due_now), self._tasks_due_ms, self._access_keys

    def rewind(self, mark: tuple[Any, ...]) -> None:
        """Forget the effects since `mark`, after a savepoint was undone."""
        counts, signals, due, self._tasks_due_ms, self._access_keys = mark
        self._items = {session: self._items[session][:count] for session, count in counts.items()}
        del self._signals[signals:]
        del self.due_now[due:]

    def committed(self) -> Committed:
        """The changes to report once this has committed."""
        appended = [
            Appended(session, items[0].seq - 1, tuple(items))
            for session, items in self._items.items()
            if items
        ]
        return Committed(tuple(appended), tuple(self._signals), self._tasks_due_ms, self._access_keys)


class UnitOfWork(msgspec.Struct, Generic[T], array_like=True, tag=True, gc=False):
    """A write transaction as a value, so that a frontend can send it to the writer's process.

    The fields of a subclass are its arguments, of types that MessagePack holds. `operations.units` has
    all subclasses.
    """

    @property
    def session(self) -> int | None:
        """The key of the only session that `run` writes, where that is known beforehand."""
        return None

    @abstractmethod
    def run(self, tx: Tx) -> T:
        """Do the work. An exception undoes the writes."""


class Unavailable(Exception):
    """Nothing can be read or written now, or not in the time that a caller waits. The store has logged the reason."""


class Store(ABC):
    """Runs units of work. Each commit is reported to the `StoreObserver` of the constructor, then to the caller.

    `trouble` is why nothing can be written, in two or three words ("disk full"), as far as the last attempts have
    shown; None while all is well. The store itself goes on trying, and clears it.
    """

    trouble: str | None = None

    @abstractmethod
    async def write(self, unit: UnitOfWork[T]) -> T:
        """Run `unit` in a durable transaction; return its result once committed. An exception undoes its writes."""

    @abstractmethod
    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        """Run `work`, which only reads, on one consistent state of the store.

        `is_single` says that it is one statement, which needs no transaction for that.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what is queued and let go of the files."""


def named_statements() -> dict[str, str]:
    """Every statement of the .sql files in `sql/`, by the name in its `-- name:` line, without comments."""
    statements: dict[str, str] = {}
    for file in sorted((resources.files(__name__) / "sql").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        for name, text in _split(file.read_text(encoding="utf-8")):
            if name in statements:
                raise ValueError(f"statement {name} is defined twice")
            statements[name] = text
    return statements


def migrations() -> list[tuple[int, str]]:
    """The numbered schema scripts, oldest first."""
    folder = resources.files(__name__) / "migrations"
    found = [
        (int(file.name[:4]), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found)


def _split(text: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        yield name, "\n".join(lines).strip().rstrip(";")
