"""The endpoint, region and key of calls in the AWS CLI's grammar.

The order of precedence is: option, environment, profile, data folder. If any of them names an endpoint, the call goes
there. If only a key or a profile is given, the call goes to AWS, as the AWS CLI's would. Otherwise it goes to the
local server of the data folder. The commands around the server have other rules: `cli.destination`.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from threadline import datadir
from threadline.aws.model import ServiceModel, find_cached
from threadline.aws.names import ServiceName
from threadline.aws.sigv4 import Credentials
from threadline.client import profile as profiles
from threadline.client.failures import BadConfiguration, Failure

DATA_FOLDER = "./data"
LOCAL_URL = "http://127.0.0.1:8080"
HOST = re.compile(r"(?!.{256})((?!-)[A-Za-z\d-]{1,63}(?<!-)\.)*(?!-)[A-Za-z\d-]{1,63}(?<!-)")
LOOPBACK = re.compile(r"localhost|::1|127(\.\d{1,3}){3}")
LOCAL_REGION = "us-east-1"


class Target(NamedTuple):
    """The endpoint of one service. `credentials` is None when requests are not to be signed."""

    url: str
    region: str
    credentials: Credentials | None


class LocalServer(NamedTuple):
    """The record that a server keeps in its data folder: its address, and key and ids of the demo workspace."""

    folder: Path
    url: str
    ids: dict[str, Any]

    @property
    def credentials(self) -> Credentials:
        """The key of the workspace's account."""
        key, secret = self.ids["access_key_id"], self.ids["secret_access_key"]
        return Credentials(key, secret, None, "data-folder")

    @property
    def region(self) -> str:
        """The region that its signatures name."""
        return str(self.ids.get("region", LOCAL_REGION))


def local_server(folder: str) -> LocalServer | None:
    """The server of a data folder, or the only one in memory for `:memory:`; None when there is none.

    Raises Failure when the folder cannot be read, or when there are several in memory.
    """
    if folder == datadir.MEMORY:
        return _server_in_memory()
    path = Path(folder)
    try:
        ids = json.loads((path / "workspace.json").read_text(encoding="utf-8"))
        address = path / "server.json"
        url = json.loads(address.read_text(encoding="utf-8"))["url"] if address.exists() else LOCAL_URL
        return LocalServer(path, url, ids)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise Failure(f"The data folder {folder} cannot be read: {error}") from error


def _server_in_memory() -> LocalServer | None:
    found = datadir.memory_folders()
    if len(found) > 1:
        folders = " or ".join(f"--data {folder}" for folder in found)
        raise Failure(f"Several servers keep their data in memory. Say which: {folders}")
    return local_server(str(found[0])) if found else None


def local_server_at_hand(environment: Mapping[str, str]) -> LocalServer | None:
    """The server of THREADLINE_DATA; without that, of `./data`, else the only one that keeps its data in memory."""
    if folder := environment.get("THREADLINE_DATA"):
        return local_server(folder)
    return local_server(DATA_FOLDER) or local_server(datadir.MEMORY)


class ClientSession:
    """Settings from options, environment, profile and data folder, in this order of precedence."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        endpoint_url: str | None = None,
        profile_name: str | None = None,
        region_name: str | None = None,
        data: str | None = None,
        sign: bool = True,
    ) -> None:
        self.environment = environment
        self.endpoint_url = endpoint_url
        self.profile_name = profile_name
        self.region_name = region_name
        self.data = data
        self.sign = sign

    @cached_property
    def profile(self) -> profiles.Profile:
        """The profile in force. Raises Failure when it does not exist."""
        return profiles.read(self.profile_name, self.environment)

    @cached_property
    def local_server(self) -> LocalServer | None:
        """The server of the data folder, if there is one."""
        return local_server(self.data) if self.data else local_server_at_hand(self.environment)

    @property
    def data_folder(self) -> str:
        """The folder of the local server."""
        return self.data or self.environment.get("THREADLINE_DATA") or DATA_FOLDER

    def setting(self, variable: str | None, name: str) -> str | None:
        """A setting of the environment, else of the profile."""
        return (self.environment.get(variable) if variable else None) or self.profile.text(name)

    @cached_property
    def region(self) -> str | None:
        """The region that option, environment or profile name."""
        if self.region_name is not None:
            return self.region_name
        found = self.environment.get("AWS_REGION") or self.environment.get("AWS_DEFAULT_REGION")
        return found or self.profile.text("region")

    def endpoint(self, service_id: str) -> str | None:
        """The address that option, environment or profile name for a service."""
        if self.endpoint_url:
            return self.endpoint_url
        ignored = self.setting("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
        if (ignored or "").lower() == "true":
            return None
        variable = f"AWS_ENDPOINT_URL_{service_id.upper().replace(' ', '_')}"
        return (
            self.environment.get(variable)
            or self.environment.get("AWS_ENDPOINT_URL")
            or self.profile.service(service_id, "endpoint_url")
            or self.profile.text("endpoint_url")
        )

    @cached_property
    def credentials(self) -> Credentials | None:
        """The key of environment or profile; None when they have none. Raises Failure when half is missing."""
        if not self.profile_name and (found := self._environment_key()):
            return found
        profile = self.profile
        static = "aws_access_key_id" in profile.key and "role_arn" not in profile.settings
        if static:
            return _static(profile.key, "shared-credentials-file")
        if self._needs_botocore():
            return _botocore_credentials(self.profile_name)
        if "aws_access_key_id" in profile.settings:
            return _static(profile.settings, "config-file")
        return None

    def _environment_key(self) -> Credentials | None:
        environment = self.environment
        key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
        if not key:
            return None
        if not secret:
            raise Failure("Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY")
        token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN")
        return Credentials(key, secret, token or None, "env")

    def _needs_botocore(self) -> bool:
        profile = ("role_arn", "sso_session", "sso_start_url", "credential_process", "login_session")
        container = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        return any(name in self.profile.settings for name in profile) or any(
            name in self.environment for name in (*container, "AWS_WEB_IDENTITY_TOKEN_FILE")
        )

    def target(self, service: ServiceModel) -> Target:
        """The endpoint of `service`. Raises BadConfiguration when region, key or address are missing."""
        endpoint = self.endpoint(service.service_id)
        if endpoint:
            check_endpoint(endpoint)
        credentials = self.credentials if self.sign else None
        is_unconfigured = not endpoint and not self.profile.explicit and not credentials
        is_own = service.name == "threadline" and not endpoint
        local = self.local_server if is_unconfigured or is_own or (self.sign and not credentials) else None
        if local and (not endpoint or same_server(endpoint, local.url)):
            key = (credentials if endpoint else None) or local.credentials
            region = self.region or local.region
            return Target(endpoint or local.url, region, key if self.sign else None)
        if is_own or (is_unconfigured and self.region is None):
            raise BadConfiguration(self.no_server())
        if self.region is None:
            raise BadConfiguration(
                "You must specify a region: with --region, AWS_REGION, or `region` in ~/.aws/config.",
                "NoRegion",
            )
        _check_region(self.region)
        url = endpoint or _aws_endpoint(service, self.region)
        if self.sign and not credentials:
            credentials = self._metadata_credentials(url)
        return Target(url, self.region, credentials)

    def _metadata_credentials(self, url: str) -> Credentials:
        disabled = self.environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
        found = None if disabled or is_local(url) else _botocore_credentials(self.profile_name)
        if found is None:
            raise BadConfiguration(
                "Unable to locate credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, "
                'or, for a local server, run: eval "$(threadline env)"',
                "NoCredentials",
            )
        return found

    def load(self, service: ServiceName) -> ServiceModel:
        """The model of `service`, from the folders that the AWS CLI reads."""
        return find_cached(service)

    def instance_id(self, url: str) -> str | None:
        """The instance that environment or data folder name for the server at `url`."""
        found = self.environment.get("THREADLINE_INSTANCE_ID")
        if not found and self.local_server and url == self.local_server.url:
            return str(self.local_server.ids["instance_id"])
        return found

    def no_server(self) -> str:
        """The advice for a command without configuration and without a local server."""
        return (
            f"No server is configured, and the data folder {self.data_folder} has none. "
            f"Start one: threadline serve --data {self.data_folder}"
        )


def not_answering(url: str, data_folder: str) -> str:
    """The advice when nothing listens at a local address."""
    port = urlsplit(url).port or 80
    shown = f"http://{urlsplit(url).netloc.rpartition('@')[2]}"
    return f"Nothing answers at {shown}. Start a server: threadline serve --port {port} --data {data_folder}"


def is_local(url: str) -> bool:
    """Whether `url` is this machine."""
    return bool(LOOPBACK.fullmatch(urlsplit(url).hostname or ""))


def same_server(one: str, other: str) -> bool:
    """Whether both URLs are the same server, also under different names of this machine."""
    first, second = urlsplit(one), urlsplit(other)
    return first.port == second.port and (
        first.hostname == second.hostname or (is_local(one) and is_local(other))
    )


def _static(section: profiles.Section, source: str) -> Credentials:
    def text(name: str) -> str | None:
        value = section.get(name)
        return value if isinstance(value, str) else None

    key, secret = text("aws_access_key_id"), text("aws_secret_access_key")
    if not key or not secret:
        missing = "aws_secret_access_key" if key else "aws_access_key_id"
        raise Failure(f"Partial credentials found in {source}, missing: {missing}")
    return Credentials(key, secret, text("aws_session_token") or text("aws_security_token"), source)


def _botocore_credentials(profile_name: str | None) -> Credentials | None:
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session(profile=profile_name).get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except BotoCoreError as error:
        raise Failure(str(error)) from error
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token, found.method) if frozen else None


def _check_region(region: str) -> None:
    if region and not re.fullmatch(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{1,63}(?<!-)", region):
        raise Failure(f"Provided region_name '{region}' doesn't match a supported format.")


def check_endpoint(url: str) -> None:
    """Raise Failure if `url` is not the address of a server."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Failure(str(error)) from error
    if not host or not (":" in host or HOST.fullmatch(host)):
        raise Failure(f"Invalid endpoint: {url}")


def _aws_endpoint(service: ServiceModel, region: str) -> str:
    """The address of a service at AWS, by its endpoint rules."""
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import BotoCoreError
    from botocore.loaders import create_loader

    rules = service.endpoint_rules()
    if not rules:
        raise BadConfiguration(f"The service {service.name} has no address at AWS: give --endpoint-url.")
    dual_stack = os.environ.get("AWS_USE_DUALSTACK_ENDPOINT", "").lower() == "true"
    fips = os.environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true"
    try:
        provider = EndpointProvider(rules, create_loader().load_data("partitions"))
        found = provider.resolve_endpoint(Region=region, UseDualStack=dual_stack, UseFIPS=fips)
    except BotoCoreError as error:
        raise Failure(str(error)) from error
    return str(found.url)
