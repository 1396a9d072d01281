"""The searches of all types of resource, by the same criteria, filters and pages."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.flows.fixture import FlowFixture
from tests.flows.flows import content, say
from tests.operations.admin_calls import create_queue, create_user, fresh
from tests.operations.flow_calls import MODULE
from tests.operations.hours_calls import create_hours
from tests.operations.refusals import INVALID, PARAMETER, refused
from tests.operations.setup_calls import create_profile, create_prompt
from threadline.resources import declaration
from threadline.testing import Threadline, Workspace

DUTCH, FRENCH = {"lang": "nl"}, {"lang": "fr"}


class Kind(NamedTuple):
    """A type of resource: how one is made, and the words of its search."""

    search: str
    member: str
    id: str
    make: Callable[..., Any]
    name: str = "name"


def _flow(workspace: Workspace, name: str, **members: Any) -> Any:
    given = {"Type": "CONTACT_FLOW", "Content": content(hello=say("hello"))} | members
    return workspace.connect.create_contact_flow(InstanceId=workspace.instance_id, Name=name, **given)


def _module(workspace: Workspace, name: str, **members: Any) -> Any:
    return workspace.connect.create_contact_flow_module(
        InstanceId=workspace.instance_id, Name=name, Content=MODULE, **members
    )


KINDS = [
    Kind("search_queues", "Queues", "QueueId", create_queue),
    Kind("search_users", "Users", "Id", create_user, "Username"),
    Kind("search_routing_profiles", "RoutingProfiles", "RoutingProfileId", create_profile),
    Kind("search_contact_flows", "ContactFlows", "Id", _flow),
    Kind("search_contact_flow_modules", "ContactFlowModules", "Id", _module),
    Kind("search_prompts", "Prompts", "PromptId", create_prompt),
    Kind("search_hours_of_operations", "HoursOfOperations", "HoursOfOperationId", create_hours),
]


def text(field: str, value: str, comparison: str = "EXACT") -> dict[str, Any]:
    return {"StringCondition": {"FieldName": field, "Value": value, "ComparisonType": comparison}}


def tag(value: str) -> dict[str, str]:
    return {"TagKey": "lang", "TagValue": value}


@pytest.mark.parametrize("kind", KINDS, ids=[each.search for each in KINDS])
def test_a_search_by_name_and_tags_a_page_at_a_time(threadline_server: Threadline, kind: Kind) -> None:
    server, mark = threadline_server, fresh("sought").replace(" ", "-")
    for name, tags in ((f"{mark}-a", DUTCH), (f"{mark}-b", FRENCH), (f"{mark}-c", DUTCH)):
        kind.make(server, name, Tags=tags)

    def reply(**members: Any) -> dict[str, Any]:
        return dict(getattr(server.connect, kind.search)(InstanceId=server.instance_id, **members))

    def found(criteria: dict[str, Any], **members: Any) -> list[str]:
        title = kind.name.title()
        return [each[title][-1] for each in reply(SearchCriteria=criteria, **members)[kind.member]]

    ours = text(kind.name, mark.upper(), "STARTS_WITH")
    first = reply(SearchCriteria=ours, MaxResults=2)
    assert (len(first[kind.member]), first["ApproximateTotalCount"]) == (2, 3)
    assert found(ours, MaxResults=2, NextToken=first["NextToken"]) == ["c"]
    assert found({"AndConditions": [ours, text(kind.name, "-b", "CONTAINS")]}) == ["b"]
    ids = [each[kind.id] for each in first[kind.member]]
    assert found({"OrConditions": [text("resourceId", each) for each in ids]}) == ["a", "b"]
    dutch = {"TagFilter": {"TagCondition": tag("nl")}}
    assert found(ours, SearchFilter=dutch) == ["a", "c"]
    either = {"TagFilter": {"OrConditions": [[tag("fr")], [tag("nl"), tag("xx")]]}}
    assert found(ours, SearchFilter=either) == ["b"]
    with refused(PARAMETER, "'Colour'"):
        reply(SearchCriteria=text("Colour", "red"))
    with refused(INVALID, "NextToken"):
        reply(NextToken="another")


def test_flows_by_their_type_state_and_status(threadline_server: Threadline) -> None:
    server, mark = threadline_server, fresh("typed")
    live = _flow(server, f"{mark} live", Tags=DUTCH)["ContactFlowId"]
    draft = _flow(server, f"{mark} draft", Type="CUSTOMER_QUEUE", Status="SAVED")["ContactFlowId"]
    old = _flow(server, f"{mark} old")["ContactFlowId"]
    server.connect.update_contact_flow_metadata(
        InstanceId=server.instance_id, ContactFlowId=old, ContactFlowState="ARCHIVED"
    )

    def found(condition: dict[str, Any], **members: Any) -> list[str]:
        criteria = {"AndConditions": [text("name", mark, "STARTS_WITH"), condition]}
        reply = server.connect.search_contact_flows(
            InstanceId=server.instance_id, SearchCriteria=criteria, **members
        )
        return [each["Id"] for each in reply["ContactFlows"]]

    assert found({"TypeCondition": "CUSTOMER_QUEUE"}) == [draft]
    [flow] = server.connect.search_contact_flows(
        InstanceId=server.instance_id, SearchCriteria=text("resourceID", live)
    )["ContactFlows"]
    described = server.connect.describe_contact_flow(InstanceId=server.instance_id, ContactFlowId=live)
    assert flow == described["ContactFlow"], "the content of a flow, too"
    assert found({"StateCondition": "ARCHIVED"}) == [old]
    assert found({"StatusCondition": "PUBLISHED"}) == [live, old]
    typed = {"TagConditions": [tag("nl")], "ContactFlowTypeCondition": {"ContactFlowType": "CONTACT_FLOW"}}
    assert found({}, SearchFilter={"FlowAttributeFilter": {"AndCondition": typed}}) == [live]
    assert found({}, SearchFilter={"FlowAttributeFilter": {"OrConditions": [typed]}}) == [live]


def test_users_and_routing_profiles_by_all_that_they_refer_to(threadline_server: Threadline) -> None:
    server = threadline_server
    queue = create_queue(server)["QueueId"]
    config = {"QueueReference": {"QueueId": queue, "Channel": "CHAT"}, "Priority": 1, "Delay": 0}
    profile = create_profile(server, QueueConfigs=[config])
    user = create_user(server, RoutingProfileId=profile, IdentityInfo={"FirstName": "Ada", "Email": "a@x.y"})
    profiles = server.connect.search_routing_profiles(
        InstanceId=server.instance_id, SearchCriteria=text("associatedQueueIds", queue)
    )["RoutingProfiles"]
    assert [(each["RoutingProfileId"], each["NumberOfAssociatedUsers"]) for each in profiles] == [
        (profile, 1)
    ]
    users = server.connect.search_users(
        InstanceId=server.instance_id,
        SearchCriteria={"AndConditions": [text("RoutingProfileId", profile), text("FirstName", "ada")]},
    )["Users"]
    assert [(each["Id"], each["IdentityInfo"]) for each in users] == [(user["UserId"], {"FirstName": "Ada"})]
    [security] = server.connect.search_security_profiles(
        InstanceId=server.instance_id, SearchCriteria=text("name", "agent")
    )["SecurityProfiles"]
    assert security["Id"] in users[0]["SecurityProfileIds"]
    with refused(PARAMETER, "HierarchyGroupCondition is not supported"):
        server.connect.search_users(
            InstanceId=server.instance_id, SearchCriteria={"HierarchyGroupCondition": {"Value": "x"}}
        )


async def test_a_list_that_shows_only_some_goes_on_until_its_page_is_full(
    fixture: FlowFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaration, "READ_AT_ONCE", 2)
    for number in range(7):
        members = {"name": f"module {number}", "content": MODULE}
        made = await fixture.call("connect", "CreateContactFlowModule", **members)
        if number in (1, 5, 6):
            changed = {"contact_flow_module_id": made["Id"], "state": "ARCHIVED"}
            await fixture.call("connect", "UpdateContactFlowModuleMetadata", **changed)

    async def names(limit: int, token: str | None = None) -> list[list[str]]:
        asked = {"contact_flow_module_state": "ARCHIVED", "max_results": limit, "next_token": token}
        reply = await fixture.call("connect", "ListContactFlowModules", **asked)
        page = [each["Name"][-1] for each in reply["ContactFlowModulesSummaryList"]]
        return [page, *(await names(limit, reply["NextToken"]) if reply["NextToken"] else [])]

    assert await names(1) == [["1"], ["5"], ["6"]]
    assert await names(2) == [["1", "5"], ["6"]]
    assert await names(3) == [["1", "5", "6"]]
