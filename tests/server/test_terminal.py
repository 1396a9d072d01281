"""What `threadline serve` shows: a line for each call on a terminal, refusals with their message, and its addresses."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from tests.http.raw import ask
from tests.processes.supervised import COMMAND, PATIENCE_SECONDS, supervised
from threadline.cli import addresses
from threadline.config import Settings
from threadline.errors import told
from threadline.testing.workspace import Workspace, environment

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
TIME = r"^\d\d:\d\d:\d\d "


class Screen:
    """A server on a terminal of its own, and all that the terminal has shown so far."""

    def __init__(self, data: Path, columns: int, *options: str, **settings: str) -> None:
        self._end, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (30, columns))
        env = settings | {
            name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM")
        }
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--data", str(data), *options],
            stdin=theirs, stdout=theirs, stderr=theirs, env=env | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""
        url = self.see(r"Threadline serves at (\S+)\r\n")[1]
        self.see(r"\)\r\n$")  # the end of the welcome
        ids = json.loads((data / "workspace.json").read_text())
        self.workspace = Workspace(url, environment(url, ids))

    def see(self, pattern: str) -> re.Match[str]:
        """Wait until `pattern` is there, colours left aside."""
        while (found := re.search(pattern, ESCAPES.sub("", self.shown), re.MULTILINE)) is None:
            assert select.select([self._end], [], [], PATIENCE_SECONDS)[0], (
                f"no {pattern!r} in {self.shown!r}"
            )
            self._read()
        return found

    def end(self) -> None:
        self.process.terminate()
        with suppress(OSError):  # the terminal is gone with its last program
            while self._read():
                pass
        self.process.wait(PATIENCE_SECONDS)
        os.close(self._end)

    def _read(self) -> bool:
        data = os.read(self._end, 65536)
        self.shown += data.decode(errors="replace")
        return bool(data)


@contextmanager
def screen(data: Path, columns: int, *options: str, **settings: str) -> Iterator[Screen]:
    made = Screen(data, columns, *options, **settings)
    try:
        yield made
    finally:
        made.workspace.close()
        made.end()


def test_a_terminal_shows_a_line_for_each_call(tmp_path: Path) -> None:
    with screen(tmp_path / "data", 120) as terminal:
        casey = terminal.workspace.customer("Casey Secretname")
        casey.say("my card is 4929")
        contact = casey.contact_id
        terminal.see(rf"{TIME}StartChatContact +{contact} 200 +\d+\.\d ms\r$")
        terminal.see(rf"{TIME}SendMessage +{contact} 200 +\d+\.\d ms\r$")
        ask(terminal.workspace.url, "GET", "/health")
        refused = ask(terminal.workspace.url, "GET", "/nothing")
        assert refused.status == 404
        terminal.see(rf"{TIME}- +404 +\d+\.\d ms  UnknownOperationException: No operation at GET /nothing")
    assert "UnknownOperationException" not in terminal.shown.split("UnknownOperationException", 1)[1]
    for hidden in ("4929", "Secretname", casey.connection_token, "/health"):
        assert hidden not in terminal.shown


def test_a_line_fits_a_narrow_terminal(tmp_path: Path) -> None:
    with screen(tmp_path / "data", 80) as terminal:
        casey = terminal.workspace.customer()
        casey.say("Hello")
        terminal.see(rf"{TIME}SendMessage +…{casey.contact_id[-12:]} 200 +\d+\.\d ms\r$")
        called = [line for line in ESCAPES.sub("", terminal.shown).splitlines() if re.match(TIME, line)]
        assert max(map(len, called)) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("exec", "--", "no-such-command"), "There is no command 'no-such-command'."),
        (("env", "--data", "nothing"), "Start one: threadline serve --data nothing"),
        (("open", "--data", "nothing"), "No server runs on the data folder nothing."),
    ],
)
def test_a_refusal_of_a_command_is_wrapped_between_words(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    end, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 40))
    command = [sys.executable, "-m", "threadline", *words]
    process = subprocess.Popen(command, stderr=theirs, cwd=tmp_path)
    assert process.wait(PATIENCE_SECONDS) != 0
    os.close(theirs)
    lines = os.read(end, 65536).decode().splitlines()
    os.close(end)
    assert said in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("columns", [80, 40])
def test_a_refusal_at_start_is_wrapped_between_words(tmp_path: Path, columns: int) -> None:
    end, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, columns))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = subprocess.Popen(
            [*COMMAND, "--port", str(port), "--data", str(tmp_path / "data")], stderr=theirs
        )
        assert process.wait(PATIENCE_SECONDS) == 1
    os.close(theirs)
    first, *others = os.read(end, 65536).decode().splitlines()
    os.close(end)
    assert first.startswith("threadline: 127.0.0.1 port")
    assert others, first
    assert all(line.startswith(" " * len("threadline: ")) for line in others)
    assert max(map(len, [first, *others])) <= columns
    words = " ".join([first, *others]).split()
    assert " ".join(words) == (
        f"threadline: 127.0.0.1 port {port} is in use. Stop the program that listens there, or choose another --port: "
        f"with make, make run PORT={port + 1}."
    )


TIMES = r"queue \d+\.\d\d, run \d+\.\d\d, sync \d+\.\d\d ms"


def test_at_debug_a_terminal_shows_the_caller_and_the_times_of_each_call(tmp_path: Path) -> None:
    with screen(tmp_path / "data", 80, THREADLINE_LOG_LEVEL="debug") as terminal:
        terminal.workspace.customer().say("Hello")
        terminal.see(rf"{TIME}StartChatContact +…[0-9a-f]{{12}} 200 .+ ms\r\n +account, {TIMES}\r$")
        terminal.see(rf"{TIME}SendMessage +…[0-9a-f]{{12}} 200 .+ ms\r\n +participant, {TIMES}\r$")
    called = terminal.shown[terminal.shown.index("StartChatContact  ") :]
    assert max(map(len, ESCAPES.sub("", called).splitlines())) <= 80
    assert "insert_item" not in called


@pytest.mark.parametrize("frontends", ["0", "1"])
def test_a_trace_has_the_statements_of_each_request_and_nothing_that_was_written(
    tmp_path: Path, frontends: str
) -> None:
    env = {"THREADLINE_TRACE": "1", "THREADLINE_FRONTEND_PROCESSES": frontends}
    with supervised(tmp_path / "data", env=env) as server:
        casey = server.workspace.customer("Casey Secretname")
        casey.say("my card is 4929")
        with pytest.raises(ClientError):
            server.workspace.connect.stop_contact(
                InstanceId=server.workspace.instance_id, ContactId=f"{UUID(int=1)}"
            )
        casey.drop()
        server.parent.terminate()
        _, log = server.end()
    said, refused = request_of("SendMessage", log), request_of("StopContact", log)
    first, *statements = said.splitlines()
    assert re.fullmatch(
        rf"SendMessage +{casey.contact_id} 200 +\d+\.\d ms  participant, {TIMES}, request [\w-]+", first
    )
    assert all(re.fullmatch(r" +\d+\.\d\d ms  \w+", line) for line in statements), statements
    assert any(line.endswith("  insert_item") for line in statements), statements
    assert "404" in refused
    assert "ResourceNotFoundException: Contact not found" in refused
    assert refused.splitlines()[-1].endswith("  session_and_contact")
    assert log.count("Contact not found") == 1
    for hidden in ("4929", "Secretname", casey.connection_token):
        assert hidden not in log


def test_in_json_a_trace_has_fields(tmp_path: Path) -> None:
    env = {"THREADLINE_TRACE": "1", "THREADLINE_LOG_FORMAT": "json"}
    with supervised(tmp_path / "data", env=env) as server:
        casey = server.workspace.customer()
        casey.say("Hello")
        casey.drop()
        server.parent.terminate()
        _, log = server.end()
    (said,) = [line for line in map(json.loads, log.splitlines()) if line.get("operation") == "SendMessage"]
    assert (said["caller"], said["contact"], said["status"]) == ("participant", casey.contact_id, 200)
    assert 0 < said["run_ms"] <= said["ms"]
    assert {"queue_ms", "sync_ms", "request"} <= set(said)
    assert "insert_item" in [name for name, _ in said["statements"]]


def request_of(operation: str, log: str) -> str:
    """The line of the first call of an operation, and those of its statements."""
    found = re.search(rf"{operation} .*\n(?: .*\n)*", log)
    assert found, log
    return found[0]


def test_a_terminal_is_hushed(tmp_path: Path) -> None:
    with screen(tmp_path / "data", 120, "--quiet") as terminal:
        terminal.workspace.customer()
        ask(terminal.workspace.url, "GET", "/nothing")
        terminal.see("- UnknownOperationException: No operation at GET /nothing")
    assert "StartChatContact  " not in terminal.shown


def test_elsewhere_only_refusals_are_logged_and_with_their_message(tmp_path: Path) -> None:
    with supervised(tmp_path / "data") as server:
        server.workspace.customer().drop()
        ask(server.url, "GET", "/nothing")
        server.parent.terminate()
        _, errors = server.end()
    (line,) = errors.splitlines()
    assert "INFO    - UnknownOperationException: No operation at GET /nothing in connect" in line


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Contact not found: 0199a1b2-0000-7000-8000-000000000001", ...),
        ("CreatePersistentContactAssociation is not implemented by this server.", ...),
        ("arn:aws:connect:us-east-1:1:instance/0199a1b2-0000-7000-8000-000000000001/queue/q", ...),
        (f"Contact not found: {'aB3_' * 11}", "Contact not found: (not shown)"),
        ("Queue not found: a\r\nb\x1b[31mc", r"Queue not found: a\r\nb\x1b[31mc"),
    ],
)
def test_the_message_of_a_refusal_is_told_without_secrets_on_one_line(message: str, shown: object) -> None:
    assert told(message) == (message if shown is ... else shown)
    assert len(told("x " * 100_000)) < 500


# A socket's path without Upgrade, and a server for other machines


def test_a_request_for_the_socket_without_upgrade_says_that_a_proxy_dropped_it(tmp_path: Path) -> None:
    with supervised(tmp_path / "data") as server:
        answer = ask(
            server.url, "GET", "/participant/socket?ticket=x", sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ=="
        )
    assert (answer.status, answer.error) == (426, "UpgradeRequiredException")
    assert answer.headers["upgrade"] == "websocket"
    assert "a proxy on the way dropped it" in json.loads(answer.body)["message"]


def test_a_server_for_other_machines_says_where_it_is_and_what_it_lacks() -> None:
    with socket.socket() as bound:
        bound.bind(("0.0.0.0", 0))  # bound, but nobody listens
        port = bound.getsockname()[1]
        others = addresses.elsewhere(bound)
        assert all(re.fullmatch(rf"http://\d+\.\d+\.\d+\.\d+:{port}", url) for url in others)
        assert not any("//127." in url for url in others)
        [advice] = addresses.warnings(Settings(host="0.0.0.0"), bound)
        assert "THREADLINE_PUBLIC_URL is not set" in advice
        assert f"ws://127.0.0.1:{port}" in advice
        public = Settings(host="0.0.0.0", public_url="https://chat.example.com")
        assert not list(addresses.warnings(public, bound))


def test_test_controls_that_others_may_reach_are_warned_of() -> None:
    with socket.socket() as bound:
        bound.bind(("0.0.0.0", 0))
        settings = Settings(
            host="0.0.0.0", public_url="auto", test_controls=True, test_controls_on_any_host=True
        )
        [warning] = addresses.warnings(settings, bound)
        assert "no signature is verified" in warning


def test_a_server_for_this_machine_lacks_nothing() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert addresses.elsewhere(bound) == []
        assert not list(addresses.warnings(Settings(), bound))
