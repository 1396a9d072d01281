"""Ids and a key that the settings give to a new store's workspace, so that others can name them beforehand."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.engines import Postgres, postgres
from tests.processes.supervised import supervised
from threadline.config import BadSettings, Settings

__all__ = ["postgres"]

FIRST = {
    "ACCOUNT_ID": "210987654321",
    "REGION": "eu-central-1",
    "ACCESS_KEY_ID": "AKIACOMPOSE",
    "SECRET_ACCESS_KEY": "only-for-this-machine",
    **{
        name: f"00000000-0000-4000-8000-{number:012}"
        for number, name in enumerate(
            (
                *("INSTANCE_ID", "CONTACT_FLOW_ID", "SURVEY_FLOW_ID", "RETURNING_FLOW_ID", "QUEUE_ID"),
                *("AGENT_A1", "AGENT_A2"),
            )
        )
    },
}
SETTINGS = {f"THREADLINE_FIRST_{name}": text for name, text in FIRST.items()}


def connect(url: str) -> Any:
    return boto3.client(
        "connect",
        endpoint_url=url,
        region_name=FIRST["REGION"],
        aws_access_key_id=FIRST["ACCESS_KEY_ID"],
        aws_secret_access_key=FIRST["SECRET_ACCESS_KEY"],
    )


def check(url: str) -> None:
    """Everything is where the settings say."""
    client = connect(url)
    arn = f"arn:aws:connect:{FIRST['REGION']}:{FIRST['ACCOUNT_ID']}:instance/{FIRST['INSTANCE_ID']}"
    (instance,) = client.list_instances()["InstanceSummaryList"]
    assert (instance["Id"], instance["Arn"]) == (FIRST["INSTANCE_ID"], arn)
    here = {"InstanceId": FIRST["INSTANCE_ID"]}
    (queue,) = client.list_queues(**here)["QueueSummaryList"]
    assert (queue["Id"], queue["LastModifiedRegion"]) == (FIRST["QUEUE_ID"], FIRST["REGION"])
    flows = {flow["Name"]: flow["Id"] for flow in client.list_contact_flows(**here)["ContactFlowSummaryList"]}
    assert {name: flow for name, flow in flows.items() if name.startswith("Demo")} == {
        "Demo inbound": FIRST["CONTACT_FLOW_ID"],
        "Demo survey": FIRST["SURVEY_FLOW_ID"],
        "Demo returning": FIRST["RETURNING_FLOW_ID"],
    }
    users = {user["Username"]: user["Id"] for user in client.list_users(**here)["UserSummaryList"]}
    assert users == {"a1": FIRST["AGENT_A1"], "a2": FIRST["AGENT_A2"]}
    started = client.start_chat_contact(
        **here, ContactFlowId=FIRST["CONTACT_FLOW_ID"], ParticipantDetails={"DisplayName": "Casey"}
    )
    contact = client.describe_contact(**here, ContactId=started["ContactId"])["Contact"]
    assert contact["Arn"] == f"{arn}/contact/{started['ContactId']}"


def test_a_new_data_folder_gets_what_the_settings_name_and_keeps_it(tmp_path: Path) -> None:
    for _ in range(2):
        with supervised(tmp_path / "data", env=SETTINGS) as server:
            check(server.url)
            said = subprocess.run(
                [sys.executable, "-m", "threadline", "env", "--data", str(server.data), "--format", "json"],
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            names = ("INSTANCE_ID", "CONTACT_FLOW_ID", "QUEUE_ID", "AGENT_A1", "ACCESS_KEY_ID", "REGION")
            printed = json.loads(said)
            assert {name: printed[f"THREADLINE_{name}"] for name in names} == {
                name: FIRST[name] for name in names
            }
            assert printed["AWS_REGION"] == FIRST["REGION"]
    other = SETTINGS | {"THREADLINE_FIRST_INSTANCE_ID": "11111111-0000-4000-8000-000000000000"}
    with supervised(tmp_path / "data", env=other) as server:
        check(server.url)
    assert "THREADLINE_FIRST_INSTANCE_ID is 11111111" in server.end()[1]
    assert "it is kept as it is" in server.end()[1]


def test_a_server_in_memory_has_them_after_each_start_of_its_worker() -> None:
    with supervised(":memory:", env=SETTINGS) as server:
        check(server.url)


def test_of_two_nodes_on_a_new_postgresql_one_makes_the_workspace(tmp_path: Path, postgres: Postgres) -> None:
    env = SETTINGS | {"THREADLINE_STORE": postgres.database(), "THREADLINE_ENCRYPTION_KEY": "ab" * 32}
    with supervised(tmp_path / "one", env=env) as one, supervised(tmp_path / "two", env=env) as two:
        check(one.url)
        check(two.url)


def test_a_half_of_a_key_is_refused() -> None:
    with pytest.raises(
        BadSettings, match="FIRST_ACCESS_KEY_ID and THREADLINE_FIRST_SECRET_ACCESS_KEY go tog"
    ):
        Settings(first_access_key_id="AKIACOMPOSE")


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("ACCOUNT_ID", "12", "12 digits"),
        ("REGION", "Frankfurt", "a region, such as eu-central-1"),
        ("ACCESS_KEY_ID", "a/b/c", "4 to 128 letters, digits and underscores"),
        ("SECRET_ACCESS_KEY", "a secret with spaces", "16 to 128 characters of ASCII without spaces"),
        ("SECRET_ACCESS_KEY", "short-secret", "16 to 128 characters of ASCII without spaces"),
        ("QUEUE_ID", "Support", "a UUID in lower case"),
    ],
)
def test_a_value_in_another_form_is_refused_without_being_shown(name: str, text: str, form: str) -> None:
    with pytest.raises(BadSettings) as refusal:
        Settings.read(SETTINGS | {f"THREADLINE_FIRST_{name}": text})
    assert str(refusal.value) == f"THREADLINE_FIRST_{name} is not {form}."
