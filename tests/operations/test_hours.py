"""Hours of operation and their overrides, as boto3 sees them."""

from typing import Any

import pytest

from tests.operations.admin_calls import create_queue, fresh
from tests.operations.hours_calls import FIVE, MONDAYS, NINE, create_hours, create_override
from tests.operations.refusals import INVALID, NOT_FOUND, PARAMETER, QUOTA, answer, refused
from threadline.testing import Threadline, Workspace

DUPLICATE = ("DuplicateResourceException", 409)
LIMIT = ("LimitExceededException", 429)
TIME = {"Hours": 8, "Minutes": 30}


def hours_of_id(server: Workspace, hours_id: str) -> dict[str, Any]:
    reply = server.connect.describe_hours_of_operation(
        InstanceId=server.instance_id, HoursOfOperationId=hours_id
    )
    found: dict[str, Any] = reply["HoursOfOperation"]
    return found


def effective(server: Workspace, hours_id: str, first: str, last: str) -> dict[str, Any]:
    reply = server.connect.get_effective_hours_of_operations(
        InstanceId=server.instance_id, HoursOfOperationId=hours_id, FromDate=first, ToDate=last
    )
    return answer(reply)


def open_on(server: Workspace, hours_id: str, day: str) -> list[tuple[int, int]]:
    [found] = effective(server, hours_id, day, day)["EffectiveHoursOfOperationList"]
    return [(each["Start"]["Hours"], each["End"]["Hours"]) for each in found["OperationalHours"]]


def test_hours_are_created_described_changed_and_deleted(threadline_server: Threadline) -> None:
    server = threadline_server
    name = fresh("shop")
    hours_id = create_hours(server, name, TimeZone="America/New_York", Description="Shop", Tags={"a": "b"})
    hours = hours_of_id(server, hours_id)
    assert hours.pop("LastModifiedTime")
    assert hours == {
        "HoursOfOperationId": hours_id,
        "HoursOfOperationArn": hours["HoursOfOperationArn"],
        "Name": name,
        "Description": "Shop",
        "TimeZone": "America/New_York",
        "Config": MONDAYS,
        "Tags": {"a": "b"},
        "LastModifiedRegion": "us-east-1",
    }
    of = {"InstanceId": server.instance_id, "HoursOfOperationId": hours["HoursOfOperationArn"]}
    changed = [{"Day": "SUNDAY", "StartTime": TIME, "EndTime": FIVE}]
    server.connect.update_hours_of_operation(**of, TimeZone="US/Pacific", Config=changed)
    after = hours_of_id(server, hours_id)
    assert (after["TimeZone"], after["Config"], after["Name"]) == ("US/Pacific", changed, name)
    server.connect.delete_hours_of_operation(**of)
    with refused(NOT_FOUND, "Hours of operation not found"):
        hours_of_id(server, hours_id)


def test_wrong_hours_are_refused_in_words(threadline_server: Threadline) -> None:
    server = threadline_server
    name = fresh("twice")
    hours_id = create_hours(server, name)
    with refused(DUPLICATE, name):
        create_hours(server, name)
    for zone in ("Mars/Olympus", "../../etc/passwd", "x" * 5_000, "Europe"):
        with refused(PARAMETER, "is no time zone"):
            create_hours(server, TimeZone=zone)
    with refused(PARAMETER, "is no time zone"):
        server.connect.update_hours_of_operation(
            InstanceId=server.instance_id, HoursOfOperationId=hours_id, TimeZone="nowhere"
        )


def test_hours_that_a_queue_has_are_not_deleted(threadline_server: Threadline) -> None:
    server = threadline_server
    hours_id = create_hours(server)
    queue_id = create_queue(server, HoursOfOperationId=hours_id)["QueueId"]
    of = {"InstanceId": server.instance_id, "HoursOfOperationId": hours_id}
    with refused(INVALID, "uses hours of operation"):
        server.connect.delete_hours_of_operation(**of)
    server.connect.delete_queue(InstanceId=server.instance_id, QueueId=queue_id)
    server.connect.delete_hours_of_operation(**of)


def test_an_override_is_created_described_listed_changed_and_deleted(threadline_server: Threadline) -> None:
    server = threadline_server
    hours_id = create_hours(server)
    of = {"InstanceId": server.instance_id, "HoursOfOperationId": hours_id}
    recurs = {
        "RecurrencePattern": {"Frequency": "YEARLY", "Interval": 1, "ByMonth": [12], "ByMonthDay": [25]}
    }
    override_id = create_override(
        server, hours_id, "Christmas", Description="Closed", OverrideType="CLOSED", RecurrenceConfig=recurs
    )
    one = of | {"HoursOfOperationOverrideId": override_id}
    described = server.connect.describe_hours_of_operation_override(**one)["HoursOfOperationOverride"]
    assert described == {
        "HoursOfOperationOverrideId": override_id,
        "HoursOfOperationId": hours_id,
        "HoursOfOperationArn": hours_of_id(server, hours_id)["HoursOfOperationArn"],
        "Name": "Christmas",
        "Description": "Closed",
        "Config": [],
        "EffectiveFrom": "2026-12-24",
        "EffectiveTill": "2026-12-26",
        "RecurrenceConfig": recurs,
        "OverrideType": "CLOSED",
    }
    server.connect.update_hours_of_operation_override(**one, Name="Xmas", EffectiveTill="2030-01-01")
    other = create_override(server, hours_id, "Other")
    listed = server.connect.list_hours_of_operation_overrides(**of, MaxResults=1)
    [first] = listed["HoursOfOperationOverrideList"]
    assert (first["Name"], first["EffectiveTill"], first["OverrideType"]) == ("Xmas", "2030-01-01", "CLOSED")
    rest = server.connect.list_hours_of_operation_overrides(**of, NextToken=listed["NextToken"])
    assert [each["HoursOfOperationOverrideId"] for each in rest["HoursOfOperationOverrideList"]] == [other]
    with refused(DUPLICATE, "'Other'"):
        server.connect.update_hours_of_operation_override(**one, Name="Other")
    server.connect.delete_hours_of_operation_override(**one)
    with refused(NOT_FOUND, "Override not found"):
        server.connect.describe_hours_of_operation_override(**one)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"EffectiveFrom": "2026-02-30"}, "is no date"),
        ({"EffectiveTill": "2026-12-01"}, "before EffectiveFrom"),
        (
            {
                "RecurrenceConfig": {
                    "RecurrencePattern": {"Frequency": "MONTHLY", "Interval": 1, "ByMonthDay": [0]}
                }
            },
            "count from 1",
        ),
        (
            {
                "RecurrenceConfig": {
                    "RecurrencePattern": {
                        "Frequency": "MONTHLY",
                        "Interval": 1,
                        "ByMonthDay": [1],
                        "ByWeekdayOccurrence": [1],
                    }
                }
            },
            "not both",
        ),
    ],
)
def test_a_wrong_override_is_refused_in_words(
    threadline_server: Threadline, members: dict[str, Any], words: str
) -> None:
    hours_id = create_hours(threadline_server)
    with refused(PARAMETER, words):
        create_override(threadline_server, hours_id, **members)
    assert hours_of_id(threadline_server, hours_id)["Config"] == MONDAYS


def test_hours_have_at_most_fifty_overrides(threadline_server: Threadline) -> None:
    hours_id = create_hours(threadline_server)
    for _ in range(50):
        create_override(threadline_server, hours_id)
    with refused(LIMIT, "at most 50"):
        create_override(threadline_server, hours_id)


def test_effective_hours_have_the_overrides_in_them(threadline_server: Threadline) -> None:
    server = threadline_server
    hours_id = create_hours(server)
    half = {"Day": "MONDAY", "StartTime": NINE, "EndTime": {"Hours": 12, "Minutes": 0}}
    create_override(server, hours_id, "half", Config=[half])
    create_override(
        server, hours_id, "week", Config=[half], EffectiveFrom="2026-12-28", EffectiveTill="2026-12-28"
    )
    found = effective(server, hours_id, "2026-12-25", "2026-12-28")
    assert found["TimeZone"] == "UTC"
    assert [each["Date"][-2:] for each in found["EffectiveHoursOfOperationList"]] == ["25", "26", "27", "28"]
    assert open_on(server, hours_id, "2026-12-28") == [(9, 12)]
    assert open_on(server, hours_id, "2026-12-21") == [(9, 17)]
    midnight = {"Hours": 0, "Minutes": 0}
    assert found["EffectiveOverrideHoursList"] == [
        {
            "Date": day,
            "OverrideHours": [
                {"Start": midnight, "End": midnight, "OverrideName": "half", "OperationalStatus": "CLOSED"}
            ],
        }
        for day in ("2026-12-25", "2026-12-26")
    ] + [
        {
            "Date": "2026-12-28",
            "OverrideHours": [
                {
                    "Start": NINE,
                    "End": half["EndTime"],
                    "OverrideName": "week",
                    "OperationalStatus": "OPEN",
                }
            ],
        }
    ]
    for first, last in (
        ("2026-12-28", "2026-12-25"),
        ("2020-01-01", "2026-01-01"),
        ("0001-01-01", "0001-01-01"),
    ):
        with refused(PARAMETER):
            effective(server, hours_id, first, last)


def test_overrides_of_parents_count_too(threadline_server: Threadline) -> None:
    server = threadline_server
    parent, child = create_hours(server), create_hours(server)
    of = {"InstanceId": server.instance_id, "HoursOfOperationId": child}
    create_override(server, parent, EffectiveFrom="2026-12-28", EffectiveTill="2026-12-28")
    server.connect.associate_hours_of_operations(
        **of, ParentHoursOfOperationConfigs=[{"HoursOfOperationId": parent}]
    )
    assert open_on(server, child, "2026-12-28") == []
    assert [each["Id"] for each in hours_of_id(server, child)["ParentHoursOfOperations"]] == [parent]
    children = server.connect.list_child_hours_of_operations(
        InstanceId=server.instance_id, HoursOfOperationId=parent
    )["ChildHoursOfOperationsSummaryList"]
    assert [each["Id"] for each in children] == [child]
    with refused(INVALID, "own parent"):
        server.connect.associate_hours_of_operations(
            **of, ParentHoursOfOperationConfigs=[{"HoursOfOperationId": child}]
        )
    with refused(QUOTA, "at most 3"):
        server.connect.associate_hours_of_operations(
            **of,
            ParentHoursOfOperationConfigs=[{"HoursOfOperationId": create_hours(server)} for _ in range(3)],
        )
    server.connect.disassociate_hours_of_operations(**of, ParentHoursOfOperationIds=[parent])
    assert open_on(server, child, "2026-12-28") == [(9, 17)]


def test_hours_are_found_by_name_zone_and_tags(threadline_server: Threadline) -> None:
    server = threadline_server
    mark = fresh("find")
    ids = [
        create_hours(server, f"{mark} a", TimeZone="Europe/Berlin", Tags={mark: "x"}),
        create_hours(server, f"{mark} b", Tags={mark: "y"}),
    ]

    def found(criteria: Any = None, tags: Any = None, **members: Any) -> list[str]:
        reply = server.connect.search_hours_of_operations(
            InstanceId=server.instance_id,
            SearchCriteria=criteria or {},
            SearchFilter={"TagFilter": tags} if tags else {},
            **members,
        )
        assert reply["ApproximateTotalCount"] >= len(reply["HoursOfOperations"])
        return [each["HoursOfOperationId"] for each in reply["HoursOfOperations"]]

    def text(field: str, value: str, kind: str = "CONTAINS") -> dict[str, Any]:
        return {"StringCondition": {"FieldName": field, "Value": value, "ComparisonType": kind}}

    named = text("name", mark.upper())
    assert found(named) == ids
    assert found({"AndConditions": [named, text("timezone", "Europe/", "STARTS_WITH")]}) == ids[:1]
    assert found({"OrConditions": [text("resourceID", ids[1], "EXACT"), text("name", "none")]}) == ids[1:]
    assert found(tags={"TagCondition": {"TagKey": mark, "TagValue": "y"}}) == ids[1:]
    both = [[{"TagKey": mark, "TagValue": "x"}], [{"TagKey": mark, "TagValue": "y"}]]
    assert found(tags={"OrConditions": both}) == ids
    first = server.connect.search_hours_of_operations(
        InstanceId=server.instance_id, SearchCriteria=named, MaxResults=1
    )
    assert found(named, NextToken=first["NextToken"]) == ids[1:]
    with refused(PARAMETER, "'colour' is none of name"):
        found(text("colour", "red"))
    nested: dict[str, Any] = named
    for _ in range(25):
        nested = {"AndConditions": [nested]}
    with refused(PARAMETER, "levels"):
        found(nested)


def test_overrides_are_found_by_name_and_date(threadline_server: Threadline) -> None:
    server = threadline_server
    mark = fresh("holiday")
    hours_id = create_hours(server)
    early = create_override(server, hours_id, f"{mark} early", EffectiveFrom="2026-01-01")
    create_override(server, hours_id, f"{mark} late")

    def found(*conditions: dict[str, Any]) -> list[str]:
        reply = server.connect.search_hours_of_operation_overrides(
            InstanceId=server.instance_id, SearchCriteria={"AndConditions": list(conditions)}
        )
        return [each["HoursOfOperationOverrideId"] for each in reply["HoursOfOperationOverrides"]]

    named = {"StringCondition": {"FieldName": "name", "Value": mark, "ComparisonType": "STARTS_WITH"}}
    before = {"FieldName": "EffectiveFrom", "Value": "2026-06-01", "ComparisonType": "LESS_THAN"}
    assert len(found(named)) == 2
    assert found(named, {"DateCondition": before}) == [early]
    with refused(PARAMETER, "FieldName"):
        found({"DateCondition": before | {"FieldName": "birthday"}})
