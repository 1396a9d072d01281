"""Several servers on one PostgreSQL are one: a chat goes on wherever its people happen to be connected."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.engines import Nats, Postgres, running
from tests.operations.refusals import see_refused_within_a_second
from threadline.config import Settings
from threadline.encryption import BadKey
from threadline.server import Server
from threadline.testing import Agent, Customer, Threadline

KEY = "0" * 64
"""The encryption key that all nodes of one database have."""


@pytest.fixture(scope="session")
def nats() -> Iterator[Nats]:
    server = Nats()
    yield server
    server.stop()


@pytest.fixture(params=["postgres", "nats"])
def bus(request: pytest.FixtureRequest) -> str:
    """The setting of the bus that is tried."""
    return str(request.getfixturevalue("nats").address) if request.param == "nats" else ""


@pytest.fixture
def nodes(postgres: Postgres, bus: str) -> Iterator[tuple[Threadline, Threadline]]:
    address = postgres.database()
    with (
        Threadline(store=address, bus=bus, encryption_key=KEY, verify=True) as a,
        Threadline(store=address, bus=bus, encryption_key=KEY, verify=True) as b,
    ):
        yield a, b


def on(node: Threadline, person: Customer | Agent) -> None:
    """Let `person` go on through another node."""
    person.workspace = node
    person.connect()


def test_both_nodes_know_the_same_workspace(nodes: tuple[Threadline, Threadline]) -> None:
    a, b = nodes
    addresses = {name for name in a.env if name.startswith(("AWS_ENDPOINT_URL", "THREADLINE_URL"))}
    assert {name for name in a.env if a.env[name] != b.env[name]} == addresses
    assert b.connect.list_contact_flows(InstanceId=a.instance_id)["ContactFlowSummaryList"]


def test_a_node_ends_while_it_still_connects_to_its_bus(postgres: Postgres, bus: str) -> None:
    address = postgres.database()
    for _ in range(10):
        with Threadline(store=address, bus=bus, encryption_key=KEY, verify=True) as node:
            assert node.url


def test_what_is_said_on_one_node_is_seen_on_the_other(nodes: tuple[Threadline, Threadline]) -> None:
    a, b = nodes
    casey = a.customer()
    agent = b.agent().accept(casey)
    for number in range(20):
        casey.say(f"from casey {number}")
        agent.say(f"from the agent {number}")
    casey.see("from the agent 19")
    agent.see("from casey 19")
    for person in (casey, agent):
        seen = [item["Id"] for item in person.catch_up() if item["Type"] == "MESSAGE"]
        read = [item["Id"] for item in person.history() if item["Type"] == "MESSAGE"]
        assert seen == [each for each in read if each in seen]
        assert len(seen) >= 40
    casey.typing()
    agent.see_event("typing")
    agent.leave()
    casey.see_event("participant.left")


def test_who_comes_back_on_another_node_goes_on(nodes: tuple[Threadline, Threadline]) -> None:
    a, b = nodes
    past = a.past_chat()
    casey = b.customer(PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"})
    agent = a.agent().accept(casey)
    casey.drop()
    agent.say("Are you there?")
    on(a, casey)
    assert casey.reads()[-1] == "Are you there?"
    on(b, agent)
    casey.say("Here I am.")
    agent.see("Here I am.")
    assert casey.reads()[:3] == ["My parcel has not come.", "I will ask the depot.", "It left this morning."]


def test_of_associations_on_both_nodes_one_is_made(nodes: tuple[Threadline, Threadline]) -> None:
    a, b = nodes
    pasts = [a.past_chat(), b.past_chat()]
    casey = a.customer()

    def associate(number: int) -> str:
        node = nodes[number % 2]
        try:
            reply = node.connect.create_persistent_contact_association(
                InstanceId=node.instance_id,
                InitialContactId=casey.contact_id,
                RehydrationType="FROM_SEGMENT",
                SourceContactId=pasts[number % 2].c2,
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(reply["ContinuedFromContactId"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(associate, range(16)))
    assert sorted(map(answers.count, set(answers))) == [8, 8]
    assert "InvalidRequestException" in answers
    casey.see_event("chat.rehydrated")
    assert casey.events().count("chat.rehydrated") == 1


ENDS = "FROM item WHERE content_type LIKE '%chat.ended' AND audience IS NULL"


def database_of(node: Threadline) -> str:
    """The name of a node's database."""
    return node._server.settings.store.rpartition("/")[2]


def test_a_timer_goes_off_once_on_whichever_node(
    postgres: Postgres, nodes: tuple[Threadline, Threadline]
) -> None:
    a, b = nodes
    waiting = [node.invite(f"Casey {number}") for number in range(6) for node in nodes]
    clocks = [node.clock for node in nodes]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda clock: clock.advance(minutes=6), clocks))
    for casey in waiting:
        contact = b.connect.describe_contact(InstanceId=a.instance_id, ContactId=casey.contact_id)["Contact"]
        assert contact["DisconnectReason"] == "CUSTOMER_CONNECTION_NOT_ESTABLISHED"
        with pytest.raises(ClientError, match="ended"):
            casey.connect()
    ends = postgres.execute(f"SELECT count(*) {ENDS} GROUP BY session", database_of(a))
    assert ends == [(1,)] * len(waiting)


def test_a_task_whose_node_dies_goes_on_elsewhere(postgres: Postgres) -> None:
    with Threadline(store=postgres.database()) as node:
        casey = node.invite()
        with psycopg.connect(postgres.address(database_of(node))) as dying:
            dying.execute("SELECT key FROM session FOR UPDATE")
            assert dying.execute("DELETE FROM task WHERE kind = 'connect_by' RETURNING id").fetchall()
            with ThreadPoolExecutor(1) as pool:
                moved = pool.submit(node.clock.advance, minutes=6)
                waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                while not postgres.execute(waiting):
                    assert not moved.done()
                pid = dying.info.backend_pid
                postgres.execute(f"SELECT pg_terminate_backend({pid})")
                moved.result()
            dying.close()
        assert postgres.execute(f"SELECT count(*) {ENDS}", database_of(node)) == [(1,)]
        with pytest.raises(ClientError, match="ended"):
            casey.connect()


def test_a_listener_that_is_cut_off_delays_and_loses_nothing(postgres: Postgres) -> None:
    address = postgres.database()
    with (
        Threadline(store=address, encryption_key=KEY, verify=True) as a,
        Threadline(store=address, encryption_key=KEY, verify=True) as b,
    ):
        casey = a.customer()
        agent = b.agent().accept(casey)
        for number in range(10):
            cut = postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'threadline'"
                f" AND datname = '{database_of(a)}' AND (query LIKE '%pg_notify%' OR query LIKE 'LISTEN%')"
            )
            assert number or len(cut) == 2
            casey.say(f"from casey {number}")
            agent.say(f"from the agent {number}")
            agent.see(f"from casey {number}")
            casey.see(f"from the agent {number}")
        for person in (casey, agent):
            seen = [item["Id"] for item in person.catch_up() if item["Type"] == "MESSAGE"]
            read = [item["Id"] for item in person.history() if item["Type"] == "MESSAGE"]
            assert seen == read[len(read) - len(seen) :]


def test_a_bus_that_stops_delays_and_loses_nothing(postgres: Postgres) -> None:
    nats = Nats()
    address = postgres.database()
    with (
        Threadline(store=address, bus=nats.address, encryption_key=KEY, verify=True) as a,
        Threadline(store=address, bus=nats.address, encryption_key=KEY, verify=True) as b,
    ):
        casey = a.customer()
        agent = b.agent().accept(casey)
        casey.say("before")
        agent.see("before")
        nats.stop()
        casey.say("meanwhile")
        assert "meanwhile" in [item.get("Content") for item in agent.catch_up()]  # a heartbeat looks
        casey.say("also")
        nats.start()
        agent.see("also")
        casey.say("after")
        agent.see("after")
    nats.stop()


def test_an_older_postgres_does_as_well() -> None:
    with running(16) as server, Threadline(store=server.database()) as node:
        past = node.past_chat()
        casey = node.customer(PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"})
        assert casey.reads() == ["My parcel has not come.", "I will ask the depot.", "It left this morning."]


@pytest.mark.parametrize("how", ["deleted", "deactivated"])
def test_a_key_that_one_node_takes_away_is_refused_by_the_other_within_a_second(
    nodes: tuple[Threadline, Threadline], how: str
) -> None:
    a, b = nodes
    made = a.threadline.create_access_key()["AccessKey"]
    key = made["AccessKeyId"]
    client = b.client("connect", aws_access_key_id=key, aws_secret_access_key=made["SecretAccessKey"])
    client.list_instances()
    if how == "deleted":
        a.threadline.delete_access_key(AccessKeyId=key)
    else:
        a.threadline.update_access_key(AccessKeyId=key, Status="Inactive")
    see_refused_within_a_second([client])
    b.connect.list_instances()


async def test_a_node_with_another_encryption_key_or_none_does_not_start(
    postgres: Postgres, tmp_path: Path
) -> None:
    address = postgres.database()
    with Threadline(store=address, data=str(tmp_path / "a")) as first:
        with pytest.raises(BadKey, match=r"b/encryption.key does not exist.*need the key of the first"):
            await Server(Settings(port=0, store=address, data=str(tmp_path / "b"))).start()
        with pytest.raises(BadKey, match="THREADLINE_ENCRYPTION_KEY has another key"):
            await Server(
                Settings(port=0, store=address, data=str(tmp_path / "b"), encryption_key=KEY)
            ).start()
        key = str(tmp_path / "a" / "encryption.key")
        with Threadline(store=address, data=str(tmp_path / "b"), encryption_key=key) as second:
            assert second.env["AWS_ACCESS_KEY_ID"] == first.env["AWS_ACCESS_KEY_ID"]
            second.connect.list_instances()


async def test_nodes_that_start_together_share_the_key_that_the_first_of_them_makes(
    postgres: Postgres, tmp_path: Path
) -> None:
    address, file = postgres.database(), tmp_path / "encryption.key"
    servers = [
        Server(Settings(port=0, store=address, data=":memory:", encryption_key=str(file))) for _ in range(3)
    ]
    await asyncio.gather(*(server.start() for server in servers))
    secrets = {server.workspace["secret_access_key"] for server in servers}
    await asyncio.gather(*(server.close(0) for server in servers))
    assert len(secrets) == 1
    assert len(file.read_text().strip()) == 64
