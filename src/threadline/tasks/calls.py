"""The task that makes a flow's call: the request before it, and the answer after it. The call itself is made between
the two, outside any transaction (see `timers` and `neighbours`).
"""

import json
from collections.abc import Mapping
from typing import Any

from threadline.chat.attributes import segment_attributes
from threadline.operations.attributes import attributes_of
from threadline.operations.continuations import OUTSIDE, OutsideCall
from threadline.operations.instances import Instance, instance_arn
from threadline.operations.sessions import (
    append_bot_message,
    contact_at,
    contact_data,
    flow_event,
    session_of,
)
from threadline.resources.queues import QUEUES
from threadline.store import Task, Tx

LOCALE = "en_US"


def prepare(tx: Tx, task: Task) -> dict[str, Any] | None:
    """Return the request of a flow's call, with the event that a Lambda function gets; None once the chat has ended."""
    session = session_of(tx, task.session or 0)
    if session.ended_at_ms is not None or session.current_contact_id != task.contact_id:
        return None
    call = json.loads(task.payload)
    call |= {"id": f"{task.contact_id}/{call['turn']}", "contact_id": task.contact_id}
    if call["kind"] == "bot":
        language = contact_data(tx, session, session.current_contact_id).get("LanguageCode")
        call["locale"] = language.replace("-", "_") if language else LOCALE
    else:
        details = {"ContactData": contact_of_event(tx, session.key), "Parameters": call.pop("parameters")}
        call["event"] = {"Details": details, "Name": "ContactFlowEvent"}
    return dict(call)


def answer(tx: Tx, task: Task, given: dict[str, Any]) -> None:
    """Show a bot's messages and give the flow its answer."""
    session = session_of(tx, task.session or 0)
    if session.ended_at_ms is not None or session.current_contact_id != task.contact_id:
        return
    for content_type, content in given["messages"]:
        append_bot_message(tx, session, content_type, content)
    turn = json.loads(task.payload)["turn"]
    flow_event(tx, session, "Answered", turn=turn, outcome=given["outcome"])


OUTSIDE["call"] = OutsideCall(prepare, answer)


def contact_of_event(tx: Tx, key: int) -> Mapping[str, Any]:
    """Return ContactData of the event that a flow sends.

    Source: Admin Guide, AWS Lambda function block; the developer guide's event.
    Assumed: a chat's CustomerEndpoint and SystemEndpoint are null.
    """
    session = session_of(tx, key)
    contact = contact_at(tx, session)
    data = contact_data(tx, session, contact.id)
    instance = tx.row("instance", Instance, instance_id=session.instance_id)
    arn = instance_arn(instance) if instance else ""
    queue_id = contact.queue_id or contact.target_queue_id
    queue = QUEUES.find(tx, session.instance_id, queue_id) if queue_id else None
    _, text = tx.row("attributes", str, str, session=session.key) or ("{}", "{}")
    return {
        "Attributes": attributes_of(tx, session.key),
        "AwsRegion": instance.region if instance else "",
        "Channel": "CHAT",
        "ContactId": contact.id,
        "CustomerEndpoint": None,
        "CustomerId": session.customer_id,
        "Description": data.get("Description"),
        "InitialContactId": session.initial_contact_id,
        "InitiationMethod": contact.initiation_method,
        "InstanceARN": arn,
        "LanguageCode": data.get("LanguageCode", "en-US"),
        "MediaStreams": {"Customer": {"Audio": None}},
        "Name": data.get("Name"),
        "PreviousContactId": contact.previous_contact_id or contact.id,
        "Queue": {"ARN": f"{arn}/queue/{queue.id}", "Name": queue.name} if queue else None,
        "References": data.get("References", {}),
        "RelatedContactId": session.related_contact_id,
        "SegmentAttributes": segment_attributes(json.loads(text)),
        "SystemEndpoint": None,
        "Tags": data.get("Tags", {}),
    }
