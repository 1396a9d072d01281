"""`threadline flow run`: a conversation with a flow, with its lines on standard input."""

import io
import json
from pathlib import Path

import pytest

from tests.command_line import Done, Run
from tests.flows.flows import content, do, document, on, say, wait

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:look-up"
FLOW = content(
    greet=say("What is it about?", "listen"),
    listen=wait("900", "late", "ask"),
    late=say("Nobody there?"),
    ask=do("InvokeLambdaFunction", {"LambdaFunctionARN": FUNCTION}, "answer", NoMatchingError="sorry"),
    answer=say("You are a $.External.level customer, $.Attributes.name.", "queue"),
    sorry=say("No level today."),
    queue=do(
        "UpdateContactTargetQueue", {"QueueId": "arn:aws:connect:us-east-1:1:instance/i/queue/q"}, "end"
    ),
)


@pytest.fixture
def talk(nowhere: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `threadline flow run flow.json` with lines on standard input."""

    def call(lines: str, *words: str) -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        return run("flow", "run", "flow.json", *words)

    return call


def test_a_flow_talks_and_shows_its_blocks(talk: Run) -> None:
    Path("flow.json").write_text(FLOW)
    Path("gold.json").write_text('{"level": "gold"}')
    done = talk("My parcel\n", "--lambda", "look-up=gold.json", "--attribute", "name=Ada")
    assert (done.status, done.err) == (0, "")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert [line.strip().partition("  QueueId=")[0] for line in done.out.splitlines()] == [
        "'queue': the queue is Support here.",
        "Write as the customer. /later 15m moves the clock on, Ctrl-C ends.",
        "",
        "· MessageParticipant 'greet'",
        "Flow  What is it about?",
        "· Wait 'listen'  Events=CustomerReturned, TimeLimitSeconds=900",
        "· Wait 'listen' → CustomerReturned",
        "· InvokeLambdaFunction 'ask'  LambdaFunctionARN=look-up",
        "· InvokeLambdaFunction 'ask'",
        "· MessageParticipant 'answer'",
        "Flow  You are a gold customer, Ada.",
        "· UpdateContactTargetQueue 'queue'",
        "· DisconnectParticipant 'end'",
        "The chat has ended.",
    ]


def test_a_flow_of_the_console_fits_a_terminal_and_its_log_is_not_shown(talk: Run) -> None:
    number, ask, on, end = (f"{digit * 8}-1034-4f5d-9bdf-b94fd78b926c" for digit in "1234")
    named = "A name of a block as long as a name of one may be."
    blocks = {
        on: do("UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Enabled"}, number),
        number: do(
            "UpdateContactCallbackNumber",
            {"CallbackNumber": "$.StoredCustomerInput"},
            named,
            InvalidCallbackNumber=named,
            CallbackNumberNotDialable=named,
        ),
        named: do(
            "UpdateContactMediaStreamingBehavior", {"MediaStreamType": "Audio"}, ask, NoMatchingError=ask
        ),
        ask: say("Goodbye", end),
        end: do("DisconnectParticipant", {}, None),
    }
    Path("flow.json").write_text(content(**blocks))
    done = talk("")
    assert (done.status, done.err) == (0, "")
    assert [line for line in done.out.splitlines() if line.startswith("  ·") and len(line) > 80] == []
    assert "· UpdateFlowLoggingBehavior '33333333…'  FlowLoggingBehavior=Enabled" in done.out
    assert "· UpdateContactCallbackNumber '11111111…' → InvalidCallbackNumber" in done.out
    assert "· UpdateContactMediaStreamingBehavior 'A name of a b" in done.out


def test_the_clock_moves_on_and_a_function_without_an_answer_fails(talk: Run) -> None:
    Path("flow.json").write_text(FLOW)
    assert "Flow  Nobody there?" in talk("/later x\n/later 15m\n").out
    done = talk("My parcel\n")
    assert "· InvokeLambdaFunction 'ask' → NoMatchingError" in done.out
    assert "Flow  No level today." in done.out


def test_a_customer_queue_flow_is_tried_in_a_queue(talk: Run) -> None:
    messages = do("MessageParticipantIteratively", {"Messages": [{"Text": "Please wait."}]}, None)
    flow = document(
        first=on(
            {**messages, "Transitions": {"NextAction": "end"}}, ("Equals", ["MessagesInterrupted"], "end")
        )
    )
    flow["Metadata"]["type"] = "customerQueue"
    Path("flow.json").write_text(json.dumps(flow))
    done = talk("")
    assert "· TransferContactToQueue 'transfer'" in done.out
    assert "Flow  Please wait." in done.out
    assert done.status == 0


def test_bad_input_gets_a_sentence(talk: Run) -> None:
    Path("flow.json").write_text(content(first=say("Hello", "nowhere")))
    done = talk("")
    assert done.err.endswith("See: threadline flow check flow.json\n")
    assert (done.status, "nowhere" in done.err) == (255, True)
    assert talk("", "--lambda", "f=missing.json").err == (
        "threadline: missing.json: No such file or directory.\n"
    )
    assert talk("", "--attribute", "x").err == "threadline: --attribute takes NAME=VALUE, not 'x'.\n"
    whisper = document(first=say("Hello"))
    whisper["Metadata"]["type"] = "agentWhisper"
    Path("flow.json").write_text(json.dumps(whisper))
    assert "a chat does not come to a flow of type AGENT_WHISPER alone" in talk("").err
