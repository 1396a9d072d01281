"""A server that the system lets open few files says so, and answers whom it cannot take."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

from tests.http.raw import Connection, ask
from tests.processes.supervised import Supervised, supervised

HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"


def test_connections_beyond_the_limit_of_open_files_are_answered(tmp_path: Path) -> None:
    """And those that are open go on, the log says it once, and it is over when some are closed."""
    server = Supervised(tmp_path)
    try:
        (frontend,) = server.frontends()
        hard = resource.prlimit(frontend, resource.RLIMIT_NOFILE)[1]
        first = Connection(server.url)
        first.send(HEALTH)
        assert first.answer().status == 200
        open_now = [int(entry.name) for entry in Path(f"/proc/{frontend}/fd").iterdir()]
        resource.prlimit(frontend, resource.RLIMIT_NOFILE, (max(open_now) + 5, hard))
        crowd = [Connection(server.url) for _ in range(200)]
        refused = [connection for connection in crowd if is_refused(connection)]
        first.send(HEALTH)
        assert first.answer().status == 200
        assert len(crowd) > len(refused) > 150
        for connection in (first, *crowd):
            connection.socket.close()
        while ask(server.url, "GET", "/health").status != 200:
            pass
    finally:
        server.signal(signal.SIGTERM)
        _, said = server.end()
    assert said.count("No connection can be taken: Too many open files.") == 1, said


def is_refused(connection: Connection) -> bool:
    """Whether a client gets 503 and when to come again; otherwise it is served."""
    connection.send(HEALTH)
    answer = connection.answer()
    if answer.status == 200:
        return False
    assert (answer.status, answer.error) == (503, "ServiceUnavailableException")
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
    assert "file descriptors" in answer.json["message"]
    return True


def test_a_soft_limit_is_raised_as_far_as_the_connections_need(tmp_path: Path) -> None:
    with supervised(tmp_path, under=["sh", "-c", 'ulimit -Sn 300 && exec "$@"', "sh"]) as server:
        (frontend,) = server.frontends()
        soft, hard = resource.prlimit(frontend, resource.RLIMIT_NOFILE)
        assert soft == hard > 10_000


def test_a_hard_limit_below_the_connections_is_said_in_one_line(tmp_path: Path) -> None:
    server = Supervised(tmp_path, under=["sh", "-c", 'ulimit -n 300 && exec "$@"', "sh"])
    crowd = [Connection(server.url) for _ in range(180)]
    assert crowd[-1].answer().json["message"] == "Too many connections are open."
    for connection in crowd:
        connection.socket.close()
    server.signal(signal.SIGTERM)
    _, said = server.end()
    assert said.count("THREADLINE_CONNECTIONS_MAX asks for 10000 connections") == 1, said
    assert "may open 300 files: it takes 172. Raise the limit to 10128" in said


def test_a_limit_that_leaves_nothing_for_connections_is_said_in_one_line(tmp_path: Path) -> None:
    server = Supervised(tmp_path, under=["sh", "-c", 'ulimit -n 120 && exec "$@"', "sh"])
    assert ask(server.url, "GET", "/health").status == 200
    server.signal(signal.SIGTERM)
    _, said = server.end()
    assert said.count("THREADLINE_CONNECTIONS_MAX asks for") == 1, said
    assert "asks for 10000 connections in this process, which may open 120 files: it takes 1." in said


def test_a_server_in_a_program_of_somebody_s_own_holds_to_it_too() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, 1000));"
        "from threadline.testing import Threadline\n"
        "with Threadline(connections_max=500): print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(1000, 1000)", done.stderr
