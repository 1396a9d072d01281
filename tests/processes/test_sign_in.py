"""Credentials of a browser count in every process of a server, after a restart too, until somebody signs out."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.operations.refusals import refusal, see_refused_within_a_second
from tests.processes.supervised import supervised
from tests.processes.test_access_keys import CONNECTIONS
from tests.server.test_terminal import screen


def trade(link: str) -> dict[str, str]:
    url, _, token = link.partition("/#token=")
    body = json.dumps({"Token": token}).encode()
    with urlopen(Request(f"{url}/sign-in", body, {"Content-Type": "application/json"})) as answer:
        session: dict[str, str] = json.loads(answer.read())
    return {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }


def link_of(data: Path) -> str:
    command = [sys.executable, "-m", "threadline", "open", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_frontend_accepts_a_session_and_refuses_it_once_it_has_signed_out(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with supervised(data, env={"THREADLINE_FRONTEND_PROCESSES": "3"}) as server:
        session = trade(link_of(data))
        clients: list[Any] = [server.workspace.client("connect", **session) for _ in range(CONNECTIONS)]
        assert [refusal(client) for client in clients] == [""] * CONNECTIONS
        server.workspace.client("threadline", **session).sign_out()
        see_refused_within_a_second(clients)
        for client in clients:
            client.close()


def test_a_session_and_an_unused_link_survive_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with supervised(data) as server:
        session, unused = trade(link_of(data)), link_of(data)
        address = server.url
    with supervised(data) as server:
        assert refusal(server.workspace.client("connect", **session)) == ""
        assert trade(unused.replace(address, server.url))["aws_access_key_id"].startswith("ASIA")


def test_serve_prints_a_link_on_a_terminal_and_no_secret_elsewhere(tmp_path: Path) -> None:
    with screen(tmp_path / "data", 80) as terminal:
        link = terminal.see(r"^  (http://\S+/#token=\S+)\r\n")[1]
        assert trade(link)["aws_access_key_id"].startswith("ASIA")
    with supervised(tmp_path / "other") as server:
        assert server.parent.stdout is not None
        server.parent.terminate()
        assert b"token" not in server.parent.stdout.read()
