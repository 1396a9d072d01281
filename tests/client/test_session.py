"""Endpoint and key come from option, environment, profile or data folder, in this order."""

import json
from pathlib import Path
from typing import Any

import pytest

from threadline.aws.model import find_cached
from threadline.aws.names import ServiceName
from threadline.client.failures import BadConfiguration, Failure
from threadline.client.session import ClientSession

KEY = {"AWS_ACCESS_KEY_ID": "env-key", "AWS_SECRET_ACCESS_KEY": "env-secret"}
CONFIG = """
[default]
region = eu-west-1
[profile local]
endpoint_url = http://profile
region = eu-central-1
services = mine
[services mine]
connectparticipant =
  endpoint_url = http://services
[profile role]
credential_process = echo '{"Version":1,"AccessKeyId":"from-process","SecretAccessKey":"s"}'
"""
CREDENTIALS = """
[default]
aws_access_key_id = default-key
aws_secret_access_key = s
[local]
aws_access_key_id = local-key
aws_secret_access_key = s
aws_session_token = t
[half]
aws_access_key_id = half-key
"""


@pytest.fixture
def folder(nowhere: Path) -> Path:
    return nowhere


def files(folder: Path) -> None:
    (folder / ".aws").mkdir()
    (folder / ".aws" / "config").write_text(CONFIG)
    (folder / ".aws" / "credentials").write_text(CREDENTIALS)


def data(folder: Path) -> None:
    (folder / "data").mkdir()
    ids = {"access_key_id": "data-key", "secret_access_key": "s", "region": "us-east-1", "instance_id": "i"}
    (folder / "data" / "workspace.json").write_text(json.dumps(ids))
    (folder / "data" / "server.json").write_text('{"url": "http://127.0.0.1:4711"}')


def target(
    environment: dict[str, str], service: ServiceName = "connect", **options: Any
) -> tuple[str, str, str]:
    found = ClientSession(environment=environment, **options).target(find_cached(service))
    return found.url, found.region, found.credentials.access_key_id if found.credentials else ""


def test_without_any_configuration_it_is_the_local_server(folder: Path) -> None:
    data(folder)
    assert target({}) == ("http://127.0.0.1:4711", "us-east-1", "data-key")
    assert target({"THREADLINE_DATA": str(folder / "data")})[2] == "data-key"
    assert target({}, data=str(folder / "data"))[2] == "data-key"


def test_without_even_a_data_folder_it_says_how_to_start_a_server(folder: Path) -> None:
    with pytest.raises(BadConfiguration, match="threadline serve"):
        target({})


def test_each_goes_before_the_next(folder: Path) -> None:
    data(folder)
    files(folder)
    profile = {"AWS_PROFILE": "local"}
    named = {"AWS_ENDPOINT_URL": "http://general", "AWS_ENDPOINT_URL_CONNECT": "http://connect"}
    assert target(profile) == ("http://profile", "eu-central-1", "local-key")
    assert target(profile, "connectparticipant")[0] == "http://services"
    assert target({**profile, **KEY, "AWS_REGION": "us-west-2"}) == ("http://profile", "us-west-2", "env-key")
    assert target({**profile, **named})[0] == "http://connect"
    assert target({**profile, **named}, "threadline")[0] == "http://general"
    assert target({**profile, **named}, endpoint_url="http://option")[0] == "http://option"
    assert target(KEY, profile_name="local") == ("http://profile", "eu-central-1", "local-key")
    assert target({**named, **KEY, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"})[0] != "http://connect"


def test_a_key_alone_means_amazon(folder: Path) -> None:
    assert target({**KEY, "AWS_REGION": "eu-west-2"}) == (
        "https://connect.eu-west-2.amazonaws.com",
        "eu-west-2",
        "env-key",
    )
    assert target({**KEY, "AWS_REGION": "cn-north-1"}, "connectparticipant")[0] == (
        "https://participant.connect.cn-north-1.amazonaws.com.cn"
    )
    with pytest.raises(BadConfiguration, match="region"):
        target(KEY)
    with pytest.raises(Failure, match="supported format"):
        target({**KEY, "AWS_REGION": "no where"})


def test_amazon_has_no_threadline(folder: Path) -> None:
    with pytest.raises(BadConfiguration, match="threadline serve"):
        target({**KEY, "AWS_REGION": "eu-west-2"}, "threadline")
    data(folder)
    assert target({**KEY, "AWS_REGION": "eu-west-2"}, "threadline")[2] == "data-key"


def test_the_local_servers_key_is_used_for_the_local_server_alone(folder: Path) -> None:
    data(folder)
    assert target({}, endpoint_url="http://localhost:4711")[2] == "data-key"
    with pytest.raises(BadConfiguration, match="Unable to locate credentials"):
        target({"AWS_REGION": "eu-west-1"}, endpoint_url="http://127.0.0.1:9")


def test_nothing_is_signed_when_told_so(folder: Path) -> None:
    assert target({"AWS_REGION": "a"}, endpoint_url="http://x", sign=False) == ("http://x", "a", "")


def test_other_sources_of_keys_are_botocores(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(folder)
    monkeypatch.setenv("AWS_PROFILE", "role")
    environment = {"AWS_PROFILE": "role", "AWS_REGION": "eu-west-1"}
    assert target(environment)[2] == "from-process"


def test_half_a_key_is_none(folder: Path) -> None:
    files(folder)
    with pytest.raises(Failure, match="Partial credentials"):
        target({"AWS_ACCESS_KEY_ID": "k", "AWS_REGION": "a"})
    with pytest.raises(Failure, match="Partial credentials"):
        target({"AWS_PROFILE": "half", "AWS_REGION": "a"})


def test_a_profile_must_exist(folder: Path) -> None:
    with pytest.raises(Failure, match=r"The config profile \(nope\) could not be found"):
        target({"AWS_PROFILE": "nope"})


def test_a_data_folder_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "workspace.json").write_text("{")
    with pytest.raises(Failure, match=r"data folder \./data cannot be read"):
        target({})
