"""Clients of a server that may be away or without room for a while, and the acknowledgements that each has got.

Talkers write one line after the other in a chat of their own. Returners start chats and continue a past one there. Each
tries a call again, with the same ClientToken, until it is answered: so in the end all that they have said is to be
there, once and in order.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Event
from time import monotonic
from typing import Any, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from threadline.testing import Customer, Person, Workspace

TALKERS = 4
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.02
"""Before a client tries again."""
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=20)


class Tally:
    """Counts acknowledged calls and the codes of refused ones, for a test that waits for so many."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.refused: Counter[str] = Counter()
        self.is_over = False
        self._changed = Condition()

    def acknowledge(self) -> None:
        with self._changed:
            self.acknowledged += 1
            self._changed.notify_all()

    def refuse(self, code: str) -> None:
        with self._changed:
            self.refused[code] += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Wake everybody who waits: a client can go on no more, or the load is over."""
        with self._changed:
            self.is_over = True
            self._changed.notify_all()

    def wait(self, count: Callable[[], int], more: int) -> None:
        """Wait until `count` has grown by `more`."""
        with self._changed:
            wanted = count() + more
            came = self._changed.wait_for(lambda: self.is_over or count() >= wanted, PATIENCE_SECONDS)
            assert came, f"{wanted - count()} of {more} did not come; refused: {dict(self.refused)}"


class Client(ABC):
    """A client of one service that does not give up."""

    def __init__(self, workspace: Workspace, tally: Tally, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self._tally = tally
        self._made = [workspace.client(service, config=ONCE) for service in ("connect", "connectparticipant")]
        self.connect, self.connectparticipant = self._made

    def work(self) -> None:
        """Go on until the load is over."""
        try:
            while not self._tally.is_over:
                self.once()
        except BaseException:
            self._tally.end()
            raise

    @abstractmethod
    def once(self) -> None:
        """Do one step of the client's work."""

    def insist(self, call: Callable[..., Any], **arguments: Any) -> Any:
        """Try a call until it is acknowledged. Raises ClientError when it is said to be wrong."""
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                reply = call(**arguments)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    raise
                self._tally.refuse(error.response["Error"]["Code"])
                seen: Exception = error
            except BotoCoreError as error:
                seen = error
            else:
                self._tally.acknowledge()
                return reply
            assert monotonic() < deadline, f"{self.name} was not answered for {PATIENCE_SECONDS} s: {seen}"
            Event().wait(PAUSE_SECONDS)

    def close(self) -> None:
        for client in self._made:
            client.close()


class Talker(Client):
    """A customer who says one line after the other, each of `length` characters."""

    def __init__(self, workspace: Workspace, tally: Tally, name: str, length: int) -> None:
        super().__init__(workspace, tally, name)
        self.casey: Customer = workspace.customer(name)
        self.said: list[tuple[str, str]] = []
        self._length = length

    def once(self) -> None:
        text = f"{self.name}, line {len(self.said)}".ljust(self._length, ".")
        reply = self.insist(
            self.connectparticipant.send_message,
            ConnectionToken=self.casey.connection_token,
            ContentType="text/plain",
            Content=text,
            ClientToken=f"line {len(self.said)}",
        )
        self.said.append((reply["Id"], text))

    def check(self) -> None:
        kept = [
            (item["Id"], item["Content"])
            for item in self.casey.history()
            if item["Type"] == "MESSAGE" and item.get("ParticipantRole") == "CUSTOMER"
        ]
        lost = [said for said in self.said if said not in kept]
        assert not lost, (
            f"{self.name} was promised {len(lost)} of {len(self.said)} lines that are lost: {lost[:3]}"
        )
        assert kept == self.said, (
            f"{self.name}: {len(kept)} lines are kept of {len(self.said)}, not in order or twice"
        )


class Returner(Client):
    """Customers who come back: each time a new chat that continues a past one, by either way."""

    def __init__(self, workspace: Workspace, tally: Tally, name: str) -> None:
        super().__init__(workspace, tally, name)
        past = workspace.past_chat()
        self._ways = [("FROM_SEGMENT", past.c2, past.c2), ("ENTIRE_PAST_SESSION", past.c1, past.c3)]
        self._reads = [self._fresh(kind, source).reads() for kind, source, _ in self._ways]
        self.returned: list[tuple[str, str, int]] = []

    def _fresh(self, kind: str, source: str) -> Customer:
        return self.workspace.customer(PersistentChat={"RehydrationType": kind, "SourceContactId": source})

    def once(self) -> None:
        number = len(self.returned)
        way = number % 2
        kind, source, anchor = self._ways[way]
        with_chat = {"PersistentChat": {"RehydrationType": kind, "SourceContactId": source}}
        started = self.insist(
            self.connect.start_chat_contact,
            InstanceId=self.workspace.instance_id,
            ContactFlowId=self.workspace.contact_flow_id,
            ParticipantDetails={"DisplayName": self.name},
            ClientToken=f"chat {number}",
            **with_chat if number % 4 < 2 else {},
        )
        if number % 4 >= 2:
            started |= self.insist(
                self.connect.create_persistent_contact_association,
                InstanceId=self.workspace.instance_id,
                InitialContactId=started["ContactId"],
                RehydrationType=kind,
                SourceContactId=source,
                ClientToken=f"association {number}",
            )
        assert started["ContinuedFromContactId"] == anchor
        self.returned.append((started["ContactId"], started["ParticipantToken"], way))

    def check(self) -> None:
        for contact_id, token, way in self.returned:
            contact = self.connect.describe_contact(
                InstanceId=self.workspace.instance_id, ContactId=contact_id
            )["Contact"]
            assert contact.get("RelatedContactId") == self._ways[way][2], f"{contact_id} has lost its past"
            back = Person(self.workspace, self.name, contact_id, token).connect()
            assert back.reads() == self._reads[way], f"{contact_id} does not show the past that it continues"
            back.drop()


class Load:
    """Clients at work for as long as the block runs. A client that failed fails `reaches`, `refusals` and `finish`."""

    def __init__(self, workspace: Workspace, *, length: int = 0) -> None:
        self.workspace = workspace
        self.tally = Tally()
        self.talkers = [Talker(workspace, self.tally, f"talker {n}", length) for n in range(TALKERS)]
        self.returner = Returner(workspace, self.tally, "returner")
        self._clients: list[Client] = [*self.talkers, self.returner]
        self._pool = ThreadPoolExecutor(len(self._clients))
        self._working: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._working = [self._pool.submit(client.work) for client in self._clients]
        return self

    def __exit__(self, *_: object) -> None:
        self.tally.end()
        self._pool.shutdown()
        for client in self._clients:
            client.close()
        self.workspace.close()

    def reaches(self, more: int) -> None:
        """Wait until so many more calls have been acknowledged."""
        self.tally.wait(lambda: self.tally.acknowledged, more)
        self._raise()

    def refusals(self, more: int) -> None:
        """Wait until so many more calls have been refused by a server that cannot now."""
        self.tally.wait(self.tally.refused.total, more)
        self._raise()

    def finish(self) -> None:
        """Let everyone end with what they are at; all of it is acknowledged then."""
        self.tally.end()
        for working in self._working:
            working.result(PATIENCE_SECONDS)

    def check(self) -> None:
        """All that was promised is there."""
        for talker in self.talkers:
            talker.check()
        self.returner.check()

    def _raise(self) -> None:
        for working in self._working:
            if working.done():
                working.result()
