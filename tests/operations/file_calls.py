"""A call of each operation about attached files, with any InstanceId."""

from collections.abc import Callable
from typing import Any

from threadline.testing import Workspace
from threadline.testing.people import request

Call = Callable[[Workspace, str], Any]
HELLO = b"hello"


def start_file(workspace: Workspace, contact_id: str, **members: Any) -> dict[str, Any]:
    given = {
        "InstanceId": workspace.instance_id,
        "FileName": "notes.txt",
        "FileSizeInBytes": len(HELLO),
        "FileUseCaseType": "ATTACHMENT",
        "AssociatedResourceArn": contact_id,
    }
    reply: dict[str, Any] = workspace.connect.start_attached_file_upload(**given | members)
    return reply


def put_file(started: dict[str, Any], content: bytes = HELLO) -> int:
    upload = started["UploadUrlMetadata"]
    return request(upload["Url"], "PUT", upload["HeadersToInclude"], content).status


def uploaded_file(workspace: Workspace) -> tuple[str, str]:
    """A contact and a file of it whose bytes have come."""
    contact_id = workspace.invite().contact_id
    started = start_file(workspace, contact_id)
    assert put_file(started) == 200
    return contact_id, started["FileId"]


def _of_file(operation: str) -> Call:
    def call(workspace: Workspace, instance_id: str) -> Any:
        contact_id, file_id = uploaded_file(workspace)
        return getattr(workspace.connect, operation)(
            InstanceId=instance_id, FileId=file_id, AssociatedResourceArn=contact_id
        )

    return call


FILE_CALLS: dict[str, Call] = {
    "StartAttachedFileUpload": lambda w, i: start_file(w, w.invite().contact_id, InstanceId=i),
    "CompleteAttachedFileUpload": _of_file("complete_attached_file_upload"),
    "GetAttachedFile": _of_file("get_attached_file"),
    "DeleteAttachedFile": _of_file("delete_attached_file"),
    "BatchGetAttachedFileMetadata": lambda w, i: w.connect.batch_get_attached_file_metadata(
        InstanceId=i, FileIds=["none"], AssociatedResourceArn=w.invite().contact_id
    ),
}
