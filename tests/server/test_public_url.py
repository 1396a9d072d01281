"""`THREADLINE_PUBLIC_URL=auto`: a client is told the URL that it used, and nobody else's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.raw import Answer, connected
from tests.processes.supervised import supervised
from threadline.config import BadSettings, Settings
from threadline.testing import Customer, Threadline

HOSTS = "chat.example, https://secure.example:8443, [::1]"
BODY = json.dumps({"Type": ["WEBSOCKET"]})


@pytest.fixture(scope="module")
def server() -> Iterator[Threadline]:
    with Threadline(public_url="auto", public_hosts=f"localhost,127.0.0.1,{HOSTS}") as running:
        yield running


@pytest.fixture(scope="module")
def casey(server: Threadline) -> Customer:
    return server.invite()


def asked(url: str, casey: Customer, *headers: str) -> Answer:
    """The answer to CreateParticipantConnection with these header lines."""
    lines = ("POST /participant/connection HTTP/1.1", f"x-amz-bearer: {casey.participant_token}", *headers)
    length = f"content-length: {len(BODY)}"
    with connected(url) as connection:
        connection.send("\r\n".join([*lines, length, "", BODY]).encode())
        return connection.answer()


def socket_of(server: Threadline, casey: Customer, *headers: str) -> str:
    answer = asked(server.url, casey, *headers)
    assert answer.status == 200, answer.body
    return str(answer.json["Websocket"]["Url"]).partition("/participant/socket?ticket=")[0]


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        (("host: localhost:32768",), "ws://localhost:32768"),
        (("host: CHAT.example",), "ws://chat.example"),
        (("host: chat.example:99", "x-forwarded-proto: https"), "wss://chat.example:99"),
        (("host: chat.example", "x-forwarded-proto: HTTPS"), "wss://chat.example"),
        (("host: secure.example:8443",), "wss://secure.example:8443"),
        (("host: secure.example:8443", "x-forwarded-proto: http"), "wss://secure.example:8443"),
        (("host: [::1]:8080",), "ws://[::1]:8080"),
    ],
)
def test_a_client_is_told_the_host_and_scheme_that_it_used(
    server: Threadline, casey: Customer, headers: tuple[str, ...], url: str
) -> None:
    assert socket_of(server, casey, *headers) == url


@pytest.mark.parametrize(
    "header",
    [
        "x-forwarded-host: evil.example",
        "x-forwarded-host: chat.example",
        "x-forwarded-for: evil.example",
        "x-forwarded-port: 1",
        "forwarded: host=evil.example;proto=https",
        "x-forwarded-proto: javascript",
        "x-forwarded-proto: https,http",
        "x-forwarded-proto: https://evil.example/",
        "x-forwarded-proto: wss",
        "x-original-host: evil.example",
        "x-forwarded-prefix: /evil",
    ],
)
def test_no_other_header_leads_a_client_elsewhere(server: Threadline, casey: Customer, header: str) -> None:
    assert socket_of(server, casey, "host: localhost", header) == "ws://localhost"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:80",
        "xchat.example",
        "chat.example.",
        "secure.example",
        "secure.example:443",
        "[::2]",
        "1.localhost",
    ],
)
def test_a_host_that_is_not_allowed_is_refused_by_name(
    server: Threadline, casey: Customer, host: str
) -> None:
    answer = asked(server.url, casey, f"host: {host}")
    assert (answer.status, answer.error) == (403, "AccessDeniedException")
    assert f"Host is '{host}'" in answer.json["message"]
    assert "THREADLINE_PUBLIC_HOSTS" in answer.json["message"]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("host: ",),
        ("host: localhost", "host: evil.example"),
        ("host: localhost@evil.example",),
        ("host: localhost/evil.example",),
        ("host: localhost:80:90",),
        ("host: http://localhost",),
        ("host: localhost evil.example",),
        ("host: loc\u0430lhost",),
        ("host: localhost:x",),
        ("host: localhost,evil.example",),
    ],
)
def test_a_host_that_is_none_is_refused(
    server: Threadline, casey: Customer, headers: tuple[str, ...]
) -> None:
    assert asked(server.url, casey, *headers).status in (400, 403)


def test_an_instance_is_reached_at_the_host_of_the_request(server: Threadline) -> None:
    connect = server.client("connect", endpoint_url=server.url.replace("127.0.0.1", "localhost"))
    instance = connect.describe_instance(InstanceId=server.instance_id)["Instance"]
    assert instance["InstanceAccessUrl"] == server.url.replace("127.0.0.1", "localhost")
    listed = server.connect.list_instances()["InstanceSummaryList"][0]
    assert listed["InstanceAccessUrl"] == server.url


def test_health_is_for_every_host(server: Threadline) -> None:
    with connected(server.url) as connection:
        connection.send(b"GET /health HTTP/1.1\r\nhost: 10.0.0.7:8080\r\n\r\n")
        assert connection.answer().status == 200


def test_several_processes_do_the_same(tmp_path: Path) -> None:
    settings = {"THREADLINE_PUBLIC_URL": "auto", "THREADLINE_FRONTEND_PROCESSES": "1"}
    with supervised(tmp_path / "data", env=settings) as running:
        workspace = running.workspace
        casey = workspace.invite()
        answer = asked(running.url, casey, "host: localhost:99", "x-forwarded-proto: https")
        assert answer.json["Websocket"]["Url"].startswith("wss://localhost:99/")
        assert asked(running.url, casey, "host: evil.example").status == 403
        workspace.close()


@pytest.mark.parametrize(
    "hosts", ["chat.example/path", "ftp://chat.example", "a b", "*", "chat.example:port"]
)
def test_a_list_that_is_none_is_refused_in_words(hosts: str) -> None:
    with pytest.raises(BadSettings, match="THREADLINE_PUBLIC_HOSTS has"):
        Settings(public_hosts=f"localhost,{hosts}")
