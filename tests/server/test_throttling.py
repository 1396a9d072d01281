"""Documented rates can be met before production, and a client that meets them knows when to call again."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.http.raw import ask
from threadline.aws.model import load
from threadline.clock import ManualClock
from threadline.server.throttling import RATES, Rates
from threadline.testing import Threadline
from threadline.testing.workspace import Workspace

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def limited() -> Iterator[Threadline]:
    with Threadline(rate_limits=True) as server:
        server.clock.stop()
        yield server


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    """The answer to a call that is refused."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    answer: dict[str, Any] = error.value.response
    return answer


def chat_of(workspace: Workspace) -> dict[str, Any]:
    return {
        "InstanceId": workspace.instance_id,
        "ContactFlowId": workspace.contact_flow_id,
        "ParticipantDetails": {"DisplayName": "Casey"},
    }


def test_an_account_that_calls_too_often_hears_when_to_call_again(limited: Threadline) -> None:
    connect = limited.client("connect", config=ONCE)
    for _ in range(8):
        connect.start_chat_contact(**chat_of(limited))
    assert (
        refusal(connect.start_chat_contact, **chat_of(limited))["Error"]["Code"] == "TooManyRequestsException"
    )
    for _ in range(5):
        connect.list_queues(InstanceId=limited.instance_id)
    answer = refusal(connect.list_queues, InstanceId=limited.instance_id)
    assert answer["Error"]["Code"] == "ThrottlingException"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["retry-after"], headers["x-amz-retry-after"]) == ("1", "501")
    limited.clock.advance(ms=501)
    connect.list_queues(InstanceId=limited.instance_id)
    refusal(connect.list_queues, InstanceId=limited.instance_id)


def test_participants_share_the_rates_of_their_instance_and_of_no_other(limited: Threadline) -> None:
    burst = RATES["SendMessage"].burst
    casey, robin = limited.customer("Casey"), limited.customer("Robin")
    elsewhere = limited.another_account().customer()
    participants = limited.client("connectparticipant", config=ONCE)
    message = {"ContentType": "text/plain", "Content": "Hello"}
    for _ in range(burst):
        participants.send_message(ConnectionToken=casey.connection_token, **message)
    for token in (casey.connection_token, robin.connection_token):
        answer = refusal(participants.send_message, ConnectionToken=token, **message)
        assert answer["Error"]["Code"] == "ThrottlingException"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    for _ in range(burst):
        participants.send_message(ConnectionToken=elsewhere.connection_token, **message)


def test_a_quota_that_is_full_says_when_to_try_again() -> None:
    with Threadline(account_quotas=True) as server:
        connect = server.client("connect", config=ONCE)
        for _ in range(500):
            connect.start_chat_contact(**chat_of(server))
        answer = refusal(connect.start_chat_contact, **chat_of(server))
    assert answer["Error"]["Code"] == "LimitExceededException"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


def test_a_page_of_another_origin_may_read_when_to_call_again(threadline: Threadline) -> None:
    answer = ask(threadline.url, "GET", "/health", origin="https://shop.example")
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_boto3_s_standard_retries_recover() -> None:
    with Threadline(rate_limits=True) as server:
        connect = server.client(
            "connect", config=Config(retries={"mode": "standard", "total_max_attempts": 5})
        )
        retries = [
            connect.list_queues(InstanceId=server.instance_id)["ResponseMetadata"]["RetryAttempts"]
            for _ in range(8)
        ]
    assert any(retries), "eight calls at once of the five that may come at once: some wait for their turn"


def test_buckets_do_not_gather() -> None:
    clock = ManualClock()
    rates, model = Rates(clock), load("connect").operations["ListQueues"]
    for number in range(10_000):
        rates.take(model, f"account {number}")
        clock.advance(ms=10)
    assert len(rates) < 500


def test_a_clock_that_was_set_back_stops_nobody() -> None:
    clock = ManualClock()
    rates, model = Rates(clock), load("connect").operations["ListQueues"]
    rates.take(model, "account")
    clock.advance(minutes=-60)
    for _ in range(10):
        rates.take(model, "account")
        clock.advance(ms=500)
