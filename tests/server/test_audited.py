"""The audit of a server: which calls it has a line for, what is in it, and how it goes on after a kill."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.command_line import nowhere, run
from tests.engines import postgres, store_of
from tests.processes.supervised import supervised
from threadline.audit.verify import verify
from threadline.cli import main
from threadline.config import BadSettings, Settings
from threadline.testing import Threadline
from threadline.testing.options import Options

__all__ = ["nowhere", "postgres", "run"]

SECRET = "Rosebud"


def events(folder: Path) -> list[dict[str, Any]]:
    """The events of all files, without those of the chain itself."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [event for line in lines if (event := json.loads(line))["eventType"] != "AwsServiceEvent"]


@pytest.fixture(params=["sqlite", "postgres"])
def audited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Threadline]:
    """A server with an audit of all but the messages, on each engine."""
    options: Options = {"audit": "management", "audit_folder": str(tmp_path / "audit")}
    with Threadline(verify=True, **options | store_of(request)) as server:
        yield server


def test_an_event_says_who_did_what_to_which_contact_from_where(audited: Threadline, tmp_path: Path) -> None:
    casey = audited.customer()
    reply = audited.connect.describe_contact(InstanceId=audited.instance_id, ContactId=casey.contact_id)
    event = events(tmp_path / "audit")[-1]
    assert event["eventName"] == "DescribeContact"
    assert event["eventSource"] == "connect.amazonaws.com"
    assert event["userIdentity"]["accessKeyId"] == audited.env["AWS_ACCESS_KEY_ID"]
    assert event["requestID"] == reply["ResponseMetadata"]["RequestId"]
    assert event["sourceIPAddress"] == "127.0.0.1"
    assert event["userAgent"].startswith("Botocore/")
    assert event["requestParameters"] == {
        "InstanceId": audited.instance_id,
        "ContactId": casey.contact_id,
    }
    assert [resource["ARN"] for resource in event["resources"]] == [reply["Contact"]["Arn"]]
    assert (event["readOnly"], event["managementEvent"], event["eventCategory"]) == (True, True, "Management")


def test_the_calls_of_a_chat_but_its_messages(audited: Threadline, tmp_path: Path) -> None:
    past = audited.past_chat()
    casey = audited.customer(PersistentChat={"SourceContactId": past.c1, "RehydrationType": "FROM_SEGMENT"})
    casey.say("Hello")
    casey.page()
    casey.leave()
    found = events(tmp_path / "audit")
    names = [event["eventName"] for event in found]
    assert names[-4:] == [
        "StartChatContact",
        "CreateParticipantConnection",
        "OpenWebSocket",
        "DisconnectParticipant",
    ]
    assert not {"SendMessage", "SendEvent", "GetTranscript"} & set(names)
    start, connect, opened, leave = found[-4:]
    assert start["requestParameters"]["PersistentChat"] == {
        "SourceContactId": past.c1,
        "RehydrationType": "FROM_SEGMENT",
    }
    assert start["responseElements"]["ContactId"] == casey.contact_id
    for event in (connect, opened, leave):
        assert event["userIdentity"]["principalId"] == casey.participant_id
        assert event["userIdentity"]["participantRole"] == "CUSTOMER"
        assert [each["ARN"].rpartition("/")[2] for each in event["resources"]] == [casey.contact_id]
    assert not verify(tmp_path / "audit").findings


def test_a_reader_with_a_read_token_is_written(audited: Threadline, tmp_path: Path) -> None:
    casey = audited.customer()
    casey.leave()
    token = audited.client("threadline").create_read_token(
        InstanceId=audited.instance_id, ContactId=casey.contact_id
    )["ReadToken"]
    audited.client("connectparticipant").get_transcript(ConnectionToken=token)
    made, read = events(tmp_path / "audit")[-2:]
    assert (made["eventName"], read["eventName"]) == ("CreateReadToken", "GetTranscript")
    assert read["userIdentity"]["credential"] == "read token"
    assert read["resources"][0]["ARN"].endswith(casey.contact_id)
    assert token not in json.dumps([made, read])


def test_calls_that_were_refused(audited: Threadline, tmp_path: Path) -> None:
    foreign = boto3.client(
        "connect", endpoint_url=audited.url, region_name="us-east-1", aws_access_key_id="AKIAFOREIGN",
        aws_secret_access_key="wrong", config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    for client, contact_id in ((audited.connect, "nothing"), (foreign, "anything")):
        with pytest.raises(ClientError):
            client.describe_contact(InstanceId=audited.instance_id, ContactId=contact_id)
    missing, denied = events(tmp_path / "audit")[-2:]
    assert missing["errorCode"] == "ResourceNotFoundException"
    assert denied["errorCode"] == "UnrecognizedClientException"
    assert denied["userIdentity"] == {"type": "Unknown", "accessKeyId": "AKIAFOREIGN"}
    assert "errorMessage" not in missing


def test_no_content_is_in_the_audit(tmp_path: Path) -> None:
    """With each call, and with content in every member that can have some."""
    with Threadline(audit="all", audit_folder=str(tmp_path)) as server:
        casey = server.customer(SECRET, Attributes={SECRET: SECRET}, CustomerId=SECRET)
        casey.say(SECRET)
        server.connect.update_contact(
            InstanceId=server.instance_id, ContactId=casey.contact_id, Name=SECRET, Description=SECRET
        )
        server.connect.tag_contact(
            InstanceId=server.instance_id, ContactId=casey.contact_id, Tags={SECRET: SECRET}
        )
        threadline = server.client("threadline")
        threadline.search_transcripts(InstanceId=server.instance_id, SearchText=SECRET)
        with pytest.raises(ClientError):
            threadline.search_transcripts(
                InstanceId=server.instance_id, SearchText=" ".join(f"{SECRET}{n}" for n in range(60))
            )
        with pytest.raises(ClientError):
            server.connect.describe_contact(InstanceId=server.instance_id, ContactId=f"my name is {SECRET}")
        names = {event["eventName"] for event in events(tmp_path)}
        assert {"StartChatContact", "SendMessage", "UpdateContact", "SearchTranscripts"} <= names
        assert SECRET not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_a_server_without_an_audit_writes_none(tmp_path: Path) -> None:
    with Threadline(audit_folder=str(tmp_path / "audit")) as server:
        server.customer()
    assert not (tmp_path / "audit").exists()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="THREADLINE_AUDIT needs THREADLINE_AUDIT_FOLDER"):
        Settings(data=":memory:", audit="all")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="cannot be written: Not a directory"):
        Threadline(audit="all", audit_folder=str(tmp_path / "file" / "audit"))


def test_a_killed_server_goes_on_with_its_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every process writes a chain. Half a line, which a kill can leave behind, is no tampering."""
    data = tmp_path / "data"
    env = {"THREADLINE_AUDIT": "management", "THREADLINE_FRONTEND_PROCESSES": "2"}
    with supervised(data, env=env) as server:
        with closing(server.workspace) as workspace:
            for _ in range(20):
                workspace.customer().leave()
        server.kill()
    first = max(
        (data / "audit").glob("*.jsonl"), key=lambda file: file.stat().st_size
    )  # each process has one
    with first.open("ab") as file:
        file.write(b'{"eventVersion":"1.1')
    written = len(events_of_whole_lines(data / "audit"))
    assert written >= 60, f"{written} calls were written"
    with supervised(data, env=env) as server, closing(server.workspace) as workspace:
        workspace.customer().leave()
        assert main(["audit", "verify", "--data", str(data)]) == 0
    assert main(["audit", "verify", str(data / "audit")]) == 0
    said = capsys.readouterr().out
    assert "(not wrong)" in said
    assert "the server was stopped while it wrote this line" in said
    content = first.read_bytes()
    first.write_bytes(content.replace(b'"eventName":"', b'"eventName":"X', 1))
    assert main(["audit", "verify", str(data / "audit")]) == 1
    assert "was changed" in capsys.readouterr().out
    assert first.stat().st_mode & 0o777 == 0o600


def events_of_whole_lines(folder: Path) -> list[bytes]:
    return [
        line
        for file in folder.glob("*.jsonl")
        for line in file.read_bytes().split(b"\n")
        if line.endswith(b"}}") and b'"AwsApiCall"' in line
    ]
