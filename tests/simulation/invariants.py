"""Invariants that hold after any run, computed in other ways than the code does."""

from collections import Counter
from itertools import pairwise
from typing import Any

from tests.simulation.simulation import EARLY, LATE, WELCOME, Chat, Person, Simulation, Truth, Watch
from threadline.aws.restjson import iso
from threadline.chat.contact import Method
from threadline.chat.participant import Role
from threadline.chat.transcript import CHAT_ENDED, JOINED, LEFT, REHYDRATED, TRANSFER_SUCCEEDED, Item

PAGE_SIZES = (1, 2, 3, 7, 10, 100)
Entry = dict[str, Any]


async def check(sim: Simulation) -> None:
    """Check everything, after the simulation has come to rest."""
    for chat in sim.chats:
        check_log(chat.truth)
        check_said(chat)
        check_end(chat.truth)
        check_time(chat.truth, sim.world.now_ms())
        check_comings(chat.truth)
        check_past(sim, chat)
        check_flow(chat)
    for watch in sim.watches:
        check_watch(watch)
    for person in sim.active():
        await check_pages(sim, person)


def check_log(truth: Truth) -> None:
    """The log has no gap, its times rise, and each contact's entries are one run, in the contacts' order."""
    assert [item.seq for item in truth.log] == list(range(1, truth.session.last_seq + 1))
    times = [item.at_ms for item in truth.log]
    assert all(before < after for before, after in pairwise(times))
    assert len({item.id for item in truth.log}) == len(truth.log)
    order = [contact.id for contact in truth.contacts]
    positions = [order.index(item.contact_id) for item in truth.log]
    assert positions == sorted(positions)


def check_said(chat: Chat) -> None:
    """Acknowledged messages are there once, as acknowledged and in order; others are there once at most."""
    texts = Counter(item.content for item in chat.truth.log if item.participant_id and item.type == "MESSAGE")
    assert not [text for text, count in texts.items() if count > 1], "doubled"
    place = {item.id: item for item in chat.truth.log}
    for text, said in chat.said.items():
        assert place[said.id].content == text
        assert iso(place[said.id].at_ms) == said.time
        for other in chat.said.values():
            assert said.known >= other.began or place[said.id].seq < place[other.id].seq, "reordered"


def check_end(truth: Truth) -> None:
    """A chat that is over has one end, its last entry, and no open contact; one that goes on has one open contact."""
    ends = [i.seq for i in truth.log if i.content_type == CHAT_ENDED and i.audience is None]
    assert ends == ([truth.session.last_seq] if truth.is_over else [])
    is_open = [contact.disconnected_at_ms is None for contact in truth.contacts]
    assert is_open == [False] * (len(is_open) - 1) + [not truth.is_over]


def check_time(truth: Truth, now_ms: int) -> None:
    """A chat is over when its time is, and when its customer has not come in time."""
    if not truth.is_over:
        assert truth.session.expires_at_ms > now_ms
        assert truth.contacts[0].connected_at_ms is not None


def check_comings(truth: Truth) -> None:
    """A connected participant has joined once, a gone one has left once, and a transfer precedes its agent's leave.

    A bot that has gone before it connected has no event.
    """
    joined = [str(item.participant_id) for item in truth.log if item.content_type == JOINED]
    left = [str(item.participant_id) for item in truth.log if item.content_type == LEFT]
    people = truth.people.values()
    assert sorted(joined) == sorted(p.id for p in people if p.connected_at_ms is not None)
    unseen = {p.id for p in people if p.role == Role.CUSTOM_BOT and p.connected_at_ms is None}
    assert sorted(left) == sorted({p.id for p in people if p.left_at_ms is not None} - unseen)
    handed_on = [c.previous_contact_id for c in truth.contacts if c.initiation_method == Method.TRANSFER]
    told = [(item, after) for item, after in pairwise(truth.log) if item.content_type == TRANSFER_SUCCEEDED]
    assert [item.contact_id for item, _ in told] == handed_on
    for item, after in told:
        assert (item.audience, item.push_only, item.participant_id) == (None, 0, None)
        assert (after.content_type, after.participant_role) == (LEFT, "AGENT")


def check_past(sim: Simulation, chat: Chat) -> None:
    """A chat has the past that was acknowledged, or none, and announces it once."""
    session = chat.truth.session
    stored = (session.rehydration_type, session.source_contact_id) if session.is_associated else None
    assert stored == chat.past
    heard = Counter(item.audience for item in chat.truth.log if item.content_type == REHYDRATED)
    assert all(count == 1 for count in heard.values())


def check_flow(chat: Chat) -> None:
    """A flow has done each action once: its welcome, and one of the two branches of its Wait."""
    truth = chat.truth
    texts = Counter(
        (item.contact_id, item.content) for item in truth.log if item.participant_role == "SYSTEM"
    )
    assert all(count == 1 for count in texts.values())
    first = truth.contacts[0]
    welcomed, went_on = (first.id, WELCOME) in texts, sum((first.id, text) in texts for text in (LATE, EARLY))
    if chat.flow == "waits":
        is_due = first.connected_at_ms is not None and not truth.is_over
        assert (welcomed, went_on) == (True, 1) if is_due else went_on <= welcomed


def check_watch(watch: Watch) -> None:
    """A socket showed what its owner may see, from its subscription on, in order and once; all of it if it is open."""
    shown = [entry["Id"] for entry in watch.connection.items if not entry["ContentType"].endswith("typing")]
    log = visible(watch.person.chat.truth, watch.person)
    possible = [[item.id for item in log if item.seq > start] for start in range(watch.low, watch.high + 1)]
    if not watch.connection.is_open:
        possible = [ids[: len(shown)] for ids in possible]
    assert shown in possible, f"a socket of {watch.person.id} showed {shown}, not {possible[0]}"


def visible(truth: Truth, person: Person) -> list[Item]:
    """Return the entries of its own chat that a participant may see: all, or those until it left."""
    seen: list[Item] = []
    has_left = False
    for item in truth.log:
        if item.audience not in (None, person.id):
            continue
        seen.append(item)
        has_left |= item.content_type == LEFT and item.participant_id == person.id
        if has_left and item.content_type == CHAT_ENDED:
            break
    return seen


def transcript(sim: Simulation, person: Person) -> list[tuple[str, bool]]:
    """Everything a participant may read, newest first: each item's id and whether it is of the past."""
    own = [(item.id, False) for item in reversed(visible(person.chat.truth, person)) if not item.push_only]
    return own + [(item.id, True) for item in past(sim, person.chat.past) if not item.push_only]


def past(sim: Simulation, frontend: tuple[str, str] | None) -> list[Item]:
    """The entries that an association shows, newest first, and those that the older chat shows."""
    if frontend is None:
        return []
    kind, source = frontend
    older = next(c for c in sim.chats if source in {contact.id for contact in c.truth.contacts})
    ids = [contact.id for contact in older.truth.contacts]
    kept = ids if kind == "ENTIRE_PAST_SESSION" else ids[: ids.index(source) + 1]
    shown = [item for item in older.truth.log if item.contact_id in kept and item.audience is None]
    return shown[::-1] + past(sim, older.past)


async def check_pages(sim: Simulation, person: Person) -> None:
    """A transcript is the same in pages of any size, and all that its reader may see."""
    expected = transcript(sim, person)
    for size in sim.random.sample(PAGE_SIZES, 2):
        pages = await read_backward(sim, person, size)
        assert [entry for page in pages for entry in page] == expected, f"pages of {size}"
        assert all(len({is_past for _, is_past in page}) == 1 for page in pages if page), "no page is mixed"
    own = [entry for entry in expected if not entry[1]]
    if own:
        forward = await read_forward(sim, person, own[-1][0], sim.random.choice(PAGE_SIZES))
        assert forward == own[::-1]


async def read_backward(sim: Simulation, person: Person, size: int) -> list[list[tuple[str, bool]]]:
    """The transcript in pages, newest first."""
    pages: list[list[tuple[str, bool]]] = []
    more: dict[str, Any] = {}
    while True:
        reply = await sim.participant(person, "GetTranscript", MaxResults=size, **more)
        pages.append([entry_of(entry) for entry in reply["Transcript"]])
        if "NextToken" not in reply:
            return pages
        assert pages[-1], "no empty page leads on"
        more = {"NextToken": reply["NextToken"]}


async def read_forward(sim: Simulation, person: Person, first: str, size: int) -> list[tuple[str, bool]]:
    """The current chat from an item on, oldest first."""
    found: list[tuple[str, bool]] = []
    more: dict[str, Any] = {"StartPosition": {"Id": first}}
    while True:
        reply = await sim.participant(
            person, "GetTranscript", MaxResults=size, ScanDirection="FORWARD", SortOrder="ASCENDING", **more
        )
        found += [entry_of(entry) for entry in reply["Transcript"]]
        if "NextToken" not in reply:
            return found
        more = {"NextToken": reply["NextToken"]}


def entry_of(entry: Entry) -> tuple[str, bool]:
    """An entry's id, and whether it is of the past: it names its contact in one of two ways."""
    assert ("ContactId" in entry) != ("RelatedContactId" in entry)
    return entry["Id"], "RelatedContactId" in entry
