"""The image, compose.yaml and the class for Testcontainers, as far as they go without a container runtime.

The servers and nginx of compose.yaml run as processes, with the settings that the file gives them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from socket import create_connection
from time import monotonic
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.engines import Nats, Postgres, free_port, postgres
from tests.processes.supervised import PATIENCE_SECONDS, Supervised, supervised
from threadline.aws.names import SERVICES
from threadline.config import TABLE, Settings
from threadline.testing.workspace import Workspace, environment

__all__ = ["postgres"]

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
IDS = {"contact_flow_id": "", "survey_flow_id": "", "queue_id": "", "agents": {"a1": "", "a2": ""}}


def image_settings() -> dict[str, str]:
    """The settings that the image has by itself."""
    return dict(re.findall(r"(THREADLINE_\w+)=(\S+)", DOCKERFILE))


def settings_of(service: str) -> dict[str, str]:
    """The settings of a service, without what its user may set."""
    given = COMPOSE["services"][service].get("environment", {})
    return image_settings() | {name: DEFAULT.sub(r"\1", str(text)) for name, text in given.items()}


@contextmanager
def served(service: str, data: Path, **instead: str) -> Iterator[Supervised]:
    """The server of a service on this machine, with its volume in the folder `data`."""
    env = {name: text.replace("/data", str(data)) for name, text in settings_of(service).items()}
    env |= {"THREADLINE_HOST": "127.0.0.1", **instead}
    with supervised(env["THREADLINE_DATA"], env=env) as server:
        yield server


def workspace(url: str, service: str) -> Workspace:
    """What a client knows by the file alone."""
    first = {
        name.removeprefix("THREADLINE_FIRST_").lower(): text
        for name, text in settings_of(service).items()
        if name.startswith("THREADLINE_FIRST_")
    }
    return Workspace(url, environment(url, IDS | first))


# The image


def test_the_image_is_not_run_as_root_and_takes_settings_that_exist() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert set(image_settings()) <= {row.env for row in TABLE}
    Settings.read(image_settings())


def test_the_image_has_the_files_that_the_package_is_built_from() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_the_image_keeps_the_models_of_every_service_that_is_called() -> None:
    kept = set(re.findall(r"! -name ([\w-]+)", DOCKERFILE))
    package = ROOT / "src" / "threadline"
    called = set()
    for file in (package / "neighbours").glob("*.py"):
        called |= set(re.findall(r'client\(\s*"([\w-]+)"', file.read_text(encoding="utf-8")))
    assert {"lambda", *SERVICES} - {"threadline"} <= kept
    assert called <= kept


# compose.yaml


def test_each_service_takes_settings_that_exist_and_is_published_on_this_machine_only() -> None:
    for name, service in COMPOSE["services"].items():
        if service["image"] == "threadline":
            assert set(settings_of(name)) <= {row.env for row in TABLE}
            Settings.read(settings_of(name))
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        assert ":" in service["image"] or service["image"] == "threadline", "name a version"
    assert [name for name, service in COMPOSE["services"].items() if "profiles" not in service] == [
        "threadline"
    ]


def test_one_server_is_called_by_the_names_in_the_file(tmp_path: Path) -> None:
    with served("threadline", tmp_path) as server:
        client = workspace(server.url, "threadline")
        users = client.connect.list_users(InstanceId=client.instance_id)["UserSummaryList"]
        assert [user["Username"] for user in users] == ["a1", "a2"]
        client.close()


def test_two_nodes_behind_nginx_are_one_server(tmp_path: Path, postgres: Postgres) -> None:
    nats = Nats()
    instead = {"THREADLINE_STORE": postgres.database(), "THREADLINE_BUS": nats.address}
    try:
        with ExitStack() as running:
            nodes = {
                name: running.enter_context(served(name, tmp_path, **instead)).url
                for name in ("node-1", "node-2")
            }
            urls = {**nodes, **running.enter_context(proxied(nodes, tmp_path))}
            for url in urls.values():
                _talk(workspace(url, "node-1"), workspace(nodes["node-2"], "node-2"))
    finally:
        nats.stop()


def _talk(one: Workspace, other: Workspace) -> None:
    """A customer at one URL and an agent at another see what the other says."""
    flows = one.connect.list_contact_flows(InstanceId=one.instance_id)["ContactFlowSummaryList"]
    one.contact_flow_id = next(flow["Id"] for flow in flows if flow["Name"] == "Demo inbound")
    users = other.connect.list_users(InstanceId=other.instance_id)["UserSummaryList"]
    other.agents = {user["Username"]: user["Id"] for user in users}
    casey = one.customer("Casey")
    a1 = other.agent("a1").accept(casey)
    casey.say("Is anybody there?")
    a1.see("Is anybody there?")
    a1.say("Yes.")
    casey.see("Yes.")
    one.close()
    other.close()


@contextmanager
def proxied(nodes: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """nginx before the nodes, where this machine has it."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield {}
        return
    port = free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for name, url in nodes.items():
        text = text.replace(f"{name}:8080", url.removeprefix("http://"))
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    file = folder / "nginx.conf"
    file.write_text(text.replace("error_log /dev/stderr", f"error_log {folder}/nginx.log"))
    process = subprocess.Popen([program, "-c", str(file), "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        deadline = monotonic() + PATIENCE_SECONDS
        while not _listens(port):
            assert monotonic() < deadline, "nginx does not start"
        yield {"proxy": f"http://127.0.0.1:{port}"}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def _listens(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


# Testcontainers


def test_the_recipes_take_settings_that_the_server_takes() -> None:
    text = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
    for language, form in (
        ("js", r'(THREADLINE_\w+): ("[^"]*"|InstanceId)'),
        ("java", r'"(THREADLINE_\w+)", ("[^"]*")'),
    ):
        (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
        given = {name: value.strip('"') for name, value in re.findall(form, block)}
        assert len(given) == 4
        constant = re.findall(r'InstanceId = "([^"]*)"', block)
        settings = Settings.read(
            {name: constant[0] if value == "InstanceId" else value for name, value in given.items()}
        )
        assert settings.first_workspace["instance_id"] in block
        assert (
            settings.first_access_key_id
            in block.partition("accessKeyId")[2] + block.partition("BasicCred")[2]
        )


class Process:
    """Stands in for Testcontainers' DockerContainer: a process of `threadline serve` for a container."""

    def __init__(self, image: str) -> None:
        self.image, self.env = image, dict[str, str]()
        self.running: Supervised | None = None

    def with_exposed_ports(self, *ports: int) -> None:
        assert ports == (8080,)
        assert f"EXPOSE {ports[0]}" in DOCKERFILE

    def with_env(self, name: str, value: str) -> None:
        self.env[name] = value

    def get_container_host_ip(self) -> str:
        return "localhost"

    def get_exposed_port(self, port: int) -> int:
        assert self.running is not None
        return int(self.running.url.rpartition(":")[2])

    def start(self) -> None:
        env = image_settings() | self.env | {"THREADLINE_HOST": "127.0.0.1"}
        self.running = Supervised(env["THREADLINE_DATA"], env=env)

    def stop(self, force: bool, delete_volume: bool) -> None:
        assert self.running is not None
        self.running.signal(signal.SIGTERM)
        assert self.running.end()[0] == 0

    def __enter__(self) -> Any:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop(True, True)


@pytest.fixture
def container_class(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    package, core, container, waiting = (
        ModuleType(f"testcontainers{name}")
        for name in ("", ".core", ".core.container", ".core.waiting_utils")
    )
    container.DockerContainer = Process  # type: ignore[attr-defined]
    waiting.wait_for_logs = lambda *_, timeout: None  # type: ignore[attr-defined]
    for module in (package, core, container, waiting):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield import_module("threadline.testing.containers").ThreadlineContainer
    monkeypatch.delitem(sys.modules, "threadline.testing.containers")


def test_a_container_may_have_test_controls(container_class: Any) -> None:
    with container_class(test_controls=True, test_controls_on_any_host=True) as container:
        container.workspace.fail("StartChatContact", "ThrottlingException", times=1)
        container.workspace.customer("Casey")
        container.workspace.assert_called("StartChatContact", times=2)


def test_a_container_has_the_workspace_of_the_fixture(
    container_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ | {"AWS_PROFILE": "nonexistent"})
    with container_class(require_same_customer="differ") as container:
        assert container.image == "threadline"
        past = container.workspace.past_chat()
        casey = container.workspace.customer(
            PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"}
        )
        assert "It left this morning." in casey.reads()
