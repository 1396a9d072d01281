"""The commands around the server call Threadline alone, with any configuration of AWS around them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.processes.supervised import Supervised, supervised
from threadline.client.environment import UNSET
from threadline.testing import Threadline

PATIENCE_SECONDS = 60.0
GUARD = """
import os, sys

LOCAL = {"127.0.0.1", "::1", "localhost", None, b"127.0.0.1"}

def watch(event, arguments):
    host = ""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "subprocess.Popen" and "credential" in str(arguments[1]):
        host = str(arguments[1])
    if host not in LOCAL and host != "":
        with open(os.environ["WENT_OUT"], "a") as out:
            out.write(f"{event} {host}\\n")

sys.addaudithook(watch)
"""
"""A sitecustomize: every process of Python writes down which other machine it looks up or connects to."""

CONFIG = """
[default]
region = eu-west-1
endpoint_url = {there}
use_fips_endpoint = true
ignore_configured_endpoint_urls = true
credential_process = {python} -c credential
[profile sso]
sso_start_url = {there}
sso_region = eu-west-1
sso_account_id = 1
sso_role_name = admin
[profile role]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = default
"""
CREDENTIALS = """
[default]
aws_access_key_id = AKIAOFAMAZON
aws_secret_access_key = real
aws_session_token = real
"""
HOSTILE = {
    "AWS_ACCESS_KEY_ID": "ASIAOFAMAZON",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_SECURITY_TOKEN": "real",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_DEFAULT_PROFILE": "role",
    "AWS_REGION": "eu-west-1",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{there}/credentials",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{there}",
    "AWS_ENDPOINT_URL": "{there}",
    "AWS_ENDPOINT_URL_CONNECT": "https://connect.eu-west-1.amazonaws.com",
    "AWS_ENDPOINT_URL_THREADLINE": "{there}",
    "AWS_DATA_PATH": "/no/such/folder",
    **dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), "{there}"
    ),
    "NO_PROXY": "corp.example",
    "no_proxy": "other.example",
}


class Machine:
    """A home full of credentials and a proxy in the environment, which counts who comes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.callers: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.there = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._went_out = home / "went-out"
        (home / ".aws").mkdir()
        (home / ".aws" / "config").write_text(CONFIG.format(there=self.there, python=sys.executable))
        (home / ".aws" / "credentials").write_text(CREDENTIALS)
        (home / "guard").mkdir()
        (home / "guard" / "sitecustomize.py").write_text(GUARD)
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AWS_", "THREADLINE_"))
            },
            **{name: value.format(there=self.there) for name, value in HOSTILE.items()},
            "HOME": str(home),
            "PYTHONPATH": str(home / "guard"),
            "WENT_OUT": str(self._went_out),
        }
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def run(self, *words: str, **more: str) -> str:
        """Run a command line of threadline; its standard output."""
        return self.shell([sys.executable, "-m", "threadline", *words], **more)

    def shell(self, command: list[str], **more: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def went_out(self) -> list[str]:
        """All that was asked of the proxy or of another machine."""
        written = self._went_out.read_text().splitlines() if self._went_out.exists() else []
        return written + [caller.decode("latin-1") for caller in self.callers]

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _count(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                self.callers.append(connection.recv(4096))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "home"
    home.mkdir()
    made = Machine(home)
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path / "data") as running:
        yield running


@pytest.mark.parametrize("profile", ["", "sso", "role", "nonexistent"])
def test_no_command_around_the_server_leaves_the_machine(
    machine: Machine, server: Supervised, profile: str
) -> None:
    more = {"AWS_PROFILE": profile} if profile else {}
    where = ("--data", str(server.data))
    ids = json.loads(machine.run("demo", "--output", "json", *where, **more))
    assert "● C1" not in machine.run("lineage", ids["B1"], "--output", "json", *where, **more)
    assert "shown 3" in machine.run("lineage", ids["B1"], *where, **more)
    casey = server.workspace.customer()
    token = machine.run(
        "agent", "accept", casey.contact_id, "--user-id", server.workspace.agents["a1"], *where, **more
    )
    assert token.strip()
    assert "THREADLINE_URL" in machine.run("env", *where, **more)
    casey.drop()
    assert machine.went_out() == []


def test_a_demo_without_a_server_starts_its_own_and_leaves_the_machine_alone(machine: Machine) -> None:
    stray = {
        "THREADLINE_STORE": f"postgresql://casey@{machine.there.removeprefix('http://')}/x",
        "THREADLINE_PORT": "1",
    }
    assert list(json.loads(machine.run("demo", "--output", "json", **stray))) == [
        "C1",
        "C2",
        "C3",
        "B1",
        "B2",
    ]
    assert machine.went_out() == []


def test_the_guard_sees_what_goes_out(machine: Machine) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "threadline", "connect", "list-instances"],
        cwd=machine.home, env=machine.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode != 0
    assert machine.went_out() != []


# After eval "$(threadline env)"


def test_the_shell_of_env_reaches_the_server_whatever_stood_in_it(
    machine: Machine, server: Supervised
) -> None:
    client = (
        "import boto3, os; print(len(boto3.client('connect').list_users("
        "InstanceId=os.environ['THREADLINE_INSTANCE_ID'])['UserSummaryList']),"
        " boto3.client('threadline').meta.endpoint_url)"
    )
    script = (
        f'eval "$({sys.executable} -m threadline env --data {server.data})"\n'
        f'{sys.executable} -c "{client}"\n'
        f"{sys.executable} -m threadline demo --seed --output json >seed.json\n"
        f'{sys.executable} -m threadline connect list-users --instance-id "$THREADLINE_INSTANCE_ID" >users.json\n'
        'printf "%s\\n" "$NO_PROXY" "$no_proxy" "$AWS_DATA_PATH"\n'
    )
    for shell in filter(shutil.which, ("bash", "dash", "zsh", "sh")):
        out = machine.shell([shell, "-eu", "-c", script], AWS_PROFILE="nonexistent").splitlines()
        assert out[0] == f"2 {server.url}"
        assert "127.0.0.1" in out[1]
        assert out[1].endswith(",corp.example")
        assert out[2].endswith(",other.example")
        assert out[3].endswith(":/no/such/folder")
    assert machine.went_out() == []


def test_env_twice_is_env_once(machine: Machine, server: Supervised) -> None:
    line = f'eval "$({sys.executable} -m threadline env --data {server.data})"'
    shown = 'printf "%s\\n" "$NO_PROXY" "$no_proxy" "$AWS_DATA_PATH"'
    once = machine.shell(["sh", "-c", f"{line}; {shown}"])
    assert machine.shell(["sh", "-c", f"{line}; {line}; {shown}"]) == once


def test_a_kit_says_what_must_not_be_set(threadline: Threadline) -> None:
    assert {"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"} <= set(UNSET)
    assert threadline.env_unset == UNSET
    assert not set(UNSET) & set(threadline.env)


# Which server, in order


@pytest.fixture
def chat(threadline: Threadline) -> str:
    return threadline.customer().contact_id


def key_of(threadline: Threadline, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("THREADLINE_ACCESS_KEY_ID", "THREADLINE_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, threadline.env[name])


def data_of(threadline: Threadline, folder: Path, url: str | None = None) -> Path:
    """A data folder whose server is `threadline`."""
    folder.mkdir()
    ids = {
        "instance_id": threadline.instance_id,
        "access_key_id": threadline.env["AWS_ACCESS_KEY_ID"],
        "secret_access_key": threadline.env["AWS_SECRET_ACCESS_KEY"],
    }
    (folder / "workspace.json").write_text(json.dumps(ids))
    (folder / "server.json").write_text(json.dumps({"url": url or threadline.url}))
    return folder


def closed_url() -> str:
    """An address of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_the_environment_goes_before_the_data_folder_at_hand(
    threadline: Threadline, nowhere: Path, here: Run, chat: str
) -> None:
    data_of(threadline, nowhere / "data", url=closed_url())
    assert here("lineage", chat).status == 0


def test_a_data_folder_that_is_named_goes_before_the_environment(
    threadline: Threadline, nowhere: Path, here: Run, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREADLINE_URL", closed_url())
    monkeypatch.setenv("THREADLINE_INSTANCE_ID", "another")
    done = here("lineage", chat, "--data", str(data_of(threadline, nowhere / "kept")))
    assert (done.status, done.err) == (0, "")


def test_the_data_folder_at_hand_is_used_while_a_server_runs_on_it(
    threadline: Threadline, nowhere: Path, run: Run, chat: str
) -> None:
    data_of(threadline, nowhere / "data")
    assert run("lineage", chat).status == 0
    (nowhere / "data" / "server.json").write_text(json.dumps({"url": closed_url()}))
    done = run("lineage", chat)
    assert (done.status, done.out) == (253, "")
    assert "No server runs on the data folder ./data" in done.err
    assert "threadline serve --data ./data" in done.err


def test_a_data_folder_without_a_server_is_an_error_where_it_is_named(nowhere: Path, run: Run) -> None:
    for words in (
        ("demo",),
        ("demo", "--seed"),
        ("lineage", "c"),
        ("agent", "accept", "c", "--user-id", "u"),
    ):
        done = run(*words, "--data", "nothing")
        assert (done.status, done.out) == (253, "")
        assert "Start one: threadline serve --data nothing" in done.err


def test_an_address_takes_the_key_of_the_environment_of_env_and_never_one_of_amazons(
    threadline: Threadline, run: Run, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", threadline.env["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", threadline.env["AWS_SECRET_ACCESS_KEY"])
    refused = run("lineage", chat, "--endpoint-url", threadline.url)
    assert refused.status == 253
    assert "THREADLINE_ACCESS_KEY_ID" in refused.err
    key_of(threadline, monkeypatch)
    assert run("lineage", chat, "--endpoint-url", threadline.url).status == 0


def test_an_address_takes_the_key_of_the_data_folder_whose_server_it_is(
    threadline: Threadline, nowhere: Path, run: Run, chat: str
) -> None:
    folder = data_of(threadline, nowhere / "data")
    other_name = threadline.url.replace("127.0.0.1", "localhost")
    assert run("lineage", chat, "--endpoint-url", other_name).status == 0
    folder.rename(nowhere / "kept")
    assert run("lineage", chat, "--endpoint-url", other_name, "--data", "kept").status == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://connect.eu-west-1.amazonaws.com",
        "https://CONNECT.eu-west-1.amazonaws.com.cn/",
        "https://connect.eu-west-1.api.aws",
    ],
)
def test_amazon_is_refused_by_name(
    threadline: Threadline, here: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = here("demo", "--endpoint-url", url)
    assert (done.status, done.out) == (252, "")
    assert "calls only Threadline" in done.err
    monkeypatch.setenv("THREADLINE_URL", url)
    assert here("lineage", "c").status == 252
