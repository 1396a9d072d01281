"""`threadline import`: the shapes of files that it takes, what it refuses, and that it goes on where it stopped."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import threadline as threadline_package
from tests.command_line import Run
from tests.objects.test_objects import s3_url
from threadline.testing import Threadline

__all__ = ["s3_url"]
EVENT = "application/vnd.amazonaws.connect.event."
C1, C2 = "019d671e-538d-7be5-b375-000000000001", "019d671e-538d-7be5-b375-000000000002"


def item(second: int, text: str, **members: Any) -> dict[str, Any]:
    return {
        "AbsoluteTime": f"2026-04-07T08:45:{second:02}.965Z",
        "Content": text,
        "ContentType": "text/plain",
        "Id": f"0Mw{second}",
        "Type": "MESSAGE",
        "ParticipantId": "CUSTOMER",
        "DisplayName": "Customer",
        "ParticipantRole": "CUSTOMER",
        **members,
    }


def transcript(contact_id: str, *items: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "Version": "2019-08-26",
        "AWSAccountId": "123456789012",
        "InstanceId": "of-aws",
        "InitialContactId": contact_id,
        "ContactId": contact_id,
        "Participants": [{"ParticipantId": "CUSTOMER"}],
        "Transcript": [*items],
        **members,
    }


def put(path: str, document: Any) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document if isinstance(document, str) else json.dumps(document, ensure_ascii=False))
    return file


def shown(server: Threadline, contact_id: str) -> list[dict[str, Any]]:
    reply = server.threadline.get_contact_transcript(
        InstanceId=server.instance_id,
        ContactId=contact_id,
        OnlyContact=True,
        MaxResults=100,
        SortOrder="ASCENDING",
    )
    return [{k: v for k, v in each.items() if k != "ContactId"} for each in reply["Transcript"]]


def test_a_folder_with_two_contacts_of_a_chat(threadline: Threadline, here: Run) -> None:
    put(
        f"in/2026/04/07/{C1}_20260407T08:45_UTC.json",
        transcript(C1, item(1, "My parcel"), item(2, "has not come")),
    )
    put(f"in/2026/04/07/{C2}_20260407T08:46_UTC.json", transcript(C2, item(59, "Stars"), InitialContactId=C1))
    done = here("import", "in")
    assert (done.status, done.out, done.err) == (0, "2 contacts with 3 items imported.\n", "")
    assert shown(threadline, C1) == [item(1, "My parcel"), item(2, "has not come")]
    again = here("import", "in")
    assert (again.status, again.out) == (0, "0 contacts with 0 items imported, 2 there already.\n")
    casey = threadline.customer()
    casey.continue_from("FROM_SEGMENT", C1)
    assert [each["Content"] for each in casey.history() if "RelatedContactId" in each] == [
        "My parcel",
        "has not come",
    ]


def test_the_shapes_of_other_files(threadline: Threadline, here: Run) -> None:
    lens = {
        "Version": "1.1.0",
        "Channel": "CHAT",
        "CustomerMetadata": {"ContactId": "lens", "InstanceId": "x"},
        "Participants": [{"ParticipantId": "p1", "ParticipantRole": "AGENT"}],
        "Categories": {"MatchedCategories": ["late"]},
        "Transcript": [
            {
                "AbsoluteTime": "2026-04-07T08:45:01.965Z",
                "Content": "my number is [PII]",
                "Id": "l1",
                "ParticipantId": "p1",
                "Type": "MESSAGE",
                "Redaction": {"CharacterOffsets": [{"BeginOffsetChar": 13, "EndOffsetChar": 18}]},
            }
        ],
    }
    put("in/lens.json", json.dumps(lens, indent=4))
    camel = {
        "contactId": "camel",
        "transcript": [
            {
                "absoluteTime": "2026-04-07T08:45:01.965Z",
                "content": "hello",
                "participantRole": "customer",
                "displayName": None,
            },
            {
                "absoluteTime": "2026-04-07T08:45:02Z",
                "attachments": [{"attachmentId": "a1", "attachmentName": "x.pdf", "status": "APPROVED"}],
            },
            {"absoluteTime": "2026-04-07T08:45:03Z", "contentType": EVENT + "typing", "type": "EVENT"},
        ],
    }
    put("in/camel.json", "\ufeff" + json.dumps(camel))
    put("in/Mw0_20260407T08:45_UTC.json", {"Transcript": [{"Content": "bare"}]})
    done = here("import", "in")
    assert (done.status, done.err) == (0, "")
    (one,) = shown(threadline, "lens")
    assert (one["ParticipantRole"], json.loads(one["OtherMembers"])) == (
        "AGENT",
        {"Redaction": lens["Transcript"][0]["Redaction"]},  # type: ignore[index]
    )
    first, second = shown(threadline, "camel")
    assert (first["Content"], first["ParticipantRole"], first["ContentType"]) == (
        "hello",
        "CUSTOMER",
        "text/plain",
    )
    assert (second["Type"], "Content" in second) == ("ATTACHMENT", False)
    assert second["Attachments"] == [{"AttachmentId": "a1", "AttachmentName": "x.pdf", "Status": "APPROVED"}]
    (bare,) = shown(threadline, "Mw0")
    assert (bare["Content"], bare["AbsoluteTime"]) == ("bare", "2026-04-07T08:45:00.000Z")
    assert here("export", "--to", "out").status == 0
    exported = json.loads(next(Path("out").rglob("lens_*.json")).read_text())
    assert exported["Categories"] == lens["Categories"]
    assert exported["Transcript"][0]["Redaction"] == lens["Transcript"][0]["Redaction"]  # type: ignore[index]


def test_what_is_refused_is_named_with_its_place(threadline: Threadline, here: Run) -> None:
    put("in/a-good.json", transcript("good", item(1, "kept")))
    Path("in/b-utf8.json").write_bytes(b'{"ContactId": "caf\xe9", "Transcript": []}')
    put("in/c-cut.json", json.dumps(transcript("cut", item(1, "kept")))[:-40])
    put("in/d-twice.json", transcript("good", item(1, "twice")))
    put("in/e-list.json", [1])
    put("in/f-time.json", transcript("time", item(1, "x"), item(2, "x", AbsoluteTime="noon")))
    put("in/g-record.json", {"AWSContactTraceRecordFormatVersion": "2017-03-10", "ContactId": "r"})
    put("in/h-nul.json", transcript("nul", item(1, "a\0b")))
    put("in/i-nothing.json", "")
    put("in/j-nobody.json", {"Transcript": [item(1, "x")]})
    with Path("in/k-large.json").open("wb") as large:
        os.truncate(large.fileno(), 2 * 1024**3)
    put("in/o-many.json", '{"ContactId": "m", "Transcript": [' + "0," * 1_000_000 + "0]}")
    put("in/p-deep.json", '{"ContactId": "m", "Transcript": ' + "[" * 100_000)
    put("in/q-objects.json", '{"ContactId": "m", "Transcript": [' + "{}," * 10_000_001 + "0]}")
    put("in/l-voice.json", {"Channel": "VOICE", "ContactId": "v", "Transcript": []})
    put("in/\x1b[31mm.json", "{}")
    os.mkfifo("in/n-pipe.json")
    done = here("import", "in")
    assert done.status == 1
    lines = done.err.splitlines()
    for name, words in (
        ("in/b-utf8.json", "byte 18: not UTF-8"),
        ("in/c-cut.json", "not JSON: Input data was truncated"),
        ("in/d-twice.json", "ContactId: good is the contact of in/a-good.json too"),
        ("in/e-list.json", "not a transcript"),
        ("in/f-time.json", "Transcript[1].AbsoluteTime: 'noon' is not a time"),
        ("in/g-record.json", "a contact record, not a transcript: give it with --records"),
        ("in/h-nul.json", "Transcript[0].Content"),
        ("in/i-nothing.json", "not JSON"),
        ("in/j-nobody.json", "ContactId: missing"),
        ("in/k-large.json", "2,147,483,648 bytes are more than"),
        ("in/l-voice.json", "a transcript of VOICE"),
        ("in/n-pipe.json", "cannot be read: it is neither a file nor a folder"),
        ("in/o-many.json", "1,000,001 items are more than 1,000,000"),
        ("in/p-deep.json", "not JSON"),
        ("in/q-objects.json", "more than 3,000,000 JSON objects"),
        ("in/\N{REPLACEMENT CHARACTER}[31mm.json", "it has no member Transcript"),
    ):
        found = [line for line in lines if f" {name}: " in line]
        assert len(found) == 1, (name, lines)
        assert words in found[0]
    assert len(lines) == 16
    assert done.out == "1 contacts with 1 items imported, 16 refused.\n"
    assert [each["Content"] for each in shown(threadline, "good")] == ["kept"]


def record(contact_id: str, **members: Any) -> dict[str, Any]:
    return {
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": contact_id,
        "Channel": "CHAT",
        "InitialContactId": None,
        "PreviousContactId": None,
        "NextContactId": None,
        "RelatedContactId": None,
        "Agent": None,
        "InitiationMethod": "API",
        "InitiationTimestamp": "2026-04-07T08:45:00Z",
        "DisconnectTimestamp": "2026-04-07T08:50:00Z",
        "LastUpdateTimestamp": "2026-04-07T08:51:00Z",
        "DisconnectReason": None,
        "Attributes": {},
        "Recordings": None,
        **members,
    }


def test_records_give_the_chain_and_the_rest(threadline: Threadline, here: Run) -> None:
    put("in/1.json", transcript(C2, item(30, "second"), InitialContactId=None))
    put("in/2.json", transcript(C1, item(1, "first")))
    queue = {
        "ARN": "arn:aws:connect:us-east-1:1:instance/i/queue/q-1",
        "EnqueueTimestamp": "2026-04-07T08:45:02Z",
    }
    written = [
        record(C1, DisconnectReason="OLD", LastUpdateTimestamp="2026-04-07T08:50:30Z"),
        record(C1, DisconnectReason="CUSTOMER_DISCONNECT", Queue=queue, Attributes={"order": "12"}),
        record(C1, DisconnectReason="OLD", LastUpdateTimestamp="2026-04-07T08:50:30Z"),
        record(
            C2, InitialContactId=C1, PreviousContactId=C1, InitiationMethod="TRANSFER", RelatedContactId="r0"
        ),
        record("r0", InitiationTimestamp="2026-03-01T00:00:00Z", DisconnectTimestamp="2026-03-01T00:05:00Z"),
        record("voice", Channel="VOICE"),
    ]
    put("records/a", "".join(map(json.dumps, written)))
    put("records/b", "{}\n")
    done = here("import", "in", "--records", "records")
    assert done.err.splitlines() == ["refused records/b: record 0: ContactId: missing: not a contact record"]
    assert done.out == (
        "3 contacts with 2 items imported, 1 records of other channels left out, 1 refused.\n"
    )

    def described(contact_id: str) -> dict[str, Any]:
        reply = threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=contact_id)
        contact: dict[str, Any] = reply["Contact"]
        return contact

    first, second = described(C1), described(C2)
    assert (first["DisconnectReason"], first["QueueInfo"]["Id"]) == ("CUSTOMER_DISCONNECT", "q-1")
    assert first["Attributes"] == {"order": "12"}
    assert (second["InitialContactId"], second["PreviousContactId"], second["InitiationMethod"]) == (
        C1,
        C1,
        "TRANSFER",
    )
    assert second["RelatedContactId"] == "r0"
    assert str(described("r0")["DisconnectTimestamp"]).startswith("2026-03-01 00:05:00")


def test_records_that_come_later_complete_the_contacts(threadline: Threadline, here: Run) -> None:
    put("in/1.json", transcript(C1, item(1, "first")))
    put(
        "records/a",
        json.dumps(record(C1, DisconnectReason="CUSTOMER_DISCONNECT", Attributes={"order": "12"})),
    )
    assert here("import", "in").out == "1 contacts with 1 items imported.\n"
    completed = "0 contacts with 0 items imported, 1 contacts completed by their records.\n"
    nothing = "0 contacts with 0 items imported, 1 there already.\n"
    assert here("import", "--records", "records").out == completed
    assert here("import", "--records", "records").out == nothing
    assert here("import", "in", "--records", "records").out == nothing
    put(
        "records/b",
        json.dumps(record(C1, Attributes={"order": "13"}, LastUpdateTimestamp="2026-04-07T08:52:00Z")),
    )
    assert here("import", "in", "--records", "records").out == completed
    reply = threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=C1)["Contact"]
    assert (reply["Attributes"], reply["DisconnectReason"]) == ({"order": "13"}, "CUSTOMER_DISCONNECT")


def test_a_dry_run_writes_nothing(threadline: Threadline, here: Run) -> None:
    put("in/a.json", transcript(C1, item(1, "x")))
    put("in/b.json", transcript(C2, {"Content": 1, "AbsoluteTime": []}))
    done = here("import", "in", "--dry-run")
    assert (done.status, done.out) == (1, "1 contacts with 1 items would be imported, 1 refused.\n")
    assert "in/b.json: Transcript[0].AbsoluteTime: '[]' is not a time" in done.err
    assert here("transcript", C1).status == 254


def test_a_long_transcript_comes_whole(threadline: Threadline, here: Run) -> None:
    items = [
        item(0, f"number {n}", AbsoluteTime=f"2026-04-07T08:{n // 60:02}:{n % 60:02}.000Z", Id=f"i{n}")
        for n in range(1_001)
    ]
    put("in/long.json", transcript("long", *items))
    part = [{**each, "Id": each["Id"]} for each in items[:150]]
    threadline.threadline.import_contacts(
        InstanceId=threadline.instance_id,
        Contacts=[
            {
                "ContactId": "long",
                "InitiationTimestamp": items[0]["AbsoluteTime"],
                "Items": part,
                "MoreItems": True,
            }
        ],
    )
    done = here("import", "in/long.json")
    assert (done.status, done.out) == (0, "1 contacts with 851 items imported.\n"), (
        "it goes on behind the first 150"
    )
    assert here("export", "--to", "out").status == 0
    exported = json.loads(next(Path("out").rglob("long_*.json")).read_text())
    assert exported["Transcript"] == items


def without_instance(exported: dict[str, Any]) -> dict[str, Any]:
    """A record without what names its instance."""
    record = {
        k: v for k, v in exported.items() if k not in ("AWSAccountId", "InstanceARN", "LastUpdateTimestamp")
    }
    for member in ("Agent", "Queue"):
        if record[member]:
            record[member] = {**record[member], "ARN": record[member]["ARN"].rpartition("/")[2]}
    return record


def test_an_export_comes_back_as_it_was(
    threadline: Threadline, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = threadline.past_chat()
    casey = threadline.customer("Ca\u0327sey 😀", Attributes={"order": "12"})
    agent = threadline.agent().accept(casey)
    casey.say("谢谢")
    agent.leave()
    casey.leave()
    of = {"InstanceId": threadline.instance_id, "ContactId": casey.contact_id}
    threadline.connect.tag_contact(**of, Tags={"team": "parcels"})
    assert here("export", "--to", "one").status == 0
    other = threadline.another_account()
    for name, value in other.env.items():
        monkeypatch.setenv(name, value)
    (records,) = Path("one").rglob("ContactRecords")
    assert here("import", "one", "--records", str(records)).status == 0
    assert here("export", "--to", "two").status == 0
    before, after = (
        {each.name: json.loads(each.read_text()) for each in Path(f).rglob("*.record")}
        for f in ("one", "two")
    )
    assert before.keys() == after.keys()
    for name, exported in before.items():
        assert without_instance(after[name]) == without_instance(exported)
    mine = next(each for name, each in before.items() if name.startswith(casey.contact_id))
    assert (mine["Attributes"], mine["Tags"]) == ({"order": "12"}, {"team": "parcels"})
    assert (mine["Agent"]["ARN"].rpartition("/")[2], mine["DisconnectReason"]) == (
        agent.user_id,
        "AGENT_DISCONNECT",
    )
    one, two = (
        {path.name: json.loads(path.read_text()) for path in Path(f).rglob("*.json")} for f in ("one", "two")
    )
    assert one.keys() == two.keys()
    assert len(one) == len([*past]) + 2, "a chat that its agent left has a second contact"
    for name, exported in one.items():
        assert {**two[name], "InstanceId": "", "AWSAccountId": ""} == {
            **exported,
            "InstanceId": "",
            "AWSAccountId": "",
        }
    done = here("import", "one")
    assert done.out == "0 contacts with 0 items imported, 5 there already.\n"


def test_nothing_to_read(threadline: Threadline, here: Run) -> None:
    done = here("import", "nothing")
    assert (done.status, done.out[:8]) == (255, "Stopped:")
    assert "'nothing' cannot be read: No such file or directory." in done.err


def test_a_bucket(threadline: Threadline, here: Run, monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    done = here("import", "s3://files/connect")
    assert (done.status, done.out[:8]) == (255, "Stopped:")
    assert "THREADLINE_OBJECTS_ACCESS_KEY_ID" in done.err, "no credentials are taken from anywhere else"
    for name, value in {"URL": s3_url, "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"THREADLINE_OBJECTS_{name}", value)
    bucket = boto3.client(
        "s3", endpoint_url=s3_url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )  # fmt: skip
    keys = [f"connect/a/ChatTranscripts/2026/04/07/{c}_20260407T08:45_UTC.json" for c in (C1, C2)]
    for key, contact_id in zip(keys, (C1, C2), strict=True):
        bucket.put_object(
            Bucket="files", Key=key, Body=json.dumps(transcript(contact_id, item(1, "from S3")))
        )
    bucket.put_object(Bucket="files", Key="other/bad.json", Body=b"{")
    bucket.put_object(Bucket="files", Key="records/r", Body=json.dumps(record(C1, Attributes={"order": "7"})))
    done = here("import", f"s3://files/{keys[0]}", "--records", "s3://files/records")
    assert (done.out, done.err) == ("1 contacts with 1 items imported.\n", "")
    found = threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=C1)["Contact"]
    assert found["Attributes"] == {"order": "7"}
    done = here("import", "s3://files/connect/a")
    assert done.out == "1 contacts with 1 items imported, 1 there already.\n"
    done = here("import", "s3://files/other")
    assert done.err.startswith("refused s3://files/other/bad.json: ")


def test_an_import_that_was_killed_goes_on(threadline: Threadline, here: Run) -> None:
    ids = [f"k{n}" for n in range(150)]
    for contact_id in ids:
        count = 450 if contact_id in ("k5", "k140") else 10
        put(
            f"in/{contact_id}.json", transcript(contact_id, *(long_item(contact_id, n) for n in range(count)))
        )
    process = subprocess.Popen(
        [sys.executable, "-m", "threadline", "import", "in"],
        env={**os.environ, "PYTHONPATH": str(Path(threadline_package.__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def states() -> list[str]:
        reply = threadline.threadline.check_imports(InstanceId=threadline.instance_id, ContactIds=ids)
        return [result["Status"] for result in reply["Results"]]

    deadline = time.monotonic() + 60
    while states().count("WHOLE") < 5 and process.poll() is None:
        assert time.monotonic() < deadline, "nothing was imported"
    process.kill()
    process.wait()
    before = states().count("WHOLE")
    assert before >= 5
    done = here("import", "in")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{150 - before} contacts with ")
    assert states() == ["WHOLE"] * 150
    for contact_id, count in (("k5", 450), ("k140", 450), ("k141", 10)):
        exported = here("export", "--to", f"out-{contact_id}", "--contact-id", contact_id)
        assert exported.out.endswith(f"1 contacts, {count} items.\n"), (
            "no item is there twice, and none is missing"
        )


def long_item(contact_id: str, number: int) -> dict[str, Any]:
    at = f"2026-04-07T08:{number // 60:02}:{number % 60:02}.000Z"
    return item(0, f"number {number}", AbsoluteTime=at, Id=f"{contact_id}-{number}")


def test_attachments_beside_the_transcripts_come_along(threadline: Threadline, here: Run) -> None:
    def shows(second: int, attachment_id: str, name: str) -> dict[str, Any]:
        file = {"AttachmentId": attachment_id, "AttachmentName": name, "Status": "APPROVED"}
        sent = {"Type": "ATTACHMENT", "Attachments": [file]}
        left_out = ("Content", "ContentType")
        return {k: v for k, v in item(second, "", **sent).items() if k not in left_out}

    put("in/t/2.json", transcript(C2, shows(30, "a-2", "later.pdf"), InitialContactId=C1))
    done = here("import", "in")
    assert (done.status, done.out) == (0, "1 contacts with 1 items imported.\n"), "its file is not there"
    put("in/t/1.json", transcript(C1, shows(1, "a-1", "Ü ../x.pdf"), shows(2, "a-3", "run.exe")))
    for attachment_id, contact_id in (("a-1", C1), ("a-2", C2), ("a-3", C1)):
        put(f"in/files/{attachment_id}_{contact_id}_20260407T08:45_UTC.pdf", f"%PDF of {attachment_id}")
    done = here("import", "in")
    assert done.status == 1
    assert done.out == (
        "1 contacts with 2 items imported, 2 attachments imported, 1 there already, 1 refused.\n"
    )
    assert "A file whose name ends with 'exe' is not taken" in done.err
    again = here("import", "in")
    assert again.out == "0 contacts with 0 items imported, 2 there already, 1 refused.\n"

    casey = threadline.customer()
    token = casey.connection_token
    with pytest.raises(ClientError, match="No attachment that you can see"):
        threadline.connectparticipant.get_attachment(ConnectionToken=token, AttachmentId="a-1")
    casey.continue_from("FROM_SEGMENT", C1)
    got = threadline.connectparticipant.get_attachment(ConnectionToken=token, AttachmentId="a-1")
    assert fetched(got["Url"]) == b"%PDF of a-1"
    with pytest.raises(ClientError, match="No attachment that you can see"):
        threadline.connectparticipant.get_attachment(ConnectionToken=token, AttachmentId="a-2")
    other = threadline.customer()
    other.continue_from("ENTIRE_PAST_SESSION", C1)
    got = threadline.connectparticipant.get_attachment(
        ConnectionToken=other.connection_token, AttachmentId="a-2"
    )
    assert fetched(got["Url"]) == b"%PDF of a-2", "its item has moved behind those of the earlier contact"


def fetched(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as reply:
        content: bytes = reply.read()
    return content
