"""`threadline flow check`: what it says about files, and its exit status."""

import json
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.flows.flows import content, do, document, on, say

VOICE = do("CreateCallbackContact", {"InitialCallDelaySeconds": "5"}, NoMatchingError="end")
LAMBDA = "arn:aws:lambda:us-east-1:1:function:f"
SETTING = f"THREADLINE_NEIGHBOURS={LAMBDA}=URL"
FLOW = content(
    first=do("InvokeLambdaFunction", {"LambdaFunctionARN": LAMBDA}, "second", NoMatchingError="end"),
    second=do("UpdateContactTextToSpeechVoice", {"TextToSpeechVoice": "Joanna"}, "third"),
    third=do("CreateCase", {"CaseTemplateId": "t"}, "fourth", NoMatchingError="end"),
    fourth={**VOICE, "Transitions": {**VOICE["Transitions"], "NextAction": "fifth"}},
    fifth=do("MessageParticipant", {"PromptId": "beep"}, NoMatchingError="end"),
    lonely=say("Nobody hears this."),
)
UNGUARDED = content(
    queue=do("UpdateContactTargetQueue", {"QueueId": "q"}, "check"),
    check=on(do("Compare", {"ComparisonValue": "$.Channel"}, None), ("Equals", ["CHAT"], "enter")),
    enter=do("TransferContactToQueue", {}, None, NoMatchingError="end"),
)


def test_a_flow_that_loads_is_listed_with_the_blocks_that_do_nothing_on_a_chat(
    nowhere: Path, run: Run
) -> None:
    Path("survey.json").write_text("\ufeff" + FLOW, encoding="utf-8")
    done = run("flow", "check", "survey.json")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "survey.json: it loads as a flow of type CONTACT_FLOW: 7 actions.",
        "  For voice calls only:",
        "    CreateCallbackContact takes the branch of NoMatchingError: 'fourth'",
        "    MessageParticipant plays a prompt, which a chat does not show: 'fifth'",
        "  Of other services:",
        f"    InvokeLambdaFunction runs with AWS_ENDPOINT_URL_LAMBDA, or with {SETTING}: 'first'",
        "    CreateCase runs with THREADLINE_NEIGHBOURS=CreateCase=URL, else takes the branch of an error: 'third'",
        "  Nothing visible on a chat:",
        "    UpdateContactTextToSpeechVoice goes on; nothing of it is visible: 'second'",
        "  Never run:",
        "    MessageParticipant is reached by no branch: 'lonely'",
    ]


def test_actions_without_a_branch_for_an_error_are_remarked(nowhere: Path, run: Run) -> None:
    Path("bold.json").write_text(UNGUARDED)
    done = run("flow", "check", "bold.json")
    assert (done.status, done.err) == (0, "")
    full = "has no branch for QueueAtCapacity, which takes the branch of NoMatchingError"
    assert done.out.splitlines()[1:] == [
        "  Without a branch for an error:",
        "    UpdateContactTargetQueue has no branch for NoMatchingError, which takes NextAction: 'queue'",
        "    Compare has no branch for NoMatchingCondition, which ends the flow: 'check'",
        f"    TransferContactToQueue {full}: 'enter'",
    ]


def test_every_problem_is_a_line_and_the_status_is_1(nowhere: Path, run: Run) -> None:
    Path("bad.json").write_text(content(first=say("hello", "nowhere"), second=do("PlayPrompt")))
    Path("good.json").write_text(content(first=say("hello")))
    done = run("flow", "check", "bad.json", "good.json")
    assert done.status == 1
    lines = done.out.splitlines()
    assert (
        "bad.json: Action 'first' (MessageParticipant): NextAction leads to 'nowhere', which is not an action of"
        in (done.out)
    )
    assert any("'PlayPrompt' is not an action of the Flow language." in line for line in lines)
    assert [line.count("CreateCallbackContact, CreateCase") for line in lines] == [0] * (len(lines) - 3) + [
        1,
        0,
        0,
    ]
    assert lines[-1] == "good.json: it loads as a flow of type CONTACT_FLOW: 2 actions."


def test_the_type_is_the_files_or_the_options(nowhere: Path, run: Run) -> None:
    loop = on(do("MessageParticipantIteratively", {"Messages": [{"Text": "Please wait."}]}, None))
    queue = document(first={**loop, "Transitions": {"NextAction": "end"}})
    queue["Metadata"]["type"] = "customerQueue"
    Path("queue.json").write_text(json.dumps(queue))
    back = {"Type": "EndFlowModuleExecution", "Parameters": {}, "Transitions": {}}
    check = do("Compare", {"ComparisonValue": "$.Channel"}, "back", NoMatchingCondition="end")
    module = content(first=check, back=back)
    Path("module.json").write_text(json.dumps({"ContactFlowModule": {"Content": module, "Name": "m"}}))
    Path("bare.json").write_text(module)
    Path("named.json").write_text(
        json.dumps({"Version": "2019-10-30", "Metadata": {"type": "contactFlowModule"}})
    )
    made = {"Name": "q", "Type": "CUSTOMER_QUEUE", "Content": json.dumps(queue)}
    Path("made.json").write_text(json.dumps(made))
    Path("inner.json").write_text(json.dumps({"Name": "m", "Content": json.loads(module)}))
    done = run("flow", "check", "queue.json", "module.json", "bare.json", "made.json", "inner.json")
    assert done.out.splitlines() == [
        "queue.json: it loads as a flow of type CUSTOMER_QUEUE: 2 actions.",
        "module.json: it loads as a flow of type MODULE: 3 actions.",
        "bare.json: it loads as a flow of type MODULE: 3 actions.",
        "made.json: it loads as a flow of type CUSTOMER_QUEUE: 2 actions.",
        "inner.json: it loads as a flow of type MODULE: 3 actions.",
    ]
    assert "does not load as a flow of type MODULE." in run("flow", "check", "named.json").out
    done = run("flow", "check", "--type", "CUSTOMER_HOLD", "queue.json")
    assert done.status == 1
    assert "it is not allowed in a flow of type CUSTOMER_HOLD" in done.out


UNREADABLE = {
    "missing": (None, "No such file or directory."),
    "empty": (b"\n", "the file is empty."),
    "latin": (b'{"Version": "\xe9"}', "the file is not UTF-8: byte 13 is 0xe9."),
    "text": (b"hello", "the file is not JSON: "),
    "nested": (b"[" * 100_000, "the file is not JSON: "),
    "list": (b"[]", "the file has no JSON object; a flow has Version, StartAction and Actions."),
    "large": (b" " * 10_000_000 + b"{}", "the file is too large; a flow has at most 256,000 characters."),
}


@pytest.mark.parametrize(("data", "sentence"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_flow_gets_a_sentence(
    data: bytes | None, sentence: str, nowhere: Path, run: Run
) -> None:
    if data is not None:
        Path("flow.json").write_bytes(data)
    done = run("flow", "check", "flow.json")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"flow.json: {sentence}")
    assert done.err.count("\n") == 1


def test_a_directory_and_a_legacy_export_get_a_sentence(nowhere: Path, run: Run) -> None:
    Path("old.json").write_text(json.dumps({"modules": [], "version": "1", "type": "contactFlow"}))
    done = run("flow", "check", ".", "old.json")
    assert done.status == 1
    assert done.err == ".: Is a directory.\n"
    assert "old.json: The content is a legacy export, not the Flow language. Convert it: " in done.out
