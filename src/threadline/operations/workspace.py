"""The first workspace: an instance with a queue, users and flows for the first chats, and an access key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from threadline.chat.limits import PRUNE_EVERY_MS
from threadline.flows.language import demo_content
from threadline.operations.continuations import NextTimes
from threadline.operations.keys import AccessKey, make_access_key
from threadline.resources.flow_rows import ContactFlow
from threadline.resources.instance_admin import make_instance
from threadline.resources.queues import QUEUES
from threadline.resources.users import USERS
from threadline.store import Tx

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
PEOPLE = (("a1", "Alex", "Morgan"), ("a2", "Robin", "Silva"))
INBOUND, SURVEY, RETURNING = "Demo inbound", "Demo survey", "Demo returning"
OF_TESTS = {
    "instance_id": "7ec0de00-0000-4000-8000-000000000001",
    "queue_id": "7ec0de00-0000-4000-8000-000000000002",
    "contact_flow_id": "7ec0de00-0000-4000-8000-000000000003",
    "survey_flow_id": "7ec0de00-0000-4000-8000-000000000004",
    "returning_flow_id": "7ec0de00-0000-4000-8000-000000000005",
    "a1": "7ec0de00-0000-4000-8000-0000000000a1",
    "a2": "7ec0de00-0000-4000-8000-0000000000a2",
    "access_key_id": "testing",
    "secret_access_key": "testing" + 33 * "0",
}
"""The ids and the key of the first workspace under test controls, so that what code has read once stays true."""


@dataclass(frozen=True)
class WorkspaceIds:
    """The ids of a workspace and the access key of its account. `agents` maps user names to user ids."""

    account_id: str
    instance_id: str
    contact_flow_id: str
    survey_flow_id: str
    returning_flow_id: str
    queue_id: str
    agents: dict[str, str]
    access_key_id: str
    secret_access_key: str
    region: str


def first_workspace(tx: Tx, preset: Mapping[str, str] | None = None) -> WorkspaceIds:
    """The first workspace of the store. An empty store gets one now, with the ids of `preset` (`make_workspace`).

    It holds a lock, so that of several servers that start on one store only one makes a workspace.
    """
    tx.one("alone")
    found = tx.row("first_instance", str, str, str)
    if found is None:
        return make_workspace(tx, preset=preset)
    instance_id, account_id, region = found
    everything = {"instance_id": instance_id, "after": "", "limit": 1_000}
    flows = {flow.name: flow.id for flow in tx.rows("contact_flows", ContactFlow, **everything)}
    users = {user.username: user.id for user in USERS.all(tx, instance_id)}
    queue = next(iter(QUEUES.all(tx, instance_id)), None)
    key = tx.row("first_access_key", AccessKey, account_id=account_id)
    return WorkspaceIds(
        account_id=account_id,
        instance_id=instance_id,
        contact_flow_id=flows.get(INBOUND, ""),
        survey_flow_id=flows.get(SURVEY, ""),
        returning_flow_id=flows.get(RETURNING, ""),
        queue_id=queue.id if queue else "",
        agents={name: users.get(name, "") for name, _, _ in PEOPLE},
        access_key_id=key.id if key else "",
        secret_access_key=tx.policy.cipher.decrypt(key.secret, key.id) if key else "",
        region=region,
    )


class FirstInbound(NamedTuple):
    """The store's first instance, its account, and the flow with which its chats begin."""

    account_id: str
    instance_id: str
    contact_flow_id: str


def first_inbound(tx: Tx) -> FirstInbound:
    """The first instance of the store. Its flow is empty when nobody has the demo's any more."""
    instance_id, account_id, _ = tx.row("first_instance", str, str, str) or ("", "", "")
    flows = tx.rows("contact_flows", ContactFlow, instance_id=instance_id, after="", limit=1_000)
    flow_id = next((flow.id for flow in flows if flow.name == INBOUND), "")
    return FirstInbound(account_id, instance_id, flow_id)


def make_workspace(
    tx: Tx,
    *,
    account_id: str | None = None,
    alias: str = "threadline-demo",
    preset: Mapping[str, str] | None = None,
) -> WorkspaceIds:
    """Make an instance with a queue, two users and the demo's flows, and an access key for its account.

    `preset` has ids, region and access key by the names of `WorkspaceIds`, and the ids of users by username. Those
    that it lacks are drawn.
    Writes: instance, resources, flows, access key, and the first task that deletes expired rows.
    """
    clock = tx.clock
    known = preset or {}
    account_id = account_id or known.get("account_id", ACCOUNT_ID)
    region = known.get("region", REGION)
    made = make_instance(
        tx,
        account_id,
        alias,
        region,
        instance_id=known.get("instance_id"),
        queue_id=known.get("queue_id"),
        queue="Support",
        description="The demo's queue",
    )
    agents = {
        username: USERS.create(
            tx,
            made.instance_id,
            username,
            id=known.get(username),
            identity_info={"FirstName": first, "LastName": last},
            routing_profile_id=made.routing_profile_id,
            security_profile_ids=[made.security_profile_id],
        ).id
        for username, first, last in PEOPLE
    }
    survey_id, inbound_id, returning_id = (
        known.get(f"{name}_flow_id") or clock.contact_id() for name in ("survey", "contact", "returning")
    )
    ids = {"survey_flow_id": survey_id, "queue_id": made.queue_id}
    _make_flow(tx, made.instance_id, survey_id, SURVEY, demo_content("demo-survey"))
    _make_flow(tx, made.instance_id, inbound_id, INBOUND, demo_content("demo-inbound", **ids))
    _make_flow(tx, made.instance_id, returning_id, RETURNING, demo_content("demo-returning", **ids))
    access_key_id, secret = make_access_key(
        tx, account_id, known.get("access_key_id"), known.get("secret_access_key")
    )
    if tx.row("next_task", NextTimes) == (None, None):
        tx.later("prune", tx.now_ms + PRUNE_EVERY_MS)
    flow_ids = (inbound_id, survey_id, returning_id)
    return WorkspaceIds(
        account_id, made.instance_id, *flow_ids, made.queue_id, agents, access_key_id, secret, region
    )


def _make_flow(tx: Tx, instance_id: str, flow_id: str, name: str, content: str) -> None:
    tx.run(
        "insert_contact_flow",
        instance_id=instance_id,
        id=flow_id,
        name=name,
        type="CONTACT_FLOW",
        status="PUBLISHED",
        description=None,
        content=content,
        tags="{}",
        settings=None,
        now_ms=tx.now_ms,
    )
