"""Access keys: a second one, moving from one to the other, taking one away, and when each was used."""

import time
from typing import Any

import pytest

from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, answer, refused
from threadline.testing import Threadline, Workspace

UNKNOWN = ("UnrecognizedClientException", 403)
PATIENCE_SECONDS = 60.0


def create(server: Workspace, description: str = "") -> dict[str, Any]:
    key: dict[str, Any] = server.threadline.create_access_key(Description=description)["AccessKey"]
    return key


def signed_with(server: Workspace, key: dict[str, Any], service: str = "connect") -> Any:
    return server.client(
        service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


def listed(server: Workspace) -> dict[str, dict[str, Any]]:
    pages = server.threadline.get_paginator("list_access_keys").paginate(PaginationConfig={"PageSize": 1})
    return {key["AccessKeyId"]: key for page in pages for key in page["AccessKeyMetadata"]}


def test_a_second_key_signs_requests_beside_the_first(threadline: Threadline) -> None:
    first = threadline.env["AWS_ACCESS_KEY_ID"]
    key = create(threadline, "billing")
    assert key["Status"] == "Active"
    reply = signed_with(threadline, key).list_instances()
    assert [each["Id"] for each in reply["InstanceSummaryList"]] == [threadline.instance_id]
    assert threadline.connect.list_instances()["InstanceSummaryList"] == reply["InstanceSummaryList"]
    assert listed(threadline).keys() == {first, key["AccessKeyId"]}
    assert listed(threadline)[key["AccessKeyId"]]["Description"] == "billing"


def test_a_secret_is_shown_once(threadline: Threadline) -> None:
    key = create(threadline)
    assert key["SecretAccessKey"] not in str(threadline.threadline.list_access_keys())


def test_a_key_is_deactivated_activated_and_deleted_from_one_request_to_the_next(
    threadline: Threadline,
) -> None:
    key = create(threadline)
    client = signed_with(threadline, key)
    client.list_instances()
    threadline.threadline.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with refused(UNKNOWN, f"{key['AccessKeyId']!r} is inactive"):
        client.list_instances()
    assert listed(threadline)[key["AccessKeyId"]]["Status"] == "Inactive"
    threadline.threadline.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Active")
    client.list_instances()
    assert answer(threadline.threadline.delete_access_key(AccessKeyId=key["AccessKeyId"])) == {}
    with refused(UNKNOWN, f"no access key {key['AccessKeyId']!r}"):
        client.list_instances()
    with refused(NOT_FOUND, key["AccessKeyId"]):
        threadline.threadline.delete_access_key(AccessKeyId=key["AccessKeyId"])


def test_the_first_key_can_be_replaced(threadline: Threadline) -> None:
    second = create(threadline)
    own = signed_with(threadline, second, "threadline")
    own.delete_access_key(AccessKeyId=threadline.env["AWS_ACCESS_KEY_ID"])
    with refused(UNKNOWN):
        threadline.connect.list_instances()
    assert [key["AccessKeyId"] for key in own.list_access_keys()["AccessKeyMetadata"]] == [
        second["AccessKeyId"]
    ]


def test_the_last_active_key_stays(threadline: Threadline) -> None:
    first = threadline.env["AWS_ACCESS_KEY_ID"]
    second = create(threadline)["AccessKeyId"]
    threadline.threadline.update_access_key(AccessKeyId=second, Status="Inactive")
    with refused(INVALID, f"{first} is the only active access key of the account and cannot be deleted"):
        threadline.threadline.delete_access_key(AccessKeyId=first)
    with refused(INVALID, "cannot be deactivated"):
        threadline.threadline.update_access_key(AccessKeyId=first, Status="Inactive")
    threadline.connect.list_instances()


def test_a_key_shows_its_last_use(threadline: Threadline) -> None:
    key = create(threadline)["AccessKeyId"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "LastUsedDate" not in (keys := listed(threadline))[threadline.env["AWS_ACCESS_KEY_ID"]]:
        assert time.monotonic() < deadline, keys
    assert "LastUsedDate" not in keys[key], "it was never used"


def test_a_key_of_another_account_is_not_found(threadline: Threadline) -> None:
    theirs = threadline.another_account()
    key = create(theirs)["AccessKeyId"]
    assert key not in listed(threadline)
    with refused(NOT_FOUND, key):
        threadline.threadline.update_access_key(AccessKeyId=key, Status="Inactive")
    with refused(NOT_FOUND, key):
        threadline.threadline.delete_access_key(AccessKeyId=key)
    assert listed(theirs)[key]["Status"] == "Active"


@pytest.mark.parametrize("status", ["active", "Expired"])
def test_a_status_that_the_model_does_not_list_is_refused(threadline: Threadline, status: str) -> None:
    with refused(PARAMETER, "Active"):
        threadline.threadline.update_access_key(
            AccessKeyId=threadline.env["AWS_ACCESS_KEY_ID"], Status=status
        )
