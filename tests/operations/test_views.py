"""Views: kept in versions, shown to a customer by a flow, and answered."""

import json
from typing import Any

import pytest

from tests.flows.flows import content, do, on, say, wait
from tests.operations.admin_calls import fresh
from tests.operations.refusals import DENIED, INVALID, NOT_FOUND, refused
from tests.operations.view_calls import CONTENT, TEMPLATE, create_view
from threadline.testing import Customer, Threadline, Workspace

DUPLICATE = ("DuplicateResourceException", 409)
INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
RESPONSE = f"{INTERACTIVE}.response"


def described(server: Workspace, view_id: str) -> dict[str, Any]:
    view: dict[str, Any] = server.connect.describe_view(InstanceId=server.instance_id, ViewId=view_id)["View"]
    return view


def test_a_view_is_created_described_changed_and_deleted(threadline_server: Threadline) -> None:
    server = threadline_server
    name = fresh("Choice")
    view = create_view(server, name, Description="Ask", Tags={"a": "b"}, ClientToken=name)
    assert create_view(server, name, Description="Ask", Tags={"a": "b"}, ClientToken=name) == view
    assert view["CreatedTime"] == view["LastModifiedTime"]
    assert (view["Name"], view["Status"], view["Type"]) == (name, "PUBLISHED", "CUSTOMER_MANAGED")
    assert view["Content"]["Template"] == TEMPLATE
    assert json.loads(view["Content"]["InputSchema"])["properties"] == {"Label": {}}
    assert described(server, view["Arn"]) == view
    of = {"InstanceId": server.instance_id, "ViewId": view["Id"]}
    other = {"Template": TEMPLATE.replace("Choose", "Pick"), "Actions": ["Go"]}
    server.connect.update_view_content(**of, Status="SAVED", Content=other)
    assert "Choose" in described(server, view["Id"])["Content"]["Template"], "a draft is not shown"
    assert "Pick" in described(server, f"{view['Id']}:$SAVED")["Content"]["Template"]
    server.connect.update_view_content(**of, Status="PUBLISHED", Content=other)
    assert "Pick" in described(server, f"{view['Id']}:$LATEST")["Content"]["Template"]
    server.connect.update_view_metadata(**of, Name=f"{name} 2")
    with refused(DUPLICATE, name):
        create_view(server, f"{name} 2")
    named = {"StringCondition": {"FieldName": "name", "Value": name, "ComparisonType": "STARTS_WITH"}}
    found = server.connect.search_views(InstanceId=server.instance_id, SearchCriteria=named)["Views"]
    assert [each["Name"] for each in found] == [f"{name} 2"]
    server.connect.delete_view(**of)
    with refused(NOT_FOUND, "View not found"):
        described(server, view["Id"])


def test_versions_of_a_view_stay_as_they_were(threadline_server: Threadline) -> None:
    server = threadline_server
    view = create_view(server)
    of = {"InstanceId": server.instance_id, "ViewId": view["Id"]}
    first = server.connect.create_view_version(**of, VersionDescription="one")["View"]
    again = server.connect.create_view_version(**of, VersionDescription="two")["View"]
    assert (first["Version"], again["Version"], again["VersionDescription"]) == (1, 1, "one")
    other = {"Template": TEMPLATE.replace("Choose", "Pick"), "Actions": ["Go"]}
    changed = server.connect.update_view_content(**of, Status="PUBLISHED", Content=other)["View"]
    sha = changed["ViewContentSha256"]
    with refused(INVALID, "ViewContentSha256"):
        server.connect.create_view_version(**of, ViewContentSha256="0" * 64)
    assert server.connect.create_view_version(**of, ViewContentSha256=sha)["View"]["Version"] == 2
    assert "Choose" in described(server, f"{view['Id']}:1")["Content"]["Template"]
    page = server.connect.list_view_versions(**of, MaxResults=1)
    rest = server.connect.list_view_versions(**of, NextToken=page["NextToken"])
    listed = [*page["ViewVersionSummaryList"], *rest["ViewVersionSummaryList"]]
    assert [each["Version"] for each in listed] == [2, 1]
    server.connect.delete_view_version(**of, ViewVersion=1)
    with refused(NOT_FOUND):
        described(server, f"{view['Id']}:1")
    with refused(NOT_FOUND, "no version 1"):
        server.connect.delete_view_version(**of, ViewVersion=1)


def test_a_view_that_is_only_saved_is_not_published(threadline_server: Threadline) -> None:
    server = threadline_server
    view = create_view(server, Status="SAVED", Content={"Template": "{}"})
    with refused(NOT_FOUND):
        described(server, view["Id"])
    assert described(server, f"{view['Id']}:$SAVED")["Status"] == "SAVED"
    with refused(INVALID, "publish it first"):
        server.connect.create_view_version(InstanceId=server.instance_id, ViewId=view["Id"])


@pytest.mark.parametrize(
    ("template", "words"),
    [("{", "no JSON object"), ("[]", "no JSON object"), ("[" * 9_000, "no JSON object"), ("{}", "no Body")],
)
def test_a_content_that_is_none_is_refused_in_words(
    threadline_server: Threadline, template: str, words: str
) -> None:
    with refused(INVALID, words):
        create_view(threadline_server, Content={"Template": template})


def test_the_views_of_aws_are_there_and_stay(threadline_server: Threadline) -> None:
    server = threadline_server
    listed = server.connect.list_views(InstanceId=server.instance_id, Type="AWS_MANAGED")["ViewsSummaryList"]
    names = ["after-contact-work", "cards", "confirmation", "detail", "form", "list"]
    assert [each["Id"] for each in listed] == names
    for each in listed:
        view = described(server, each["Arn"])
        assert (view["Type"], view["Version"]) == ("AWS_MANAGED", 1)
        assert "Heading" in json.loads(view["Content"]["InputSchema"])["properties"]
        with refused(DENIED, "managed by AWS"):
            server.connect.delete_view(InstanceId=server.instance_id, ViewId=each["Id"])
    assert described(server, "arn:aws:connect:eu-west-2:aws:view/form:1")["Name"] == "form"
    with refused(NOT_FOUND):
        described(server, "arn:aws:connect:eu-west-2:aws:view/form:2")


def showing(
    server: Workspace, view_id: str, seconds: str = "60", hidden: tuple[str, ...] = (), **resource: str
) -> str:
    """The id of a flow that shows a view and says how it was answered."""
    view = do(
        "ShowView",
        {
            "ViewResource": {"Id": view_id, **resource},
            "InvocationTimeLimitSeconds": seconds,
            "ViewData": {"Heading": "Hello $.Attributes.who", "Sections": [{"Type": "FormSection"}]},
            **({"SensitiveDataConfiguration": {"HideResponseOn": list(hidden)}} if hidden else {}),
        },
        None,
        NoMatchingCondition="other",
        NoMatchingError="failed",
        TimeLimitExceeded="late",
    )
    actions = {
        "view": on(view, ("Equals", ["Next"], "next"), ("Equals", ["Back"], "back")),
        "next": say("$.Views.Action: $.Views.ViewResultData.city", "stay"),
        "back": say("back", "stay"),
        "other": say("other", "stay"),
        "failed": say("failed", "stay"),
        "late": say("late", "stay"),
        "stay": wait("600"),
    }
    made = server.connect.create_contact_flow(
        InstanceId=server.instance_id, Name=fresh("showing"), Type="CONTACT_FLOW", Content=content(**actions)
    )
    return str(made["ContactFlowId"])


def shown(server: Workspace, flow_id: str, types: tuple[str, ...] = (INTERACTIVE, RESPONSE)) -> Customer:
    return server.customer(
        ContactFlowId=flow_id,
        SupportedMessagingContentTypes=["text/plain", *types],
        Attributes={"who": "Ada"},
    )


def view_of(casey: Customer) -> dict[str, Any]:
    """The content of the message that shows the view."""
    item = casey.see_like(lambda item: item.get("ContentType") == INTERACTIVE, "an interactive message")
    assert (item["ParticipantRole"], item["Type"]) == ("SYSTEM", "MESSAGE")
    message = json.loads(item["Content"])
    assert (message["templateType"], message["version"]) == ("ViewResource", "1.0")
    found: dict[str, Any] = message["data"]["content"]
    return found


def send(server: Workspace, casey: Customer, content_type: str, text: str) -> None:
    server.connectparticipant.send_message(
        ConnectionToken=casey.connection_token, ContentType=content_type, Content=text
    )


def answered(server: Workspace, casey: Customer, action: str, **data: Any) -> None:
    reply = {"action": action, "data": data, "templateType": "ViewResource", "version": "1.0"}
    send(server, casey, RESPONSE, json.dumps(reply))


@pytest.mark.parametrize(("action", "said"), [("Next", "Next: Oslo"), ("Back", "back"), (" ", "other")])
def test_the_action_that_a_customer_chooses_is_the_branch(
    threadline_server: Threadline, action: str, said: str
) -> None:
    server = threadline_server
    casey = shown(server, showing(server, "arn:aws:connect:us-west-2:aws:view/form:1", Version="Latest"))
    view = view_of(casey)
    assert view["viewId"] == "form"
    assert view["viewData"] == {"Heading": "Hello Ada", "Sections": [{"Type": "FormSection"}]}
    answered(server, casey, action, city="Oslo")
    casey.see(said)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"templateType": "ViewResource"}',
        '{"templateType": "ViewResource", "action": 7}',
        '{"templateType": "ListPicker", "action": "Next"}',
        "[" * 5_000,
        '{"templateType": "ViewResource", "action": "Next", "data": ' + "[" * 50 + "]" * 50 + "}",
    ],
)
def test_an_answer_that_is_none_changes_nothing(threadline_server: Threadline, text: str) -> None:
    server = threadline_server
    casey = shown(server, showing(server, "form"))
    view_of(casey)
    send(server, casey, RESPONSE, text)
    send(server, casey, "text/plain", "Next")
    answered(server, casey, "Back")
    casey.see("back")


def test_the_data_of_a_sensitive_answer_is_not_in_the_transcript(threadline_server: Threadline) -> None:
    server = threadline_server
    casey = shown(server, showing(server, "form", hidden=("TRANSCRIPT",)))
    view_of(casey)
    text = json.dumps({"action": "Next", "data": {"city": "Oslo"}, "templateType": "ViewResource"})
    members = {"ConnectionToken": casey.connection_token, "ContentType": RESPONSE, "ClientToken": "once"}
    sent = [server.connectparticipant.send_message(Content=text, **members)["Id"] for _ in range(2)]
    assert sent[0] == sent[1]
    casey.see("Next: Oslo")  # the flow has the data
    [answer] = [each for each in casey.history() if each["Id"] == sent[0]]
    assert json.loads(answer["Content"]) == {"action": "Next", "templateType": "ViewResource"}
    with refused(("ValidationException", 400), "different parameters"):
        server.connectparticipant.send_message(Content="[]", **members)
    answered(server, casey, "Next", city="Bergen")
    assert "Bergen" in casey.history()[-1]["Content"], "no view is shown any more"


def test_only_the_transcript_can_be_without_an_answer(threadline_server: Threadline) -> None:
    with refused(("InvalidContactFlowException", 400), "HideResponseOn"):
        showing(threadline_server, "form", hidden=("EVERYWHERE",))


def test_a_participant_reads_the_view_by_its_token(threadline_server: Threadline) -> None:
    server = threadline_server
    own = create_view(server, Content=CONTENT)
    casey = shown(server, showing(server, own["Arn"]))
    token = view_of(casey)["viewToken"]
    describe = server.connectparticipant.describe_view
    view = describe(ViewToken=token, ConnectionToken=casey.connection_token)["View"]
    assert (view["Id"], view["Name"], view["Arn"]) == (own["Id"], own["Name"], own["Arn"])
    assert view["Content"]["Actions"] == ["Go"]
    other = shown(server, showing(server, "form"))
    for wrong, reader in ((token, other), (token[:-2] + "xx", casey), ("nonsense", casey), ("é.é", casey)):
        with refused(NOT_FOUND, "not one of this chat"):
            describe(ViewToken=wrong, ConnectionToken=reader.connection_token)
    casey.leave()
    with refused(DENIED):
        describe(ViewToken=token, ConnectionToken=casey.connection_token)


def test_a_view_that_cannot_be_shown_takes_the_error_branch(threadline_server: Threadline) -> None:
    server = threadline_server
    shown(server, showing(server, "no-such-view")).see("failed")
    shown(server, showing(server, "form"), ()).see("failed")
    draft = create_view(server, Status="SAVED")
    shown(server, showing(server, draft["Id"])).see("failed")


def test_a_view_without_an_answer_takes_its_time_limit(threadline: Threadline) -> None:
    casey = shown(threadline, showing(threadline, "form", "60"))
    view_of(casey)
    threadline.clock.advance(seconds=61)
    casey.see("late")
