"""Behaviour that no comparison with the AWS CLI covers: help, completion, the prompt, secrets, interrupts."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.command_line import Run
from threadline.awscli.completion import SCRIPTS, candidates
from threadline.client.session import ClientSession
from threadline.commands import COMMANDS, SERVICES
from threadline.testing import Threadline

PROGRAM = [sys.executable, "-m", "threadline"]
SECONDS_MAX = 60
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[a-zA-Z]|[=>78])")


def test_without_any_configuration_the_local_server_answers(
    threadline: Threadline, nowhere: Path, run: Run
) -> None:
    (nowhere / "data").mkdir()
    env = threadline.env
    ids = {"access_key_id": env["AWS_ACCESS_KEY_ID"], "secret_access_key": env["AWS_SECRET_ACCESS_KEY"]}
    (nowhere / "data" / "workspace.json").write_text(str(ids).replace("'", '"'))
    (nowhere / "data" / "server.json").write_text(f'{{"url": "{threadline.url}"}}')
    done = run("connect", "list-instances", "--query", "InstanceSummaryList[].Id", "--output", "text")
    assert (done.status, done.out.strip()) == (0, threadline.instance_id)


def test_debug_tells_everything_but_secrets(threadline: Threadline, here: Run) -> None:
    casey = threadline.customer("Casey Jones")
    casey.say("my card is 4111")
    done = here(
        "--debug", "connectparticipant", "get-transcript", "--connection-token", casey.connection_token
    )
    assert done.status == 0
    assert "connectparticipant:GetTranscript" in done.err
    assert "Status 200" in done.err
    flow = ("--contact-flow-id", threadline.contact_flow_id, "--instance-id", threadline.instance_id)
    person = ("--participant-details", "DisplayName=Casey", "--customer-id", "a secret id")
    started = here("--debug", "connect", "start-chat-contact", *flow, *person)
    assert "a secret id" not in started.err
    assert threadline.contact_flow_id in started.err
    for text in (done.err, started.err):
        assert casey.connection_token not in text
        assert threadline.env["AWS_SECRET_ACCESS_KEY"] not in text
        assert not re.search(r"Signature=[0-9a-f]", text)
        assert not re.search(r'"ParticipantToken": "(?!\*)', text)


def test_a_number_that_is_none_is_told_with_its_name(
    here: Run, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("connect", "list-instances")
    assert (
        'Bad value for --cli-read-timeout: "x" is not a whole number.'
        in here(*call, "--cli-read-timeout", "x").err
    )
    (nowhere / ".aws").mkdir()
    (nowhere / ".aws" / "config").write_text("[default]\nmax_attempts = many\n")
    assert 'Bad value for max_attempts: "many" is not a whole number.' in here(*call).err
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "x")
    done = here(*call)
    assert (done.status, done.out) == (255, "")
    assert 'Bad value for AWS_MAX_ATTEMPTS: "x" is not a whole number.' in done.err


@pytest.mark.parametrize(
    ("words", "shows"),
    [
        (("help",), ("EXIT STATUS", "connectparticipant", "lineage")),
        (("connect", "help"), ("create-persistent-contact-association", "OPERATIONS")),
        (("connect", "start-chat-contact", "help"), ("--persistent-chat", '"RehydrationType"', "[required]")),
        (("connect", "list-users", "help"), ("--max-items", "UserSummaryList", "--next-token")),
        (
            ("connectparticipant", "create-participant-connection", "help"),
            ("--no-connect-participant", "WEBSOCKET"),
        ),
        (("threadline", "transfer-chat", "help"), ("--queue-id", "SYNOPSIS")),
    ],
)
def test_there_is_help_at_every_level(run: Run, words: tuple[str, ...], shows: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.status, done.err) == (0, "")
    assert not [text for text in shows if text not in done.out]
    assert not re.search(r"</?(p|code|i|ul|li|a|note)\b", done.out)
    assert max(map(len, done.out.splitlines())) <= 120


def words(line: str, session: ClientSession | None = None) -> list[str]:
    *before, current = line.split(" ")
    return [candidate.word for candidate in candidates(before, current, session)]


def test_completion_knows_the_grammar(nowhere: Path) -> None:
    assert words("li") == ["lineage"]
    assert words("connectp") == ["connectparticipant"]
    assert words("threadline tr") == ["transfer-chat"]
    assert words("--output ya") == ["yaml", "yaml-stream"]
    assert words("--output text connect describe-contact-e") == ["describe-contact-evaluation"]
    assert words("connect describe-contact --c")[:1] == ["--contact-id"]
    assert "--contact-id" not in words("connect describe-contact --contact-id=x --c")
    assert "--no-connect-participant" in words("connectparticipant create-participant-connection --no-")
    assert "--starting-token" in words("connect list-users --st")
    assert words("connect list-users --output=y") == ["--output=yaml", "--output=yaml-stream"]
    assert words("connect list-users --no-such=y") == []


@pytest.mark.model_has("connect.StartChatContactRequest.ConnectionTypes")
def test_completion_knows_the_values_of_a_list(nowhere: Path) -> None:
    assert words("connect start-chat-contact --connection-types WEB") == ["WEBSOCKET", "WEBRTC_CONNECTION"]
    assert words("connect start-chat-contact --connection-types WEBSOCKET CONN") == ["CONNECTION_CREDENTIALS"]


def test_completion_asks_the_server_for_ids(threadline: Threadline, nowhere: Path) -> None:
    def ask(line: str) -> list[str]:
        return words(line, ClientSession(environment=threadline.env))

    assert ask("connect describe-instance --instance-id ") == [threadline.instance_id]
    assert set(threadline.agents.values()) <= set(ask("connect describe-user --user-id "))
    assert threadline.queue_id in ask("connect describe-queue --queue-id ")
    assert threadline.contact_flow_id in ask("connect start-chat-contact --contact-flow-id ")
    past = threadline.past_chat()
    assert ask("connect create-persistent-contact-association --source-contact-id ") == [
        past.c3,
        past.c2,
        past.c1,
    ]
    assert ask(f"connect describe-contact --contact-id={past.c2}") == [f"--contact-id={past.c2}"]
    assert ask("connect describe-user --endpoint-url http://127.0.0.1:9 --user-id ") == []


@pytest.mark.parametrize("shell", SCRIPTS)
def test_shells_get_a_script(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert (done.status, done.out) == (0, SCRIPTS[shell])
    assert run("completion").status == 2


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("connect describe-contact-e", "describe-contact-evaluation"),
        ("--output = yaml-", "yaml-stream"),
        ("--output = text connect list-associated", "list-associated-contacts"),
    ],
)
def test_bash_completes(run: Run, nowhere: Path, words: str, completed: str) -> None:
    (nowhere / "threadline").write_text(f'#!/bin/sh\nexec {sys.executable} -m threadline "$@"\n')
    (nowhere / "threadline").chmod(0o755)
    asked = f"COMP_WORDS=(threadline {words}); COMP_CWORD={len(words.split())}; _threadline"
    script = f'COMP_WORDBREAKS="="; {run("completion", "bash").out}{asked}; echo "${{COMPREPLY[@]}}"'
    path = f"{nowhere}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{completed}\n"


def hear_interrupts() -> None:
    """A shell that runs the suite in the background has made its children deaf to them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def terminal(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A program on a terminal of its own: the process, and the terminal's other end."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 100))
    env = {**os.environ, "TERM": "xterm", **environment}
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        preexec_fn=hear_interrupts,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def seen(end: int, text: str) -> str:
    """Read the terminal until it shows `text`. Return everything that it has shown."""
    shown = ""
    while text not in shown:
        assert select.select([end], [], [], SECONDS_MAX)[0], f"no {text!r} in {shown!r}"
        with suppress(OSError):
            if more := os.read(end, 65536):
                if b"\x1b[6n" in more:
                    os.write(end, b"\x1b[1;1R")
                shown += ESCAPES.sub("", more.decode(errors="replace"))
                continue
        raise AssertionError(f"ended without {text!r}: {shown!r}")
    return shown


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",)])
def test_the_program_alone_lists_its_commands_and_services(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.status, done.err) == (0, "")
    for name, meaning in {**COMMANDS, **SERVICES}.items():
        assert re.search(rf"^  {name} +{re.escape(meaning)}$", done.out, re.MULTILINE), f"{name}: one line"
    assert max(map(len, done.out.splitlines())) < 80


@pytest.mark.parametrize("words", [(), ("connect",), ("connectparticipant",)])
def test_help_advertises_nothing(run: Run, words: tuple[str, ...]) -> None:
    out = " ".join(run(*words, "help").out.split())
    for phrase in ("portfolio", "agentic", "AI powered", "legacy name", "every touchpoint"):
        assert phrase not in out


def test_a_person_is_told_which_server_is_called(threadline: Threadline, nowhere: Path) -> None:
    line = ("connect", "list-instances", "--no-cli-pager", "--output", "off")
    said = f"connect at {threadline.url}, key {threadline.env['AWS_ACCESS_KEY_ID']} (env)"
    with terminal(*line, **threadline.env) as (process, end):
        seen(end, said)
        assert process.wait(SECONDS_MAX) == 0
    done = subprocess.run(
        [*PROGRAM, *line], env={**os.environ, **threadline.env}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    done = subprocess.run(
        [*PROGRAM, *line, "--debug"], env={**os.environ, **threadline.env}, capture_output=True, text=True
    )
    assert (done.stdout, said in done.stderr) == ("", True)


def test_the_prompt_completes_and_runs(threadline: Threadline, nowhere: Path) -> None:
    line = ("--cli-auto-prompt", "--no-cli-pager", "--output", "text", "connect", "list-inst")
    with terminal(*line, **threadline.env) as (process, end):
        seen(end, "Enter runs")
        os.write(end, b"\t")
        seen(end, "list-instances")
        os.write(end, b"s --query InstanceSummaryList[].Id\r")
        seen(end, threadline.instance_id)
        assert process.wait(SECONDS_MAX) == 0


def test_the_prompt_can_be_left(nowhere: Path) -> None:
    with terminal("connect", "no-such", AWS_CLI_AUTO_PROMPT="on-partial") as (process, end):
        seen(end, "Found invalid choice")
        seen(end, "Enter runs")
        os.write(end, b"\x03")
        assert process.wait(SECONDS_MAX) == 130


def test_the_prompt_needs_a_terminal(run: Run) -> None:
    done = run("--cli-auto-prompt")
    assert done.status == 255
    assert "needs a terminal" in done.err


def test_long_output_goes_through_the_pager(nowhere: Path) -> None:
    with terminal("connect", "help", AWS_PAGER="sed s/^/paged:/") as (process, end):
        assert "paged:OPERATIONS" in seen(end, "paged:OPERATIONS")
    with terminal("connect", "help", AWS_PAGER="no-such-pager") as (process, end):
        seen(end, "Unable to redirect output to pager")
        assert process.wait(SECONDS_MAX) == 253


def test_a_call_that_is_interrupted_leaves_no_pager_behind(threadline: Threadline, nowhere: Path) -> None:
    words = ("connect", "list-instances", "--region", "us-east-1", "--no-sign-request", "--endpoint-url")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with terminal(*words, url, AWS_PAGER="touch started") as (process, _):
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS_MAX) == 130
            connection.close()
    assert not (nowhere / "started").exists()


def test_an_interrupt_is_130(threadline: Threadline, nowhere: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [*PROGRAM, "connect", "list-instances", "--endpoint-url", url]
        env = {**os.environ, **threadline.env}
        with subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, text=True, preexec_fn=hear_interrupts
        ) as process:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=SECONDS_MAX)[0] == "\n"
        assert process.returncode == 130


def test_streams_that_are_closed_or_full_are_no_accident(
    threadline: Threadline, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*PROGRAM, "connect", "list-users", "--instance-id", threadline.instance_id]
    shell = " ".join(words)
    environment = {**os.environ, **threadline.env}
    for redirection, status, said in (
        (">&-", 0, ""),
        ("<&- >/dev/null", 0, ""),
        ("2>&- --no-such-option", 252, ""),
        (">/dev/full", 255, "No space left on device"),
    ):
        done = subprocess.run(
            ["/bin/sh", "-c", f"{shell} {redirection}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (status, True, False)


def test_what_is_nested_too_deeply_is_refused(run: Run) -> None:
    words = (
        "connect",
        "start-chat-contact",
        "--instance-id",
        "i",
        "--contact-flow-id",
        "f",
        "--participant-details",
    )
    for details in ("DisplayName=" + "[" * 20_000, '{"DisplayName":' + "[" * 200_000):
        done = run(*words, details)
        assert done.status == 255
        assert "nested too deeply" in done.err
