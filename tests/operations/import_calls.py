"""A call of each operation about imports, with any InstanceId."""

import urllib.request
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from threadline.testing import Workspace

Call = Callable[[Workspace, str], Any]
AT = "2024-04-07T08:00:00.000Z"


def with_file(workspace: Workspace) -> dict[str, str]:
    """An imported contact with an item that shows a file: the ids of both."""
    contact_id, attachment_id = f"c-{uuid4()}", f"f-{uuid4()}"
    item = {
        "AbsoluteTime": AT,
        "Type": "ATTACHMENT",
        "OtherMembers": f'{{"Attachments":[{{"AttachmentId":"{attachment_id}","AttachmentName":"a.pdf"}}]}}',
    }
    workspace.threadline.import_contacts(
        InstanceId=workspace.instance_id,
        Contacts=[{"ContactId": contact_id, "InitiationTimestamp": AT, "Items": [item]}],
    )
    return {"ContactId": contact_id, "AttachmentId": attachment_id}


def _complete(workspace: Workspace, instance_id: str) -> Any:
    file = with_file(workspace)
    started = workspace.threadline.import_attachment(
        InstanceId=workspace.instance_id, **file, AttachmentName="a.pdf", AttachmentSizeInBytes=3
    )
    uploaded(started["UploadMetadata"], b"pdf")
    return workspace.threadline.complete_imported_attachment(InstanceId=instance_id, **file)


def uploaded(upload: dict[str, Any], content: bytes) -> int:
    """The status of the PUT of a file's bytes."""
    request = urllib.request.Request(
        upload["Url"], data=content, headers=upload["HeadersToInclude"], method="PUT"
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as reply:
        status: int = reply.status
    return status


IMPORT_CALLS: dict[str, Call] = {
    "CheckImports": lambda w, i: w.threadline.check_imports(InstanceId=i, ContactIds=["c"]),
    "CompleteImportedAttachment": _complete,
    "ImportAttachment": lambda w, i: w.threadline.import_attachment(
        InstanceId=i, **with_file(w), AttachmentName="a.pdf", AttachmentSizeInBytes=1
    ),
    "ImportContacts": lambda w, i: w.threadline.import_contacts(
        InstanceId=i, Contacts=[{"ContactId": "c", "InitiationTimestamp": AT}]
    ),
}
