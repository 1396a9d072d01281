"""Every unit of work can be sent to the process that writes, so that what works in one process works in several."""

import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

import threadline
from tests.units import Function
from threadline.clock import ManualClock
from threadline.operations.registry import AccountCaller, ParticipantCaller
from threadline.operations.units import (
    AnswerTask,
    AnyUnit,
    Call,
    FirstWorkspace,
    KeepUpload,
    LeaseTask,
    MakeSignInToken,
    MakeWorkspace,
    NoteUse,
    Probe,
    PutOff,
    RunTask,
    SignIn,
    StartChat,
    Subscribe,
)
from threadline.processes.messages import WriteRequest
from threadline.server.timing import Timed
from threadline.store import Task, Tx, UnitOfWork
from threadline.store.sqlite.store import SqliteStore

TASK = Task(1, "prune", None, "contact", 5, 0, "{}")
UNITS = [
    Call("connect", "ListInstances", AccountCaller("1", "2"), {"max_results": 3}),
    Call("connectparticipant", "SendMessage", ParticipantCaller(7, "2"), {"content": "é"}),
    StartChat("connect", "StartChatContact", AccountCaller("1", ""), {"attributes": {"a": "é"}}, "http://x"),
    Subscribe(7, "participant"),
    NoteUse("AKIA", 5),
    KeepUpload("attachment", "connect/demo/Attachments/1"),
    Probe(),
    RunTask(TASK._replace(session=7)),
    PutOff(TASK),
    LeaseTask(TASK),
    AnswerTask(TASK, {"body": "é"}),
    FirstWorkspace("instance", {"queue_id": "q"}, {"AKIA": "secret"}, False),
    MakeWorkspace("000000000001", "other"),
    MakeSignInToken("000000000001"),
    SignIn("token"),
]


def of_the_package(unit: Any) -> Iterator[type[UnitOfWork[Any]]]:
    """The subclasses of `unit` that the package defines. It is imported whole for that, but for its optional parts."""
    for subclass in unit.__subclasses__():
        if subclass.__module__.startswith("threadline."):
            yield subclass
        yield from of_the_package(subclass)


def test_a_frontend_can_send_every_unit_of_work() -> None:
    for part in ("server", "processes", "operations", "tasks", "testing"):
        for module in pkgutil.iter_modules([str(Path(threadline.__file__).parent / part)]):
            with suppress(ModuleNotFoundError):  # a package that is optional
                import_module(f"threadline.{part}.{module.name}")
    units = set(of_the_package(UnitOfWork)) - {Timed}  # a frontend sends the unit in it
    assert units == set(get_args(AnyUnit))
    assert units == {type(unit) for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: type(unit).__name__)
def test_a_unit_arrives_as_it_was_sent(unit: AnyUnit) -> None:
    sent = msgspec.msgpack.encode(WriteRequest(1, unit))
    arrived = msgspec.msgpack.decode(sent, type=WriteRequest).unit
    assert arrived == unit
    assert arrived.session == unit.session
    assert unit.session == (7 if "7" in repr(unit) else None)


def can_be_sent(unit: type) -> bool:
    """Whether MessagePack holds each field of the unit."""
    return "CustomType" not in repr(msgspec.inspect.type_info(unit))


def test_a_unit_has_only_fields_that_can_be_sent() -> None:
    assert all(can_be_sent(unit) for unit in get_args(AnyUnit))
    assert not can_be_sent(Function), "it holds a function, and so is of the tests alone"


async def test_a_function_is_refused_in_one_process_as_in_several() -> None:
    """It could not be sent to another process."""

    def work(tx: Tx) -> None:
        tx.one("first_instance")

    store = SqliteStore(None, ManualClock())
    with pytest.raises(AttributeError, match="'function' object has no attribute 'run'"):
        await store.write(work)  # type: ignore[arg-type]
    await store.close()
