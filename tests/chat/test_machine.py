"""Random calls to several chats: the server's transcripts equal those of the naive model."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.chat.naive import INVALID, NAMES, Chat, Line, Segment
from tests.chat.rows import ENTIRE, FROM_SEGMENT
from tests.chat.world import Item, Started, World, contact_of, refusal_of, told
from threadline.aws.restjson import iso
from threadline.chat.transcript import as_item
from threadline.operations.registry import ParticipantCaller
from threadline.operations.transcripts import entries_after
from threadline.store import Tx

KINDS = st.sampled_from([ENTIRE, FROM_SEGMENT])
USERS = st.sampled_from(["a1", "a2"])
SEGMENTS = st.integers(0, 3)
"""Which contact of a chat, the last one if it has fewer."""
PAGE_SIZES = st.sampled_from([1, 2, 3, 5, 100])
ORDERS = st.sampled_from(["ASCENDING", "DESCENDING"])
Nothing = MultipleResults


class Walk:
    """A transcript read page by page while the chat goes on."""

    def __init__(self, chat: Chat, page_size: int, order: str) -> None:
        self.chat = chat
        self.page_size = page_size
        self.order = order
        self.own = len(chat.own())
        self.read: list[Item] = []
        self.token = ""


class Chats(RuleBasedStateMachine):
    """Each rule makes the same call on the server and the naive model and compares the results, refusals included."""

    chats: Bundle[Chat] = Bundle("chats")
    walks: Bundle[Walk] = Bundle("walks")

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.all: list[Chat] = []
        self.said = 0

    def teardown(self) -> None:
        try:
            for chat in self.all:
                for page_size in (1, 3, 100):
                    self.compare(chat, page_size, "DESCENDING")
                self.explain(chat, 3)
        finally:
            self.world.close()

    # Calls that write

    @rule(target=chats, stays=st.booleans(), transfers=st.none() | st.integers(0, 3))
    def starts(self, stays: bool, transfers: int | None) -> Chat:
        """A chat without a connection, or with an agent after so many transfers."""
        return self.started(stays, transfers)

    @initialize(target=chats)
    def has_had_a_chat_of_three_segments(self) -> Chat:
        chat = self.started(False, 1)
        self.agent_leaves(chat)
        self.customer_leaves(chat)
        return chat

    def started(self, stays: bool, transfers: int | None) -> Chat:
        chat = self.begin({"disconnect_on_customer_exit": ["AGENT"]} if stays else {}, stays)
        if transfers is not None:
            self.connects(chat)
            self.accepts(chat, "a1")
            for _ in range(transfers):
                self.says(chat, False, 0)
                self.transfers(chat, "a2")
                self.accepts(chat, "a2")
        return chat

    @rule(target=chats, source=chats, at=SEGMENTS, kind=KINDS)
    def starts_from_the_past(self, source: Chat, at: int, kind: str) -> Chat | Nothing[Chat]:
        position, source_id = contact_in(source, at)
        past = {"RehydrationType": kind, "SourceContactId": source_id}
        if Chat.refused(kind, source, position):
            assert refusal_of(lambda: self.world.start(persistent_chat=past)) == INVALID
            return multiple()
        chat = self.begin({"persistent_chat": past})
        chat.continues(kind, source, position)
        return chat

    @rule(target=chats, at=SEGMENTS, transfers=st.integers(0, 2), leaves=st.booleans())
    def comes_back(self, at: int, transfers: int, leaves: bool) -> Chat | Nothing[Chat]:
        """A customer with an agent continues the chat that ended last."""
        past = [chat for chat in self.all if chat.ended]
        if not past:
            return multiple()
        chat = self.started(False, transfers)
        kind = FROM_SEGMENT if at else ENTIRE
        self.is_associated(chat, at, kind, past[-1], at)
        if leaves:
            self.customer_leaves(chat)
        return chat

    @rule(target=chats, other=chats, at=SEGMENTS)
    def starts_with_a_plain_relation(self, other: Chat, at: int) -> Chat:
        chat = self.begin({"related_contact_id": contact_in(other, at)[1]})
        chat.related = True
        return chat

    @rule(chat=chats)
    def connects(self, chat: Chat) -> None:
        assert refusal_of(lambda: self.world.connect(chat.customer)) == chat.connect()

    @rule(chat=chats, by_agent=st.booleans(), ms=st.integers(0, 3))
    def says(self, chat: Chat, by_agent: bool, ms: int) -> None:
        who = chat.agent if by_agent else chat.customer
        if who is None:
            return
        name = NAMES[chat.user or ""] if by_agent else "Casey"
        self.said += 1
        text = f"line {self.said}"
        self.world.clock.advance(ms=ms)
        assert refusal_of(lambda: self.world.say(who, text)) == chat.say(name, text)

    @rule(chat=chats, user=USERS)
    def accepts(self, chat: Chat, user: str) -> None:
        accepted: list[ParticipantCaller] = []
        last = chat.segments[-1].id
        code = refusal_of(lambda: accepted.append(self.world.accept(last, user)))
        assert code == chat.accept(user)
        if accepted:
            assert chat.agent in (None, accepted[0]), "the same agent is the same participant"
            chat.agent = accepted[0]

    @rule(chat=chats, user=USERS | st.none())
    def transfers(self, chat: Chat, user: str | None) -> None:
        made: list[str] = []
        last = chat.segments[-1].id
        code = refusal_of(lambda: made.append(self.world.transfer(last, user)))
        assert code == chat.transfer(user)
        if made:
            chat.segments[-1].id = made[0]

    @rule(chat=chats)
    def agent_leaves(self, chat: Chat) -> None:
        agent = chat.agent
        if agent is None:
            return
        code = refusal_of(lambda: self.world.act(agent, "DisconnectParticipant"))
        assert code == chat.agent_leaves()
        self.learn(chat)

    @rule(chat=chats)
    def customer_leaves(self, chat: Chat) -> None:
        code = refusal_of(lambda: self.world.act(chat.customer, "DisconnectParticipant"))
        assert code == chat.customer_leaves()
        self.learn(chat)

    @rule(chat=chats, at=SEGMENTS)
    def is_stopped(self, chat: Chat, at: int) -> None:
        position, contact_id = contact_in(chat, at)
        code = refusal_of(lambda: self.world.call("StopContact", contact_id=contact_id))
        assert code == chat.stop(position)

    @rule()
    def five_minutes_pass(self) -> None:
        self.world.pass_time(seconds=300)
        for chat in self.all:
            chat.five_minutes_pass()

    @rule(chat=chats, segment=SEGMENTS, kind=KINDS, source=chats, at=SEGMENTS)
    def is_associated(self, chat: Chat, segment: int, kind: str, source: Chat, at: int) -> None:
        answer: list[str] = []
        current_id = contact_in(chat, segment)[1]
        position, source_id = contact_in(source, at)
        code = refusal_of(lambda: answer.append(self.world.associate(current_id, kind, source_id)))
        assert code == chat.continue_from(kind, source, position)
        if answer:
            assert chat.association is not None
            assert answer == [chat.association[0].segments[chat.association[1] - 1].id]

    # Calls that read

    @rule(chat=chats, page_size=PAGE_SIZES, order=ORDERS)
    def is_read(self, chat: Chat, page_size: int, order: str) -> None:
        self.compare(chat, page_size, order)

    @rule(chat=chats, page_size=st.integers(1, 4))
    def is_explained(self, chat: Chat, page_size: int) -> None:
        self.explain(chat, page_size)

    @rule(chat=chats, data=st.data(), forward=st.booleans(), page_size=PAGE_SIZES)
    def is_read_from_a_place(self, chat: Chat, data: st.DataObject, forward: bool, page_size: int) -> None:
        own = chat.own()
        if chat.ended or not own:
            return
        items = [item for item in self.world.history(chat.customer) if "ContactId" in item]
        contact_id = data.draw(st.sampled_from([None, *(segment.id for segment in chat.segments)]))
        kind = data.draw(st.sampled_from(["Id", "AbsoluteTime", "MostRecent"]))
        at = data.draw(st.integers(0, len(items) - 1))
        if kind == "MostRecent":  # of the items asked for
            eligible = [n for n, line in enumerate(own) if contact_id in (None, line[0])]
            start: dict[str, object] = {kind: at}
            at = eligible[-max(at, 1) :][0] if eligible else 0
        else:
            start = {kind: items[at][kind] if kind == "Id" else iso(items[at][kind])}
        wanted = own[at:] if forward else own[at::-1]
        pages = self.world.pages(
            chat.customer,
            start_position=start,
            scan_direction="FORWARD" if forward else "BACKWARD",
            sort_order="ASCENDING" if forward else "DESCENDING",
            max_results=page_size,
            **({"contact_id": contact_id} if contact_id else {}),
        )
        read = [line_of(item, past=False) for page in pages for item in page]
        assert read == [line for line in wanted if contact_id in (None, line[0])]

    @rule(target=walks, chat=chats, page_size=PAGE_SIZES, order=ORDERS)
    def begins_to_read(self, chat: Chat, page_size: int, order: str) -> Walk | Nothing[Walk]:
        walk = Walk(chat, page_size, order)
        return walk if not chat.ended and self.turn(walk) else multiple()

    @rule(target=walks, walk=consumes(walks))
    def reads_on(self, walk: Walk) -> Walk | Nothing[Walk]:
        return walk if not walk.chat.ended and self.turn(walk) else multiple()

    def turn(self, walk: Walk) -> bool:
        """Read one more page. All pages together have the chat up to the first page, and its past at the last page."""
        token = {"next_token": walk.token} if walk.token else {}
        past_now = walk.chat.past()
        reply = self.world.act(
            walk.chat.customer, "GetTranscript", max_results=walk.page_size, sort_order=walk.order, **token
        )
        page = reply["Transcript"]
        walk.read += page if walk.order == "DESCENDING" else page[::-1]
        walk.token = reply.get("NextToken", "")
        if walk.token:
            assert page
            return True
        read = [line_of(item, past="ContactId" not in item) for item in reversed(walk.read)]
        assert read == past_now + walk.chat.own()[: walk.own]
        return False

    @invariant()
    def every_contact_has_its_id(self) -> None:
        assert all(segment.id for chat in self.all for segment in chat.segments)

    # Comparisons

    def begin(self, members: dict[str, Any], stays: bool = False) -> Chat:
        started: Started = self.world.start(**members)
        chat = Chat([Segment(started.contact_id)], started.customer, stays)
        self.all.append(chat)
        return chat

    def learn(self, chat: Chat) -> None:
        """The id of the contact that a disconnect flow has begun, if one has."""
        if not chat.segments[-1].id:
            chat.segments[-1].id = self.world.lineage(chat.segments[0].id, 1)[0]["ContactId"]

    def compare(self, chat: Chat, page_size: int, order: str) -> None:
        """Every page and all pages together: no item is missing, repeated or out of order."""
        if chat.ended:
            assert refusal_of(lambda: self.world.pages(chat.customer)) == "AccessDeniedException"
            return
        own, past = chat.own(), chat.past()
        pages = self.world.pages(chat.customer, max_results=page_size, sort_order=order)
        newest_first = [page if order == "DESCENDING" else page[::-1] for page in pages]
        items = [item for page in reversed(newest_first) for item in page[::-1]]
        read = [line_of(item, past=at < len(past)) for at, item in enumerate(items)]
        assert read == past + own
        assert len({item["Id"] for item in items}) == len(items)
        times = [item["AbsoluteTime"] for item in items[len(past) :]]
        assert times == sorted(set(times))
        sizes = [len(page) for page in pages]
        assert sizes == page_sizes(len(own), page_size) + page_sizes(len(past), page_size) or sizes == [0]
        delivered = self.world.read(lambda tx: delivered_to(tx, chat.customer))
        assert delivered == items[len(past) :]

    def explain(self, chat: Chat, page_size: int) -> None:
        """DescribeLineage shows exactly the contacts of GetTranscript."""
        explained = self.world.lineage(chat.segments[0].id, page_size)
        own = [(segment.id, len(segment.lines), True) for segment in reversed(chat.segments)]
        shown = [(segment.id, len(segment.lines), True) for segment in reversed(chat.shown_past())]
        told_of = [(c["ContactId"], c["ItemCount"], c["Shown"]) for c in explained]
        assert told_of[: len(own)] == own
        assert [entry for entry in told_of[len(own) :] if entry[2]] == shown
        sessions = [chat]
        while (association := sessions[-1].association) is not None:
            sessions.append(association[0])
        everything = [s.id for session in sessions for s in reversed(session.segments)]
        assert [contact["ContactId"] for contact in explained] == everything
        anchor = chat.association[0].segments[chat.association[1] - 1].id if chat.association else None
        if anchor or not chat.related:
            assert explained[0]["RelatedContactId"] == anchor


def contact_in(chat: Chat, at: int) -> tuple[int, str]:
    position = min(at, len(chat.segments) - 1)
    return position, chat.segments[position].id


def line_of(item: Item, *, past: bool) -> Line:
    return contact_of(item, past=past), told(item)


def page_sizes(items: int, page_size: int) -> list[int]:
    return [min(page_size, items - first) for first in range(0, items, page_size)]


def delivered_to(tx: Tx, caller: ParticipantCaller) -> list[Item]:
    """The entries that an open socket gets, without those that GetTranscript never returns."""
    _, items, _ = entries_after(tx, caller, 0, 9_999)
    return [as_item(item, past=False) for item in items if not item.push_only]


def test_the_transcript_is_what_was_sent() -> None:
    run_state_machine_as_test(
        Chats,
        settings=settings(
            max_examples=150,
            stateful_step_count=50,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ],
        ),
    )
