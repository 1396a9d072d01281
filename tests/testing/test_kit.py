"""The test kit as its users have it."""

import inspect
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.testing.recipes import NAMED
from threadline import testing
from threadline.testing import Threadline

ROOT = Path(__file__).parents[2]


def test_the_examples_of_the_documentation_are_tests_that_pass(tmp_path: Path) -> None:
    paragraphs = (inspect.getdoc(testing) or "").split("\n\n")
    examples = [textwrap.dedent(text) for text in paragraphs if text.lstrip().startswith("def test")]
    for page in ("README.md", "docs/testing.md"):
        blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
        examples += [block for block in blocks if "def test" in block and not NAMED.match(block)]
    for number, example in enumerate(examples):
        (tmp_path / f"test_example_{number}.py").write_text(example)
    count = sum(example.count("def test_") for example in examples)
    assert count == 7
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{count} passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_costs_a_run_without_it_next_to_nothing() -> None:
    heavy = ("uvloop", "apsw", "botocore", "msgspec", "websockets")
    program = "import sys, threadline.testing; print([name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_past_chat_is_the_documentations(threadline: Threadline) -> None:
    past = threadline.past_chat()
    tree = threadline.connect.list_associated_contacts(InstanceId=threadline.instance_id, ContactId=past.c1)
    told = [
        (c["ContactId"], c["InitiationMethod"], "DisconnectTimestamp" in c)
        for c in tree["ContactSummaryList"]
    ]
    assert told == [(past.c1, "API", True), (past.c2, "TRANSFER", True), (past.c3, "DISCONNECT", True)]
    casey = threadline.customer(
        PersistentChat={"SourceContactId": past.c1, "RehydrationType": "ENTIRE_PAST_SESSION"}
    )
    assert casey.continued_from == past.c3
    assert casey.reads()[-1] == "Five stars."


def test_who_waits_in_vain_is_told_what_was_seen(threadline: Threadline) -> None:
    casey = threadline.customer("Casey")
    casey.say("hello")
    casey.see("hello")
    casey.patience_seconds = 0.05
    with pytest.raises(AssertionError) as vain:
        casey.see("good bye", ParticipantRole="AGENT")
    assert str(vain.value) == (
        "Casey did not see Content 'good bye', ParticipantRole 'AGENT'. Casey has seen:\n"
        "  CUSTOMER Casey: participant.joined\n"
        "  CUSTOMER Casey: hello"
    )


def test_what_is_due_has_happened_when_the_clock_has_moved(threadline: Threadline) -> None:
    casey = threadline.customer(ChatDurationInMinutes=60)
    threadline.clock.advance(minutes=59)
    casey.say("still here")
    threadline.clock.advance(minutes=1)
    with pytest.raises(ClientError, match="ended"):
        casey.say("too late")
    assert casey.events()[-1] == "chat.ended"


def test_another_account_sees_nothing_of_this_one(threadline: Threadline) -> None:
    past = threadline.past_chat()
    stranger = threadline.another_account()
    assert [entry["Id"] for entry in stranger.connect.list_instances()["InstanceSummaryList"]] == [
        stranger.instance_id
    ]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        stranger.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=past.c1)
    theirs = stranger.customer("Stranger")
    for source in (past.c1, "no-such-contact"):
        with pytest.raises(ClientError, match=r"ResourceNotFoundException.*Source contact not found"):
            theirs.continue_from("FROM_SEGMENT", source)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        stranger.agent("a1").accept(threadline.customer())
    assert theirs.reads() == []


def test_people_type_and_read_in_as_many_tabs_as_they_like(threadline_server: Threadline) -> None:
    casey = threadline_server.customer("Casey")
    tab = casey.another_tab()
    a1 = threadline_server.agent("a1").accept(casey)
    a1.typing()
    message = a1.say("hello")
    for side in (casey, tab):
        side.see_event("typing")
        assert side.see("hello")["Id"] == message["Id"]
    tab.delivered(message)
    casey.read(message)
    for kind in ("delivered", "read"):
        receipt = a1.see_event(f"message.{kind}")["MessageMetadata"]
        assert receipt["MessageId"] == message["Id"]
        assert receipt["Receipts"][0]["RecipientParticipantId"] == casey.participant_id


def test_servers_are_apart(threadline: Threadline) -> None:
    past = threadline.past_chat()
    with Threadline() as other, pytest.raises(ClientError, match="ResourceNotFoundException"):
        other.connect.describe_contact(InstanceId=other.instance_id, ContactId=past.c1)


def test_the_environment_is_enough_for_a_subprocess(threadline: Threadline) -> None:
    casey = threadline.customer()
    command = ["threadline", "agent", "accept", casey.contact_id, "--user-id", threadline.agents["a1"]]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, **threadline.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    casey.see_event("participant.joined", ParticipantRole="AGENT")


def test_a_setting_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(
        TypeError, match=r"no setting 'require_same_custome'\. Did you mean 'require_same_customer'\?"
    ):
        Threadline(require_same_custome="differ")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no setting 'xyz'\. docs/settings\.md"):
        Threadline(xyz=1)  # type: ignore[call-arg]


def test_strict_limits_stop_after_a_hundred_past_contacts() -> None:
    with Threadline(strict_limits=True) as threadline:
        source: dict[str, Any] = {}
        for number in range(103):
            casey = threadline.customer(**source)
            casey.say(f"chat {number}")
            casey.leave()
            casey.drop()
            source = {
                "PersistentChat": {"SourceContactId": casey.contact_id, "RehydrationType": "FROM_SEGMENT"}
            }
        assert threadline.customer(**source).reads() == [f"chat {number}" for number in range(3, 103)]
