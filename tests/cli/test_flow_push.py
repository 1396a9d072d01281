"""`threadline flow pull` and `push`: all flows of an instance as files, and back, also into another instance."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Run
from tests.flows.flows import content, do, say
from threadline.testing import Threadline
from threadline.testing.workspace import Workspace


@pytest.fixture
def other(threadline: Threadline) -> Workspace:
    return threadline.another_account()


def at(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)


def flows_of(workspace: Workspace) -> dict[str, Any]:
    """The flows of an instance with their contents, by name."""
    i = workspace.instance_id
    listed = workspace.connect.list_contact_flows(InstanceId=i)["ContactFlowSummaryList"]
    described = [
        workspace.connect.describe_contact_flow(InstanceId=i, ContactFlowId=flow["Id"])["ContactFlow"]
        for flow in listed
    ]
    return {flow["Name"]: flow for flow in described}


def test_flows_move_to_another_instance_with_the_names_of_what_they_refer_to(
    threadline: Threadline, other: Workspace, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    i = threadline.instance_id
    first = threadline.connect.create_contact_flow(
        InstanceId=i,
        Name="Grüße & more",
        Type="CONTACT_FLOW",
        Content=content(first=say("Hi")),
        Description="Hello",
    )
    threadline.connect.create_contact_flow(
        InstanceId=i,
        Name="Loop",
        Type="CONTACT_FLOW",
        Content=content(
            first=do(
                "TransferToFlow", {"ContactFlowId": first["ContactFlowArn"]}, None, NoMatchingError="queue"
            ),
            queue=do("UpdateContactTargetQueue", {"QueueId": threadline.queue_id}, "end"),
        ),
    )
    pulled = here("flow", "pull", "flows")
    assert (pulled.status, pulled.err) == (0, "")
    assert "flows/grüße-more.json: Grüße & more\n" in pulled.out
    manifest = json.loads(Path("flows/flows.json").read_text(encoding="utf-8"))
    assert manifest["resources"][threadline.queue_id] == {"kind": "queue", "name": "Support"}
    at(other, monkeypatch)
    pushed = here("flow", "push", "flows")
    assert (pushed.status, pushed.err) == (0, "")
    assert "created: Loop\n" in pushed.out
    found = flows_of(other)
    assert set(found) == set(flows_of(threadline))
    assert found["Grüße & more"]["Description"] == "Hello"
    loop = {
        action["Identifier"]: action["Parameters"]
        for action in json.loads(found["Loop"]["Content"])["Actions"]
    }
    assert loop["first"] == {"ContactFlowId": found["Grüße & more"]["Arn"]}
    assert loop["queue"] == {"QueueId": other.queue_id}
    again = here("flow", "push", "flows")
    assert {line.partition(":")[0] for line in again.out.splitlines()} == {"unchanged"}


def test_a_changed_file_updates_its_flow_alone(threadline: Threadline, here: Run) -> None:
    assert here("flow", "pull", "flows").status == 0
    survey = Path("flows/demo-survey.json")
    survey.write_text(survey.read_text().replace("How did we do", "How was it"))
    assert [line for line in here("flow", "push", "flows").out.splitlines() if "unchanged" not in line] == [
        "updated: Demo survey"
    ]
    assert "How was it" in flows_of(threadline)["Demo survey"]["Content"]


def test_modules_move_too(
    threadline: Threadline, other: Workspace, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = {"Type": "EndFlowModuleExecution", "Parameters": {}, "Transitions": {}}
    module = threadline.connect.create_contact_flow_module(
        InstanceId=threadline.instance_id,
        Name="Greeting",
        Content=content(first=say("Hi", "back"), back=back),
    )
    threadline.connect.create_contact_flow(
        InstanceId=threadline.instance_id,
        Name="With module",
        Type="CONTACT_FLOW",
        Content=content(
            first=do("InvokeFlowModule", {"FlowModuleId": module["Id"]}, "end", NoMatchingError="end")
        ),
    )
    assert here("flow", "pull", "flows").status == 0
    at(other, monkeypatch)
    assert "created: Greeting\n" in here("flow", "push", "flows").out
    modules = other.connect.list_contact_flow_modules(InstanceId=other.instance_id)
    (there,) = modules["ContactFlowModulesSummaryList"]
    invoked = json.loads(flows_of(other)["With module"]["Content"])["Actions"][0]["Parameters"]
    assert invoked == {"FlowModuleId": there["Id"]}


def test_nothing_is_pushed_when_something_is_wrong(
    threadline: Threadline, other: Workspace, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = threadline.connect.create_queue(
        InstanceId=threadline.instance_id,
        Name="Night",
        HoursOfOperationId=threadline.connect.describe_queue(
            InstanceId=threadline.instance_id, QueueId=threadline.queue_id
        )["Queue"]["HoursOfOperationId"],
    )
    threadline.connect.create_contact_flow(
        InstanceId=threadline.instance_id,
        Name="At night",
        Type="CONTACT_FLOW",
        Content=content(first=do("UpdateContactTargetQueue", {"QueueId": queue["QueueId"]}, "end")),
    )
    assert here("flow", "pull", "flows").status == 0
    Path("flows/demo-survey.json").write_text("{")
    at(other, monkeypatch)
    before = flows_of(other)
    done = here("flow", "push", "flows")
    assert (done.status, done.out) == (1, "")
    assert "flows/at-night.json: the instance has no queue 'Night'.\n" in done.err
    assert "flows/demo-survey.json: the file is not JSON" in done.err
    assert flows_of(other) == before


def test_a_folder_without_a_manifest_gets_a_sentence(here: Run) -> None:
    done = here("flow", "push", "nowhere")
    assert done.status == 255
    assert done.err == (
        "threadline: nowhere/flows.json: there is no such file. It is written by: threadline flow pull nowhere\n"
    )
    Path("nowhere").mkdir()
    for text, words in (("[]", "each flow needs kind, name and file"), ("{", "the file is not JSON")):
        Path("nowhere/flows.json").write_text(text)
        assert words in here("flow", "push", "nowhere").err
    shutil.rmtree("nowhere")
    Path("nowhere").write_text("a file")
    assert "Not a directory" in here("flow", "pull", "nowhere").err
