"""The units of work of clients, as values: a frontend sends those that write to the writer's process."""

from typing import Any

import msgspec

from threadline.aws import restjson
from threadline.aws.model import load
from threadline.operations.participants import subscribe
from threadline.operations.registry import OPERATIONS, Caller, ParticipantCaller, dispatch
from threadline.store import Tx


class Call(msgspec.Struct, array_like=True, tag=True, gc=False):
    """A call of an operation."""

    service: str
    name: str
    caller: Caller
    arguments: dict[str, Any]

    def __call__(self, tx: Tx) -> bytes:
        """Run the operation and return the body of the response. Faults: the operation's."""
        reply = dispatch(tx, OPERATIONS[self.service, self.name], self.caller, self.arguments)
        return restjson.serialise(load(self.service).operations[self.name], reply)


class Subscribe(msgspec.Struct, array_like=True, tag=True, gc=False):
    """The subscription of a participant's socket to their session."""

    session: int
    participant_id: str

    def __call__(self, tx: Tx) -> tuple[int, str]:
        """Subscribe, and return the cursor to deliver from and the session's first contact. Faults: see `subscribe`."""
        subscription = subscribe(tx, ParticipantCaller(self.session, self.participant_id))
        return subscription.cursor, subscription.initial_contact_id


class Probe(msgspec.Struct, array_like=True, tag=True, gc=False):
    """A check whether the store can write: a write transaction that reads one row and writes nothing."""

    def __call__(self, tx: Tx) -> None:
        """Read one row. Faults: none."""
        tx.one("first_instance")
