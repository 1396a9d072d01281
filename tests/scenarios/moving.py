"""The sentences of plays about a team that moves over with its history, by the command line."""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from tests.scenarios.plays import HERE, Play, sentence

NAMES = {"Casey": "Customer", "a1": "Agent a1", "a2": "Agent a2"}


def run(play: Play, *words: str) -> str:
    """The output of a command line, which must succeed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "THREADLINE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "threadline", *words],
        env=env | play.threadline.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The transcripts below a folder, by the contact."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")]
    return {document["ContactId"]: document for document in documents}


def import_all(play: Play, name: str) -> str:
    return run(play, "import", str(HERE / name / "transcripts"), "--records", str(HERE / name / "records"))


@sentence(r'the history in "(\w+)" is imported')
def is_imported(play: Play, name: str, block: list[str]) -> None:
    for line in block:
        contact, _, contact_id = line.partition(": ")
        play.call(contact_id, contact)
    for document in files_of(HERE / name / "transcripts").values():
        for item in document["Transcript"]:
            if "ParticipantId" in item:
                play.names[item["ParticipantId"]] = NAMES[item["DisplayName"]]
    assert import_all(play, name).startswith(f"{len(block)} contacts with ")


@sentence(r'the history in "(\w+)" is imported again: nothing is new')
def is_imported_again(play: Play, name: str) -> None:
    told = import_all(play, name)
    assert told.startswith("0 contacts with 0 items imported, "), told


@sentence(r'"([\w ]+)" is found (?:on (\w+)|nowhere)')
def is_found(play: Play, words: str, name: str | None = None) -> None:
    wanted = [play.contacts[name]] if name else []
    deadline = monotonic() + 20
    while True:
        play.threadline.clock.advance(seconds=2)
        reply = play.threadline.threadline.search_transcripts(
            InstanceId=play.threadline.instance_id, SearchText=words
        )
        found = [hit["ContactId"] for hit in reply["Hits"]]
        if found == wanted:
            return
        assert monotonic() < deadline, f"it is found on {[play.names[each] for each in found]}"
        Event().wait(0.05)


@sentence(r"the customer (\w+) has the chats ((?:\w+, )*\w+)")
def customer_has_chats(play: Play, customer: str, names: str) -> None:
    reply = play.threadline.threadline.list_customer_chats(
        InstanceId=play.threadline.instance_id, CustomerId=customer
    )
    assert ", ".join(play.names[chat["InitialContactId"]] for chat in reply["Chats"]) == names
    assert all(chat["CanBeContinued"] for chat in reply["Chats"])


@sentence(r"the contacts since (\d{4}-\d\d-\d\d) are ((?:\w+, )*\w+)")
def contacts_since(play: Play, day: str, names: str) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    reply = play.threadline.connect.search_contacts(
        InstanceId=play.threadline.instance_id,
        TimeRange={"Type": "INITIATION_TIMESTAMP", "StartTime": start, "EndTime": start + timedelta(days=60)},
    )
    assert ", ".join(play.names[each["Id"]] for each in reply["Contacts"]) == names


@sentence(r'an export has the files of "(\w+)" as they were')
def export_has_files(play: Play, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(play, "export", "--to", folder)
        exported = files_of(Path(folder))
    for contact_id, document in files_of(HERE / name / "transcripts").items():
        there = exported[contact_id]
        assert there["Transcript"] == document["Transcript"], play.names[contact_id]
        assert there["InitialContactId"] == document["InitialContactId"]
        assert there["Participants"] == document["Participants"]


@sentence(r'an export has nothing of "(.*)"')
def export_has_nothing_of(play: Play, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(play, "export", "--to", folder)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert files, "it has no files at all"
        found = [path.name for path in files if text.encode() in path.read_bytes()]
    assert not found, f"it is in {found}"
