"""The steps of a simulation: actions of people, and events that befall the server."""

from collections.abc import Awaitable, Callable
from functools import partial

from tests.simulation import invariants
from tests.simulation.node import Connection, Lost, Refused
from tests.simulation.simulation import Ask, Chat, Person, Reply, Said, Simulation, Watch
from threadline.aws.model import load
from threadline.aws.restjson import iso
from threadline.chat.contact import State, state
from threadline.chat.transcript import DELIVERED, READ, TYPING

Step = Callable[[Simulation], Awaitable[None]]
KNOWS_EXIT = "DisconnectOnCustomerExit" in load("connect").shapes["StartChatContactRequest"]["members"]
"""Not so with the oldest model that Threadline runs with."""
TYPES = ["WEBSOCKET", "CONNECTION_CREDENTIALS"]


async def start(sim: Simulation) -> None:
    """A customer starts a chat, perhaps continuing a past one, and usually connects."""
    flow = sim.random.choice(sorted(sim.flows))
    past = a_past(sim) if sim.random.random() < 0.6 else None
    more: Reply = {"DisconnectOnCustomerExit": ["AGENT"]} if sim.random.random() < 0.3 and KNOWS_EXIT else {}
    if past is not None:
        more["PersistentChat"] = {"RehydrationType": past[0], "SourceContactId": past[1]}
    reply = await sim.surely(
        partial(
            sim.account,
            "StartChatContact",
            ContactFlowId=sim.flows[flow],
            ParticipantDetails={"DisplayName": f"Customer {len(sim.chats)}"},
            ClientToken=f"start {sim.step}",
            ChatDurationInMinutes=sim.random.choice((60, 600)),
            **more,
        )
    )
    chat = Chat(reply["ContactId"], flow, await sim.truth_of(reply["ContactId"]), past=past)
    person = Person(chat, reply["ParticipantId"], "CUSTOMER", reply["ParticipantToken"])
    chat.people.append(person)
    sim.chats.append(chat)
    if past is not None:
        assert reply["ContinuedFromContactId"] == chat.truth.session.related_contact_id
    await join(sim, person)


def a_past(sim: Simulation) -> tuple[str, str] | None:
    """A way to continue some past chat: the type and the source."""
    if not (chats := sim.over()):
        return None
    contacts = sim.random.choice(chats).truth.contacts
    if sim.random.random() < 0.5:
        return "ENTIRE_PAST_SESSION", contacts[0].id
    return "FROM_SEGMENT", sim.random.choice(contacts).id


async def join(sim: Simulation, person: Person) -> None:
    """Fetch a connection, and usually open a socket and subscribe. Now and then another person writes meanwhile."""
    more = {"ConnectParticipant": True} if person.role == "CUSTOM_BOT" else {}
    reply = await unless_over(
        sim, person, partial(sim.participant, person, "CreateParticipantConnection", Type=TYPES, **more)
    )
    if reply is None:
        return
    person.connection_token = reply["ConnectionCredentials"]["ConnectionToken"]
    person.expires = reply["ConnectionCredentials"]["Expiry"]
    if sim.random.random() < 0.1:
        return
    low, lives = person.chat.truth.session.last_seq, sim.world.lives
    connection = sim.world.connect(reply["Websocket"]["Url"])
    await sim.world.settle()
    asks: list[Ask] = [partial(subscribe, connection)]
    others = [other for other in sim.active(person.chat) if other is not person]
    if others and sim.random.random() < 0.3:
        asks.append(partial(speak, sim, sim.random.choice(others), f"meanwhile {sim.step}"))
    sim.random.shuffle(asks)
    await sim.together(asks, sim.fate())
    if connection.subscribed.done() and connection.subscribed.result():
        high = person.chat.truth.session.last_seq if len(asks) > 1 or sim.world.lives > lives else low
        sim.watches.append(Watch(person, connection, low, high))


async def subscribe(connection: Connection) -> Reply:
    """Subscribe, and wait for the answer. Raises Lost when the connection breaks."""
    connection.send("aws/subscribe")
    if not await connection.subscribed:
        raise Lost("no subscription")
    return {}


async def unless_over(sim: Simulation, person: Person, ask: Ask) -> Reply | None:
    """Call an operation for a participant. None when the server rightly says that there is nothing left to do."""
    try:
        return await sim.surely(ask)
    except Refused as refused:
        check_refusal(sim, person, refused)
        return None


def check_refusal(sim: Simulation, person: Person, refused: Refused) -> None:
    """Check that a participant is refused only in a chat that is over for them, or after a day."""
    assert refused.code == "AccessDeniedException", refused
    expired = "connection token has expired" in refused.message
    if expired:
        assert person.expires <= iso(sim.world.now_ms()), refused
        person.connection_token = ""
    else:
        assert not person.may_act, refused


async def speak(sim: Simulation, person: Person, text: str) -> Reply:
    """Send a message whose ClientToken is its text, and remember the acknowledgement."""
    chat = person.chat
    reply = await sim.participant(
        person, "SendMessage", ContentType="text/plain", Content=text, ClientToken=text
    )
    known = chat.said.setdefault(text, Said(reply["Id"], reply["AbsoluteTime"], sim.step, sim.step))
    assert (known.id, known.time) == (reply["Id"], reply["AbsoluteTime"]), "one message, one answer"
    return reply


async def say(sim: Simulation) -> None:
    """A participant sends a message, and sometimes sends it twice."""
    if people := sim.active():
        person = sim.random.choice(people)
        asks = [partial(speak, sim, person, f"said {sim.step}")] * sim.random.choice((1, 1, 1, 2))
        for answer in await sim.all_surely(*asks):
            if isinstance(answer, Refused):
                check_refusal(sim, person, answer)


async def burst(sim: Simulation) -> None:
    """Several participants call operations at once."""
    people = sim.active()
    if not people:
        return
    chosen = [sim.random.choice(people) for _ in range(sim.random.randint(2, 12))]
    asks: list[tuple[Person, Ask]] = []
    for number, person in enumerate(chosen):
        ask = partial(speak, sim, person, f"burst {sim.step} {number}")
        asks += [(person, ask)] * sim.random.choice((1, 1, 2))
        if sim.random.random() < 0.2:
            asks.append((person, partial(sim.participant, person, "SendEvent", ContentType=TYPING)))
    if sim.random.random() < 0.3:
        asks.append((chosen[0], partial(sim.participant, chosen[0], "DisconnectParticipant")))
    sim.random.shuffle(asks)
    answers = await sim.all_surely(*(ask for _, ask in asks))
    for (person, _), answer in zip(asks, answers, strict=True):
        if isinstance(answer, Refused):
            check_refusal(sim, person, answer)


async def acknowledge(sim: Simulation) -> None:
    """A participant sends a receipt for a message."""
    people = [person for person in sim.active() if person.chat.said]
    if not people:
        return
    person = sim.random.choice(people)
    said = sim.random.choice(list(person.chat.said.values()))
    members = {"ContentType": sim.random.choice((DELIVERED, READ)), "Content": f'{{"messageId":"{said.id}"}}'}
    for _ in range(sim.random.choice((1, 2))):
        try:
            await sim.surely(partial(sim.participant, person, "SendEvent", **members))
        except Refused as refused:
            if refused.code != "ConflictException":
                check_refusal(sim, person, refused)


async def accept(sim: Simulation) -> None:
    """An agent accepts a chat that waits."""
    waiting = [
        (chat, contact)
        for chat in sim.running()
        if state(contact := chat.truth.contacts[-1]) in (State.QUEUED, State.OFFERED)
    ]
    if not waiting:
        return
    chat, contact = sim.random.choice(waiting)
    user_id = contact.offered_user_id or sim.random.choice(sorted(sim.world.workspace.agents.values()))
    ask = partial(sim.account, "AcceptContact", "threadline", ContactId=contact.id, UserId=user_id)
    reply = await sim.surely(ask)
    person = Person(chat, reply["ParticipantId"], "AGENT", reply["ParticipantToken"])
    chat.people.append(person)
    await join(sim, person)


async def transfer(sim: Simulation) -> None:
    """An agent transfers a chat."""
    agents = [person for person in sim.active() if person.role == "AGENT"]
    if not agents:
        return
    agent = sim.random.choice(agents)
    workspace = sim.world.workspace
    goal = sim.random.choice(({"QueueId": workspace.queue_id}, {"UserId": workspace.agents["a1"]}))
    contacts = agent.chat.truth.contacts
    if len(contacts) > 10:
        return
    members = {"ContactId": contacts[-1].id, "ClientToken": f"transfer {sim.step}", **goal}
    reply = await sim.surely(partial(sim.account, "TransferChat", "threadline", **members))
    assert [c.id for c in agent.chat.truth.contacts] == [*(c.id for c in contacts), reply["ContactId"]]


async def leave(sim: Simulation) -> None:
    """A participant leaves."""
    if people := sim.active():
        person = sim.random.choice(people)
        await unless_over(sim, person, partial(sim.participant, person, "DisconnectParticipant"))
        assert not person.connection_token or not person.may_act or person.role == "CUSTOMER"


async def stop(sim: Simulation) -> None:
    """A chat is stopped."""
    if chats := sim.running():
        chat = sim.random.choice(chats)
        await sim.surely(partial(sim.account, "StopContact", ContactId=chat.truth.session.current_contact_id))
        assert chat.truth.is_over


async def associate(sim: Simulation) -> None:
    """A running chat is associated with a past one, or the association is tried twice."""
    past = a_past(sim)
    chats = sim.running()
    if past is None or not chats:
        return
    chat = sim.random.choice(chats)
    members = {
        "InitialContactId": sim.random.choice(chat.truth.contacts).id,
        "RehydrationType": past[0],
        "SourceContactId": past[1],
    }
    ask = partial(sim.account, "CreatePersistentContactAssociation", **members)
    may = chat.past in (None, past)
    for answer in await sim.all_surely(*[ask] * sim.random.choice((1, 2))):
        if isinstance(answer, Refused):
            assert not may, answer
        else:
            assert may
            chat.past = past
            assert answer["ContinuedFromContactId"] == chat.truth.session.related_contact_id


async def add_bot(sim: Simulation) -> None:
    """A chat gets a bot."""
    if not (chats := sim.running()):
        return
    chat = sim.random.choice(chats)
    details = {"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"}
    contact_id = chat.truth.session.current_contact_id
    members = {"ContactId": contact_id, "ClientToken": f"bot {sim.step}", "ParticipantDetails": details}
    try:
        reply = await sim.surely(partial(sim.account, "CreateParticipant", **members))
    except Refused as refused:
        if refused.code in ("ConflictException", "ServiceQuotaExceededException"):
            return  # there is one already, or the chat is full
        raise
    token = reply["ParticipantCredentials"]["ParticipantToken"]
    person = Person(chat, reply["ParticipantId"], "CUSTOM_BOT", token)
    chat.people.append(person)
    await join(sim, person)


async def reconnect(sim: Simulation) -> None:
    """A participant opens another socket."""
    if people := [person for chat in sim.running() for person in chat.people if person.may_act]:
        await join(sim, sim.random.choice(people))


async def read(sim: Simulation) -> None:
    """A participant reads the transcript."""
    if people := sim.active():
        person = sim.random.choice(people)
        try:
            await invariants.check_pages(sim, person)
        except Refused as refused:
            check_refusal(sim, person, refused)


async def drop(sim: Simulation) -> None:
    """A connection breaks."""
    if sim.world.connections:
        sim.random.choice(sim.world.connections).drop()
        await sim.world.settle()


async def stall(sim: Simulation) -> None:
    """A client stops reading, or resumes."""
    if sim.world.connections:
        connection = sim.random.choice(sim.world.connections)
        if connection.room is None:
            connection.stall(sim.random.randint(0, 3))
        else:
            connection.flow()
        await sim.world.settle()


async def heartbeats(sim: Simulation) -> None:
    """All clients send a heartbeat."""
    await sim.heartbeats()


async def jump(sim: Simulation) -> None:
    """All clocks are moved, or the clock of one node, mostly forwards."""
    if sim.random.random() < 0.5:
        seconds = sim.random.choice((10, 60, 130, 310, 7_200, -1, -300, -3_600))
        sim.note(f"      {seconds} seconds")
        sim.advance(seconds * 1_000)
    else:
        seconds = sim.random.choice((1, 10, 60, 310, -1, -10, -300))
        sim.note(f"      {seconds} seconds on one node")
        sim.world.draw().clock.advance(seconds=seconds)
    if sim.random.random() < 0.7:
        await tick(sim)


async def tick(sim: Simulation) -> None:
    """Timers look for due tasks, now and then those of several nodes at once."""

    async def look() -> Reply:
        await sim.world.tick()
        return {}

    await sim.together([look] * sim.random.choice((1, 2, 3)), sim.fate())


async def kill(sim: Simulation) -> None:
    """A node dies between requests, or the database of all of them, and starts again."""
    sim.world.strike(sim.world.draw() if sim.random.random() < 0.5 else None)
    await sim.world.mend()
    await sim.learn()


async def silence(sim: Simulation) -> None:
    """The network between the nodes breaks, or works again."""
    if sim.air.clear.is_set():
        sim.air.fall_silent()
    else:
        sim.air.clear.set()
    await sim.world.settle()


async def late(sim: Simulation) -> None:
    """Late wakes are delivered, in another order."""
    sim.air.bring()
    await sim.world.settle()


STEPS: dict[Step, int] = {
    start: 8,
    say: 20,
    burst: 8,
    acknowledge: 6,
    accept: 10,
    transfer: 5,
    leave: 5,
    stop: 2,
    associate: 6,
    add_bot: 2,
    reconnect: 8,
    read: 4,
    drop: 4,
    stall: 4,
    heartbeats: 3,
    jump: 5,
    tick: 3,
    kill: 2,
    silence: 2,
    late: 2,
}
