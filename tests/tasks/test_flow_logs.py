"""The log of a flow's steps: which are written, and what a line has."""

import json
import logging
from pathlib import Path

import pytest

from tests.flows.flows import Document, content, do, on, say, wait
from threadline.client.participants import NotSeen
from threadline.config import Settings
from threadline.server.logs import write_to_stderr
from threadline.testing import Threadline
from threadline.testing.people import Customer

ARN = "arn:aws:lambda:us-east-1:1:function:f"
ON = do("UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Enabled"}, "greet")
OFF = do("UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Disabled"}, "secret")
CHECK = on(
    do("Compare", {"ComparisonValue": "$.Attributes.size"}, "no", NoMatchingCondition="no"),
    ("Equals", ["large"], "yes"),
)


def chat(threadline: Threadline, attributes: dict[str, str] | None = None, **actions: Document) -> Customer:
    flow = threadline.connect.create_contact_flow(
        InstanceId=threadline.instance_id, Name="Checked", Type="CONTACT_FLOW", Content=content(**actions)
    )
    return threadline.customer(ContactFlowId=flow["ContactFlowId"], Attributes=attributes or {})


def logged(caplog: pytest.LogCaptureFixture) -> list[Document]:
    return [json.loads(record.message) for record in caplog.records if record.name == "threadline.flows"]


def test_a_flow_that_logs_writes_what_cloudwatch_would_get(
    threadline: Threadline, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "threadline.flows")
    casey = chat(
        threadline,
        {"name": "Casey"},
        on=ON,
        greet=say("Hello $.Attributes.name", "off"),
        off=OFF,
        secret=say("!"),
    )
    casey.see("!")
    on_, greet = logged(caplog)
    flow_id = on_["ContactFlowId"].rpartition("/")[2]
    arn = f"arn:aws:connect:us-east-1:123456789012:instance/{threadline.instance_id}/contact-flow/{flow_id}"
    timestamp = on_.pop("Timestamp")
    assert timestamp.endswith("Z")
    assert len(timestamp) == len("2025-08-04T01:43:19.241Z")
    assert on_ == {
        "ContactId": casey.contact_id,
        "ContactFlowId": arn,
        "ContactFlowName": "Checked",
        "ContactFlowModuleType": "SetLoggingBehavior",
        "Identifier": "on",
        "Parameters": {"FlowLoggingBehavior": "Enabled"},
    }
    assert (greet["ContactFlowModuleType"], greet["Parameters"]) == ("PlayPrompt", {"Text": "Hello Casey"})


def test_a_test_sees_the_blocks_also_of_a_flow_that_does_not_log(
    threadline: Threadline, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "threadline.flows")
    casey = chat(threadline, {"size": "large"}, check=CHECK, yes=say("Large."), no=say("Small."))
    assert casey.see_block("Compare", Results="large")["Identifier"] == "check"
    assert casey.see_block("yes")["Type"] == "MessageParticipant"
    assert [step["Identifier"] for step in threadline.steps] == ["check", "yes", "end"]
    casey.patience_seconds = 0
    with pytest.raises(NotSeen, match=r"has not run no.*It has run:\n.*Compare 'check' Results='large'"):
        casey.see_block("no")
    assert logged(caplog) == []


def test_a_block_that_waits_is_there_twice_and_a_failure_says_error(threadline: Threadline) -> None:
    threadline.lambda_(ARN, lambda event, context: {"level": "gold"})
    call = do("InvokeLambdaFunction", {"LambdaFunctionARN": ARN}, "unknown", NoMatchingError="end")
    unknown = do("UpdateContactTargetQueue", {"QueueId": "nowhere"}, "end", NoMatchingError="sorry")
    casey = chat(threadline, call=call, unknown=unknown, sorry=say("Sorry, $.External.level customer."))
    casey.see("Sorry, gold customer.")
    assert [(s["Identifier"], s.get("Results"), s.get("Error")) for s in threadline.steps] == [
        ("call", None, None),
        ("call", None, None),
        ("unknown", "Error", "NoMatchingError"),
        ("sorry", None, None),
        ("end", None, None),
    ]
    casey.see_block("InvokeExternalResource")
    casey.see_block("SetQueue", Results="Error")


def test_a_step_has_the_milliseconds_that_its_block_has_waited(threadline: Threadline) -> None:
    casey = chat(threadline, pause=wait("60", "late"), late=say("It is late."))
    casey.see_block("pause", Milliseconds=0)
    threadline.clock.advance(minutes=1, ms=5)
    assert 60_000 <= casey.see_block("pause", Results="WaitCompleted")["Milliseconds"] <= 90_000
    assert casey.see_block("late")["Milliseconds"] == 0


@pytest.mark.parametrize(("level", "shown"), [("info", ["on", "greet", "end"]), ("error", [])])
def test_the_log_of_flows_goes_to_a_file_by_setting_and_to_standard_error_by_its_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], level: str, shown: list[str]
) -> None:
    file = tmp_path / "flows.jsonl"
    flows, root, package = (logging.getLogger(name) for name in ("threadline.flows", None, "threadline"))
    kept = flows.handlers, root.handlers, flows.level, package.level
    try:
        write_to_stderr(Settings(data=":memory:", flow_log_file=str(file), log_level=level))
        with Threadline() as server:
            chat(server, on=ON, greet=say("Hello")).see("Hello")
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [line["Identifier"] for line in lines] == ["on", "greet", "end"]
        told = [line for line in capsys.readouterr().err.splitlines() if "ContactFlowModuleType" in line]
        assert [json.loads(line[line.index("{") :])["Identifier"] for line in told] == shown
    finally:
        for handler in flows.handlers:
            handler.close()
        flows.handlers, root.handlers = kept[:2]
        flows.setLevel(kept[2])
        package.setLevel(kept[3])
