"""The AWS configuration files: profiles, their settings, services and static keys.

Only the chosen profile is kept. botocore handles all credentials but static keys: roles, SSO, processes, containers,
instance metadata.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from threadline.client.failures import Failure

Section = dict[str, str | dict[str, str]]


class Profile(NamedTuple):
    """One profile: its settings in the config file, its key in the credentials file, and its `services` section."""

    name: str
    explicit: bool
    settings: Section
    key: Section
    services: Section

    def text(self, name: str) -> str | None:
        """The setting `name`, if it is a plain one. The credentials file takes precedence."""
        value = self.key.get(name, self.settings.get(name))
        return value if isinstance(value, str) else None

    def service(self, service_id: str, name: str) -> str | None:
        """The setting `name` of the profile's `services` section for a service."""
        section = self.services.get(service_id.lower().replace(" ", "_"))
        return section.get(name) if isinstance(section, dict) else None


def read(chosen: str | None, environment: Mapping[str, str]) -> Profile:
    """The profile `chosen`, else that of the environment, else `default`. Raises Failure when it is unknown."""
    explicit = chosen or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
    name = explicit or "default"
    config = _sections(environment.get("AWS_CONFIG_FILE") or "~/.aws/config")
    keys = _sections(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    settings = config.get(f"profile {name}")
    if settings is None and name == "default":
        settings = config.get("default")
    if explicit and settings is None and name not in keys:
        raise Failure(f"The config profile ({name}) could not be found")
    settings = settings or {}
    services = config.get(f"services {settings.get('services')}", {})
    return Profile(name, explicit is not None, settings, keys.get(name, {}), services)


def _sections(path: str) -> dict[str, Section]:
    file = Path(os.path.expandvars(path)).expanduser()
    if not file.is_file():
        return {}
    from configparser import Error as ConfigError
    from configparser import RawConfigParser

    parser = RawConfigParser(default_section="\0", interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise Failure(f"Unable to parse config file: {file}") from error
    return {
        " ".join(name.replace('"', "").replace("'", "").split()): {
            key: _nested(value) for key, value in parser[name].items()
        }
        for name in parser.sections()
    }


def _nested(value: str) -> str | dict[str, str]:
    """Read an indented block below an empty value as a section of its own."""
    if not value.startswith("\n"):
        return value
    pairs = (line.partition("=") for line in value.splitlines() if line.strip())
    return {key.strip(): item.strip() for key, _, item in pairs}
