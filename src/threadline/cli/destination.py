"""Selects the server that a command such as `demo`, `lineage` or `agent` calls, and its key.

The first of these that is given counts; AWS's configuration is never read:

1. `--endpoint-url`, with the key of `--data`, of THREADLINE_ACCESS_KEY_ID, or of the data folder whose server it is;
2. `--data DIR`, the server that runs on that folder;
3. `THREADLINE_URL` and its key, as `threadline env` exports them;
4. THREADLINE_DATA, else `./data`, when a server runs on it, else the only one that keeps its data in memory.
"""

import argparse
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from threadline import datadir
from threadline.aws.model import ServiceModel, load_cached
from threadline.aws.names import ServiceName
from threadline.aws.sigv4 import Credentials
from threadline.client.failures import BadArguments, BadConfiguration
from threadline.client.session import (
    DATA_FOLDER,
    LOCAL_REGION,
    LocalServer,
    Target,
    check_endpoint,
    local_server,
    local_server_at_hand,
    same_server,
)

CONNECT_SECONDS = 2
AMAZON = re.compile(r"(.+\.)?(amazonaws\.com(\.cn)?|api\.aws|amazonwebservices\.com\.cn)")


class Destination(NamedTuple):
    """One Threadline server. `source` says which option, variable or folder selected it.

    `instance_id` is None when only the server knows it. `is_direct` means that it runs on this machine, so that calls
    bypass any proxy.
    """

    url: str
    credentials: Credentials
    region: str
    instance_id: str | None
    data_folder: str
    source: str
    is_direct: bool = False

    def target(self, service: ServiceModel) -> Target:
        """The target of `service`, which is the same for every service."""
        return Target(self.url, self.region, self.credentials)

    def load(self, service: ServiceName) -> ServiceModel:
        """The model that is installed with this program; AWS_DATA_PATH is ignored."""
        return load_cached(service)


def find(options: argparse.Namespace, environment: Mapping[str, str]) -> Destination | None:
    """The server that the options, the environment or the data folder select; None when none of them does.

    Raises BadArguments for an address of Amazon's, BadConfiguration for a server that has no key or does not run.
    """
    folder = options.data or environment.get("THREADLINE_DATA") or DATA_FOLDER
    if options.endpoint_url:
        return _at(options.endpoint_url, "--endpoint-url", options.data, folder, environment)
    if options.data:
        found = _running(local_server(options.data))
        if found is None:
            raise BadConfiguration(
                f"No server runs on the data folder {options.data}. "
                f"Start one: threadline serve --data {options.data}"
            )
        return of(found, "--data")
    if url := environment.get("THREADLINE_URL"):
        return _at(url, "THREADLINE_URL", None, folder, environment)
    found = _running(local_server_at_hand(environment))
    return found and of(found, str(found.folder))


def none_found(folder: str) -> BadConfiguration:
    """The failure of a command that found no server."""
    return BadConfiguration(
        f"No server runs on the data folder {folder}. Start one: threadline serve --data {folder}, "
        "or say which one with --data or --endpoint-url."
    )


def _at(url: str, source: str, data: str | None, folder: str, environment: Mapping[str, str]) -> Destination:
    """The server at `url`, with the key from `data`, the environment, or the folder that it runs on."""
    if not url.startswith(("http://", "https://")):
        raise BadArguments(f"{source} is {url!r}: it must begin with http:// or https://.")
    check_endpoint(url)
    if AMAZON.fullmatch(urlsplit(url).hostname or ""):
        raise BadArguments(
            f"{source} is {url}, an address of Amazon's: this command calls only Threadline. "
            "For a call to Amazon Connect, use `threadline connect`."
        )
    here = local_server(folder)
    is_here = here is not None and same_server(url, here.url)
    if here and (data or (is_here and source == "--endpoint-url")):
        return of(here, source)._replace(url=url, is_direct=is_here)
    key, secret = environment.get("THREADLINE_ACCESS_KEY_ID"), environment.get("THREADLINE_SECRET_ACCESS_KEY")
    if key and secret:
        credentials = Credentials(key, secret, None, "env")
        region = environment.get("THREADLINE_REGION") or LOCAL_REGION
        known = environment.get("THREADLINE_INSTANCE_ID")
        return Destination(url, credentials, region, known, folder, source, is_here)
    if here and is_here:
        return of(here, source)._replace(url=url)
    raise BadConfiguration(
        f"There is no key for {url}: set THREADLINE_ACCESS_KEY_ID and THREADLINE_SECRET_ACCESS_KEY, or give "
        "--data with the server's data folder. An AWS key is never sent there."
    )


def of(found: LocalServer, source: str) -> Destination:
    """A server of this machine, with the key of its workspace."""
    return Destination(
        found.url,
        found.credentials,
        found.region,
        str(found.ids["instance_id"]),
        str(found.folder),
        source,
        is_direct=True,
    )


def _running(found: LocalServer | None) -> LocalServer | None:
    """The server of a data folder, if it answers at its address, which a crash leaves behind."""
    if found is None or not (found.folder / datadir.ADDRESS).exists():
        return None
    parts = urlsplit(found.url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), CONNECT_SECONDS).close()
    except OSError:
        return None
    return found
