"""`threadline exec` as a shell and a CI run it: a process of its own, with standard streams and signals."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.processes.supervised import PATIENCE_SECONDS

EXEC = (sys.executable, "-m", "threadline", "exec")
HOSTILE = {
    "AWS_ACCESS_KEY_ID": "ASIAOFAMAZON",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "nonexistent",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    "THREADLINE_STORE": "postgresql://nobody@127.0.0.1:9/x",
    "THREADLINE_PORT": "1",
    "THREADLINE_PUBLIC_URL": "https://elsewhere.example",
}
USERS = """
import boto3, json, os
connect = boto3.client("connect")
print(json.dumps({
    "url": connect.meta.endpoint_url,
    "users": len(connect.list_users(InstanceId=os.environ["THREADLINE_INSTANCE_ID"])["UserSummaryList"]),
    "ours": boto3.client("threadline").meta.endpoint_url,
    "public": connect.describe_instance(
        InstanceId=os.environ["THREADLINE_INSTANCE_ID"])["Instance"]["InstanceAccessUrl"],
}))
"""


def executed(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXEC, *words], env=os.environ | more, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, once what it runs has printed a line."""
    with subprocess.Popen([*EXEC, *words], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def test_the_command_calls_the_server_whatever_stood_in_the_environment() -> None:
    done = executed("--", sys.executable, "-c", USERS, **HOSTILE)
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    assert seen["users"] == 2
    assert seen["url"] == seen["ours"] == seen["public"]
    assert seen["url"].startswith("http://127.0.0.1:")


def test_settings_that_do_not_name_another_server_count() -> None:
    assert "THREADLINE_REQUIRE_SAME_CUSTOMER" in executed("true", THREADLINE_REQUIRE_SAME_CUSTOMER="x").stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--", "sh", "-c", "exit 7"), 7, ""),
        (("sh", "-c", "exit 0"), 0, ""),
        (("--", "sh", "-c", "kill -9 $$"), 128 + signal.SIGKILL, ""),
        (("--", "no-such-command"), 127, "There is no command 'no-such-command'"),
        (("--", "/dev/null"), 126, "'/dev/null' cannot be run: Permission denied"),
        ((), 252, "threadline exec -- npm test"),
        (("--seed", "past"), 252, "threadline exec -- npm test"),
    ],
)
def test_the_status_is_that_of_the_command(words: tuple[str, ...], status: int, said: str) -> None:
    done = executed(*words)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)


def test_the_command_has_the_standard_streams_and_the_usual_signals() -> None:
    program = "import signal, sys; sys.stdout.write(sys.stdin.read() + str(signal.getsignal(signal.SIGPIPE)))"
    masked = "print(open('/proc/self/status').read().split('SigBlk:')[1].split()[0], file=sys.stderr)"
    done = subprocess.run(
        [*EXEC, "--", sys.executable, "-c", f"{program}; {masked}"],
        input="said ", capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.stdout == f"said {signal.SIG_IGN}"  # which Python itself ignores
    assert int(done.stderr, 16) == 0
    ignored = executed("--", "sh", "-c", "grep SigIgn /proc/$$/status").stdout.split()[1]
    assert not int(ignored, 16) & 1 << signal.SIGPIPE - 1


def test_options_end_where_the_command_begins() -> None:
    done = executed("--seed", "past", "echo", "--seed", "--postgres", "--", "--help")
    assert (done.returncode, done.stdout) == (0, "--seed --postgres -- --help\n")


def test_the_command_may_have_controls_for_its_tests() -> None:
    listing = (sys.executable, "-m", "threadline", "threadline", "list-faults")
    done = executed("--test-controls", "--", *listing, THREADLINE_FRONTEND_PROCESSES="2")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"Faults": []}), done.stderr
    assert executed("--", *listing).returncode == 254
    own = '"$0" -m threadline threadline'
    script = f"{own} move-clock --seconds 3600; {own} reset-server --seed 7; {own} list-calls; exec {own} list-faults"
    done = executed("--test-controls", "--", "sh", "-ec", script, sys.executable)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.partition("}")[2].partition("}")[0] + "}") == {"Calls": []}


def test_the_contacts_of_a_past_chat_are_in_the_environment() -> None:
    program = (
        "import os, json; print(json.dumps({n: os.environ['THREADLINE_PAST_' + n] for n in ('C1', 'C3')}))"
    )
    lineage = 'exec "$0" -m threadline lineage "$THREADLINE_PAST_C3" --output json'
    ids = json.loads(executed("--seed", "past", "--", sys.executable, "-c", program).stdout)
    assert len({*ids.values()}) == 2
    done = executed("--seed", "past", "--", "sh", "-c", lineage.replace("$0", sys.executable))
    assert done.returncode == 0, done.stderr
    assert executed("--", "sh", "-c", "env | grep PAST").stdout == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_passed_on_and_the_command_decides(number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    with started("--", "sh", "-c", f"trap 'exit 5' {name}; echo ready; while :; do read x; done") as process:
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 5
    with started("--", "sh", "-c", "echo ready; exec sleep 60") as process:
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 128 + number


def test_ctrl_c_reaches_the_command_once() -> None:
    counting = "n=0; trap 'n=$((n+1))' INT; trap 'echo seen $n; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [*EXEC, "--", "sh", "-c", counting])
    try:
        _until(terminal, "ready")
        os.write(terminal, b"\x03")
        _until(terminal, "^C")
        os.kill(child, signal.SIGTERM)
        assert "seen 1" in _until(terminal, "seen ")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    finally:
        os.close(terminal)


def _until(terminal: int, what: str) -> str:
    """Read a terminal to the end of the line that contains `what`. Return everything that it has shown."""
    shown = ""
    while what not in shown or "\n" not in shown.partition(what)[2]:
        ready, _, _ = select.select([terminal], [], [], PATIENCE_SECONDS)
        assert ready, f"no {what!r} in {shown!r}"
        shown += os.read(terminal, 1024).decode()
        if what == "^C" and what in shown:
            break
    return shown


def test_the_server_ends_with_the_command_even_when_it_is_killed() -> None:
    with started("--", "sh", "-c", "echo ready; echo $THREADLINE_URL; exec sleep 5") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().decode().rpartition(":")[2])
        assert _listens(port)
        process.kill()
        process.wait(PATIENCE_SECONDS)
        assert not _listens(port)


def _listens(port: int) -> bool:
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


def test_its_chats_are_in_a_postgresql_of_its_own_which_is_gone_afterwards() -> None:
    program = (
        "import glob, os, psycopg; (folder,) = glob.glob(os.environ['TMPDIR'] + '/threadline-postgres-*');"
        "print(psycopg.connect(f'host={folder} user=postgres').execute('SELECT count(*) FROM session').fetchone()[0])"
    )
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user when this runs as root
        options = ("--postgres", "--seed", "past", "--")
        done = executed(*options, sys.executable, "-c", program, TMPDIR=folder)
        assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
        assert not list(Path(folder).iterdir())
