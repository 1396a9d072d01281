"""The units of work that clients ask for, as values: an edge has another process run those that write."""

from typing import Any

import msgspec

from threadline.aws import restjson
from threadline.aws.model import load
from threadline.operations.participants import subscribe
from threadline.operations.registry import OPERATIONS, AccountCaller, Caller, ParticipantCaller, dispatch
from threadline.store import Tx


class Call(msgspec.Struct, array_like=True, tag=True, gc=False):
    """A call of an operation. `caller` has the fields of an AccountCaller or of a ParticipantCaller."""

    service: str
    name: str
    caller: tuple[str | int, str]
    arguments: dict[str, Any]

    def __call__(self, tx: Tx) -> bytes:
        """The body of the answer. Faults: the operation's."""
        identity, name = self.caller
        caller: Caller = (
            ParticipantCaller(identity, name) if isinstance(identity, int) else AccountCaller(identity, name)
        )
        reply = dispatch(tx, OPERATIONS[self.service, self.name], caller, self.arguments)
        return restjson.serialise(load(self.service).operations[self.name], reply)


class Subscribe(msgspec.Struct, array_like=True, tag=True, gc=False):
    """A socket of a participant of a session subscribes."""

    session: int
    participant_id: str

    def __call__(self, tx: Tx) -> tuple[int, str]:
        """From which entry on the socket delivers, and the session's first contact. Faults: see `subscribe`."""
        subscription = subscribe(tx, ParticipantCaller(self.session, self.participant_id))
        return subscription.cursor, subscription.initial_contact_id


class Probe(msgspec.Struct, array_like=True, tag=True, gc=False):
    """Somebody asks whether anything can be written: a transaction that reads a row and writes nothing."""

    def __call__(self, tx: Tx) -> None:
        """Faults: none."""
        tx.one("first_instance")
