"""The runs of flows on real chats."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.flows.fixture import FlowChat, FlowFixture
from tests.flows.flows import Document, content, do, document, on, say, wait
from tests.units import Function
from threadline.chat.participant import Token
from threadline.clock import ManualClock
from threadline.errors import Fault
from threadline.operations.tokens import authenticate
from threadline.store.sqlite.store import SqliteStore

ENDED = "CONTACT_FLOW_DISCONNECT"
STAY = wait("3600")


def tell(first: Document, *errors: str) -> dict[str, Document]:
    """A flow of one action that then shows `done` or its error, and waits."""
    branches = [{"ErrorType": error, "NextAction": error} for error in errors or ("NoMatchingError",)]
    transitions = {**first["Transitions"], "NextAction": "done", "Errors": branches}
    ends = {name: say(name, "stay") for name in ("done", *(errors or ("NoMatchingError",)))}
    return {"first": {**first, "Transitions": transitions}, **ends, "stay": STAY}


async def test_the_demo_flow_queues_the_chat(fixture: FlowFixture) -> None:
    chat = await fixture.start(fixture.workspace.contact_flow_id)
    contact = await fixture.contact(chat.contact_id)
    assert contact["QueueInfo"]["Id"] == fixture.workspace.queue_id
    assert await fixture.flow_state(chat) is None
    assert await fixture.log(chat) == ["participant.joined"]


async def test_the_survey_follows_the_agent_and_ends_by_itself(fixture: FlowFixture) -> None:
    chat = await fixture.start(fixture.workspace.contact_flow_id)
    agent = await fixture.agent(chat.contact_id)
    await fixture.act(agent, "DisconnectParticipant")
    await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="5")
    await fixture.pass_time(299)
    assert len(await fixture.said(chat)) == 1
    await fixture.pass_time(1)
    assert await fixture.said(chat) == [
        "How did we do? Please answer with a number from 1 (poor) to 5 (great).",
        "Thank you. Goodbye!",
    ]
    assert (await fixture.log(chat))[-4:] == [
        "SYSTEM_MESSAGE: How did we do? Please answer with a number from 1 (poor) to 5 (great).",
        "Ada: 5",
        "SYSTEM_MESSAGE: Thank you. Goodbye!",
        "chat.ended",
    ]
    first, survey = await fixture.rows("contacts_of_session", session=chat.caller.session)
    assert "AGENT_DISCONNECT" in first
    assert "DISCONNECT" in survey
    assert ENDED in survey


async def test_a_queue_that_is_not_there(fixture: FlowFixture) -> None:
    chat = await fixture.run(**tell(do("UpdateContactTargetQueue", {"QueueId": "no-such-queue"})))
    assert await fixture.said(chat) == ["NoMatchingError"]


async def test_a_queue_by_arn(fixture: FlowFixture) -> None:
    queue_id = fixture.workspace.queue_id
    queue = await fixture.call("connect", "DescribeQueue", queue_id=queue_id)
    flow_id = await fixture.flow(
        set=do("UpdateContactTargetQueue", {"QueueId": "$.Attributes.queue"}, "say"),
        say=say("You wait in $.Queue.Name.", "go"),
        go=do("TransferContactToQueue"),
    )
    chat = await fixture.start(flow_id, attributes={"queue": queue["Queue"]["QueueArn"]})
    assert await fixture.said(chat) == ["You wait in Support."]
    assert (await fixture.contact(chat.contact_id))["QueueInfo"]["Id"] == queue_id


async def test_no_queue_was_chosen(fixture: FlowFixture) -> None:
    chat = await fixture.run(**tell(do("TransferContactToQueue"), "QueueAtCapacity", "NoMatchingError"))
    assert await fixture.said(chat) == ["NoMatchingError"]


async def test_an_error_branch_may_end_the_chat(fixture: FlowFixture) -> None:
    chat = await fixture.run(first=do("TransferContactToQueue", then=None))
    assert await fixture.reason(chat) == ENDED
    assert (await fixture.log(chat))[-1] == "chat.ended"


async def test_a_disconnect_flow_that_is_not_there_or_not_published(fixture: FlowFixture) -> None:
    draft = await fixture.flow("draft", "SAVED", first=say("draft"))
    for number, flow_id in enumerate((draft, "no-such-flow")):
        hook = do("UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": flow_id}})
        chat = await fixture.start(await fixture.flow(f"inbound {number}", **tell(hook)))
        assert await fixture.said(chat) == ["NoMatchingError"]


async def past(fixture: FlowFixture) -> FlowChat:
    """A chat that has ended."""
    chat = await fixture.start(fixture.workspace.contact_flow_id, attributes={"name": "Ada", "kept": "yes"})
    await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="hello")
    await fixture.act(chat.caller, "DisconnectParticipant")
    return chat


def associate(kind: str) -> Document:
    parameters = {"RehydrationType": kind, "SourceContactId": "$.Attributes.past"}
    return do("CreatePersistentContactAssociation", parameters)


@pytest.mark.parametrize("kind", ["FROM_SEGMENT", "ENTIRE_PAST_SESSION"])
async def test_a_flow_continues_a_past_chat(fixture: FlowFixture, kind: str) -> None:
    before = await past(fixture)
    again = {"again": associate(kind), **tell(associate(kind))}
    again["again"]["Transitions"]["NextAction"] = "first"
    chat = await fixture.start(
        await fixture.flow(**again), attributes={"past": before.contact_id, "name": "Bo"}
    )
    assert await fixture.log(chat) == ["participant.joined", "chat.rehydrated", "SYSTEM_MESSAGE: done"]
    assert (await fixture.contact(chat.contact_id))["RelatedContactId"] == before.contact_id
    assert await fixture.attributes(chat) == {"past": before.contact_id, "name": "Bo", "kept": "yes"}


@pytest.mark.parametrize(
    "source", ["running", "unknown", "nothing", "itself", "not the first", "a second one"]
)
async def test_every_error_of_an_association_takes_its_branch(fixture: FlowFixture, source: str) -> None:
    ended, other = await past(fixture), await past(fixture)
    running = await fixture.start(fixture.workspace.contact_flow_id)
    flow = tell(associate("ENTIRE_PAST_SESSION"))
    attributes = {
        "past": {"running": running.contact_id, "unknown": "no-such-contact"}.get(source, ended.contact_id)
    }
    if source == "nothing":
        attributes = {}
    if source == "itself":
        flow["first"]["Parameters"]["SourceContactId"] = "$.ContactId"
    if source == "not the first":
        agent = await fixture.agent(running.contact_id)
        await fixture.act(agent, "DisconnectParticipant")
        await fixture.act(running.caller, "DisconnectParticipant")
        attributes["past"] = (await fixture.rows("contacts_of_session", session=running.caller.session))[1][3]
    if source == "a second one":
        earlier = associate("FROM_SEGMENT")
        earlier["Parameters"]["SourceContactId"] = other.contact_id
        flow = {"earlier": {**earlier, "Transitions": {"NextAction": "first"}}, **flow}
    chat = await fixture.start(await fixture.flow(**flow), attributes=attributes)
    assert await fixture.said(chat) == ["NoMatchingError"]


async def test_the_log_of_an_error_branch_names_the_action_without_values(
    fixture: FlowFixture, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        chat = await fixture.start(
            await fixture.flow(**tell(associate("FROM_SEGMENT"))), attributes={"past": "070 4711"}
        )
    assert f"flow of contact {chat.contact_id}: Associate: ResourceNotFoundException" in caplog.text
    assert "4711" not in caplog.text


async def test_attributes_are_set_all_or_none(fixture: FlowFixture) -> None:
    def change(**values: str) -> Document:
        return do("UpdateContactAttributes", {"Attributes": values})

    flow = tell(change(greeting="Hello $.Attributes.name", name="Bo"))
    chat = await fixture.start(await fixture.flow("good", **flow), attributes={"name": "Ada"})
    assert await fixture.attributes(chat) == {"name": "Bo", "greeting": "Hello Ada"}
    for number, values in enumerate(({"a b": "x"}, {"large": "$.Attributes.half$.Attributes.half"})):
        flow_id = await fixture.flow(f"bad {number}", **tell(change(other="y", **values)))
        chat = await fixture.start(flow_id, attributes={"half": "z" * 16_000})
        assert await fixture.said(chat) == ["NoMatchingError"]
        assert set(await fixture.attributes(chat)) == {"half"}


async def test_a_flow_removes_an_attribute_by_an_empty_value(fixture: FlowFixture) -> None:
    """The value is empty or an unresolved reference; afterwards the flow compares a missing value."""
    remove = {"Attributes": {"a": "", "b": "$.Attributes.none", "c": "$.Attributes.a"}}
    compare = do("Compare", {"ComparisonValue": "$.Attributes.a"}, NoMatchingCondition="gone")
    flow_id = await fixture.flow(
        first=do("UpdateContactAttributes", remove, "look", NoMatchingError="gone"),
        look=on(compare, ("KeyExists", [], "stay")),
        gone=say("a is '$.Attributes.a', c is '$.Attributes.c'", "stay"),
        stay=STAY,
    )
    chat = await fixture.start(flow_id, attributes={"a": "1", "b": "1", "kept": "1"})
    assert await fixture.said(chat) == ["a is '', c is '1'"]
    assert await fixture.attributes(chat) == {"c": "1", "kept": "1"}


async def test_attributes_of_the_related_contact(fixture: FlowFixture) -> None:
    before = await past(fixture)
    change = do("UpdateContactAttributes", {"Attributes": {"came": "back"}, "TargetContact": "Related"})
    flow_id = await fixture.flow(**tell(change))
    chat = await fixture.start(flow_id, related_contact_id=before.contact_id)
    assert await fixture.said(chat) == ["done"]
    assert (await fixture.attributes(before))["came"] == "back"
    assert "came" not in await fixture.attributes(chat)
    alone = await fixture.start(flow_id)
    assert await fixture.said(alone) == ["NoMatchingError"]


async def test_the_references_of_a_flow(fixture: FlowFixture) -> None:
    before = await past(fixture)
    roots = [
        "Attributes.name",
        "AwsRegion",
        "Channel",
        "ContactId",
        "CustomerId",
        "InitialContactId",
        "InitiationMethod",
        "InstanceARN",
        "PreviousContactId",
        "Queue.Name",
        "Queue.ARN",
        "RelatedContactId",
        "SegmentAttributes['connect:Subtype']",
        "Lex.SessionAttributes.x",
    ]
    chat = await fixture.start(
        await fixture.flow(first=say("|".join(f"$.{root}" for root in roots), "stay"), stay=STAY),
        attributes={"name": "Ada"},
        customer_id="ada-1",
        related_contact_id=before.contact_id,
    )
    instance = (await fixture.call("connect", "DescribeInstance"))["Instance"]
    assert (await fixture.said(chat))[0].split("|") == [
        "Ada",
        "us-east-1",
        "CHAT",
        chat.contact_id,
        "ada-1",
        chat.contact_id,
        "API",
        instance["Arn"],
        "",
        "",
        "",
        before.contact_id,
        "connect:Chat",
        "",
    ]


async def test_a_flow_compares_the_subtype_of_a_chat(fixture: FlowFixture) -> None:
    reference = {"ComparisonValue": "$.SegmentAttributes['connect:Subtype']"}
    look = on(
        do("Compare", reference, NoMatchingCondition="other"),
        ("Equals", ["connect:Chat"], "chat"),
        ("Equals", ["connect:SMS"], "sms"),
    )
    branches = {name: say(name, "stay") for name in ("chat", "sms", "other")}
    flow_id = await fixture.flow(first=look, **branches, stay=STAY)
    assert await fixture.said(await fixture.start(flow_id)) == ["chat"]
    given = {"connect:Subtype": {"ValueString": "connect:SMS"}}
    assert await fixture.said(await fixture.start(flow_id, segment_attributes=given)) == ["sms"]


BACK = {"first": wait("60", "late", "back"), "late": say("late"), "back": say("back", "stay"), "stay": STAY}


async def test_a_customers_message_ends_a_wait(fixture: FlowFixture) -> None:
    chat = await fixture.run(**BACK)
    await fixture.pass_time(59)
    await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="I am back")
    await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="really")
    await fixture.pass_time(3_500)
    assert await fixture.said(chat) == ["back"]
    assert await fixture.reason(chat) is None


async def test_a_flow_has_one_timer_at_most(fixture: FlowFixture) -> None:
    chat = await fixture.run(first=wait("600", "late", "first"), late=say("late"))
    for _ in range(5):
        await fixture.pass_time(300)
        await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="wait")
    due = fixture.clock.now_ms() + 600_000
    tasks = await fixture.rows("due_tasks", now_ms=due, limit=99, background=0)
    assert [(task[1], task[4]) for task in tasks if task[1] == "flow"] == [("flow", due)]


async def test_a_wait_without_a_message_times_out(fixture: FlowFixture) -> None:
    chat = await fixture.run(**BACK)
    await fixture.pass_time(60)
    assert await fixture.said(chat) == ["late"]
    assert await fixture.reason(chat) == ENDED


def for_the_bot() -> dict[str, Document]:
    flow = tell(wait("3600"), "ParticipantNotFound")
    flow["first"]["Parameters"]["Events"] = ["BotParticipantDisconnected"]
    conditions = [("Equals", ["WaitCompleted"], "end"), ("Equals", ["BotParticipantDisconnected"], "done")]
    return {"settle": wait("1", "first"), **flow, "first": on(flow["first"], *conditions)}


async def test_a_bot_that_is_waited_for_leaves(fixture: FlowFixture) -> None:
    chat = await fixture.run(**for_the_bot())
    details = {"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"}
    reply = await fixture.call(
        "connect", "CreateParticipant", contact_id=chat.contact_id, participant_details=details
    )
    token = reply["ParticipantCredentials"]["ParticipantToken"]
    bot, _ = await fixture.store.read(lambda tx: authenticate(tx, token, Token.PARTICIPANT))
    await fixture.pass_time(1)
    assert await fixture.said(chat) == []
    await fixture.act(bot, "DisconnectParticipant")
    assert await fixture.said(chat) == ["done"]


async def test_a_bot_that_never_came(fixture: FlowFixture) -> None:
    chat = await fixture.run(**for_the_bot())
    await fixture.pass_time(1)
    assert await fixture.said(chat) == ["ParticipantNotFound"]


async def test_a_leaving_customer_cancels_the_flow(fixture: FlowFixture) -> None:
    chat = await fixture.run(**BACK)
    await fixture.act(chat.caller, "DisconnectParticipant")
    assert await fixture.flow_state(chat) is None
    await fixture.pass_time(3_600)
    assert await fixture.said(chat) == []
    assert await fixture.reason(chat) == "CUSTOMER_DISCONNECT"


async def test_a_flow_that_goes_round_in_circles_ends_its_chat(fixture: FlowFixture) -> None:
    chat = await fixture.run(first=say("again", "first"))
    assert await fixture.said(chat) == ["again"] * 1_000
    assert await fixture.reason(chat) == ENDED


async def update(fixture: FlowFixture, flow_id: str, **actions: Document) -> None:
    await fixture.call(
        "connect", "UpdateContactFlowContent", contact_flow_id=flow_id, content=content(**actions)
    )


async def test_a_chat_goes_on_with_the_content_its_flow_began_with(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow(**BACK)
    chats = []
    for text in ("later", "latest"):
        chats.append(await fixture.start(flow_id))
        await update(fixture, flow_id, **{**BACK, "late": say(text)})
    await update(fixture, flow_id, other=say("nothing of it is left"))
    chats.append(await fixture.start(flow_id))
    await fixture.pass_time(60)
    assert [await fixture.said(chat) for chat in chats] == [["late"], ["later"], ["nothing of it is left"]]


async def test_a_replaced_content_is_kept_for_longer_than_any_chat_lasts(fixture: FlowFixture) -> None:
    week = 7 * 86_400
    flow_id = await fixture.flow(stay=wait(week - 1, "late"), late=say("late"))
    chat = await fixture.start(flow_id, chat_duration_in_minutes=week // 60)
    await update(fixture, flow_id, **BACK)
    await fixture.pass_time(week - 2)
    await update(fixture, flow_id, **BACK)
    await fixture.pass_time(1)
    assert await fixture.said(chat) == ["late"]
    key = {"instance_id": fixture.workspace.instance_id, "flow_id": flow_id}
    assert len(await fixture.rows("content_of_version", version=1, **key)) == 1
    await fixture.pass_time(86_402)
    await update(fixture, flow_id, **BACK)
    assert await fixture.rows("content_of_version", version=1, **key) == []
    assert len(await fixture.rows("content_of_version", version=2, **key)) == 1


async def test_a_wait_survives_a_restart(tmp_path: Path) -> None:
    fixture = FlowFixture()
    await fixture.open(tmp_path / "threadline.db")
    chat = await fixture.run(**BACK)
    await fixture.store.close()
    clock = ManualClock(fixture.clock.now_ms() + 60_000, seed=1)
    fixture.clock, fixture.store = clock, SqliteStore(tmp_path / "threadline.db", clock)
    await fixture.pass_time(0)
    assert await fixture.said(chat) == ["late"]
    assert await fixture.reason(chat) == ENDED
    await fixture.store.close()


async def test_a_failure_undoes_the_step_and_is_tried_again(
    fixture: FlowFixture, caplog: pytest.LogCaptureFixture
) -> None:
    flow_id = await fixture.flow(**BACK)
    chat = await fixture.start(flow_id)
    before = await fixture.flow_state(chat)
    await replace_content(fixture, flow_id, "no flow at all")
    await fixture.pass_time(60)
    assert await fixture.flow_state(chat) == before
    assert await fixture.reason(chat) is None
    assert "runs again in 1000 ms" in caplog.text
    await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="still here")
    await fixture.pass_time(1)
    await replace_content(fixture, flow_id, json.dumps(document(**BACK)))
    await fixture.pass_time(5)
    assert len(await fixture.said(chat)) == 1


async def replace_content(fixture: FlowFixture, flow_id: str, text: str) -> None:
    """Write a flow's content to the store without the check."""
    instance_id = fixture.workspace.instance_id
    await fixture.store.write(
        Function(
            lambda tx: tx.run(
                "set_contact_flow_content",
                instance_id=instance_id,
                flow_id=flow_id,
                content=text,
                version=1,
                status="PUBLISHED",
                now_ms=tx.now_ms,
            )
        )
    )


async def test_a_flow_that_could_not_run_is_never_stored(fixture: FlowFixture) -> None:
    with pytest.raises(Fault, match="LambdaFunctionARN is required") as refused:
        await fixture.flow(first=do("InvokeLambdaFunction"))
    problems: list[Any] = refused.value.members["problems"]
    assert len(problems) == 1
