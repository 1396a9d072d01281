"""Erasure on a data folder: afterwards no byte of the content is in any of its files, also after a killed server."""

import json
import re
import signal
import threading
from pathlib import Path
from time import monotonic

from tests.backups.commands import run, said
from tests.engines import Postgres
from tests.flows.flows import content, say
from tests.operations.admin_calls import create_instance
from tests.processes.supervised import Supervised, supervised
from threadline.testing import Customer, Threadline, Workspace

DOCUMENTED = Path(__file__).parents[2] / "docs" / "forgetting.md"

PATIENCE_SECONDS = 60
SECRETS = ("quokkatext", "Wombatname", "bilbyattribute", "dunnartcustomer", "numbatdescription", "źółtąkawę")


def left_in(folder: Path | str, words: tuple[str, ...] = SECRETS) -> dict[str, list[str]]:
    """The files of a folder that hold one of the words, as UTF-8 or as JSON escapes it, each with those words."""
    found: dict[str, list[str]] = {}
    for file in Path(folder).rglob("*"):
        content = file.read_bytes().lower() if file.is_file() else b""
        for word in words:
            forms = {word.lower().encode(), json.dumps(word.lower())[1:-1].encode()}
            if any(form in content for form in forms):
                found.setdefault(str(file.relative_to(folder)), []).append(word)
    return found


def chat(workspace: Workspace, count: int, *, has_file: bool = True) -> Customer:
    """A chat that has ended, with the secrets in everything that people can give, and `count` messages."""
    casey = workspace.customer(
        "Wombatname",
        Attributes={"order": "bilbyattribute" * 40},
        CustomerId="dunnartcustomer",
        ClientToken="token of quokkatext",
        InitialMessage={"ContentType": "text/plain", "Content": "quokkatext źółtąkawę"},
    )
    for number in range(count):
        casey.say(f"quokkatext number{number} źółtąkawę " + "and more " * (number % 30))
    if has_file:
        casey.attach("Wombatname.txt", b"quokkatext in a file", "text/plain")
    here = {"InstanceId": workspace.instance_id, "ContactId": casey.contact_id}
    workspace.connect.update_contact(
        **here,
        Name="Wombatname",
        Description="numbatdescription",
        References={"a": {"Type": "STRING", "Value": "quokkatext"}},
    )
    casey.leave()
    return casey


def indexed(workspace: Workspace, word: str) -> None:
    """Wait until the search finds a word."""
    deadline = monotonic() + PATIENCE_SECONDS
    asked = {"InstanceId": workspace.instance_id, "SearchText": word}
    while not workspace.threadline.search_transcripts(**asked)["Hits"]:
        assert monotonic() < deadline
        threading.Event().wait(0.1)


def completed(workspace: Workspace, erasure: dict[str, str]) -> None:
    """Wait until an erasure is complete."""
    deadline = monotonic() + PATIENCE_SECONDS
    while workspace.threadline.describe_erasure(**erasure)["Status"] != "COMPLETED":
        assert monotonic() < deadline
        threading.Event().wait(0.05)


def test_an_erased_customer_is_in_no_file_and_in_no_backup(server: Supervised, tmp_path: Path) -> None:
    first = chat(server.workspace, 300)
    other = server.workspace.customer("Olive")
    other.say("olivetext stays")
    other.leave()
    again = server.workspace.customer(
        "Nobody",
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": first.contact_id},
    )
    server.workspace.connect.update_contact_attributes(
        InstanceId=server.workspace.instance_id,
        InitialContactId=again.contact_id,
        Attributes={"order": "none"},
    )
    indexed(server.workspace, "quokkatext number299")
    assert set(left_in(server.data)) & {"threadline.db", "threadline.db-wal"}
    asked = run("erase", "--customer-id", "dunnartcustomer", "--data", server.data)
    assert (asked.returncode, "add --yes" in asked.stderr) == (255, True), asked.stderr
    answered = said("erase", "--customer-id", "dunnartcustomer", "--yes", "--data", server.data)
    assert "To be erased: 1 chat, 1 contact, 3" in answered, answered
    assert "Erased: 1 chat, 3" in answered, answered
    assert left_in(server.data) == {}
    said("backup", tmp_path / "backup", "--data", server.data)
    assert left_in(tmp_path / "backup") == {}
    said("export", "--to", tmp_path / "export", "--data", server.data)
    assert left_in(tmp_path / "export") == {}
    transcript = said("transcript", again.contact_id, "--data", server.data)
    assert "erased" in transcript
    assert "quokka" not in transcript
    assert "olivetext stays" in said("search", "olivetext", "--data", server.data)
    assert "nothing found" in said("search", "quokkatext", "--data", server.data)
    said("check", server.data)
    again.leave()


def test_a_killed_server_goes_on_with_an_erasure(tmp_path: Path) -> None:
    env = {
        "THREADLINE_TRANSCRIPT_FILES": "0"
    }  # the deletion of a file waits for the lease of the killed server
    with supervised(tmp_path / "data", env=env) as server:
        casey = chat(server.workspace, 1_500, has_file=False)
        started = server.workspace.threadline.start_erasure(
            InstanceId=server.workspace.instance_id, ContactId=casey.contact_id
        )
        asked = {"InstanceId": server.workspace.instance_id, "ErasureId": started["ErasureId"]}
        deadline = monotonic() + PATIENCE_SECONDS
        while not (found := server.workspace.threadline.describe_erasure(**asked))["ErasedItemCount"]:
            assert monotonic() < deadline
        assert found["Status"] == "IN_PROGRESS"
        server.signal(signal.SIGKILL)
        server.end()
    with supervised(tmp_path / "data", env=env) as server:
        completed(server.workspace, asked)
        assert left_in(server.data) == {}


def test_a_deleted_instance_is_in_no_file(tmp_path: Path) -> None:
    with supervised(tmp_path / "data", env={"THREADLINE_TRANSCRIPT_FILES": "0"}) as server:
        other = server.workspace.customer("Olive")
        other.say("olivetext stays")
        other.leave()
        here = {"InstanceId": create_instance(server.workspace)["Id"]}
        flow = server.workspace.connect.create_contact_flow(
            **here, Name="says", Type="CONTACT_FLOW", Content=content(start=say("Hello"))
        )
        for number in range(30):  # the flow ends each chat
            casey = server.workspace.customer(
                "Wombatname",
                **here,
                ContactFlowId=flow["ContactFlowId"],
                Attributes={"order": "bilbyattribute" * 40},
                CustomerId="dunnartcustomer",
                InitialMessage={"ContentType": "text/plain", "Content": f"quokkatext {number} źółtąkawę"},
            )
            casey.see("Hello")
            casey.drop()
        assert left_in(server.data)
        server.workspace.connect.delete_instance(**here)
        deadline = monotonic() + PATIENCE_SECONDS
        while left := left_in(server.data):
            assert monotonic() < deadline, left
            threading.Event().wait(0.2)
        assert "olivetext stays" in said("transcript", other.contact_id, "--data", server.data)
        said("check", server.data)


def test_on_postgresql_the_documented_vacuum_leaves_nothing(postgres: Postgres) -> None:
    address = postgres.database()
    database = address.rpartition("/")[2]
    with Threadline(store=address) as server:
        other = server.customer("Olive", Attributes={"order": "none"})
        other.say("olivetext stays")
        other.leave()
        casey = chat(server, 50)
        server.clock.advance(minutes=1)
        indexed(server, "quokkatext number49")
        postgres.execute("ANALYZE; CHECKPOINT", database)
        assert left_in(postgres.tables)
        here = {"InstanceId": server.instance_id}
        started = server.threadline.start_erasure(**here, CustomerId="dunnartcustomer")
        completed(server, {**here, "ErasureId": started["ErasureId"]})
        found = server.threadline.describe_lineage(**here, ContactId=casey.contact_id)
        assert "ErasedTimestamp" in found["Contacts"][0]
        for statement in re.findall(r"^VACUUM [^;]+;", DOCUMENTED.read_text(), re.MULTILINE):
            postgres.execute(statement, database)
        postgres.execute("CHECKPOINT", database)
        assert left_in(postgres.tables) == {}
