"""Instances described and listed, and their attributes: the features that an instance has."""

import pytest

from tests.operations.refusals import PARAMETER, refused
from tests.operations.test_resources import other, pages
from threadline.aws.model import load
from threadline.testing import Threadline, Workspace

__all__ = ["other"]


def test_instances_are_those_of_the_account(threadline_server: Threadline, other: Workspace) -> None:
    for workspace in (threadline_server, other):
        [summary] = workspace.connect.list_instances()["InstanceSummaryList"]
        instance = workspace.connect.describe_instance(InstanceId=workspace.instance_id)["Instance"]
        assert summary["Id"] == instance["Id"] == workspace.instance_id
        assert summary["Arn"] == instance["Arn"]
        assert summary["InstanceAccessUrl"] == instance["InstanceAccessUrl"] == threadline_server.url
        assert instance["InstanceStatus"] == "ACTIVE"
        after = workspace.connect.list_instances(NextToken=workspace.instance_id, MaxResults=1)
        assert after["InstanceSummaryList"] == []


def attribute_of(server: Threadline, attribute_type: str) -> dict[str, str]:
    reply = server.connect.describe_instance_attribute(
        InstanceId=server.instance_id, AttributeType=attribute_type
    )
    attribute: dict[str, str] = reply["Attribute"]
    return attribute


def test_every_attribute_of_the_model_is_described(threadline_server: Threadline) -> None:
    for attribute_type in load("connect").shapes["InstanceAttributeType"]["enum"]:
        assert attribute_of(threadline_server, attribute_type) == {
            "AttributeType": attribute_type,
            "Value": "true" if attribute_type == "CONTACTFLOW_LOGS" else "false",
        }


def test_calls_are_as_disabled_in_the_attributes_as_in_the_instance(threadline_server: Threadline) -> None:
    reply = threadline_server.connect.describe_instance(InstanceId=threadline_server.instance_id)
    for attribute_type, member in (
        ("INBOUND_CALLS", "InboundCallsEnabled"),
        ("OUTBOUND_CALLS", "OutboundCallsEnabled"),
    ):
        value = attribute_of(threadline_server, attribute_type)["Value"]
        assert value == str(reply["Instance"][member]).lower()


@pytest.mark.parametrize("attribute_type", ["EARLY MEDIA", "early_media", "FAX"])
def test_an_attribute_that_the_model_lacks_is_refused(
    threadline_server: Threadline, attribute_type: str
) -> None:
    with refused(PARAMETER, "AttributeType"):
        attribute_of(threadline_server, attribute_type)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_attributes_are_listed_in_pages_of_every_size(threadline_server: Threadline, size: int) -> None:
    call, instance_id = threadline_server.connect.list_instance_attributes, threadline_server.instance_id
    found = pages(call, "Attributes", size, InstanceId=instance_id)
    attributes = [attribute for page in found for attribute in page]
    types = [attribute["AttributeType"] for attribute in attributes]
    assert set(types) >= set(load("connect").shapes["InstanceAttributeType"]["enum"])
    assert len(set(types)) == len(types)
    for attribute in attributes:
        assert attribute == attribute_of(threadline_server, attribute["AttributeType"])
    assert call(InstanceId=instance_id)["Attributes"] == attributes[:7], "the model's largest page by default"


def test_a_page_of_more_attributes_than_the_model_allows_is_refused(threadline_server: Threadline) -> None:
    with refused(PARAMETER, "is not from 1 to 7"):
        threadline_server.connect.list_instance_attributes(
            InstanceId=threadline_server.instance_id, MaxResults=8
        )
