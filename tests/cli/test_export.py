"""`threadline export`: the files that it writes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.command_line import Run
from threadline.cli.export_files import ExportedContact, ExportedInstance, path_of, safe_name
from threadline.testing import PastChat, Threadline

EVENT = "application/vnd.amazonaws.connect.event."


@pytest.fixture
def past(threadline: Threadline) -> PastChat:
    return threadline.past_chat()


def files(folder: Path) -> dict[str, Path]:
    """The files of an export by the contact's id. There are no others."""
    records = {*folder.rglob("*_UTC.record")}
    found = {path.name.split("_")[0]: path for path in {*folder.rglob("*_UTC.*")} - records}
    assert {path.name.split("_")[0] for path in records} <= {*found}
    left = {path for path in folder.rglob("*") if path.is_file()} - {*found.values()} - records
    assert {path.name for path in left} <= {"index.html"}
    return found


def test_an_instance_as_files_of_amazon_connect(threadline: Threadline, past: PastChat, here: Run) -> None:
    done = here("export", "--to", "out")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("out: 3 contacts, ")
    found = files(Path("out"))
    assert {*found} == {*past}
    [(_, path)] = [(name, path) for name, path in found.items() if name == past.c1]
    begun = datetime.fromtimestamp(threadline.clock.now_ms() / 1000, UTC)
    assert path.parent == Path("out/connect/threadline-demo/ChatTranscripts", begun.strftime("%Y/%m/%d"))
    text = path.read_text()
    assert "\n" not in text
    document = json.loads(text)
    assert list(document) == [
        "Version",
        "AWSAccountId",
        "InstanceId",
        "InitialContactId",
        "ContactId",
        "Participants",
        "Transcript",
    ]
    assert (document["Version"], document["InstanceId"]) == ("2019-08-26", threadline.instance_id)
    assert (document["ContactId"], document["InitialContactId"]) == (past.c1, past.c1)
    items = document["Transcript"]
    assert [item["AbsoluteTime"] for item in items] == sorted(item["AbsoluteTime"] for item in items)
    assert {item["ParticipantId"] for item in items if "ParticipantId" in item} == {
        each["ParticipantId"] for each in document["Participants"]
    }
    assert all("ContactId" not in item for item in items)
    assert "My parcel has not come." in [item.get("Content") for item in items]
    last = json.loads(found[past.c3].read_text())
    assert last["InitialContactId"] == past.c1
    assert last["Transcript"][-1]["ContentType"] == EVENT + "chat.ended"


def test_a_customer_a_lineage_and_a_contact(threadline: Threadline, past: PastChat, here: Run) -> None:
    casey = threadline.customer(CustomerId="4711")
    casey.continue_from("FROM_SEGMENT", past.c2)
    assert here("export", "--to", "a", "--customer-id", "4711").status == 0
    assert {*files(Path("a"))} == {casey.contact_id}
    assert here("export", "--to", "b", "--lineage", casey.contact_id).status == 0
    assert {*files(Path("b"))} == {casey.contact_id, past.c2, past.c1}, "what it does not show is left out"
    assert here("export", "--to", "c", "--contact-id", past.c2).status == 0
    assert {*files(Path("c"))} == {past.c2}
    missing = here("export", "--to", "d", "--contact-id", "nothing")
    assert (missing.status, missing.out) == (254, "")
    assert "Contact not found: nothing" in missing.err


def test_pages_and_texts_run_nothing(threadline: Threadline, here: Run) -> None:
    casey = threadline.customer('<img src="x" onerror="alert(1)">')
    casey.say("<script>alert(1)</script> & \x1b[31m\n谢谢")
    assert here("export", "--to", "pages", "--format", "html").status == 0
    page = files(Path("pages"))[casey.contact_id].read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in page
    assert "default-src 'none'" in page
    index = Path("pages/index.html").read_text()
    assert casey.contact_id in index
    assert here("export", "--to", "texts", "--format", "text").status == 0
    text = files(Path("texts"))[casey.contact_id].read_text()
    assert "<script>alert(1)</script> & \N{REPLACEMENT CHARACTER}[31m\n谢谢" in text
    assert here("export", "--to", "texts", "--format", "text").status == 0, "a second run replaces the files"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", ".", "", "a/b", "a\x00b", "ü", "x" * 300, "a\nb", "\ud800"]
)
def test_hostile_names_leave_no_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert len(safe) < 120
    assert safe == safe.encode("ascii").decode()
    assert not {"/", "\0", "\n"} & {*safe}
    contact = ExportedContact(name, name, datetime(2026, 11, 27, 4, 5, tzinfo=UTC))
    path = path_of(ExportedInstance("i", "1", name), contact, "json")
    assert ".." not in path.parts
    assert not path.is_absolute()
    assert safe_name(f"{name}!") != safe_name(f"{name}?"), "two names stay two"
