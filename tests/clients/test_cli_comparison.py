"""The same words through the genuine AWS CLI and through `threadline`, against one server.

Standard output and exit status must be equal byte for byte, and standard error must say the same. Allowed differences
are listed once, with their reasons, in `DIFFERENCES`.
"""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from string import Template
from typing import NamedTuple

import pytest

import threadline.cli
from tests.clients.awscli import aws_cli, botocore_data
from tests.clients.warm_cli import WarmCli
from threadline.aws.model import find_cached
from threadline.awscli.arguments import GLOBAL_OPTIONS, operation_parser
from threadline.testing import Threadline
from threadline.testing.workspace import MODELS

SECONDS_MAX = 60
SOURCE = str(Path(threadline.cli.__file__).parents[2])
"""Where the package under test lies, which need not be the installed one."""

DIFFERENCES: dict[str, tuple[str, ...]] = {
    "the version line names the program that printed it": ("--version",),
    "there are fewer services to suggest": ("connekt",),
    "unknown words are listed in the order they have, as they were by the argparse of Python 3.11": (
        "extra words",
        "--maxitems 1",
    ),
    "this machine is reached without a proxy": ("HTTPS_PROXY=",),
    "the address is said again, with the command that starts a server": ("//127.0.0.1:9", "//[::1]:9"),
    "advice fits this program: no `aws configure`, but `threadline env`": (
        "AWS_DEFAULT_REGION= AWS_REGION= connect",
        "AWS_REGION= AWS_DEFAULT_REGION= connect",
        "AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= connect describe-contact --instance-id $instance --contact-id $c1$",
        "--profile text",
    ),
    "the reason is said, not the accident inside the program": (
        """--output text --query '`[{"a":1},2]`'""",
        """--output table --query '`[{"b":1},"a"]`'""",
        "Level=much",
        "--profile binary",
        "--participant-details fileb:",
        "AWS_MAX_ATTEMPTS=many",
        "--cli-read-timeout soon",
        '--cli-read-timeout ""',
        "--cli-read-timeout 1.5",
        "--starting-token MQ==",
        "--starting-token eyJib3RvX3RydW5jYXRlX2Ftb3VudCI6IDEuNX0=",
    ),
    "the log of --debug is each program's own": ("--debug",),
    "the genuine program says this without its usage": ("--no$",),
}
"""Why standard error may differ, and the command lines (parts of them, $ is the end) for which it may."""

ONLY_STATUS = ("--version",)
"""Command lines whose standard output may differ, too."""


CONFIG = """
[default]
cli_pager =
[profile text]
output = text
[profile wire]
cli_timestamp_format = wire
$key
[profile endpoint]
endpoint_url = $url
$key
[profile services]
services = local
endpoint_url = http://127.0.0.1:9
$key
[profile half]
aws_access_key_id = $access_key_id
[profile process]
credential_process = cat process.json
[profile role]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = missing
[profile source]
role_arn = arn:aws:iam::123456789012:role/x
credential_source = Nonsense
[profile badout]
output = xml
$key
[profile badpager]
cli_pager = /no/such/pager
$key
[profile "sp ace"]
$key
[profile regional]
region = eu-west-1
$key
[profile badtime]
cli_timestamp_format = sideways
$key
[profile ignore]
endpoint_url = http://127.0.0.1:9
ignore_configured_endpoint_urls = true
$key
[profile prompt]
cli_auto_prompt = on
$key
[profile errjson]
cli_error_format = json
$key
[profile errcaps]
cli_error_format = JSON
$key
[profile missingservices]
services = nowhere
$key
[profile cabundle]
ca_bundle = missing.pem
$key
[profile attempts]
max_attempts = many
$key
[profile binary]
cli_binary_format = hex
$key
[services local]
connect =
  endpoint_url = $url
"""
"""The configuration file that both programs read."""


class Answer(NamedTuple):
    """The output and exit status of a program."""

    status: int
    out: str
    err: str


def decoded(written: bytes) -> str:
    """The text of an output, which a command line may ask for in another encoding than UTF-8."""
    return written.decode(errors="surrogateescape")


class Programs:
    """Where the two programs run: one workspace, one folder, one environment."""

    def __init__(self, threadline: Threadline, aws: WarmCli, folder: Path) -> None:
        self._aws = aws
        past = threadline.past_chat()
        live = threadline.customer("Casey")
        live.say('Hello\nis "anyone" there?')
        self.names = {
            "instance": threadline.instance_id,
            "flow": threadline.contact_flow_id,
            "queue": threadline.queue_id,
            "a1": threadline.agents["a1"],
            "c1": past.c1,
            "c2": past.c2,
            "c3": past.c3,
            "live": live.contact_id,
            "token": live.connection_token,
            "newline": "\n",
            "url": threadline.url,
            "https": threadline.url.replace("http:", "https:"),
        }
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            **threadline.env,
            "AWS_DATA_PATH": os.pathsep.join((str(botocore_data()), MODELS)),
            "AWS_CONFIG_FILE": "config.ini",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._write_files(threadline.env)

    def _write_files(self, environment: dict[str, str]) -> None:
        instance, c1 = self.names["instance"], self.names["c1"]
        access_key_id, secret = environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
        key = f"aws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}"
        files = {
            "name.txt": "seventeen\n",
            "contact.txt": c1,
            "details.json": '{"DisplayName": "Casey"}\n',
            "describe.json": f'{{"InstanceId": "{instance}", "ContactId": "{c1}"}}',
            "describe.yaml": f"InstanceId: {instance}\nContactId: {c1}  # the first\n",
            "process.json": json.dumps(
                {"Version": 1, "AccessKeyId": access_key_id, "SecretAccessKey": secret}
            ),
            "broken.ini": "no section\n",
            "assoc.json": json.dumps(
                {
                    "InstanceId": instance,
                    "InitialContactId": self.names["live"],
                    "RehydrationType": "FROM_SEGMENT",
                    "SourceContactId": self.names["c2"],
                }
            ),
            "config.ini": Template(CONFIG).substitute(
                self.names, key=key, access_key_id=access_key_id, secret=secret
            ),
        }
        for name, content in files.items():
            (self.folder / name).write_text(content, encoding="utf-8")
        (self.folder / "binary.bin").write_bytes(b"\xff\xfe\x00")

    def ours(self, line: str) -> Answer:
        """What `threadline` does."""
        words, environment = self._words(line)
        done = subprocess.run(
            [sys.executable, "-m", "threadline", *words],
            cwd=self.folder,
            env={**environment, "PYTHONPATH": SOURCE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        return Answer(done.returncode, decoded(done.stdout), decoded(done.stderr))

    def genuine(self, line: str) -> Answer:
        """Run the AWS CLI."""
        words, environment = self._words(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = self._aws.run(words, self.folder, environment, out, err)
            out.seek(0)
            err.seek(0)
            return Answer(status, decoded(out.read()), decoded(err.read()))

    def _words(self, line: str) -> tuple[list[str], dict[str, str]]:
        """A command line and its environment."""
        words = [Template(word).safe_substitute(self.names) for word in shlex.split(line)]
        environment = dict(self.environment)
        while words and re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
            if not value:
                del environment[name]
        return words, environment


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    with Threadline() as threadline, WarmCli() as aws:
        yield Programs(threadline, aws, tmp_path_factory.mktemp("cli"))


def groups() -> dict[str, list[str]]:
    """Heading -> command lines."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_name("command_lines.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            lines = found.setdefault(line.removeprefix("== "), [])
        elif not line.startswith("#"):
            lines.append(line)
    for lines in found.values():
        while lines and not lines[-1]:
            lines.pop()
    return found


def said(text: str) -> str:
    """Return the message on standard error without program name, usage and line breaks."""
    text = re.sub(r"^usage: (?:.|\n)*?<subcommand> help\n|^usage: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\b(aws|threadline)(?=:| )", "PROGRAM", text)
    text = re.sub(r"\(_ssl.c:\d+\)", "", text)
    return " ".join(text.split())


def may_differ(line: str) -> bool:
    return any(part in f"{line}$" for parts in DIFFERENCES.values() for part in parts)


def differences(programs: Programs, line: str) -> list[str]:
    genuine, ours = programs.genuine(line), programs.ours(line)
    found = []
    if ours.status != genuine.status:
        found.append(f"exit status {ours.status}, not {genuine.status}")
    if ours.out != genuine.out and not any(part in line for part in ONLY_STATUS):
        found.append(f"standard output\n{ours.out!r}\nnot\n{genuine.out!r}")
    if bool(ours.err) != bool(genuine.err) or (not may_differ(line) and said(ours.err) != said(genuine.err)):
        found.append(f"standard error\n{said(ours.err)!r}\nnot\n{said(genuine.err)!r}")
    return [f"{line}\n{difference}" for difference in found]


@pytest.mark.parametrize("heading", groups())
def test_both_programs_answer_alike(programs: Programs, heading: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda line: differences(programs, line), groups()[heading])
    assert not [difference for each in found for difference in each]


@pytest.mark.parametrize("service", ["connect", "connectparticipant"])
def test_every_operation_takes_the_same_options(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The genuine program carries an index of its commands for completion. Of booleans it says that they are
    required where the program itself does not ask for them."""
    monkeypatch.setenv("AWS_DATA_PATH", str(botocore_data()))
    find_cached.cache_clear()
    ours = find_cached(service)
    index = sqlite3.connect(aws_cli().parent / "awscli" / "data" / "ac.index")
    with closing(index):
        rows = index.execute(
            "SELECT command, argname, nargs, required AND type_name <> 'boolean' FROM param_table WHERE parent = ?",
            (f"aws.{service}",),
        ).fetchall()
    find_cached.cache_clear()
    theirs = {(command, option, nargs or None, bool(required)) for command, option, nargs, required in rows}
    assert {command for command, *_ in theirs} == set(ours.commands)
    assert theirs == {
        (command, option.removeprefix("--"), action.nargs or None, action.required)
        for command, name in ours.commands.items()
        for action in operation_parser(ours.operations[name], [])._actions
        for option in action.option_strings
    }


@pytest.mark.parametrize("option", GLOBAL_OPTIONS)
def test_every_global_option_is_compared(option: str) -> None:
    lines = [line for lines in groups().values() for line in lines if f"--{option}" in line]
    assert len(lines) >= 2, f"--{option} needs a line that is right and one that is wrong"


def test_there_are_enough_command_lines() -> None:
    lines = [line for lines in groups().values() for line in lines]
    assert len(lines) >= 400
    assert len(lines) == len(set(lines))
    for parts in DIFFERENCES.values():
        for part in parts:
            assert any(part in f"{line}$" for line in lines), f"no command line has {part}"
