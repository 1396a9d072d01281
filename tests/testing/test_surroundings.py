"""The fixtures work after any shell, earlier test and moto, in any order of these."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path
from time import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from threadline.testing import Threadline

HOSTILE = {
    "AWS_SESSION_TOKEN": "of another account",
    "AWS_PROFILE": "nonexistent",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "AWS_USE_FIPS_ENDPOINT": "true",
}
EARLIER = boto3.Session("AKIAEARLIER", "of an earlier test", region_name="us-east-1")
KEPT: dict[str, Any] = {}
"""A client as a module keeps it from its import on; here from the first test that asks."""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shell with settings of its own, which must be there again afterwards."""
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    yield
    assert {name: os.environ.get(name) for name in HOSTILE} == HOSTILE


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("turn", [1, 2])
def test_a_shells_settings_lead_no_client_elsewhere(threadline_env: Threadline, turn: int) -> None:
    found = boto3.client("connect").list_instances()["InstanceSummaryList"]
    assert [instance["Id"] for instance in found] == [threadline_env.instance_id], turn
    assert threadline_env.customer().reads() == []


@pytest.mark.usefixtures("hostile")
def test_the_ready_made_clients_do_not_read_the_shell(threadline: Threadline) -> None:
    casey = threadline.customer()
    casey.say("hello")
    assert casey.reads() == ["hello"]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_client_of_an_earlier_test_goes_on_working(threadline_env: Threadline, turn: int) -> None:
    kept = KEPT.setdefault("connect", boto3.client("connect"))
    started = kept.start_chat_contact(
        InstanceId=threadline_env.instance_id,
        ContactFlowId=threadline_env.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
    )
    described = threadline_env.connect.describe_contact(
        InstanceId=threadline_env.instance_id, ContactId=started["ContactId"]
    )
    assert described["Contact"]["InitiationMethod"] == "API", turn


def test_the_default_session_of_before_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = boto3.Session(region_name="eu-north-1", aws_access_key_id="mine", aws_secret_access_key="mine")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", mine)
    with Threadline() as threadline:
        with threadline.environment():
            assert boto3.client("connect").meta.endpoint_url == threadline.url
        assert boto3.DEFAULT_SESSION is mine


def test_any_key_is_taken_unless_signatures_are_verified() -> None:
    stranger = {"aws_access_key_id": "AKIASTRANGER", "aws_secret_access_key": "x", "aws_session_token": "y"}
    with Threadline() as threadline:
        assert threadline.client("connect", **stranger).list_instances()["InstanceSummaryList"]
    with Threadline(verify=True) as threadline:
        assert threadline.connect.list_instances()["InstanceSummaryList"]
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            threadline.client("connect", **stranger).list_instances()
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            threadline.client("connect", aws_secret_access_key="wrong").list_instances()


def test_a_reset_leaves_the_address_the_ids_and_nothing_else() -> None:
    with Threadline() as threadline:
        casey, url, ids = threadline.customer(), threadline.url, dict(threadline.env)
        other = threadline.another_account()
        threadline.clock.advance(hours=26)
        contact_id = casey.contact_id
        threadline.reset()
        assert (threadline.url, threadline.env) == (url, ids)
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=contact_id)
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            threadline.connect.list_users(InstanceId=other.instance_id)
        assert abs(threadline.clock.now().timestamp() - time()) < 3_600
        assert threadline.past_chat().c1 != contact_id


def test_a_server_that_keeps_its_data_is_not_reset(tmp_path: Path) -> None:
    with Threadline(data=str(tmp_path)) as threadline, pytest.raises(RuntimeError, match="in memory"):
        threadline.reset()


def both_answer(threadline: Threadline) -> None:
    """Code under test: a table of moto's and a chat of ours, by clients of boto3's default session."""
    boto3.client("s3").create_bucket(Bucket="transcripts")
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["transcripts"]
    found = boto3.client("connect").list_instances()["InstanceSummaryList"]
    assert [instance["Id"] for instance in found] == [threadline.instance_id]
    casey = threadline.customer()
    boto3.client("connectparticipant").send_message(
        ConnectionToken=casey.connection_token, ContentType="text/plain", Content="hello"
    )
    assert casey.reads() == ["hello"]


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    "order", list(permutations(("moto", "environment", "earlier session"))), ids="-".join
)
def test_moto_stands_beside_in_every_order(
    threadline: Threadline, order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    with ExitStack() as entered:
        for name in order:
            if name == "moto":
                entered.enter_context(mock_aws())
            elif name == "environment":
                entered.enter_context(threadline.environment())
            else:
                monkeypatch.setattr(boto3, "DEFAULT_SESSION", EARLIER)
        both_answer(threadline)
    assert dict(os.environ) == before


@mock_aws
def test_motos_decorator_over_the_fixture(threadline_env: Threadline) -> None:
    both_answer(threadline_env)


@pytest.fixture
def moto_first() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def moto_last(threadline_env: Threadline) -> Iterator[Threadline]:
    with mock_aws():
        yield threadline_env


def test_motos_fixture_before_ours(moto_first: None, threadline_env: Threadline) -> None:
    both_answer(threadline_env)


def test_motos_fixture_after_ours(moto_last: Threadline) -> None:
    both_answer(moto_last)


@mock_aws
class TestMotosDecoratorOfAClass:
    def test_with_the_environment(self, threadline_env: Threadline) -> None:
        both_answer(threadline_env)

    def test_a_second_time(self, threadline_env: Threadline) -> None:
        both_answer(threadline_env)


def test_nothing_imports_pytest() -> None:
    program = "import sys, threadline.testing as t; t.Threadline().close(); print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
