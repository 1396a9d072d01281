"""The calls of the operations on streams and deliveries, for the tests of every operation with an InstanceId."""

from collections.abc import Callable
from typing import Any

from tests.engines import TOPIC_ARN
from threadline.testing.workspace import Workspace


def streamed(workspace: Workspace, instance_id: str) -> dict[str, Any]:
    """A chat that is streamed to a topic, and its stream."""
    contact_id = workspace.invite().contact_id
    started = workspace.connect.start_contact_streaming(
        InstanceId=instance_id,
        ContactId=contact_id,
        ChatStreamingConfiguration={"StreamingEndpointArn": TOPIC_ARN},
        ClientToken=contact_id,
    )
    return {"ContactId": contact_id, "StreamingId": started["StreamingId"]}


STREAM_CALLS: dict[str, Callable[[Workspace, str], Any]] = {
    "StartContactStreaming": streamed,
    "StopContactStreaming": lambda w, i: w.connect.stop_contact_streaming(
        InstanceId=i, **streamed(w, w.instance_id)
    ),
    "ListDeliveries": lambda w, i: w.threadline.list_deliveries(InstanceId=i),
    "RetryDeliveries": lambda w, i: w.threadline.retry_deliveries(InstanceId=i),
}
