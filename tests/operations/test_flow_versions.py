"""Drafts, publishing, versions and aliases of flows; modules; chats that run while their flow changes."""

import hashlib
from typing import Any

import pytest

from tests.flows.fixture import FlowFixture
from tests.flows.flows import Document, content, do, say, wait
from threadline.errors import Fault

BACK: Document = {"Type": "EndFlowModuleExecution", "Parameters": {}, "Transitions": {}}
BROKEN = '{"Version": "2019-10-30"}'


async def call(fixture: FlowFixture, operation: str, /, **arguments: Any) -> Any:
    return await fixture.call("connect", operation, **arguments)


async def described(fixture: FlowFixture, ref: str) -> Any:
    return (await call(fixture, "DescribeContactFlow", contact_flow_id=ref))["ContactFlow"]


def talk(text: str) -> str:
    return content(pause=wait("60", "hello"), hello=say(text))


async def test_a_draft_does_not_go_live_until_it_is_published(fixture: FlowFixture) -> None:
    flow = await fixture.flow(pause=wait("60", "hello"), hello=say("live"))
    await call(fixture, "UpdateContactFlowContent", contact_flow_id=f"{flow}:$SAVED", content=BROKEN)
    draft = await described(fixture, f"{flow}:$SAVED")
    assert (draft["Content"], draft["Status"], draft["FlowContentSha256"]) == (BROKEN, "SAVED", None)
    live = await described(fixture, flow)
    assert (live["Status"], "live" in live["Content"]) == ("PUBLISHED", True)
    chat = await fixture.start(flow)
    await fixture.pass_time(60)
    assert await fixture.said(chat) == ["live"]
    with pytest.raises(Fault, match="saved but not published"):
        await fixture.start(f"{flow}:$SAVED")
    await call(fixture, "UpdateContactFlowContent", contact_flow_id=flow, content=talk("next"))
    assert (await described(fixture, f"{flow}:$SAVED"))["Status"] == "PUBLISHED"


async def test_a_saved_flow_is_not_checked_and_can_be_published(fixture: FlowFixture) -> None:
    made = await call(
        fixture, "CreateContactFlow", name="s", type="CONTACT_FLOW", content=BROKEN, status="SAVED"
    )
    flow = made["ContactFlowId"]
    with pytest.raises(Fault, match="saved but not published"):
        await fixture.start(flow)
    with pytest.raises(Fault, match="Actions must be a list"):
        await call(fixture, "UpdateContactFlowContent", contact_flow_id=flow, content=BROKEN)
    await call(fixture, "UpdateContactFlowContent", contact_flow_id=flow, content=talk("now"))
    assert (await described(fixture, flow))["Status"] == "PUBLISHED"
    await fixture.start(flow)


async def test_a_chat_that_was_started_on_a_version_stays_on_it(fixture: FlowFixture) -> None:
    flow = await fixture.flow(pause=wait("60", "hello"), hello=say("one"))
    live = (await described(fixture, flow))["Content"]
    first = await call(
        fixture,
        "CreateContactFlowVersion",
        contact_flow_id=flow,
        description="first",
        flow_content_sha256=hashlib.sha256(live.encode()).hexdigest(),
    )
    assert first["Version"] == 1
    assert first["ContactFlowArn"].endswith(f"{flow}:1")
    await call(
        fixture, "CreateContactFlowAlias", contact_flow_id=flow, contact_flow_version=1, alias_name="prod"
    )
    await call(fixture, "UpdateContactFlowContent", contact_flow_id=flow, content=talk("two"))
    chats = [await fixture.start(ref) for ref in (f"{flow}:1", f"{flow}:prod", first["ContactFlowArn"], flow)]
    await fixture.pass_time(60)
    assert [await fixture.said(chat) for chat in chats] == [["one"], ["one"], ["one"], ["two"]]
    version = await described(fixture, f"{flow}:1")
    assert (version["Version"], version["VersionDescription"]) == (1, "first")
    listed = await call(fixture, "ListContactFlowVersions", contact_flow_id=flow)
    assert [one["Version"] for one in listed["ContactFlowVersionSummaryList"]] == [1]


async def test_an_alias_moves_to_another_version(fixture: FlowFixture) -> None:
    flow = await fixture.flow(pause=wait("60", "hello"), hello=say("one"))
    await call(fixture, "CreateContactFlowVersion", contact_flow_id=flow)
    await call(fixture, "UpdateContactFlowContent", contact_flow_id=flow, content=talk("two"))
    await call(fixture, "CreateContactFlowVersion", contact_flow_id=flow)
    alias = await call(
        fixture, "CreateContactFlowAlias", contact_flow_id=flow, contact_flow_version=1, alias_name="prod"
    )
    before = await fixture.start(f"{flow}:prod")
    await call(
        fixture, "UpdateContactFlowAlias", contact_flow_id=flow, alias_id=alias["Id"], contact_flow_version=2
    )
    after = await fixture.start(f"{flow}:prod")
    await fixture.pass_time(60)
    assert (await fixture.said(before), await fixture.said(after)) == (["one"], ["two"])
    with pytest.raises(Fault, match="alias prod names version 2"):
        await call(fixture, "DeleteContactFlowVersion", contact_flow_id=flow, contact_flow_version=2)
    await call(fixture, "DeleteContactFlowAlias", contact_flow_id=flow, alias_id=alias["Id"])
    await call(fixture, "DeleteContactFlowVersion", contact_flow_id=flow, contact_flow_version=2)
    third = await call(fixture, "CreateContactFlowVersion", contact_flow_id=flow)
    assert third["Version"] == 3, "the number of a deleted version came back"


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a version of another content": (
        "CreateContactFlowVersion",
        {"flow_content_sha256": "a" * 64},
        "SHA-256",
    ),
    "an alias of no version": (
        "CreateContactFlowAlias",
        {"contact_flow_version": 7, "alias_name": "x"},
        "has no version 7",
    ),
    "an alias that looks like a version": (
        "CreateContactFlowAlias",
        {"contact_flow_version": 1, "alias_name": "12"},
        "would name a version",
    ),
}


@pytest.mark.parametrize(("name", "arguments", "words"), REFUSED.values(), ids=REFUSED)
async def test_refuses(fixture: FlowFixture, name: str, arguments: dict[str, Any], words: str) -> None:
    flow = await fixture.flow(hello=say("one"))
    await call(fixture, "CreateContactFlowVersion", contact_flow_id=flow)
    with pytest.raises(Fault, match=words):
        await call(fixture, name, contact_flow_id=flow, **arguments)


async def test_a_version_does_not_change(fixture: FlowFixture) -> None:
    flow = await fixture.flow(hello=say("one"))
    await call(fixture, "CreateContactFlowVersion", contact_flow_id=flow)
    with pytest.raises(Fault, match="does not change"):
        await call(fixture, "UpdateContactFlowContent", contact_flow_id=f"{flow}:1", content=talk("x"))


async def test_names_and_states_change(fixture: FlowFixture) -> None:
    flow = await fixture.flow("first", hello=say("one"))
    await fixture.flow("second", hello=say("one"))
    with pytest.raises(Fault, match="exists already"):
        await call(fixture, "UpdateContactFlowName", contact_flow_id=flow, name="second")
    await call(fixture, "UpdateContactFlowName", contact_flow_id=flow, name="third", description="d")
    await call(fixture, "UpdateContactFlowMetadata", contact_flow_id=flow, contact_flow_state="ARCHIVED")
    found = await described(fixture, flow)
    assert (found["Name"], found["Description"], found["State"]) == ("third", "d", "ARCHIVED")
    with pytest.raises(Fault, match="archived"):
        await fixture.start(flow)


async def test_chats_of_a_deleted_flow_go_on(fixture: FlowFixture) -> None:
    flow = await fixture.flow(pause=wait("60", "hello"), hello=say("still here"))
    chat = await fixture.start(flow)
    await call(fixture, "DeleteContactFlow", contact_flow_id=flow)
    with pytest.raises(Fault, match="not found"):
        await described(fixture, flow)
    await fixture.pass_time(60)
    assert await fixture.said(chat) == ["still here"]


async def test_a_module_runs_in_a_flow_and_keeps_its_content(fixture: FlowFixture) -> None:
    made = await call(
        fixture,
        "CreateContactFlowModule",
        name="m",
        content=content(pause=wait("60", "hello"), hello=say("in the module", "back"), back=BACK),
        settings="{}",
    )
    flow = await fixture.flow(
        go=do("InvokeFlowModule", {"FlowModuleId": made["Arn"]}, "after", NoMatchingError="end"),
        after=say("after it"),
    )
    chat = await fixture.start(flow)
    await call(
        fixture,
        "UpdateContactFlowModuleContent",
        contact_flow_module_id=made["Id"],
        content=content(hello=say("changed", "back"), back=BACK),
    )
    later = await fixture.start(flow)
    await call(fixture, "DeleteContactFlowModule", contact_flow_module_id=made["Id"])
    await fixture.pass_time(60)
    assert await fixture.said(chat) == ["in the module", "after it"]
    assert await fixture.said(later) == ["changed", "after it"]


async def test_a_module_that_could_not_run_is_refused_with_its_problems(fixture: FlowFixture) -> None:
    with pytest.raises(Fault) as refused:
        await call(fixture, "CreateContactFlowModule", name="m", content=content(a=say("x", "nowhere")))
    assert refused.value.code == "InvalidContactFlowModuleException"
    with pytest.raises(Fault, match="not allowed in a flow of type CONTACT_FLOW"):
        await fixture.flow(back=BACK)


async def test_modules_have_names_versions_and_aliases_of_their_own(fixture: FlowFixture) -> None:
    await fixture.flow("same name", hello=say("x"))
    made = await call(
        fixture, "CreateContactFlowModule", name="same name", content=content(a=say("one", "b"), b=BACK)
    )
    of_module = {"contact_flow_module_id": made["Id"]}
    version = await call(fixture, "CreateContactFlowModuleVersion", **of_module)
    await call(
        fixture, "CreateContactFlowModuleAlias", contact_flow_module_version=1, alias_name="live", **of_module
    )
    await call(
        fixture, "UpdateContactFlowModuleContent", content=content(a=say("two", "b"), b=BACK), **of_module
    )
    chat = await fixture.run(
        go=do("InvokeFlowModule", {"FlowModuleId": f"{made['Id']}:live"}, "stay", NoMatchingError="end"),
        stay=wait("60"),
    )
    assert (version["Version"], await fixture.said(chat)) == (1, ["one"])
    modules = (await call(fixture, "ListContactFlowModules"))["ContactFlowModulesSummaryList"]
    flows = (await call(fixture, "ListContactFlows"))["ContactFlowSummaryList"]
    assert [one["Name"] for one in modules] == ["same name"]
    assert made["Id"] not in {one["Id"] for one in flows}
    with pytest.raises(Fault, match="Contact flow not found"):
        await described(fixture, made["Id"])


async def test_an_archived_module_cannot_be_invoked(fixture: FlowFixture) -> None:
    made = await call(fixture, "CreateContactFlowModule", name="m", content=content(a=say("x", "b"), b=BACK))
    await call(
        fixture, "UpdateContactFlowModuleMetadata", contact_flow_module_id=made["Id"], state="ARCHIVED"
    )
    chat = await fixture.run(
        go=do("InvokeFlowModule", {"FlowModuleId": made["Id"]}, "end", NoMatchingError="no"),
        no=say("no", "stay"),
        stay=wait("60"),
    )
    assert await fixture.said(chat) == ["no"]


async def test_the_arn_of_another_kind_of_resource_names_no_flow(fixture: FlowFixture) -> None:
    flow = await fixture.flow(hello=say("x"))
    arn = (await described(fixture, flow))["Arn"]
    assert (await described(fixture, arn))["Id"] == flow
    for wrong in (arn.replace("contact-flow", "queue"), arn.replace("contact-flow", "flow-module")):
        with pytest.raises(Fault, match="not found"):
            await described(fixture, wrong)
