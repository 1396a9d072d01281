"""The sample flows that an instance of Amazon Connect has, in our own words: they load, and a chat goes through them.

Each has the blocks, parameters and branches of the sample whose name it bears. The sample disconnect flow is a play:
tests/scenarios/customer-returns-after-the-agent.play.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.flows import Document, content, do, on, say
from threadline.testing import Threadline

SOUND = {"StoreInput": "False", "InputTimeLimitSeconds": "5"}
STORED = {
    "StoreInput": "True",
    "InputTimeLimitSeconds": "6",
    "InputValidation": {"CustomValidation": {"MaximumLength": "20"}},
    "InputEncryption": {"EncryptionKeyId": "key-1", "Key": "-----BEGIN CERTIFICATE-----"},
}
PASSED = {"NoMatchingError": "sorry"}
SORRY = {"sorry": say("Something went wrong.")}


def menu(then: str, **branches: str) -> Document:
    """Get customer input by digits, which takes the branch `then` on a chat."""
    errors = dict.fromkeys(("InputTimeLimitExceeded", "NoMatchingCondition", "NoMatchingError"), then)
    block = do("GetParticipantInput", {"Text": "Press a key.", **SOUND}, then, **errors)
    return on(block, *(("Equals", [key[1:]], target) for key, target in branches.items()))


def of_channel(chat: str, other: str) -> Document:
    check = do("Compare", {"ComparisonValue": "$.Channel"}, other, NoMatchingCondition=other)
    return on(check, ("Equals", ["CHAT"], chat), ("Equals", ["TASK"], chat))


def staffed(then: str, none: str) -> Document:
    check = do(
        "CheckMetricData", {"MetricType": "NumberOfAgentsStaffed"}, none, **PASSED, NoMatchingCondition=none
    )
    return on(check, ("NumberGreaterThan", ["0"], then))


def hours(then: str, closed: str) -> Document:
    return on(
        do("CheckHoursOfOperation", {}, closed, **PASSED),
        ("Equals", ["True"], then),
        ("Equals", ["False"], closed),
    )


def queue(then: str) -> Document:
    return do("UpdateContactTargetQueue", {"QueueId": "${queue}"}, then, **PASSED)


def transfer() -> Document:
    return do("TransferContactToQueue", {}, "sorry", QueueAtCapacity="sorry", **PASSED)


AB_TEST = {
    "roll": on(
        do("DistributeByPercentage", {}, "rest", NoMatchingCondition="rest"),
        ("NumberLessThan", ["4"], "two"),
        ("NumberLessThan", ["10"], "three"),
    ),
    "two": say("You have rolled a 2."),
    "three": say("You have rolled a 3."),
    "rest": say("You have rolled more than 3."),
}
CUSTOMER_QUEUE_PRIORITY = {
    "key": menu("first", _1="first", _2="sooner"),
    "first": do("UpdateContactRoutingBehavior", {"QueuePriority": "1"}, "told"),
    "sooner": do("UpdateContactRoutingBehavior", {"QueueTimeAdjustmentSeconds": "600"}, "told"),
    "told": say("You go to the front.", "queue"),
    "queue": queue("transfer"),
    "transfer": transfer(),
    **SORRY,
}
QUEUE_CUSTOMER = {
    "queue": queue("hours"),
    "hours": hours("staffed", "closed"),
    "staffed": staffed("told", "closed"),
    "told": say("You are in the queue.", "transfer"),
    "transfer": transfer(),
    "closed": say("We are closed."),
    **SORRY,
}
QUEUE_CONFIGURATIONS = {
    "channel": of_channel("queue", "sorry"),
    "queue": queue("hook"),
    "hook": do("UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": "${waiting}"}}, "age", **PASSED),
    "age": on(
        do(
            "CheckMetricData",
            {"MetricType": "OldestContactInQueueAgeSeconds"},
            "sorry",
            NoMatchingCondition="long",
            **PASSED,
        ),
        ("NumberLessThan", ["300000"], "short"),
    ),
    "short": say("You wait less than five minutes.", "transfer"),
    "long": say("You wait longer than five minutes.", "transfer"),
    "transfer": transfer(),
    **SORRY,
}
INTERRUPTIBLE_QUEUE_FLOW_WITH_CALLBACK = {
    "loop": on(
        do(
            "MessageParticipantIteratively",
            {"Messages": [{"Text": "Please wait."}, {"PromptId": "p"}], "InterruptFrequencySeconds": "30"},
            None,
        ),
        ("Equals", ["MessagesInterrupted"], "key"),
    ),
    "key": menu("loop", _1="number", _2="back"),
    "number": do(
        "UpdateContactCallbackNumber",
        {"CallbackNumber": "$.StoredCustomerInput"},
        "callback",
        InvalidCallbackNumber="loop",
        CallbackNumberNotDialable="loop",
    ),
    "callback": do(
        "CreateCallbackContact",
        {"InitialCallDelaySeconds": "5", "MaximumConnectionAttempts": "1", "RetryDelaySeconds": "600"},
        **PASSED,
    ),
    "back": do("EndFlowExecution", {}, None),
    **SORRY,
}
LAMBDA_INTEGRATION = {
    "told": say("One moment.", "ask"),
    "ask": do(
        "InvokeLambdaFunction",
        {"LambdaFunctionARN": "state-look-up", "InvocationTimeLimitSeconds": "4"},
        "known",
        **PASSED,
    ),
    "known": say("You call from $.External.State.", "check"),
    "check": on(
        do("Compare", {"ComparisonValue": "$.External.State"}, "elsewhere", NoMatchingCondition="elsewhere"),
        ("Equals", ["Washington"], "near"),
    ),
    "near": say("That is near us."),
    "elsewhere": say("That is far away."),
    **SORRY,
}
RECORDING_BEHAVIOR = {
    "record": do(
        "UpdateContactRecordingBehavior",
        {"RecordingBehavior": {"RecordedParticipants": ["Agent", "Customer"]}},
        "told",
    ),
    "told": say("Both sides are recorded.", "on"),
    "on": do("TransferToFlow", {"ContactFlowId": "${queue_customer}"}, "sorry", **PASSED),
    **SORRY,
}
NOTE_FOR_SCREENPOP = {
    "note": do(
        "UpdateContactAttributes", {"Attributes": {"note": "Hello agent"}, "TargetContact": "Current"}, "told"
    ),
    "told": say("The agent sees: $.Attributes.note.", "on"),
    "on": do("TransferToFlow", {"ContactFlowId": "${queue_customer}"}, "sorry", **PASSED),
    **SORRY,
}
SECURE_INPUT_WITH_NO_AGENT = {
    "number": do("GetParticipantInput", {"Text": "Card number?", **STORED}, "keep", NoMatchingError="none"),
    "keep": do("UpdateContactAttributes", {"Attributes": {"card": "$.StoredCustomerInput"}}, **PASSED),
    "none": say("A chat has no keys for a card number."),
    **SORRY,
}
SECURE_INPUT_WITH_AGENT = {
    "hold": do(
        "UpdatePreviousContactParticipantState",
        {"PreviousContactParticipantState": "OffHold"},
        "number",
        **PASSED,
    ),
    **SECURE_INPUT_WITH_NO_AGENT,
}
INBOUND = {
    "hook": do(
        "UpdateContactEventHooks", {"EventHooks": {"CustomerRemaining": "${queue_customer}"}}, "channel"
    ),
    "channel": of_channel("hello", "greeted"),
    "greeted": on(
        do("Compare", {"ComparisonValue": "$.Attributes.greeted"}, "mark", NoMatchingCondition="mark"),
        ("Equals", ["true"], "key"),
    ),
    "mark": do(
        "UpdateContactAttributes", {"Attributes": {"greeted": "true"}, "TargetContact": "Current"}, "key"
    ),
    "key": menu("hello", _1="on", _2="task"),
    "hello": say("Thanks for writing to us.", "on"),
    "task": do("CreateTask", {"Name": "Call back", "ContactFlowId": "${queue_customer}"}, "sorry", **PASSED),
    "on": do("TransferToFlow", {"ContactFlowId": "${queue_customer}"}, "sorry", **PASSED),
    **SORRY,
}
SEEN: dict[str, tuple[dict[str, Document], list[str]]] = {
    "customer queue priority": (CUSTOMER_QUEUE_PRIORITY, ["You go to the front."]),
    "queue configurations": (QUEUE_CONFIGURATIONS, ["You wait less than five minutes.", "Please wait."]),
    "lambda integration": (LAMBDA_INTEGRATION, ["You call from Washington.", "That is near us."]),
    "recording behavior": (RECORDING_BEHAVIOR, ["Both sides are recorded.", "You are in the queue."]),
    "note for screenpop": (NOTE_FOR_SCREENPOP, ["The agent sees: Hello agent.", "You are in the queue."]),
    "secure input with no agent": (SECURE_INPUT_WITH_NO_AGENT, ["A chat has no keys for a card number."]),
    "inbound flow": (INBOUND, ["Thanks for writing to us.", "You are in the queue."]),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Threadline]:
    with Threadline() as server:
        server.lambda_("state-look-up", lambda event, context: {"State": "Washington"})
        yield server


@pytest.fixture(scope="module")
def ids(server: Threadline) -> dict[str, str]:
    """The ids that the flows name."""
    queues = server.connect.list_queues(InstanceId=server.instance_id, QueueTypes=["STANDARD"])
    ids = {"queue": queues["QueueSummaryList"][0]["Id"]}
    ids["queue_customer"] = created(server, "Queue customer", QUEUE_CUSTOMER, ids)
    ids["waiting"] = created(server, "Waiting", INTERRUPTIBLE_QUEUE_FLOW_WITH_CALLBACK, ids, "CUSTOMER_QUEUE")
    return ids


def created(
    server: Threadline, name: str, actions: dict[str, Any], ids: dict[str, str], kind: str = "CONTACT_FLOW"
) -> str:
    text = content(**actions)
    for placeholder, value in ids.items():
        text = text.replace(f"${{{placeholder}}}", value)
    assert "${" not in text, text
    flow = server.connect.create_contact_flow(
        InstanceId=server.instance_id, Name=name, Type=kind, Content=text
    )
    flow_id: str = flow["ContactFlowId"]
    return flow_id


@pytest.mark.parametrize("name", SEEN)
def test_a_chat_goes_through_a_sample_flow(server: Threadline, ids: dict[str, str], name: str) -> None:
    actions, seen = SEEN[name]
    casey = server.customer(ContactFlowId=created(server, name, actions, ids))
    for text in seen:
        casey.see(text)


def test_a_chat_takes_one_branch_of_the_sample_ab_test(server: Threadline, ids: dict[str, str]) -> None:
    casey = server.customer(ContactFlowId=created(server, "AB test", AB_TEST, ids))
    said = casey.see(ParticipantRole="SYSTEM")["Content"]
    assert said in [AB_TEST[name]["Parameters"]["Text"] for name in ("two", "three", "rest")]


def test_the_sample_with_an_agent_loads_as_a_transfer_flow(server: Threadline, ids: dict[str, str]) -> None:
    created(server, "Secure input with agent", SECURE_INPUT_WITH_AGENT, ids, "QUEUE_TRANSFER")
