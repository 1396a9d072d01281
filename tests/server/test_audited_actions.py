"""The audit of what is no operation: sign-ins, sockets that open, the bytes of files, and what the server erases."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.engines import postgres
from tests.pages.test_sign_in import token_of, trade
from tests.server.test_audited import audited, events
from threadline.audit.events import EVENT_BYTES_MAX, HIDDEN
from threadline.audit.verify import verify
from threadline.testing import Threadline
from threadline.testing.people import request

__all__ = ["audited", "postgres"]

PATIENCE_SECONDS = 60.0
Found = list[dict[str, Any]]


def contacts_of(event: dict[str, Any]) -> list[str]:
    return [each["ARN"].rpartition("/")[2] for each in event["resources"]]


def service_events(folder: Path) -> Found:
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [event for line in lines if (event := json.loads(line))["eventName"] == "EraseContacts"]


def waited(find: Callable[[], Found], count: int) -> Found:
    """The result of `find` once it has `count` events."""
    deadline = monotonic() + PATIENCE_SECONDS
    while len(found := find()) < count:
        assert monotonic() < deadline, f"{count} events were expected; there are {found}"
        Event().wait(0.02)
    return found


def test_a_sign_in_names_the_key_that_it_gives_and_a_refused_one_fails(
    audited: Threadline, tmp_path: Path
) -> None:
    token = token_of(audited)
    _, session, _ = trade(audited, {"Token": token})
    trade(audited, {"Token": token})
    trade(audited, {"Token": "made up"}, {"Origin": "http://elsewhere.example"})
    audited.client(
        "threadline",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    ).sign_out()
    made, signed_in, used, foreign, signed_out = events(tmp_path / "audit")[-5:]
    assert (made["eventName"], signed_out["eventName"]) == ("CreateSignInToken", "SignOut")
    for event in (signed_in, used, foreign):
        assert (event["eventName"], event["eventType"]) == ("ConsoleLogin", "AwsConsoleSignIn")
        assert (event["eventSource"], event["sourceIPAddress"]) == ("signin.amazonaws.com", "127.0.0.1")
    assert signed_in["responseElements"] == {"ConsoleLogin": "Success"}
    assert signed_in["userIdentity"]["accessKeyId"] == session["AccessKeyId"]
    assert signed_in["recipientAccountId"] == made["recipientAccountId"] is not None
    assert signed_out["userIdentity"]["accessKeyId"] == session["AccessKeyId"]
    for event in (used, foreign):
        assert event["responseElements"] == {"ConsoleLogin": "Failure"}
        assert event["errorCode"] == "AccessDeniedException"
    content = json.dumps([made, signed_in, used, foreign, signed_out])
    for secret in (token, session["SecretAccessKey"], session["SessionToken"]):
        assert secret not in content


def test_a_socket_that_opens_and_one_that_is_refused(audited: Threadline, tmp_path: Path) -> None:
    casey = audited.customer()
    reply = audited.connectparticipant.create_participant_connection(
        ParticipantToken=casey.participant_token, Type=["WEBSOCKET"]
    )
    url = reply["Websocket"]["Url"]
    with pytest.raises(InvalidStatus), connect(f"{url}0", compression=None, proxy=None):
        pass
    with connect(url, compression=None, proxy=None, user_agent_header="a browser"):
        refused, opened = waited(
            lambda: [e for e in events(tmp_path / "audit") if e["eventName"] == "OpenWebSocket"], 3
        )[-2:]
    assert refused["errorCode"] == "AccessDeniedException"
    assert refused["userIdentity"] == {"type": "Unknown"}
    assert (opened["userIdentity"]["principalId"], contacts_of(opened)) == (
        casey.participant_id,
        [casey.contact_id],
    )
    assert opened["userAgent"] == "a browser"
    assert refused["requestID"] != opened["requestID"] != ""
    ticket = url.rpartition("=")[2]
    assert ticket not in "".join(file.read_text() for file in (tmp_path / "audit").iterdir())
    assert verify(tmp_path / "audit").findings == []


def test_the_bytes_of_a_file(audited: Threadline, tmp_path: Path) -> None:
    casey = audited.customer()
    attachment_id = casey.attach("secret name.txt", b"hello", "text/plain")
    url = audited.connectparticipant.get_attachment(
        ConnectionToken=casey.connection_token, AttachmentId=attachment_id
    )["Url"]
    assert request(url).body == b"hello"
    assert request(f"{url}0").status == 403
    found = [each for each in events(tmp_path / "audit") if "loadAttachment" in each["eventName"]]
    upload, download, forged = found
    assert [each["eventName"] for each in found] == [
        "UploadAttachment",
        "DownloadAttachment",
        "DownloadAttachment",
    ]
    for event in (upload, download):
        assert contacts_of(event) == [casey.contact_id]
        assert event["requestParameters"] == {"AttachmentId": attachment_id, "ContactId": casey.contact_id}
        assert event["userIdentity"]["credential"] == "signed URL"
    assert upload["userIdentity"]["principalId"] == casey.participant_id
    assert (upload["readOnly"], download["readOnly"]) == (False, True)
    assert (forged["errorCode"], forged["resources"]) == ("AccessDeniedException", [])
    assert "secret name" not in json.dumps(events(tmp_path / "audit"))


def test_a_chat_that_starts_without_a_signature(tmp_path: Path) -> None:
    with Threadline(
        audit="management",
        audit_folder=str(tmp_path),
        start_chat_route="on",
        cors_origins="http://mine.example",
    ) as server:
        body = json.dumps({"ParticipantDetails": {"DisplayName": "Ada"}}).encode()
        answer = request(f"{server.url}/start-chat", "POST", {}, body)
        assert answer.status == 200, answer
        request(f"{server.url}/start-chat", "POST", {"Origin": "http://elsewhere.example"}, body)
        started, refused = events(tmp_path)[-2:]
    assert (started["eventName"], refused["eventName"]) == ("StartChatContact", "StartChatContact")
    assert started["userIdentity"]["principalId"] == refused["userIdentity"]["principalId"] == "Anonymous"
    assert contacts_of(started) == [json.loads(answer.body)["data"]["startChatResult"]["ContactId"]]
    assert refused["errorCode"] == "AccessDeniedException"


def test_what_an_erasure_and_a_retention_erase(audited: Threadline, tmp_path: Path) -> None:
    gone, old, held = (audited.customer(text) for text in ("one", "two", "three"))
    for each in (gone, old, held):
        each.leave()
    threadline, instance_id = audited.threadline, audited.instance_id
    threadline.put_legal_hold(InstanceId=instance_id, ContactId=held.contact_id, Reason="Case 9")
    erasure_id = threadline.start_erasure(InstanceId=instance_id, ContactId=gone.contact_id)["ErasureId"]
    audited.clock.advance(seconds=10)
    (erased,) = waited(lambda: service_events(tmp_path / "audit"), 1)
    assert erased["serviceEventDetails"] == {"rule": "erasure", "erasureId": erasure_id}
    assert contacts_of(erased) == [gone.contact_id]
    threadline.update_retention(InstanceId=instance_id, Policy="DAYS", Days=10)
    audited.clock.advance(days=11)
    found = waited(lambda: service_events(tmp_path / "audit"), 2)
    swept = [each for each in found if each["serviceEventDetails"]["rule"] == "retention"]
    assert old.contact_id in [contact for event in swept for contact in contacts_of(event)]
    assert all(held.contact_id not in contacts_of(event) for event in found)
    assert swept[0]["serviceEventDetails"] == {"rule": "retention", "policy": "DAYS", "days": 10}
    assert swept[0]["userIdentity"] == {"type": "AWSService", "invokedBy": "threadline"}
    assert len({event["eventID"] for event in found}) == len(found)
    assert verify(tmp_path / "audit").findings == []


def test_an_import_names_its_contacts_and_a_large_one_omits_its_parameters(tmp_path: Path) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(50)]
    at = "2024-04-07T08:00:00.000Z"
    item = {
        "AbsoluteTime": at,
        "Type": "MESSAGE",
        "Content": "hi",
        "ContentType": "text/plain",
        "DisplayName": "Ada",
    }
    with Threadline(audit="management", audit_folder=str(tmp_path)) as server:
        for count in (1, 10):
            contacts = [
                {"ContactId": each, "InitiationTimestamp": at, "Items": [item] * count} for each in ids
            ]
            server.threadline.import_contacts(InstanceId=server.instance_id, Contacts=contacts)
        few, many = [each for each in events(tmp_path) if each["eventName"] == "ImportContacts"]
        assert contacts_of(few) == contacts_of(many) == ids
        assert few["requestParameters"]["Contacts"][0]["Items"][0]["Content"] == HIDDEN
        assert many["requestParameters"] == {"omitted": True}
        longest = max(
            len(line) for file in tmp_path.glob("*.jsonl") for line in file.read_bytes().splitlines()
        )
        assert longest < 2 * EVENT_BYTES_MAX, f"a line has {longest} bytes"


def test_refused_calls_have_the_code_of_their_error(tmp_path: Path) -> None:
    """With a signature that is wrong, with too many calls, and with a token that is not known."""
    folder = tmp_path / "audit"
    with Threadline(verify=True, audit="management", audit_folder=str(folder), rate_limits=True) as server:
        casey = server.customer()
        forged = server.client("connect", aws_secret_access_key="wrong")
        stranger = server.client("connectparticipant")
        once = server.client("connect", config=Config(retries={"max_attempts": 0}))
        for call in (
            lambda: forged.describe_contact(InstanceId=server.instance_id, ContactId=casey.contact_id),
            lambda: stranger.disconnect_participant(ConnectionToken="unknown"),
            lambda: [once.list_queues(InstanceId=server.instance_id) for _ in range(200)],
        ):
            with pytest.raises(ClientError):
                call()
        found = [event for event in events(folder) if event.get("errorCode")]
    assert [(event["eventName"], event["errorCode"]) for event in found[:3]] == [
        ("DescribeContact", "InvalidSignatureException"),
        ("DisconnectParticipant", "AccessDeniedException"),
        ("ListQueues", "ThrottlingException"),
    ], found
    assert found[0]["userIdentity"]["type"] == found[1]["userIdentity"]["type"] == "Unknown"
    assert found[2]["userIdentity"]["type"] == "IAMUser"
    assert found[2]["recipientAccountId"] is not None
