"""`threadline serve`: a restart nobody notices, an end in good order, and refusals in words."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.http.raw import ask, connected
from tests.processes.supervised import COMMAND, PATIENCE_SECONDS, Supervised, gone, supervised


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path / "data") as running:
        yield running


AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def refused(*options: str, **env: str) -> str:
    """What `serve` says when it does not start."""
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=os.environ | env
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_server_that_does_not_start_in_time_leaves_no_process(tmp_path: Path) -> None:
    """Also when its worker is stopped, and does not notice that its parent is gone."""
    server = Supervised(tmp_path)
    processes = [server.parent.pid, server.worker(), *server.frontends()]
    os.kill(server.worker(), signal.SIGSTOP)
    with pytest.raises(AssertionError, match="no 'never said'"):
        server.said("never said", seconds=0.1)
    assert all(map(gone, processes))


def test_a_first_start_makes_a_workspace_and_a_second_keeps_it(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with supervised(data) as first:
        first.said("  A demo workspace")
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in data.iterdir())
        assert json.loads((data / "server.json").read_text()) == {"url": first.url, "pid": first.parent.pid}
        past = first.workspace.past_chat()
    assert not (data / "server.json").exists()
    with supervised(data) as second:
        casey = second.workspace.customer(
            PersistentChat={"SourceContactId": past.c1, "RehydrationType": "ENTIRE_PAST_SESSION"}
        )
        assert "My parcel has not come." in casey.reads()
        casey.drop()
        second.signal(signal.SIGTERM)
        assert second.parent.stdout is not None
        assert b"demo workspace" not in second.parent.stdout.read()


def test_nothing_is_kept_in_memory(tmp_path: Path) -> None:
    with supervised(":memory:") as server:
        assert ask(server.url, "GET", "/health").status == 200
    assert not list(tmp_path.iterdir())


# The worker may die


def test_nobody_notices_that_the_worker_is_killed(server: Supervised) -> None:
    casey = server.workspace.customer()
    casey.say("before")
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    assert gone(worker)
    # Refused by nobody: the parent holds the socket, whether the next worker runs yet or not.
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(server.url, "GET", "/health").status, range(8)))
    assert answers == [200] * 8
    assert server.worker() != worker
    casey.connect()  # with the same participant token
    casey.say("after")
    casey.see("after")
    assert casey.reads() == ["before", "after"]
    casey.drop()


def test_a_worker_killed_again_and_again_is_replaced(server: Supervised) -> None:
    for _ in range(3):
        worker = server.worker()
        os.kill(worker, signal.SIGKILL)
        assert gone(worker)
        assert ask(server.url, "GET", "/health").status == 200


def test_a_reload_replaces_the_worker_and_tells_the_sockets(server: Supervised) -> None:
    casey = server.workspace.customer()
    chat, worker = casey._socket, server.worker()
    assert chat is not None
    server.signal(signal.SIGHUP)
    deque(iter(lambda: chat.receive(PATIENCE_SECONDS), None), maxlen=0)
    assert chat._connection.close_code == 1012
    casey.connect()
    casey.say("hello again")
    casey.see("hello again")
    assert gone(worker)
    casey.drop()


def test_timers_go_on_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with supervised(data, env={"THREADLINE_CHAT_CONNECT_SECONDS": "1"}) as server:
        workspace = server.workspace
        casey = workspace.invite()
        os.kill(server.worker(), signal.SIGKILL)
        arguments = {"InstanceId": workspace.instance_id, "ContactId": casey.contact_id}
        while "DisconnectReason" not in (
            contact := workspace.connect.describe_contact(**arguments)["Contact"]
        ):
            pass
        assert contact["DisconnectReason"] == "CUSTOMER_CONNECTION_NOT_ESTABLISHED"


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_is_answered_before_the_end(server: Supervised, number: signal.Signals) -> None:
    casey = server.workspace.customer()
    body = b'{"ContentType":"text/plain","Content":"last words"}'
    worker = server.worker()
    with connected(server.url) as idle, connected(server.url) as connection:
        connection.send(
            b"POST /participant/message HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
            b"x-amz-bearer: %b\r\ncontent-length: %d\r\n\r\n" % (casey.connection_token.encode(), len(body))
        )
        assert connection.answer().status == 100  # it is being served
        server.signal(number)
        assert idle.closed()
        connection.send(body)
        answer = connection.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    casey.see("last words")
    assert server.end() == (0, "")
    assert gone(worker)


def test_a_client_that_does_not_finish_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with supervised(tmp_path / "data", env={"THREADLINE_DRAIN_SECONDS": "1"}) as server:
        casey = server.workspace.customer()
        with connected(server.url) as connection:
            connection.send(
                b"POST /participant/message HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
                b"x-amz-bearer: %b\r\ncontent-length: 9\r\n\r\n" % casey.connection_token.encode()
            )
            assert connection.answer().status == 100
            server.signal(signal.SIGTERM)
            answer = connection.answer()
            assert (answer.status, answer.error) == (503, "ServiceUnavailableException")
            assert connection.closed()
        assert server.end()[0] == 0


def test_the_worker_does_not_outlive_its_parent(server: Supervised) -> None:
    worker = server.worker()
    server.signal(signal.SIGKILL)
    assert gone(worker)
    server.end()
    with supervised(server.data) as successor:  # the lock went with them
        assert ask(successor.url, "GET", "/health").status == 200


# Refusals


def test_one_server_per_data_folder(server: Supervised) -> None:
    said = refused("--port", "0", "--data", str(server.data))
    assert f"in use by another server (process {server.parent.pid})" in said


def test_a_port_in_use(server: Supervised, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    assert f"port {port} is in use" in refused("--port", port, "--data", str(tmp_path / "other"))


def test_settings_that_will_not_do(tmp_path: Path) -> None:
    said = refused("--data", str(tmp_path), THREADLINE_LOG_LEVEL="loud")
    assert "THREADLINE_LOG_LEVEL is 'loud': choose one of" in said


def test_a_data_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be used" in refused("--data", str(tmp_path / "file"))


def test_data_of_a_newer_version(tmp_path: Path) -> None:
    import apsw

    connection = apsw.Connection(str(tmp_path / "threadline.db"))
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    assert "newer Threadline" in refused("--port", "0", "--data", str(tmp_path))


async def test_a_queue_of_an_older_version_has_hours_of_operation(tmp_path: Path) -> None:
    import apsw

    from threadline.clock import Clock
    from threadline.resources.hours import HOURS
    from threadline.resources.queues import require_queue
    from threadline.store import migrations
    from threadline.store.sqlite.store import SqliteStore

    connection = apsw.Connection(str(tmp_path / "threadline.db"))
    for number, script in migrations():
        if number <= 4:
            connection.execute(f"{script}; PRAGMA user_version = {number}")
    connection.execute("INSERT INTO instance VALUES ('i', '123456789012', 'old', 'key', 5)")
    connection.execute("INSERT INTO queue VALUES ('i', 'q', 'Support', 'Old \"one\"', 5)")
    connection.close()
    store = SqliteStore(tmp_path / "threadline.db", Clock())
    queue = await store.read(lambda tx: require_queue(tx, "i", "q"))
    hours = await store.read(lambda tx: HOURS.require(tx, "i", queue.hours_of_operation_id))
    assert (hours.id, hours.name, hours.time_zone, hours.updated_at_ms) == ("i", "Basic Hours", "UTC", 5)
    assert (queue.name, queue.description, queue.status) == ("Support", 'Old "one"', "ENABLED")
    await store.close()


# Under systemd


def test_a_socket_that_systemd_holds(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as held:
        process = subprocess.Popen(
            [sys.executable, "-c", AS_SYSTEMD, str(held.fileno()), *COMMAND, "--data", ":memory:"],
            pass_fds=[held.fileno()],
            stdout=subprocess.PIPE,
            text=True,
        )
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        assert ask(url, "GET", "/health").status == 200
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE_SECONDS)[0]
        assert said.startswith(f"Threadline serves at {url}\n")
        assert process.returncode == 0


def test_the_log_as_json(tmp_path: Path) -> None:
    with supervised(tmp_path / "data", env={"THREADLINE_LOG_FORMAT": "json"}) as server:
        ask(server.url, "GET", "/nothing")
        server.signal(signal.SIGTERM)
        _, errors = server.end()
    line = json.loads(errors.splitlines()[0])
    assert (line["level"], line["logger"]) == ("info", "threadline.api")
    assert "UnknownOperationException" in line["message"]
