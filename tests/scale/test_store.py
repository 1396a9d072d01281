"""The guarantees of SQLite's one writer hold with many writers: order, isolation, and one winner of a race."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.engines import Postgres
from tests.scale.node import Node
from tests.units import Function
from threadline.clock import Clock
from threadline.errors import Fault
from threadline.operations.registry import ParticipantCaller
from threadline.operations.transcripts import entries_after
from threadline.store import Tx
from threadline.store.postgres.store import PostgresStore

CALLERS = 60


@pytest.fixture
async def nodes(postgres: Postgres) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that start at the same moment on an empty database."""
    address = postgres.database()
    nodes = await Node.open(address), await Node.open(address)
    await asyncio.gather(*(node.begin() for node in nodes))
    yield nodes
    await asyncio.gather(*(node.store.close() for node in nodes))


async def test_nodes_that_start_together_share_one_workspace(nodes: tuple[Node, Node]) -> None:
    a, b = nodes
    assert (a.ids, a.account, a.users) == (b.ids, b.account, b.users)


async def test_migrations_race(postgres: Postgres) -> None:
    address = postgres.database()
    stores = await asyncio.gather(*(PostgresStore.open(address, Clock()) for _ in range(6)))
    for store in stores:
        assert await store.read(lambda tx: tx.one("count_open_sessions", instance_id="")) == (0,)
        await store.close()


async def test_a_newer_database_is_refused(postgres: Postgres) -> None:
    address = postgres.database()
    await (await PostgresStore.open(address, Clock())).close()
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE threadline_schema SET version = 9999")
    with pytest.raises(RuntimeError, match=r"newer Threadline \(schema 9999"):
        await PostgresStore.open(address, Clock())


@pytest.mark.parametrize("text", ["said", "said without a hint"])
async def test_messages_of_two_nodes_are_numbered_without_a_gap(nodes: tuple[Node, Node], text: str) -> None:
    _, casey = await nodes[0].start()
    replies = await asyncio.gather(*(nodes[i % 2].say(casey, f"{text} {i}") for i in range(2 * CALLERS)))
    log = await nodes[1].log(casey)
    assert [row[1] for row in log] == list(range(1, len(log) + 1))
    assert sorted(row[3] for row in log if row[5] == "MESSAGE" and row[8]) == sorted(r["Id"] for r in replies)
    times = [row[4] for row in log]
    assert times == sorted(set(times))
    told = [
        item.seq
        for node in nodes
        for each in node.told
        for appended in each.appended
        for item in appended.items
    ]
    assert sorted(told) == [row[1] for row in log]


async def test_reads_of_one_statement_need_no_transaction(nodes: tuple[Node, Node]) -> None:
    node, _ = nodes
    _, casey = await node.start()
    await node.say(casey, "hello")
    stranger = ParticipantCaller(casey.session, "stranger")

    def session(tx: Tx) -> Any:
        return tx.one("session", session=casey.session)

    def more(tx: Tx) -> Any:
        return session(tx), session(tx)

    def wrong(tx: Tx) -> Any:
        return tx.one("session", session=1 << 70)

    def write(tx: Tx) -> None:
        tx.run("move_session", session=casey.session, contact_id="", position=9)

    def write_and_look(tx: Tx) -> Any:
        return tx.one("grow_session", session=casey.session, now_ms=tx.now_ms)

    before = await node.store.read(session)
    for writing in (write, write_and_look):
        with pytest.raises(RuntimeError, match="needs a transaction"):
            await node.store.read(writing, is_single=True)
    assert await node.store.read(session) == before
    for among_others in (False, True):
        reads = [
            *(
                node.store.read(partial(entries_after, caller=casey, cursor=0, limit=9), is_single=True)
                for _ in "ab"
            ),
            node.store.read(partial(entries_after, caller=casey, cursor=9, limit=9), is_single=True),
            node.store.read(partial(entries_after, caller=stranger, cursor=0, limit=9), is_single=True),
            node.store.read(more, is_single=True),
            node.store.read(wrong, is_single=True),
            *([node.store.read(more)] if among_others else []),
        ]
        outcomes: list[Any] = await asyncio.gather(*reads, return_exceptions=True)
        first, second, later, nobody, refused, failed, *rest = outcomes
        assert first == second
        assert [item.content for item in first[1]][-1] == "hello"
        assert later[1:] == ([], 9)
        assert isinstance(nobody, LookupError)
        assert isinstance(refused, RuntimeError)
        assert isinstance(failed, psycopg.DataError)
        assert len(rest) == among_others


async def test_one_association_of_many_that_race(nodes: tuple[Node, Node]) -> None:
    pasts = [(await nodes[0].start())[0] for _ in range(4)]
    await asyncio.gather(*(nodes[0].call("StopContact", contact_id=past) for past in pasts))
    contact_id, casey = await nodes[0].start()
    replies = await asyncio.gather(
        *(
            nodes[i % 2].call(
                "CreatePersistentContactAssociation",
                initial_contact_id=contact_id,
                rehydration_type="FROM_SEGMENT",
                source_contact_id=pasts[i % 4],
            )
            for i in range(CALLERS)
        ),
        return_exceptions=True,
    )
    made = [reply["ContinuedFromContactId"] for reply in replies if isinstance(reply, dict)]
    refused = [reply for reply in replies if not isinstance(reply, dict)]
    assert len(set(made)) == 1, refused[:3]
    assert len(made) == CALLERS / 4
    assert all(isinstance(error, Fault) and "already exists" in error.message for error in refused), refused
    assert [row[6] for row in await nodes[0].log(casey)].count(
        "application/vnd.amazonaws.connect.event.chat.rehydrated"
    ) == 1


async def test_a_client_token_counts_once_on_all_nodes(nodes: tuple[Node, Node]) -> None:
    _, casey = await nodes[0].start()
    before = len(await nodes[0].log(casey))
    replies = await asyncio.gather(
        *(nodes[i % 2].say(casey, "once", client_token="t") for i in range(CALLERS)),
        *(nodes[i % 2].say(casey, "again", client_token=f"t{i % 3}") for i in range(CALLERS)),
    )
    assert len({reply["Id"] for reply in replies}) == 4
    assert len(await nodes[0].log(casey)) == before + 4
    chats = await asyncio.gather(
        *(
            nodes[i % 2].call(
                "StartChatContact",
                contact_flow_id=nodes[0].flow_id,
                participant_details={"DisplayName": "Casey"},
                client_token="one chat",
            )
            for i in range(10)
        )
    )
    assert len({(chat["ContactId"], chat["ParticipantToken"]) for chat in chats}) == 1


async def test_one_agent_of_two_who_accept_at_once(nodes: tuple[Node, Node]) -> None:
    for _ in range(8):
        contact_id, _ = await nodes[0].start()
        replies = await asyncio.gather(
            *(
                node.call("AcceptContact", service="threadline", contact_id=contact_id, user_id=user_id)
                for node, user_id in zip(nodes, nodes[0].users, strict=True)
            ),
            return_exceptions=True,
        )
        assert [isinstance(reply, Fault) for reply in replies].count(True) == 1, replies


async def test_an_end_comes_last_whoever_else_writes(nodes: tuple[Node, Node]) -> None:
    for _ in range(8):
        contact_id, casey = await nodes[0].start()
        outcomes = await asyncio.gather(
            *(nodes[i % 2].say(casey, f"said {i}") for i in range(12)),
            nodes[1].call("StopContact", contact_id=contact_id),
            return_exceptions=True,
        )
        log = await nodes[0].log(casey)
        assert log[-1][6].endswith("chat.ended")
        said = [outcome for outcome in outcomes if isinstance(outcome, dict) and outcome]
        assert len([row for row in log if row[5] == "MESSAGE" and row[8]]) == len(said)


def _say_twice_and_fail(tx: Tx, session: int, contact_id: str) -> None:
    for _ in range(2):
        tx.append(session, contact_id=contact_id, type="MESSAGE", content_type="text/plain", content="undone")
    raise Fault("InvalidRequestException", "It was not meant.")


async def test_what_fails_after_it_has_written_undoes_itself_alone(nodes: tuple[Node, Node]) -> None:
    contact_id, casey = await nodes[0].start()
    _, other = await nodes[0].start()
    outcomes = await asyncio.gather(
        *(nodes[0].say(other, f"kept {i}") for i in range(5)),
        nodes[0].store.write(Function(lambda tx: _say_twice_and_fail(tx, casey.session, contact_id))),
        *(nodes[0].say(other, f"kept {i}") for i in range(5, 10)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [dict] * 5 + [Fault] + [dict] * 5
    contents = [row[7] for row in await nodes[0].log(other)]
    assert [text for text in contents if text and text.startswith("kept")] == [f"kept {i}" for i in range(10)]
    assert "undone" not in [row[7] for row in await nodes[0].log(casey)]


async def test_a_savepoint_undoes_its_own_and_nothing_else(nodes: tuple[Node, Node]) -> None:
    contact_id, casey = await nodes[0].start()

    def partly(tx: Tx, session: int, text: str) -> None:
        entry: dict[str, Any] = {"contact_id": contact_id, "type": "MESSAGE", "content_type": "text/plain"}
        tx.append(session, content=f"before {text}", **entry)
        try:
            with tx.savepoint():
                tx.append(session, content=f"undone {text}", **entry)
                with tx.savepoint():
                    tx.append(session, content=f"undone too {text}", **entry)
                raise LookupError
        except LookupError:
            tx.append(session, content=f"after {text}", **entry)

    others = [(await nodes[0].start())[1] for _ in range(6)]
    await asyncio.gather(
        *(
            nodes[0].store.write(Function(lambda tx, i=i: partly(tx, casey.session, str(i))))  # type: ignore[misc]
            for i in range(6)
        ),
        *(nodes[0].say(other, "beside") for other in others),
    )
    contents = [row[7] for row in await nodes[0].log(casey) if row[7]]
    assert [text for text in contents if text[-1].isdigit()] == [
        f"{when} {i}" for i in range(6) for when in ("before", "after")
    ]
    for other in others:
        assert "beside" in [row[7] for row in await nodes[0].log(other)]


async def test_who_locks_two_sessions_crosswise_is_run_again(nodes: tuple[Node, Node]) -> None:
    (c1, one), (c2, two) = await nodes[0].start(), await nodes[0].start()

    def both(tx: Tx, first: ParticipantCaller, second: ParticipantCaller) -> None:
        for caller in (first, second):
            tx.one("session", session=caller.session)
        for caller, contact_id in ((one, c1), (two, c2)):
            tx.append(caller.session, contact_id=contact_id, type="EVENT", content_type="both")

    await asyncio.gather(
        *(
            node.store.write(Function(lambda tx, order=order: both(tx, *order)))  # type: ignore[misc]
            for node in nodes
            for order in ((one, two), (two, one))
        )
    )
    for caller in (one, two):
        assert [row[6] for row in await nodes[0].log(caller)].count("both") == 4
