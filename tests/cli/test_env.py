"""`threadline env`: whether a server answers, and how its variables are written."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.node import NODE
from tests.command_line import Run
from tests.processes.supervised import PATIENCE_SECONDS, Supervised, supervised
from threadline.cli.shells import EMPTIABLE, FORMATS
from threadline.client.environment import UNSET

ENV = (sys.executable, "-m", "threadline", "env")
VARIABLES = {"PLAIN": "http://[::1]:80/a,b", "SPACED": "a b$c", "QUOTED": "it's \\", "EMPTY": ""}


def env(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENV, *words], env=os.environ | more, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


def record(folder: Path, url: str) -> Path:
    """A data folder whose server was at `url`."""
    ids = (
        "instance_id",
        "contact_flow_id",
        "survey_flow_id",
        "queue_id",
        "access_key_id",
        "secret_access_key",
    )
    folder.mkdir()
    (folder / "workspace.json").write_text(
        json.dumps(dict.fromkeys(ids, "x") | {"agents": {"a1": "u", "a2": "v"}})
    )
    (folder / "server.json").write_text(json.dumps({"url": url}))
    return folder


# Whether a server answers


def test_a_server_that_nobody_started_is_a_failure(nowhere: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    record(nowhere / "data", url)
    done = run("env")
    assert (done.status, done.out) == (255, "")
    assert f"Nothing answers at {url}. Start a server: threadline serve" in done.err


def test_a_server_that_is_still_starting_is_a_failure_that_names_wait(nowhere: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        record(nowhere / "data", f"http://127.0.0.1:{listening.getsockname()[1]}")
        done = run("env")
    assert (done.status, done.out) == (255, "")
    assert "does not answer yet: threadline env --wait" in done.err


def test_wait_is_for_a_server_that_is_about_to_be_started(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with subprocess.Popen(
        [*ENV, "--wait", "--data", str(data)], stdout=subprocess.PIPE, text=True
    ) as waiting:
        with supervised(data) as server:
            assert f"THREADLINE_URL={server.url}\n" in waiting.communicate(timeout=PATIENCE_SECONDS)[0]
        assert waiting.returncode == 0
    done = env("--wait", "1", "--data", str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout) == (253, "")


# A server that keeps its data in memory


def urls(text: str) -> list[str]:
    return re.findall(r"THREADLINE_URL=(\S+)", text)


def test_a_server_in_memory_is_found_by_every_command(tmp_path: Path) -> None:
    place = {"XDG_RUNTIME_DIR": str(tmp_path), "THREADLINE_DATA": ""}
    with supervised(":memory:", env=place) as server:
        assert urls(env(**place).stdout) == urls(env("--data", ":memory:", **place).stdout) == [server.url]
        line = (
            f'eval "$({sys.executable} -m threadline env)"; {sys.executable} -m threadline connect list-users'
        )
        found = subprocess.run(
            ["sh", "-ec", f'{line} --instance-id "$THREADLINE_INSTANCE_ID"'],
            env=os.environ | place, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert len(json.loads(found.stdout)["UserSummaryList"]) == 2
        for words in (("demo", "--data", ":memory:"), ("demo",)):
            done = subprocess.run(
                [sys.executable, "-m", "threadline", *words, "--seed"],
                env=os.environ | place, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_SECONDS,
            )  # fmt: skip
            assert server.url in done.stdout, done.stderr
        with supervised(":memory:", env=place) as second:
            said = env(**place).stderr
            assert "Several servers keep their data in memory" in said
            folder = re.findall(rf"--data (\S+-{second.url.rpartition(':')[2]})\b", said)[0]
            assert urls(env("--data", folder, **place).stdout) == [second.url]
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
        server.signal(signal.SIGKILL)
        server.end()
        assert env(**place).returncode == 253, "the server is gone, its files are not"
    assert env(**place).returncode == 253


def test_a_stopped_server_in_memory_leaves_no_key_behind(tmp_path: Path) -> None:
    with supervised(":memory:", env={"XDG_RUNTIME_DIR": str(tmp_path)}):
        assert list(tmp_path.rglob("workspace.json"))
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_folder_that_another_may_read_is_not_used_for_a_server_in_memory(tmp_path: Path) -> None:
    (tmp_path / "threadline").mkdir(mode=0o755)
    with supervised(":memory:", env={"XDG_RUNTIME_DIR": str(tmp_path)}) as server:
        server.signal(signal.SIGTERM)
        status, said = server.end()
    assert status == 0
    assert "others may use it" in said
    assert not list((tmp_path / "threadline").iterdir())


# How the variables are written


def written(form: str) -> str:
    return FORMATS[form](VARIABLES, UNSET)


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "dash"])
def test_a_posix_shell_reads_export(shell: str) -> None:
    shown = f'{sys.executable} -c "import os, json; print(json.dumps(dict(os.environ)))"'
    for program in filter(None, [shutil.which(shell)]):
        done = subprocess.run(
            [program, "-euc", f"{written('export')}{shown}"],
            env=dict.fromkeys(UNSET, "stray"), capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(done.stdout)
        assert {name: found[name] for name in VARIABLES} == VARIABLES
        assert not {*found} & {*UNSET}


def test_fish_and_powershell_read_their_own() -> None:
    lines = written("fish").splitlines()
    assert lines[0] == f"set -e {' '.join(UNSET)}"
    assert lines[2:4] == ["set -gx SPACED 'a b$c'", "set -gx QUOTED 'it\\'s \\\\'"]
    lines = written("powershell").splitlines()
    assert lines[0].startswith("Remove-Item -ErrorAction SilentlyContinue -Path Env:AWS_SESSION_TOKEN, Env:")
    assert lines[2:4] == ["$env:SPACED = 'a b$c'", "$env:QUOTED = 'it''s \\'"]


def test_node_and_a_shell_read_dotenv(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    read = {
        name: text for name, text in VARIABLES.items() if name != "QUOTED"
    }  # readers differ about such quotes
    file.write_text(FORMATS["dotenv"](read, UNSET))
    done = subprocess.run(
        [NODE, f"--env-file={file}", "-p", "JSON.stringify(process.env)"], capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    assert {name: found[name] for name in read} == read
    assert {name: found.get(name) for name in EMPTIABLE} == dict.fromkeys(EMPTIABLE, "")
    shown = subprocess.run(
        ["sh", "-c", f'. {file}; printf "%s|" "$PLAIN" "$SPACED" "$EMPTY"'], capture_output=True, text=True
    )
    assert shown.stdout == "http://[::1]:80/a,b|a b$c||"


def test_json_and_github_have_one_text_for_each_name() -> None:
    emptied = dict.fromkeys(EMPTIABLE, "")
    assert json.loads(written("json")) == emptied | VARIABLES
    assert dict(line.split("=", 1) for line in written("github").splitlines()) == emptied | VARIABLES


def test_boto3_takes_what_is_emptied_for_unset() -> None:
    program = "import boto3; print(boto3.Session().get_credentials().token or None)"
    key = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", **dict.fromkeys(EMPTIABLE, "")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | key, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_a_profile_that_cannot_be_unset_is_told(tmp_path: Path) -> None:
    with supervised(tmp_path / "data") as server:
        told = {form: _told(server, form) for form in FORMATS}
    assert {form for form, said in told.items() if said} == {"dotenv", "json", "github"}
    assert "AWS_PROFILE is set, and the format github cannot unset it" in told["github"]


def _told(server: Supervised, form: str) -> str:
    done = env("--data", str(server.data), "--format", form, AWS_PROFILE="nonexistent")
    assert done.returncode == 0
    return done.stderr
