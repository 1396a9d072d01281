"""Files with flows: a flow as the console exports it, or the JSON of a call that describes or creates one.

Observed: people keep the answer of DescribeContactFlow as the AWS CLI prints it, the members of CreateContactFlow, or
these with the flow itself as Content.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from threadline.client.failures import Failure
from threadline.flows.language import CONTENT_CHARACTERS_MAX
from threadline.jsontext import decode

BYTES_MAX = 4 * CONTENT_CHARACTERS_MAX
"""Bytes that a file may have: those of a flow's characters in UTF-8."""
ANSWERS = {"ContactFlow": None, "ContactFlowModule": "MODULE"}
"""Members of an answer that describes a flow or a module, and the type where the answer has none."""
EXPORTED_TYPES = {
    "contactFlow": "CONTACT_FLOW",
    "customerQueue": "CUSTOMER_QUEUE",
    "customerHold": "CUSTOMER_HOLD",
    "customerWhisper": "CUSTOMER_WHISPER",
    "agentHold": "AGENT_HOLD",
    "agentWhisper": "AGENT_WHISPER",
    "outboundWhisper": "OUTBOUND_WHISPER",
    "agentTransfer": "AGENT_TRANSFER",
    "queueTransfer": "QUEUE_TRANSFER",
    "campaign": "CAMPAIGN",
    "module": "MODULE",
    "contactFlowModule": "MODULE",
}
"""Types of flows, by the names that the console writes into Metadata."""
TYPES = tuple(dict.fromkeys(EXPORTED_TYPES.values()))


class FlowFile(NamedTuple):
    """The content of a flow, and its type as far as the file tells."""

    content: str
    type: str | None
    document: dict[str, Any]


def read(name: str) -> FlowFile:
    """Read a file. Raises Failure with a sentence that names the file, for every file that is no JSON object."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Failure(f"{name}: {error.strerror or error}.") from error
    if len(data) > BYTES_MAX:
        raise Failure(
            f"{name}: the file is too large; a flow has at most {CONTENT_CHARACTERS_MAX:,} characters."
        )
    if not data.strip():
        raise Failure(f"{name}: the file is empty.")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(
            f"{name}: the file is not UTF-8: byte {error.start:,} is {data[error.start]:#04x}."
        ) from None
    try:
        document = decode(content)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{name}: the file is not JSON: {str(error)[:200]}.") from None
    if not isinstance(document, dict):
        raise Failure(f"{name}: the file has no JSON object; a flow has Version, StartAction and Actions.")
    return _unwrapped(name, content, document)


def _unwrapped(name: str, content: str, document: dict[str, Any]) -> FlowFile:
    for member, type_ in ANSWERS.items():
        described = document.get(member)
        if isinstance(described, dict) and "Content" in described:
            return _described(name, described, type_)
    if "Content" in document and "Actions" not in document:
        return _described(name, document, None)
    return FlowFile(content, _type(document), document)


def _described(name: str, members: dict[str, Any], type_: str | None) -> FlowFile:
    content = members["Content"]
    if not isinstance(content, str):
        content = json.dumps(content)
    try:
        inner = decode(content)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{name}: its Content is not JSON: {str(error)[:200]}.") from None
    document = inner if isinstance(inner, dict) else {}
    named = members.get("Type")
    return FlowFile(content, type_ or (named if named in TYPES else None) or _type(document), document)


def _type(document: dict[str, Any]) -> str | None:
    """The type of a flow: the console's name for it, or a module by the action that only modules have."""
    metadata, actions = document.get("Metadata"), document.get("Actions")
    named = metadata.get("type") if isinstance(metadata, dict) else None
    if isinstance(named, str) and named in EXPORTED_TYPES:
        return EXPORTED_TYPES[named]
    types = (
        {entry.get("Type") for entry in actions if isinstance(entry, dict)}
        if isinstance(actions, list)
        else set()
    )
    return "MODULE" if "EndFlowModuleExecution" in types else None
