from collections.abc import Iterator

import pytest

from tests.clients.script import Rejected, Script
from threadline.testing import Threadline


@pytest.fixture
def sdk(threadline: Threadline) -> Iterator[Script]:
    """The SDK for JavaScript v3, told of the server by nothing but `threadline env`."""
    with Script("sdk.js", env=threadline.env) as script:
        yield script


def test_a_chat_is_continued(threadline: Threadline, sdk: Script) -> None:
    past = threadline.past_chat()
    started = sdk.call(
        "connect.StartChatContact",
        InstanceId=threadline.instance_id,
        ContactFlowId=threadline.contact_flow_id,
        ParticipantDetails={"DisplayName": "Casey"},
        InitialMessage={"ContentType": "text/plain", "Content": "Hello"},
    )
    associated = sdk.call(
        "connect.CreatePersistentContactAssociation",
        InstanceId=threadline.instance_id,
        InitialContactId=started["ContactId"],
        RehydrationType="FROM_SEGMENT",
        SourceContactId=past.c2,
    )
    assert associated["ContinuedFromContactId"] == past.c2
    assert associated["$metadata"]["requestId"]
    joined = sdk.call(
        "connectparticipant.CreateParticipantConnection",
        Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
        ParticipantToken=started["ParticipantToken"],
    )
    transcript = {
        "ConnectionToken": joined["ConnectionCredentials"]["ConnectionToken"],
        "SortOrder": "ASCENDING",
    }
    page = sdk.call("connectparticipant.GetTranscript", **transcript)
    assert [item["Content"] for item in page["Transcript"]] == ["Hello"]
    older = sdk.call(
        "connectparticipant.GetTranscript",
        **transcript,
        ScanDirection="BACKWARD",
        NextToken=page["NextToken"],
        MaxResults=100,
    )
    assert older["Transcript"][-1]["RelatedContactId"] == past.c2
    contact = sdk.call(
        "connect.DescribeContact", InstanceId=threadline.instance_id, ContactId=started["ContactId"]
    )
    assert contact["Contact"]["RelatedContactId"] == past.c2
    assert contact["Contact"]["InitiationTimestamp"].endswith("Z")  # the SDK made a date of it


def test_errors_are_typed_exceptions(threadline: Threadline, sdk: Script) -> None:
    casey = threadline.customer()
    association = {
        "InstanceId": threadline.instance_id,
        "InitialContactId": casey.contact_id,
        "RehydrationType": "FROM_SEGMENT",
        "SourceContactId": casey.contact_id,
    }
    with pytest.raises(Rejected) as refused:
        sdk.call("connect.CreatePersistentContactAssociation", **association)
    assert refused.value.error["class"] == "InvalidRequestException"
    assert refused.value.error["status"] == 400
    assert "has not ended" in refused.value.error["message"]
    with pytest.raises(Rejected) as refused:
        sdk.call("connect.CreatePersistentContactAssociation", **association | {"SourceContactId": "nobody"})
    assert refused.value.error["class"] == "ResourceNotFoundException"
    with pytest.raises(Rejected) as refused:
        sdk.call("connectparticipant.GetTranscript", ConnectionToken="nobody's")
    assert refused.value.error["class"] == "AccessDeniedException"
    assert refused.value.error["status"] == 403
    with pytest.raises(Rejected) as refused:
        sdk.call(
            "connectparticipant.GetTranscript",
            ConnectionToken=casey.connection_token,
            ScanDirection="FORWARD",
        )
    assert refused.value.error["class"] == "ValidationException"
    assert "StartPosition" in refused.value.error["message"]
