"""A server in a container of its own, by Testcontainers. It needs the extra `containers`, and the image (`Dockerfile`).

with ThreadlineContainer() as container:
    casey = container.workspace.customer("Casey")
"""

from typing import Self, Unpack

from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from threadline.operations.workspace import OF_TESTS
from threadline.testing.options import Options
from threadline.testing.workspace import Workspace, environment

PORT = 8080
READY_SECONDS = 60.0
REGION = "us-east-1"


class ThreadlineContainer(DockerContainer):  # type: ignore[misc] # where Testcontainers is not installed
    """One server that keeps its data in memory. `settings` are those of `Threadline`, such as `strict_limits=True`.

    `workspace` is the same as in the fixture, once the container has started. Other programs get its `env`.
    """

    def __init__(self, image: str = "threadline", **settings: Unpack[Options]) -> None:
        super().__init__(image)
        self.with_exposed_ports(PORT)
        first = {f"first_{'agent_' if len(name) == 2 else ''}{name}": text for name, text in OF_TESTS.items()}
        self._settings = {"data": ":memory:", "public_url": "auto", **first, **settings}

    def start(self) -> Self:
        """Start it, and return once it serves."""
        host = self.get_container_host_ip()
        hosts = {"public_hosts": f"localhost,127.0.0.1,[::1],{host}"}
        for name, value in (hosts | self._settings).items():
            self.with_env(f"THREADLINE_{name.upper()}", str(value))
        super().start()
        wait_for_logs(self, "Threadline serves at", timeout=READY_SECONDS)
        url = f"http://{host}:{self.get_exposed_port(PORT)}"
        self.workspace = Workspace(url, environment(url, self._ids()))
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Close the clients' connections, and remove the container."""
        if hasattr(self, "workspace"):
            self.workspace.close()
        super().stop(force, delete_volume)

    def _ids(self) -> dict[str, object]:
        """The ids that the server's workspace.json would hold, by the settings."""
        first = {name.removeprefix("first_"): value for name, value in self._settings.items()}
        agents = {name: first[f"agent_{name}"] for name in ("a1", "a2")}
        return {"region": REGION, **first, "agents": agents}
