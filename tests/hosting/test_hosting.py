"""Threadline as docs/hosting.md says: behind nginx and Caddy with TLS, under systemd, on PostgreSQL with two nodes."""

import asyncio
import configparser
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

import pytest
from websockets.asyncio.client import connect

from tests.engines import Postgres, free_port
from tests.hosting.proxies import FILES, PROXIES, Proxy
from tests.operations.refusals import refusal, see_refused_within_a_second
from tests.processes.supervised import children_of, supervised
from threadline.client.participants import ScriptedParticipant
from threadline.clock import monotonic
from threadline.testing import Threadline, Workspace

SUBSCRIBE = json.dumps({"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})
REFUSED = "UnrecognizedClientException"


@pytest.fixture(params=PROXIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def hosted(name: str, port: int, tmp_path: Path) -> Iterator[tuple[Threadline, Proxy]]:
    """A server and the proxy before it."""
    with Threadline(verify=True, public_url=f"https://localhost:{port}") as server:
        node = server.url.removeprefix("http://")
        with PROXIES[name](tmp_path, port, [node]) as proxy:
            yield server, proxy


def through(proxy: Proxy, workspace: Workspace, service: str = "connect", **key: str) -> Any:
    """A client that reaches the server by the proxy alone."""
    return workspace.client(service, endpoint_url=proxy.url, verify=str(proxy.authority), **key)


def second_key(workspace: Workspace) -> dict[str, str]:
    made = workspace.threadline.create_access_key(Description="second")["AccessKey"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


def chat(workspace: Workspace, proxy: Proxy, key: dict[str, str]) -> None:
    """A whole chat by the proxy: started with this key, and heard on the customer's socket."""
    started = through(proxy, workspace, **key).start_chat_contact(
        InstanceId=workspace.instance_id,
        ContactFlowId=workspace.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
    )
    participant = through(proxy, workspace, "connectparticipant")
    connection = participant.create_participant_connection(
        ParticipantToken=started["ParticipantToken"], Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"]
    )
    url = connection["Websocket"]["Url"]
    assert url.startswith(f"{proxy.url.replace('https://', 'wss://')}/")

    async def hear() -> None:
        # on one thread: CPython before 3.13 lets two threads break one TLS connection
        async with asyncio.timeout(60), connect(url, ssl=proxy.context, proxy=None) as socket:
            await socket.send(SUBSCRIBE)
            while "success" not in str(await socket.recv()):
                pass
            await asyncio.to_thread(
                participant.send_message,
                ConnectionToken=connection["ConnectionCredentials"]["ConnectionToken"],
                ContentType="text/plain",
                Content="Hello through the proxy",
            )
            while "Hello through the proxy" not in str(await socket.recv()):
                pass

    asyncio.run(hear())


def test_a_second_key_and_a_socket_by_the_proxy(hosted: tuple[Threadline, Proxy]) -> None:
    server, proxy = hosted
    key = second_key(server)
    chat(server, proxy, key)
    client = through(proxy, server, **key)
    instance = server.connect.describe_instance(InstanceId=server.instance_id)["Instance"]
    described = client.describe_instance(InstanceId=instance["Arn"])["Instance"]
    assert described["Id"] == server.instance_id, "a path with %2F arrives as it was signed"
    server.threadline.delete_access_key(AccessKeyId=key["aws_access_key_id"])
    assert refusal(client) == REFUSED
    assert refusal(through(proxy, server)) == ""


def test_our_own_client_talks_and_listens_by_the_proxy_at_once(
    hosted: tuple[Threadline, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames go both ways over one TLS connection while items keep coming."""
    server, proxy = hosted
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy.authority))
    customer = server.customer("Casey")
    by_proxy = through(proxy, server, "connectparticipant")

    def call(operation: str, **members: Any) -> Any:
        return by_proxy._make_api_call(operation, members)

    texts = [f"number {number}" for number in range(200)]
    token = customer.participant_token
    with customer, ScriptedParticipant(call, "Casey", customer.contact_id, token) as casey:
        customer.connect()
        casey.connect()
        talking = Thread(target=lambda: [customer.say(text) for text in texts])
        talking.start()
        for _ in texts:
            casey.catch_up()
        talking.join()
        casey.see(texts[-1])
        assert [item["Content"] for item in casey.items if item["Type"] == "MESSAGE"] == texts


def test_http_is_led_to_https(hosted: tuple[Threadline, Proxy]) -> None:
    class Stay(HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, url: str) -> None:
            seen.append((code, url))

    seen: list[tuple[int, str]] = []
    with pytest.raises(OSError, match="HTTP Error 30"):
        build_opener(Stay, ProxyHandler({})).open(f"{hosted[1].plain_url}/health", timeout=20)
    [(code, url)] = seen
    assert code in (301, 308)
    assert url.startswith("https://localhost")
    assert url.endswith("/health")


def test_a_reload_is_not_noticed_by_the_proxys_clients(name: str, port: int, tmp_path: Path) -> None:
    env = {"THREADLINE_PUBLIC_URL": f"https://localhost:{port}"}
    with supervised(tmp_path / "data", env=env) as server:
        node = server.url.removeprefix("http://")
        with PROXIES[name](tmp_path, port, [node]) as proxy:
            workspace = server.workspace
            client = through(proxy, workspace)
            before = server.worker()
            server.signal(signal.SIGHUP)
            deadline = monotonic() + 20
            answered = 0
            while children_of(server.parent.pid) in ([before], []) or answered < 50:
                client.list_instances()
                answered += 1
                assert monotonic() < deadline, "no new worker"
            chat(workspace, proxy, {})


def test_two_nodes_on_one_postgresql_behind_one_proxy(
    name: str, port: int, tmp_path: Path, postgres: Postgres
) -> None:
    common: dict[str, Any] = {
        "store": postgres.database(),
        "public_url": f"https://localhost:{port}",
        "encryption_key": "0" * 64,
        "verify": True,
    }
    with Threadline(**common) as a, Threadline(**common) as b:
        nodes = [node.url.removeprefix("http://") for node in (a, b)]
        with PROXIES[name](tmp_path, port, nodes) as proxy:
            key = second_key(a)
            for _ in range(3):
                chat(a, proxy, key)
            clients = [through(proxy, a, **key) for _ in range(8)]
            assert [refusal(client) for client in clients] == [""] * 8
            through(proxy, a, "threadline").delete_access_key(AccessKeyId=key["aws_access_key_id"])
            see_refused_within_a_second(clients)


@pytest.mark.parametrize("unit", ["threadline.service", "threadline.socket"])
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    """With systemd-analyze where the machine has it; their sections and the commands in them everywhere."""
    program = Path(sys.executable).with_name("threadline")
    for file in FILES.glob("threadline.*"):
        text = file.read_text().replace("/opt/threadline/bin/threadline", str(program))
        (tmp_path / file.name).write_text(text.replace("User=threadline", "User=root"))
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(tmp_path / unit)
    if unit.endswith(".service"):
        assert parsed["Service"]["ExecStart"] == f"{program} serve"
        assert parsed["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
        assert parsed["Unit"]["Requires"] == "threadline.socket"
    else:
        assert parsed["Socket"]["ListenStream"] == "127.0.0.1:8080"
    if analyze := shutil.which("systemd-analyze"):
        done = subprocess.run(
            [analyze, "verify", str(tmp_path / unit)], capture_output=True, text=True, check=False
        )
        ours = [line for line in done.stderr.splitlines() if "threadline" in line]
        assert (done.returncode, ours) == (0, [])


def test_the_page_names_every_file(tmp_path: Path) -> None:
    page = (FILES.parent / "hosting.md").read_text()
    for file in FILES.iterdir():
        assert f"(hosting/{file.name})" in page
