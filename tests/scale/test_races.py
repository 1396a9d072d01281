"""The same call at the same moment on two nodes of one database: each answer is one that the model documents."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any, NamedTuple
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from tests.engines import TOPIC_ARN, Postgres
from tests.flows.flows import content, say
from tests.operations.admin_calls import create_instance, create_queue, create_user, fresh
from tests.operations.file_calls import put_file, start_file
from tests.operations.flow_calls import MODULE
from tests.operations.forgetting_calls import ended
from tests.operations.hours_calls import create_hours, create_override
from tests.operations.import_calls import uploaded, with_file
from tests.operations.quick_connect_calls import create_quick_connect
from tests.operations.view_calls import create_view
from threadline.testing import Threadline, Workspace

CALLERS, ROUNDS = 6, 3
Call = Callable[[Workspace], Any]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def nodes(request: pytest.FixtureRequest) -> Iterator[tuple[Threadline, Threadline]]:
    """Two nodes of one PostgreSQL; with SQLite, the same server twice."""
    neighbours = f"{TOPIC_ARN}=http://127.0.0.1:9/"
    if request.param == "sqlite":
        with Threadline(neighbours=neighbours) as only:
            yield only, only
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    address = postgres.database()
    with (
        Threadline(store=address, encryption_key="0" * 64, neighbours=neighbours) as a,
        Threadline(store=address, encryption_key="0" * 64, neighbours=neighbours) as b,
    ):
        yield a, b


class Race(NamedTuple):
    """A call that several make at the same moment. `prepare` makes it new for each round.

    `allowed` are the codes of the refusals that are right. `made` is the number of calls that succeed; None for any.
    """

    prepare: Callable[[Workspace], Call]
    allowed: tuple[str, ...] = ()
    made: int | None = None


def _flow(workspace: Workspace) -> str:
    made = workspace.connect.create_contact_flow(
        InstanceId=workspace.instance_id,
        Name=fresh("raced"),
        Type="CONTACT_FLOW",
        Content=content(a=say("a")),
    )
    return str(made["ContactFlowId"])


def _named(make: Callable[[Workspace, str], Any], taken: str = "DuplicateResourceException") -> Race:
    """A resource whose name one caller gets."""

    def prepare(_: Workspace) -> Call:
        name = fresh("raced")
        return lambda node: make(node, name)

    return Race(prepare, (taken,), 1)


def _on(make: Callable[[Workspace], Any], call: Callable[[Workspace, Any], Any], *allowed: str) -> Race:
    """A call about something that was made before."""

    def prepare(workspace: Workspace) -> Call:
        made = make(workspace)
        return lambda node: call(node, made)

    return Race(prepare, allowed)


def _versioned(workspace: Workspace) -> str:
    flow_id = _flow(workspace)
    workspace.connect.create_contact_flow_version(InstanceId=workspace.instance_id, ContactFlowId=flow_id)
    return flow_id


def _imports(workspace: Workspace) -> Call:
    """Contacts of one chat and of others, which every caller sends in an order of its own."""
    ids = [fresh("import") for _ in range(8)]
    contacts = [
        {
            "ContactId": each,
            "InitialContactId": ids[0] if number < 4 else each,
            "InitiationTimestamp": f"2024-04-07T08:0{number}:00Z",
            "Attributes": {"of": each},
            "Items": [
                {"AbsoluteTime": f"2024-04-07T08:0{number}:0{n}Z", "Content": f"{n}"} for n in range(3)
            ],
        }
        for number, each in enumerate(ids)
    ]
    callers = iter(range(CALLERS))

    def call(node: Workspace) -> None:
        turn = next(callers)
        order = contacts[turn:] + contacts[:turn]
        reply = node.threadline.import_contacts(
            InstanceId=node.instance_id, Contacts=order[::-1] if turn % 2 else order
        )
        seen = [(each["Status"], each["ItemCount"]) for each in reply["Results"]]
        assert seen == [("WHOLE", 3)] * len(ids), seen
        of = {
            "InstanceId": node.instance_id,
            "ContactId": ids[3],
            "SortOrder": "ASCENDING",
            "MaxResults": 100,
        }
        items = node.threadline.get_contact_transcript(**of)["Transcript"]
        assert [each["Content"] for each in items] == ["0", "1", "2"] * 4

    return call


def _attachment(workspace: Workspace) -> Call:
    file = with_file(workspace)

    def call(node: Workspace) -> None:
        of = {"InstanceId": node.instance_id, **file}
        started = node.threadline.import_attachment(**of, AttachmentName="a.pdf", AttachmentSizeInBytes=3)
        if "UploadMetadata" in started:
            with suppress(HTTPError):  # another upload of the same file came first
                uploaded(started["UploadMetadata"], b"pdf")
            node.threadline.complete_imported_attachment(**of)

    return call


def _attached_file(workspace: Workspace) -> Call:
    contact_id = workspace.invite().contact_id
    started = start_file(workspace, contact_id)
    put_file(started)
    return lambda node: node.connect.complete_attached_file_upload(
        InstanceId=node.instance_id, FileId=started["FileId"], AssociatedResourceArn=contact_id
    )


def _associate(what: str, **members: Any) -> Race:
    def prepare(_: Workspace) -> Call:
        given = json.loads(json.dumps(members).replace("NEW", fresh("n").replace(" ", "")))
        return lambda node: getattr(node.connect, what)(InstanceId=node.instance_id, **given)

    return Race(prepare, ("ResourceConflictException", "DuplicateResourceException"))


def _start_chat(token: str) -> Callable[[Workspace], Any]:
    def call(node: Workspace) -> Any:
        return node.connect.start_chat_contact(
            InstanceId=node.instance_id,
            ContactFlowId=node.contact_flow_id,
            ParticipantDetails={"DisplayName": "Casey"},
            ClientToken=token,
        )["ContactId"]

    return call


LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:NEW"
BOT = "arn:aws:lex:us-east-1:123456789012:bot-alias/NEW/A"
S3 = {"StorageType": "S3", "S3Config": {"BucketName": "chats", "BucketPrefix": "NEW"}}
RACES: dict[str, Race] = {
    "AssociateBot": _associate("associate_bot", LexV2Bot={"AliasArn": BOT}),
    "AssociateInstanceStorageConfig": _associate(
        "associate_instance_storage_config", ResourceType="CHAT_TRANSCRIPTS", StorageConfig=S3
    ),
    "AssociateLambdaFunction": _associate("associate_lambda_function", FunctionArn=LAMBDA),
    "CompleteAttachedFileUpload": Race(
        _attached_file, ("InvalidRequestException", "ResourceConflictException")
    ),
    "CreateContactFlow": _named(
        lambda w, n: w.connect.create_contact_flow(
            InstanceId=w.instance_id, Name=n, Type="CONTACT_FLOW", Content=content(a=say("a"))
        )
    ),
    "CreateContactFlowAlias": _on(
        _versioned,
        lambda w, flow: w.connect.create_contact_flow_alias(
            InstanceId=w.instance_id, ContactFlowId=flow, ContactFlowVersion=1, AliasName="live"
        ),
        "DuplicateResourceException",
    ),
    "CreateContactFlowModule": _named(
        lambda w, n: w.connect.create_contact_flow_module(InstanceId=w.instance_id, Name=n, Content=MODULE)
    ),
    "CreateContactFlowVersion": _on(
        _flow,
        lambda w, flow: w.connect.create_contact_flow_version(InstanceId=w.instance_id, ContactFlowId=flow),
        "ResourceConflictException",
    ),
    "CreateHoursOfOperation": _named(create_hours),
    "CreateHoursOfOperationOverride": _on(
        create_hours, lambda w, hours: create_override(w, hours, "same"), "DuplicateResourceException"
    ),
    "CreateInstance": _named(
        lambda w, n: create_instance(w, InstanceAlias=n.replace(" ", "-")), "InvalidRequestException"
    ),
    "CreateParticipant": _on(
        lambda w: w.invite().contact_id,
        lambda w, contact: w.connect.create_participant(
            InstanceId=w.instance_id,
            ContactId=contact,
            ClientToken=contact,
            ParticipantDetails={"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Bot"},
        ),
    ),
    "CreateQueue": _named(create_queue),
    "CreateQuickConnect": _named(create_quick_connect),
    "CreateUser": _named(create_user),
    "CreateView": _named(create_view),
    "CreateViewVersion": _on(
        lambda w: create_view(w)["Id"],
        lambda w, view: w.connect.create_view_version(InstanceId=w.instance_id, ViewId=view),
        "ResourceConflictException",
        "InvalidRequestException",
    ),
    "ImportAttachment": Race(_attachment, ("ResourceConflictException", "InvalidRequestException")),
    "ImportContacts": Race(_imports),
    "PutLegalHold": _on(
        ended,
        lambda w, contact: w.threadline.put_legal_hold(
            InstanceId=w.instance_id, ContactId=contact, Reason="Case"
        ),
    ),
    "StartAttachedFileUpload": _on(
        lambda w: w.invite().contact_id, lambda w, contact: start_file(w, contact, ClientToken=contact)
    ),
    "StartChatContact": Race(lambda _: _start_chat(fresh("token"))),
    "StartContactStreaming": _on(
        lambda w: w.invite().contact_id,
        lambda w, contact: w.connect.start_contact_streaming(
            InstanceId=w.instance_id,
            ContactId=contact,
            ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC_ARN},
            ClientToken=contact,
        ),
    ),
    "StartErasure": _on(
        ended, lambda w, contact: w.threadline.start_erasure(InstanceId=w.instance_id, ContactId=contact)
    ),
    "TagContact": _on(
        ended,
        lambda w, contact: w.connect.tag_contact(
            InstanceId=w.instance_id, ContactId=contact, Tags={"a": "b"}
        ),
    ),
    "UpdateRetention": _on(
        lambda w: None,
        lambda w, _: w.threadline.update_retention(InstanceId=w.instance_id, Policy="OFF"),
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_callers_at_the_same_moment_get_documented_answers(
    nodes: tuple[Threadline, Threadline], name: str
) -> None:
    prepare, allowed, made = RACES[name]
    for _ in range(ROUNDS):
        call, start = prepare(nodes[0]), Barrier(CALLERS)

        def run(number: int, call: Call = call, start: Barrier = start) -> str:
            start.wait(60)
            try:
                call(nodes[number % 2])
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return ""

        with ThreadPoolExecutor(CALLERS) as pool:
            seen = Counter(pool.map(run, range(CALLERS)))
        assert seen.keys() <= {"", *allowed}, seen
        assert seen[""] == made if made is not None else seen[""] >= 1, seen
