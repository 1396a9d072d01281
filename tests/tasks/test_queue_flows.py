"""Flows beside the first one: in a queue, at an agent's arrival, in another flow, and after the agent has left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.flows.fixture import FlowChat, FlowFixture
from tests.flows.flows import END, Document, content, do, on, say, wait
from threadline.chat.hours import DAYS
from threadline.errors import Fault

QUEUE_END: Document = {"Type": "EndFlowExecution", "Parameters": {}, "Transitions": {}}


def hook(name: str, flow_id: str, then: str) -> Document:
    return do("UpdateContactEventHooks", {"EventHooks": {name: flow_id}}, then, NoMatchingError="end")


async def queued(fixture: FlowFixture, **hooks: str) -> FlowChat:
    """A chat that waits in the workspace's queue, with these hooks set by its flow."""
    names = [*hooks, "queue"]
    actions = {
        name: hook(name, flow_id, following)
        for (name, flow_id), following in zip(hooks.items(), names[1:], strict=True)
    }
    return await fixture.run(
        **actions,
        queue=do("UpdateContactTargetQueue", {"QueueId": fixture.workspace.queue_id}, "enter"),
        enter=do("TransferContactToQueue", {}, None, QueueAtCapacity="end", NoMatchingError="end"),
    )


async def test_the_queue_flow_of_the_hook_runs_while_the_chat_waits(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow(
        "waiting",
        "PUBLISHED",
        "CUSTOMER_QUEUE",
        hello=say("You wait in $.Queue.Name.", "pause"),
        pause=wait("60", "hello"),
    )
    chat = await queued(fixture, CustomerQueue=flow_id)
    await fixture.pass_time(60)
    await fixture.pass_time(60)
    assert await fixture.said(chat) == ["You wait in Support."] * 3
    await fixture.agent(chat.contact_id)
    await fixture.pass_time(600)
    assert len(await fixture.said(chat)) == 3, "the flow goes on after an agent has accepted"


async def test_the_default_queue_flow_is_not_run_while_it_is_silent(fixture: FlowFixture) -> None:
    chat = await queued(fixture)
    assert (await fixture.flow_state(chat), await fixture.reason(chat)) == (None, None)


async def test_the_default_queue_flow_runs_where_no_hook_is_set(fixture: FlowFixture) -> None:
    announce = do("MessageParticipantIteratively", {"Messages": [{"Text": "one"}, {"Text": "two"}]}, None)
    listed = await fixture.call("connect", "ListContactFlows", contact_flow_types=["CUSTOMER_QUEUE"])
    [default] = [
        each for each in listed["ContactFlowSummaryList"] if each["Name"] == "Default customer queue"
    ]
    await fixture.call(
        "connect",
        "UpdateContactFlowContent",
        contact_flow_id=default["Id"],
        content=content(first=announce, end=QUEUE_END),
    )
    chat = await queued(fixture)
    await fixture.pass_time(3_600)
    assert await fixture.said(chat) == ["one", "two"]
    assert await fixture.reason(chat) is None


async def test_the_end_of_a_queue_flow_leaves_the_chat_in_its_queue(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow("once", "PUBLISHED", "CUSTOMER_QUEUE", hello=say("once"), end=QUEUE_END)
    chat = await queued(fixture, CustomerQueue=flow_id)
    assert (await fixture.reason(chat), await fixture.said(chat)) == (None, ["once"])
    await fixture.agent(chat.contact_id)


async def test_a_queue_flow_that_disconnects_ends_the_chat(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow(
        "over", "PUBLISHED", "CUSTOMER_QUEUE", hello=say("Try again tomorrow"), end=END
    )
    chat = await queued(fixture, CustomerQueue=flow_id)
    assert await fixture.reason(chat) == "CONTACT_FLOW_DISCONNECT"


async def test_a_queue_flow_moves_the_chat_to_another_queue_as_a_new_contact(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow(
        "move",
        "PUBLISHED",
        "CUSTOMER_QUEUE",
        pause=wait("30", "move"),
        move=do(
            "DequeueContactAndTransferToQueue",
            {"QueueId": fixture.workspace.queue_id},
            None,
            QueueAtCapacity="end",
            NoMatchingError="end",
        ),
        end=QUEUE_END,
    )
    chat = await queued(fixture, CustomerQueue=flow_id)
    await fixture.pass_time(30)
    first, second = await fixture.rows("contacts_of_session", session=chat.caller.session)
    assert "QUEUE_TRANSFER" in second
    assert (await fixture.contact(first[3]))["DisconnectTimestamp"] is not None
    await fixture.agent(second[3])


async def test_whispers_are_shown_to_the_one_they_are_for(fixture: FlowFixture) -> None:
    to_agent = await fixture.flow(
        "a", "PUBLISHED", "AGENT_WHISPER", hi=say("An important customer"), end=QUEUE_END
    )
    to_customer = await fixture.flow(
        "c", "PUBLISHED", "CUSTOMER_WHISPER", hi=say("$.Agent.FirstName joins"), end=QUEUE_END
    )
    chat = await queued(fixture, AgentWhisper=to_agent, CustomerWhisper=to_customer)
    agent = await fixture.agent(chat.contact_id)
    seen = [
        [
            item["Content"]
            for item in (await fixture.act(one, "GetTranscript"))["Transcript"]
            if "Content" in item
        ]
        for one in (chat.caller, agent)
    ]
    assert seen == [["Alex joins"], ["An important customer"]]


async def test_an_agents_own_queue_offers_the_chat_to_that_agent(fixture: FlowFixture) -> None:
    own = fixture.workspace.agents["a2"]
    chat = await fixture.run(
        target=do("UpdateContactTargetQueue", {"AgentId": own}, "enter", NoMatchingError="end"),
        enter=do("TransferContactToQueue", {}, None, QueueAtCapacity="end", NoMatchingError="end"),
    )
    with pytest.raises(Fault, match="offered to user"):
        await fixture.agent(chat.contact_id, "a1")
    await fixture.agent(chat.contact_id, "a2")


async def test_another_flow_goes_on_with_the_same_contact_and_keeps_its_content(fixture: FlowFixture) -> None:
    there = await fixture.flow("there", pause=wait("60", "hello"), hello=say("there"))
    transfer = do("TransferToFlow", {"ContactFlowId": there}, "end", NoMatchingError="end")
    chat = await fixture.run(start=say("here", "go"), go=transfer)
    await fixture.call(
        "connect", "UpdateContactFlowContent", contact_flow_id=there, content=_content("changed")
    )
    await fixture.pass_time(60)
    assert await fixture.said(chat) == ["here", "there"]
    assert await fixture.reason(chat) == "CONTACT_FLOW_DISCONNECT"


def _content(text: str) -> str:
    from tests.flows.flows import content

    return content(hello=say(text))


async def test_a_customer_who_returns_to_the_disconnect_flow_is_queued_again(fixture: FlowFixture) -> None:
    """The shape of AWS's sample disconnect flow: wait, thank or queue again, without naming the queue."""
    after = await fixture.flow(
        "after",
        start=say("Write again within 15 minutes", "pause"),
        pause=wait("900", "bye", returned="again", NoMatchingError="bye"),
        bye=say("Goodbye", "end"),
        again=do("TransferContactToQueue", {}, None, QueueAtCapacity="end", NoMatchingError="end"),
    )
    chat = await queued(fixture, CustomerRemaining=after)
    agent = await fixture.agent(chat.contact_id)
    await fixture.act(agent, "DisconnectParticipant")
    await fixture.act(chat.caller, "SendMessage", content_type="text/plain", content="one more thing")
    _, second = await fixture.rows("contacts_of_session", session=chat.caller.session)
    await fixture.agent(second[3], "a2")
    assert await fixture.reason(chat) == "AGENT_DISCONNECT"


async def test_data_and_tags_are_kept_on_the_contact(fixture: FlowFixture) -> None:
    chat = await fixture.run(
        data=do("UpdateContactData", {"Name": "Order", "LanguageCode": "de-DE", "CustomerId": "ada"}, "tag"),
        tag=do("TagContact", {"Tags": {"tier": "gold", "old": "x"}}, "untag", NoMatchingError="end"),
        untag=do("UntagContact", {"TagKeys": ["old"]}, "show", NoMatchingError="end"),
        show=say("$.Name $.LanguageCode $.CustomerId $.Tags.tier$.Tags.old $.Media.InitialMessage", "stay"),
        stay=wait("60"),
    )
    assert await fixture.said(chat) == ["Order de-DE ada gold "]
    contact = await fixture.contact(chat.contact_id)
    shown = {name: contact.get(name) for name in ("Name", "CustomerId", "Tags")}
    assert shown == {"Name": "Order", "CustomerId": "ada", "Tags": {"tier": "gold"}}


async def test_the_initial_message_can_be_read(fixture: FlowFixture) -> None:
    flow_id = await fixture.flow(
        "first", start=say("You said: $.Media.InitialMessage", "stay"), stay=wait("60")
    )
    message = {"ContentType": "text/plain", "Content": "Hello?"}
    chat = await fixture.start(flow_id, initial_message=message)
    assert await fixture.said(chat) == ["You said: Hello?"]


@pytest.mark.parametrize(
    ("minutes", "shown"), [(0, "closed"), (59, "closed"), (60, "open"), (119, "open"), (120, "closed")]
)
async def test_hours_of_operation_decide(fixture: FlowFixture, minutes: int, shown: str) -> None:
    """The hours are open from one hour after now for an hour; the flow is asked some minutes from now."""
    begin = datetime.fromtimestamp(fixture.clock.now_ms() / 1_000, UTC).replace(minute=0)
    fixture.clock.advance(seconds=3_600 - fixture.clock.now_ms() / 1_000 % 3_600)
    begin += timedelta(hours=2)
    end = begin + timedelta(hours=1)
    times = [{"Hours": each.hour, "Minutes": 0} for each in (begin, end)]
    config = [{"Day": day, "StartTime": times[0], "EndTime": times[1]} for day in DAYS]
    made = await fixture.call("connect", "CreateHoursOfOperation", name="h", time_zone="UTC", config=config)
    fixture.clock.advance(seconds=minutes * 60)
    for member in ("HoursOfOperationId", "HoursOfOperationArn"):
        flow_id = await fixture.flow(f"by {member}", **checking({"HoursOfOperationId": made[member]}))
        assert await fixture.said(await fixture.start(flow_id)) == [shown]


def checking(parameters: Document) -> dict[str, Document]:
    """The actions of a flow that says whether hours of operation are open."""
    check = do("CheckHoursOfOperation", parameters, None, NoMatchingError="failed")
    return {
        "check": on(check, ("Equals", ["True"], "open"), ("Equals", ["False"], "closed")),
        "open": say("open", "stay"),
        "closed": say("closed", "stay"),
        "failed": say("failed", "stay"),
        "stay": wait("60"),
    }


async def test_the_hours_of_the_queue_decide_where_none_are_named(fixture: FlowFixture) -> None:
    never = await fixture.call("connect", "CreateHoursOfOperation", name="never", time_zone="UTC", config=[])
    of = {"queue_id": fixture.workspace.queue_id}
    choose = do("UpdateContactTargetQueue", {"QueueId": of["queue_id"]}, "check")
    flow_id = await fixture.flow("of the queue", choose=choose, **checking({}))
    assert await fixture.said(await fixture.start(flow_id)) == ["open"], "Basic Hours are always open"
    await fixture.call(
        "connect",
        "UpdateQueueHoursOfOperation",
        **of,
        hours_of_operation_id=never["HoursOfOperationId"],
    )
    assert await fixture.said(await fixture.start(flow_id)) == ["closed"]


@pytest.mark.parametrize("parameters", [{}, {"HoursOfOperationId": "no-such-hours"}])
async def test_hours_that_are_not_there_take_the_error_branch(
    fixture: FlowFixture, parameters: Document
) -> None:
    assert await fixture.said(await fixture.run(**checking(parameters))) == ["failed"]


async def test_every_user_counts_as_an_available_agent(fixture: FlowFixture) -> None:
    of = {"QueueId": fixture.workspace.queue_id}
    staffing = do(
        "CheckMetricData",
        {"MetricType": "NumberOfAgentsAvailable", **of},
        None,
        NoMatchingCondition="none",
        NoMatchingError="none",
    )
    shown = "$.Metrics.Agents.Available.Count of $.Metrics.Agents.Online.Count, $.Metrics.Queue.Size waiting"
    chat = await fixture.run(
        check=on(staffing, ("NumberGreaterThan", ["0"], "read")),
        none=say("nobody", "stay"),
        read=do("GetMetricData", of, "some", NoMatchingError="none"),
        some=say(shown, "stay"),
        stay=wait("60"),
    )
    assert await fixture.said(chat) == ["2 of 2, 0 waiting"]


async def test_metrics_of_a_queue_decide(fixture: FlowFixture) -> None:
    await queued(fixture)
    await fixture.pass_time(90)
    check = on(
        do(
            "CheckMetricData",
            {"MetricType": "NumberOfContactsInQueue", "QueueId": fixture.workspace.queue_id},
            None,
            NoMatchingCondition="few",
            NoMatchingError="end",
        ),
        ("NumberGreaterOrEqualTo", ["1"], "read"),
    )
    read: Any = do("GetMetricData", {"QueueId": fixture.workspace.queue_id}, "many", NoMatchingError="end")
    many = say("$.Metrics.Queue.ContactsInQueue for $.Metrics.Queue.OldestContactInQueueAgeSeconds s", "stay")
    chat = await fixture.start(
        await fixture.flow("m", check=check, few=say("few"), read=read, many=many, stay=wait("60"))
    )
    assert await fixture.said(chat) == ["1 for 90 s"]


@pytest.mark.parametrize(("limit", "said"), [("89000", "long"), ("91000", "short")])
async def test_the_age_of_the_oldest_contact_is_compared_in_milliseconds(
    fixture: FlowFixture, limit: str, said: str
) -> None:
    await queued(fixture)
    await fixture.pass_time(90)
    of = {"MetricType": "OldestContactInQueueAgeSeconds", "QueueId": fixture.workspace.queue_id}
    check = do("CheckMetricData", of, None, NoMatchingCondition="short", NoMatchingError="end")
    flow_id = await fixture.flow(
        "age",
        check=on(check, ("NumberGreaterThan", [limit], "long")),
        long=say("long", "stay"),
        short=say("short", "stay"),
        stay=wait("60"),
    )
    assert await fixture.said(await fixture.start(flow_id)) == [said]
