"""The attachments of imported transcripts: files beside them, named by the ids that the transcripts have."""

from typing import Any
from urllib.parse import urlsplit

from threadline.cli.import_sources import SourceFile
from threadline.client.client import Client
from threadline.client.failures import Failure
from threadline.client.transport import Transport, TransportOptions


def id_of(name: str) -> str:
    """The attachment's id in the name of its file.

    Observed: Amazon Connect names them `ATTACHMENT_CONTACT_20260407T08:45_UTC.pdf`.
    """
    return name.partition("_")[0] if "_" in name else name.rpartition(".")[0] or name


def bring(
    client: Client, instance_id: str, contact_id: str, attachment: dict[str, Any], file: SourceFile
) -> bool:
    """Upload a file, unless the server has it, and return whether it was. Raises OSError, Failure."""
    there = {
        "InstanceId": instance_id,
        "ContactId": contact_id,
        "AttachmentId": attachment["AttachmentId"],
    }
    described = {
        "AttachmentName": str(attachment.get("AttachmentName") or file.name)[-256:],
        "AttachmentSizeInBytes": file.size,
    }
    if attachment.get("ContentType"):
        described["ContentType"] = str(attachment["ContentType"])
    reply = client.call("threadline", "ImportAttachment", **there, **described)
    upload = reply.get("UploadMetadata")
    if upload is None:
        return False
    parts = urlsplit(upload["Url"])
    connection = Transport(f"{parts.scheme}://{parts.netloc}", TransportOptions())
    try:
        headers = {**upload["HeadersToInclude"], "Host": parts.netloc}
        sent = connection.send("PUT", f"{parts.path}?{parts.query}", headers, file.read())
    finally:
        connection.close()
    if sent.status != 200:
        raise Failure(
            f"The upload of {attachment['AttachmentId']} was answered with {sent.status}: {sent.body!r}"
        )
    client.call("threadline", "CompleteImportedAttachment", **there)
    return True
