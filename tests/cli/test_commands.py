"""The commands around the server, as a shell sees them."""

import json
import shlex
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.operations.quick_connect_calls import create_quick_connect, to_queue
from threadline.aws.names import MODELS
from threadline.client.environment import UNSET
from threadline.style import STYLES
from threadline.testing import Threadline


def test_env_is_for_a_shell(
    threadline: Threadline, nowhere: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    ids = {
        "account_id": "1", "instance_id": "i", "contact_flow_id": "f", "survey_flow_id": "s", "queue_id": "q",
        "agents": {"a1": "u1", "a2": "u2"}, "access_key_id": "AKIA", "secret_access_key": "a b'c",
    }  # fmt: skip
    (nowhere / "kept").mkdir()
    (nowhere / "kept" / "workspace.json").write_text(json.dumps(ids))
    done = run("env", "--data", "kept", "--port", threadline.url.rpartition(":")[2])
    assert done.status == 0
    unset, *exports = done.out.splitlines()
    assert unset.split() == ["unset", *UNSET]
    lines = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in exports)
    this_machine = "localhost,127.0.0.1,::1,[::1]"
    assert lines == {
        "AWS_DATA_PATH": str(MODELS),
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_USE_DUALSTACK_ENDPOINT": "false",
        "AWS_USE_FIPS_ENDPOINT": "false",
        "NO_PROXY": this_machine,
        "no_proxy": this_machine,
        "THREADLINE_URL": threadline.url,
        "THREADLINE_ACCESS_KEY_ID": "AKIA",
        "THREADLINE_SECRET_ACCESS_KEY": "a b'c",
        "THREADLINE_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_CONNECT": threadline.url,
        "AWS_ENDPOINT_URL_CONNECTPARTICIPANT": threadline.url,
        "AWS_ENDPOINT_URL_THREADLINE": threadline.url,
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "a b'c",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "THREADLINE_INSTANCE_ID": "i",
        "THREADLINE_CONTACT_FLOW_ID": "f",
        "THREADLINE_SURVEY_FLOW_ID": "s",
        "THREADLINE_QUEUE_ID": "q",
        "THREADLINE_AGENT_A1": "u1",
        "THREADLINE_AGENT_A2": "u2",
    }


def test_env_without_a_server_says_how_to_start_one(run: Run) -> None:
    done = run("env")
    assert (done.status, done.out) == (253, "")
    assert "threadline serve --data ./data" in done.err


def test_agents_accept_and_transfer(threadline: Threadline, here: Run) -> None:
    casey = threadline.customer()
    accepted = here("agent", "accept", casey.contact_id, "--user-id", threadline.agents["a1"])
    assert accepted.status == 0, accepted.err
    token = accepted.out.splitlines()[-1]
    threadline.connectparticipant.create_participant_connection(
        ParticipantToken=token, ConnectParticipant=True
    )
    moved = here("agent", "transfer", casey.contact_id, "--user-id", threadline.agents["a2"])
    second = moved.out.splitlines()[-1]
    contact = threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=second)[
        "Contact"
    ]
    assert contact["PreviousContactId"] == casey.contact_id
    assert here("agent", "accept", second, "--user-id", threadline.agents["a2"]).status == 0
    queued = here("agent", "transfer", second, "--queue-id", threadline.queue_id)
    assert queued.status == 0
    assert queued.out.splitlines()[-1] not in (casey.contact_id, second)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("accept", "nope", "--user-id", "$a1"), 254, "ResourceNotFoundException"),
        (("transfer", "nope", "--queue-id", "$q"), 254, "ResourceNotFoundException"),
        (("accept", "nope"), 2, "--user-id"),
        (("transfer", "nope"), 2, "--queue-id"),
        (("transfer", "nope", "--user-id", "a", "--queue-id", "b"), 2, "not allowed"),
    ],
)
def test_an_agents_mistake_is_one_line(
    threadline: Threadline, here: Run, words: tuple[str, ...], status: int, says: str
) -> None:
    names = {"$a1": threadline.agents["a1"], "$q": threadline.queue_id}
    done = here("agent", *(names.get(word, word) for word in words))
    assert (done.status, done.out) == (status, "")
    assert says in done.err
    assert status == 2 or len(done.err.splitlines()) == 1


def test_a_server_that_does_not_answer_is_named(threadline: Threadline, here: Run) -> None:
    done = here("agent", "accept", "c", "--user-id", "u", "--endpoint-url", "http://127.0.0.1:9")
    assert done.status == 255
    assert "http://127.0.0.1:9" in done.err
    assert "threadline serve --port 9" in done.err
    assert len(done.err.splitlines()) == 1


def test_the_instance_need_not_be_said(
    threadline: Threadline, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THREADLINE_INSTANCE_ID")
    casey = threadline.customer()
    assert here("agent", "accept", casey.contact_id, "--user-id", threadline.agents["a1"]).status == 0


def test_the_seed_is_an_ended_chat_and_nothing_else_is_printed(threadline: Threadline, here: Run) -> None:
    done = here("demo", "--seed", "--output", "json")
    assert (done.status, done.err) == (0, "")
    ids = json.loads(done.out)
    assert list(ids) == ["C1", "C2", "C3"]
    contacts = [
        threadline.connect.describe_contact(InstanceId=threadline.instance_id, ContactId=contact_id)[
            "Contact"
        ]
        for contact_id in ids.values()
    ]
    assert [contact["InitiationMethod"] for contact in contacts] == ["API", "TRANSFER", "DISCONNECT"]
    assert all("DisconnectTimestamp" in contact for contact in contacts)


def test_the_demo_tells_both_use_cases(threadline: Threadline, here: Run) -> None:
    done = here("demo")
    assert (done.status, done.err) == (0, "")
    first, second = done.out.split("Casey comes back")[1:]
    assert "● C1 ── ● C2 ── ○ C3" in first
    assert "continued from C2" in first
    assert "C3 is left out" in first
    assert "● C1 ── ● C2 ── ● C3" in second
    assert "continued from C3" in second
    for text in ("My parcel has not come.", "It left this morning."):
        assert text in first
        assert text in second
    assert "How did we do?" not in first
    assert "How did we do?" in second
    assert "\x1b" not in done.out


def test_the_demo_runs_on_a_server_of_its_own(run: Run) -> None:
    done = run("demo", "--output", "json")
    assert (done.status, done.err) == (0, "")
    assert list(json.loads(done.out)) == ["C1", "C2", "C3", "B1", "B2"]


def test_a_seed_needs_a_server_that_stays(run: Run) -> None:
    done = run("demo", "--seed")
    assert (done.status, done.out) == (253, "")
    assert "threadline serve" in done.err


def test_a_lineage_is_drawn(threadline: Threadline, here: Run) -> None:
    past = threadline.past_chat()
    casey = threadline.customer(
        PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"}
    )
    done = here("lineage", casey.contact_id)
    assert done.status == 0
    lines = done.out.splitlines()
    marks = {
        line.split()[1]: line.split()[0] for line in lines if line.lstrip()[:1] in "●○" and len(line) > 40
    }
    assert marks == {casey.contact_id: "●", past.c3: "○", past.c2: "●", past.c1: "●"}
    assert lines[-1].split() == ["●", "shown", "3", "○", "dropped", "1"]
    assert "dropped: " in done.out


def test_a_lineage_can_be_asked_for_before_it_is(threadline: Threadline, here: Run) -> None:
    past = threadline.past_chat()
    casey = threadline.customer()
    asked = ("--source-contact-id", past.c1, "--rehydration-type", "ENTIRE_PAST_SESSION")
    done = here("lineage", casey.contact_id, *asked, "--output", "json")
    found = json.loads(done.out)
    assert found["ContinuedFromContactId"] == past.c3
    assert all(contact["Shown"] for contact in found["Contacts"])


def test_agents_and_queues_go_by_their_names(threadline: Threadline, here: Run) -> None:
    casey = threadline.customer()
    token = here("agent", "accept", casey.contact_id, "--user-id", "a1").out.strip()
    threadline.connectparticipant.create_participant_connection(
        ParticipantToken=token, ConnectParticipant=True
    )
    second = here("agent", "transfer", casey.contact_id, "--user-id", "a2").out.strip()
    assert here("agent", "accept", second, "--user-id", "a2").status == 0
    queues = threadline.connect.list_queues(InstanceId=threadline.instance_id)["QueueSummaryList"]
    name = next(queue["Name"] for queue in queues if queue["Id"] == threadline.queue_id)
    assert here("agent", "transfer", second, "--queue-id", name).status == 0


def test_a_quick_connect_goes_by_its_name(threadline: Threadline, here: Run) -> None:
    create_quick_connect(threadline, "Second desk", QuickConnectConfig=to_queue(threadline))
    casey = threadline.customer()
    threadline.agent("a1").take(casey)
    done = here("agent", "transfer", casey.contact_id, "--quick-connect-id", "Second desk")
    assert done.status == 0, done.err
    of = {"InstanceId": threadline.instance_id, "ContactId": done.out.strip()}
    contact = threadline.connect.describe_contact(**of)["Contact"]
    assert contact["QueueInfo"]["Id"] == threadline.queue_id


def test_a_name_that_nobody_has_is_told_with_those_there_are(threadline: Threadline, here: Run) -> None:
    done = here("agent", "accept", threadline.customer().contact_id, "--user-id", "a9")
    assert (done.status, done.out) == (255, "")
    assert "has no user 'a9'. It has a1, a2." in done.err


def test_colours_stand_out_from_black_and_from_white() -> None:
    def luminance(code: int) -> float:
        """Of one of the 256 colours: a cube of 6 by 6 by 6 from 16 on, greys from 232 on. Source: WCAG 2.2."""
        if code >= 232:
            levels = [8 + 10 * (code - 232)] * 3
        else:
            levels = [0 if part == 0 else 55 + 40 * part for part in divmod_6(code - 16)]
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in (level / 255 for level in levels)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def divmod_6(number: int) -> tuple[int, int, int]:
        return number // 36, number // 6 % 6, number % 6

    for name, style in STYLES.items():
        if name != "bold":
            light = luminance(int(style.removeprefix("38;5;")))
            on_white, on_black = 1.05 / (light + 0.05), (light + 0.05) / 0.05
            assert min(on_white, on_black) > 3.8, f"{name}: {on_white:.1f} on white, {on_black:.1f} on black"


def test_what_is_left_out_is_no_error(
    threadline: Threadline, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = threadline.past_chat()
    casey = threadline.customer(
        PersistentChat={"SourceContactId": past.c2, "RehydrationType": "FROM_SEGMENT"}
    )
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for words in (("lineage", casey.contact_id), ("demo",)):
        out = here(*words).out
        assert f"\x1b[{STYLES['amber']}m○" in out
        assert STYLES["red"] not in out
