"""The calls of a Terraform run: an instance with all its parts is applied, planned, changed and destroyed.

The calls and their members are those of HashiCorp's provider (its resources aws_connect_*), read in its public source.
Pulumi's classic provider makes the same calls. A plan is empty when what is read equals what was configured.
"""

from typing import Any

import pytest

from tests.flows.flows import content, do, say
from tests.operations.refusals import NOT_FOUND, refused
from threadline.testing import Threadline

NINE, FIVE = {"Hours": 9, "Minutes": 0}, {"Hours": 17, "Minutes": 0}
ATTRIBUTES = {
    "AUTO_RESOLVE_BEST_VOICES": "true",
    "CONTACT_LENS": "true",
    "CONTACTFLOW_LOGS": "true",
    "EARLY_MEDIA": "true",
    "MULTI_PARTY_CONFERENCE": "false",
}
"""The attributes that the provider sets and reads, with its defaults."""
MEMBERS = {
    "hours_of_operation": ("HoursOfOperationId", "HoursOfOperation"),
    "contact_flow": ("ContactFlowId", "ContactFlow"),
    "contact_flow_module": ("ContactFlowModuleId", "ContactFlowModule"),
    "quick_connect": ("QuickConnectId", "QuickConnect"),
    "queue": ("QueueId", "Queue"),
    "routing_profile": ("RoutingProfileId", "RoutingProfile"),
    "prompt": ("PromptId", "Prompt"),
    "user": ("UserId", "User"),
}
"""For each resource, the member that has its id, and the member of the reply that describes it."""
WRITE_ONLY = {"S3Uri", "QueueConfigs", "QuickConnectIds"}
"""Members that are read by another call, or not at all."""


class TerraformRun:
    """A run of Terraform: the configuration of each resource, and the calls that its provider makes."""

    def __init__(self, server: Threadline) -> None:
        self.connect: Any = server.connect
        self.config: dict[tuple[str, str], dict[str, Any]] = {}
        made = self.connect.create_instance(
            IdentityManagementType="CONNECT_MANAGED",
            InboundCallsEnabled=True,
            OutboundCallsEnabled=False,
            InstanceAlias="terraform",
            Tags={"managed": "yes"},
        )
        self.of = {"InstanceId": made["Id"]}
        assert self.connect.describe_instance(**self.of)["Instance"]["InstanceStatus"] == "ACTIVE"
        for name in (name for name, value in ATTRIBUTES.items() if value == "true"):
            self.connect.update_instance_attribute(**self.of, AttributeType=name, Value="true")

    def create(self, noun: str, **config: Any) -> str:
        """Create a resource and return its id."""
        reply = getattr(self.connect, f"create_{noun}")(**self.of, **config)
        resource_id = str(reply.get(MEMBERS[noun][0]) or reply["Id"])
        self.config[noun, resource_id] = config
        return resource_id

    def read(self, noun: str, resource_id: str) -> dict[str, Any]:
        """What the provider reads of a resource."""
        name, reply = MEMBERS[noun]
        call = getattr(self.connect, f"describe_{noun}")
        found: dict[str, Any] = call(**self.of, **{name: resource_id})[reply]
        return found

    def update(self, noun: str, resource_id: str, operation: str, **members: Any) -> None:
        """Update members of a resource by one of the operations that it has for that."""
        named = {MEMBERS[noun][0]: resource_id}
        getattr(self.connect, operation)(**self.of, **named, **members)
        self.config[noun, resource_id].update(members)

    def plan(self) -> list[str]:
        """What differs between the configuration and what is read."""
        found = [
            f"{noun}: {member} is {read.get(member)}, not {value}"
            for (noun, resource_id), config in self.config.items()
            for read in (self.read(noun, resource_id),)
            for member, value in config.items()
            if member not in WRITE_ONLY and read.get(member) != value
        ]
        instance = self.connect.describe_instance(**self.of)["Instance"]
        if (instance["InboundCallsEnabled"], instance["OutboundCallsEnabled"]) != (True, False):
            found.append(f"instance: {instance}")
        for name, value in ATTRIBUTES.items():
            reply = self.connect.describe_instance_attribute(**self.of, AttributeType=name)
            if reply["Attribute"]["Value"] != value:
                found.append(f"instance: {name} is not {value}")
        return found

    def destroy(self) -> None:
        """Delete the resources, last first, and then the instance. What is deleted is not found any more."""
        for noun, resource_id in reversed(self.config):
            getattr(self.connect, f"delete_{noun}")(**self.of, **{MEMBERS[noun][0]: resource_id})
            with refused(NOT_FOUND):
                self.read(noun, resource_id)
        self.connect.delete_instance(**self.of)
        with refused(NOT_FOUND):
            self.connect.describe_instance(**self.of)

    def quick_connects_of(self, queue_id: str) -> list[str]:
        listed = self.connect.list_queue_quick_connects(**self.of, QueueId=queue_id, MaxResults=60)
        return [each["Id"] for each in listed["QuickConnectSummaryList"]]

    def queues_of(self, profile_id: str) -> list[tuple[str, int]]:
        listed = self.connect.list_routing_profile_queues(
            **self.of, RoutingProfileId=profile_id, MaxResults=60
        )
        return [
            (each["QueueId"], each["Priority"]) for each in listed["RoutingProfileQueueConfigSummaryList"]
        ]


@pytest.fixture
def run(threadline: Threadline) -> TerraformRun:
    return TerraformRun(threadline)


def module(text: str) -> str:
    return content(start=say(text), end=do("EndFlowModuleExecution", {}, None))


def of_queue(queue_id: str, priority: int) -> dict[str, Any]:
    return {
        "QueueReference": {"QueueId": queue_id, "Channel": "CHAT"},
        "Priority": priority,
        "Delay": 0,
    }


TAGS = {"managed": "yes"}


def targets(run: TerraformRun) -> dict[str, str]:
    """The ids of hours, flows, a queue and the quick connects to it, each created after those that it names."""
    hours = run.create(
        "hours_of_operation",
        Name="Office",
        Description="Weekdays",
        TimeZone="US/Eastern",
        Config=[{"Day": "MONDAY", "StartTime": NINE, "EndTime": FIVE}],
        Tags=TAGS,
    )
    flow = run.create(
        "contact_flow",
        Name="Transfer",
        Description="To a queue",
        Type="QUEUE_TRANSFER",
        Content=content(
            go=do("TransferContactToQueue", {}, None, QueueAtCapacity="end", NoMatchingError="end")
        ),
        Tags=TAGS,
    )
    part = run.create(
        "contact_flow_module", Name="Greeting", Description="Hello", Content=module("Hello"), Tags=TAGS
    )
    queue = run.create(
        "queue", Name="Sales", Description="Buyers", HoursOfOperationId=hours, MaxContacts=5, Tags=TAGS
    )
    quick = run.create(
        "quick_connect",
        Name="To sales",
        Description="Buyers",
        QuickConnectConfig={
            "QuickConnectType": "QUEUE",
            "QueueConfig": {"QueueId": queue, "ContactFlowId": flow},
        },
        Tags=TAGS,
    )
    phone = run.create(
        "quick_connect",
        Name="Front desk",
        QuickConnectConfig={
            "QuickConnectType": "PHONE_NUMBER",
            "PhoneConfig": {"PhoneNumber": "+15555550100"},
        },
        Tags=TAGS,
    )
    return {"hours": hours, "flow": flow, "module": part, "queue": queue, "quick": quick, "phone": phone}


def applied(run: TerraformRun) -> dict[str, str]:
    """The ids of all of an instance's resources."""
    ids = targets(run)
    support = run.create(
        "queue",
        Name="Support",
        HoursOfOperationId=ids["hours"],
        QuickConnectIds=[ids["quick"], ids["phone"]],
        Tags=TAGS,
    )
    profile = run.create(
        "routing_profile",
        Name="Chat",
        Description="Chats alone",
        DefaultOutboundQueueId=ids["queue"],
        MediaConcurrencies=[{"Channel": "CHAT", "Concurrency": 3}],
        QueueConfigs=[of_queue(ids["queue"], 1)],
        Tags=TAGS,
    )
    prompt = run.create("prompt", Name="Beep", S3Uri="s3://sounds/beep.wav", Tags=TAGS)
    security = run.connect.list_security_profiles(**run.of)["SecurityProfileSummaryList"][0]["Id"]
    user = run.create(
        "user",
        Username="sam",
        IdentityInfo={"FirstName": "Sam", "LastName": "Lee"},
        PhoneConfig={"PhoneType": "SOFT_PHONE", "AutoAccept": False},
        RoutingProfileId=profile,
        SecurityProfileIds=[security],
        Tags=TAGS,
    )
    return {**ids, "support": support, "profile": profile, "prompt": prompt, "user": user}


def test_a_plan_after_an_apply_is_empty(run: TerraformRun) -> None:
    ids = applied(run)
    assert run.plan() == []
    assert sorted(run.quick_connects_of(ids["support"])) == sorted([ids["quick"], ids["phone"]])
    assert run.queues_of(ids["profile"]) == [(ids["queue"], 1)]


def test_a_plan_after_a_change_is_empty(run: TerraformRun) -> None:
    ids = applied(run)
    friday = [{"Day": "FRIDAY", "StartTime": NINE, "EndTime": FIVE}]
    run.update(
        "hours_of_operation",
        ids["hours"],
        "update_hours_of_operation",
        Name="Office",
        Description="Fridays",
        TimeZone="Europe/Berlin",
        Config=friday,
    )
    run.update("queue", ids["queue"], "update_queue_max_contacts", MaxContacts=7)
    run.update("queue", ids["queue"], "update_queue_name", Name="Shop", Description="Buyers of all")
    run.update("queue", ids["queue"], "update_queue_status", Status="DISABLED")
    run.update("contact_flow", ids["flow"], "update_contact_flow_name", Name="Handover", Description="x")
    other = content(start=say("Now transferring."))
    run.update("contact_flow", ids["flow"], "update_contact_flow_content", Content=other)
    run.update(
        "contact_flow_module",
        ids["module"],
        "update_contact_flow_module_metadata",
        Name="Welcome",
        Description="Welcome",
    )
    run.update(
        "contact_flow_module", ids["module"], "update_contact_flow_module_content", Content=module("Welcome")
    )
    assert run.plan() == []


def test_a_plan_after_a_change_of_routes_is_empty(run: TerraformRun) -> None:
    ids = applied(run)
    run.update(
        "quick_connect", ids["quick"], "update_quick_connect_name", Name="To the shop", Description="y"
    )
    run.update(
        "quick_connect",
        ids["phone"],
        "update_quick_connect_config",
        QuickConnectConfig={
            "QuickConnectType": "PHONE_NUMBER",
            "PhoneConfig": {"PhoneNumber": "+15555550199"},
        },
    )
    run.update(
        "routing_profile",
        ids["profile"],
        "update_routing_profile_concurrency",
        MediaConcurrencies=[{"Channel": "CHAT", "Concurrency": 5}],
    )
    run.update(
        "routing_profile",
        ids["profile"],
        "update_routing_profile_default_outbound_queue",
        DefaultOutboundQueueId=ids["support"],
    )
    run.update(
        "routing_profile", ids["profile"], "update_routing_profile_name", Name="Chats", Description="z"
    )
    run.update("prompt", ids["prompt"], "update_prompt", Name="Gong")
    run.update(
        "user",
        ids["user"],
        "update_user_identity_info",
        IdentityInfo={"FirstName": "Samira", "LastName": "Lee"},
    )
    of = run.of
    run.connect.disassociate_queue_quick_connects(
        **of, QueueId=ids["support"], QuickConnectIds=[ids["phone"]]
    )
    run.connect.disassociate_routing_profile_queues(
        **of,
        RoutingProfileId=ids["profile"],
        QueueReferences=[{"QueueId": ids["queue"], "Channel": "CHAT"}],
    )
    run.connect.associate_routing_profile_queues(
        **of, RoutingProfileId=ids["profile"], QueueConfigs=[of_queue(ids["support"], 2)]
    )
    assert run.plan() == []
    assert run.quick_connects_of(ids["support"]) == [ids["quick"]]
    assert run.queues_of(ids["profile"]) == [(ids["support"], 2)]


def test_tags_are_changed_by_the_arn_of_each_resource(run: TerraformRun) -> None:
    applied(run)
    for (noun, resource_id), config in run.config.items():
        found = run.read(noun, resource_id)
        arn = next(value for name, value in found.items() if name.lower().endswith("arn"))
        run.connect.tag_resource(resourceArn=arn, tags={"team": "blue"})
        run.connect.untag_resource(resourceArn=arn, tagKeys=["managed"])
        config["Tags"] = {"team": "blue"}
        assert run.connect.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "blue"}
    assert run.plan() == []


def test_a_destroy_leaves_nothing(run: TerraformRun) -> None:
    applied(run)
    run.destroy()


def test_a_repeated_create_of_a_lost_answer_fails_by_name(run: TerraformRun) -> None:
    """The provider sends no ClientToken for resources, so a repeated create is told that the name is taken."""
    applied(run)
    with refused(("DuplicateResourceException", 409), "Beep"):
        run.create("prompt", Name="Beep", S3Uri="s3://sounds/beep.wav")
