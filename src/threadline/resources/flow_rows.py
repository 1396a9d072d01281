"""Flows and modules as stored, with their versions and aliases.

A module is a row of `contact_flow` with the type MODULE. `version` counts the contents of a flow that were published; a
numbered version of CreateContactFlowVersion names one of those.
"""

import hashlib
from typing import NamedTuple

from threadline.chat.limits import REPLACED_FLOW_KEPT_MS
from threadline.store import Tx

SAVED, PUBLISHED, MODULE = "SAVED", "PUBLISHED", "MODULE"
LATEST, OF_SAVED = "$LATEST", "$SAVED"
"""Qualifiers that may follow the id of a flow after a colon. Source: DescribeContactFlow."""


class ContactFlow(NamedTuple):
    """A flow as stored. `content` is its Flow language JSON, `tags` a JSON object; `version` counts its contents.

    `draft` is content that is saved and not published. `last_number` is the number of its latest version. `settings`
    is a JSON object with members of a module that only DescribeContactFlowModule reads.
    """

    instance_id: str
    id: str
    name: str
    type: str
    status: str
    description: str | None
    content: str
    tags: str
    updated_at_ms: int
    version: int
    state: str
    draft: str | None
    last_number: int
    settings: str | None

    @property
    def is_module(self) -> bool:
        """Whether it is a module."""
        return self.type == MODULE


class FlowVersion(NamedTuple):
    """A numbered version of a flow: the content that was published when it was made."""

    instance_id: str
    flow_id: str
    number: int
    version: int
    description: str | None
    created_at_ms: int


class FlowAlias(NamedTuple):
    """An alias of a flow: a name for one of its versions."""

    instance_id: str
    flow_id: str
    id: str
    name: str
    description: str | None
    number: int
    updated_at_ms: int


class Found(NamedTuple):
    """A flow, and the version of it that an id with a qualifier names."""

    flow: ContactFlow
    qualifier: str
    version: FlowVersion | None

    @property
    def number(self) -> int | None:
        """The number of the version, if one is named."""
        return self.version.number if self.version else None

    @property
    def version_description(self) -> str | None:
        """The description of the version, if one is named."""
        return self.version.description if self.version else None

    @property
    def suffix(self) -> str:
        """The part of an ARN behind the flow's id."""
        return f":{self.version.number}" if self.version else ""

    @property
    def to_run(self) -> str:
        """The text with which a chat is started: the flow's id, with the number of a version that is named."""
        return f"{self.flow.id}:{self.version.number}" if self.version else self.flow.id

    @property
    def key(self) -> str:
        """The key of the content for a run: the flow's id and the count of its content."""
        return f"{self.flow.id}/{self.version.version if self.version else self.flow.version}"

    def content(self, tx: Tx) -> str:
        """The content that is named."""
        if self.version is not None:
            return content_of(tx, self.flow.instance_id, self.flow.id, self.version.version)
        if self.qualifier == OF_SAVED and self.flow.draft is not None:
            return self.flow.draft
        return self.flow.content


def content_of(tx: Tx, instance_id: str, flow_id: str, version: int) -> str:
    """The content of a flow in `version`. A replaced content is kept for as long as a chat may run it."""
    content = tx.row("content_of_version", str, instance_id=instance_id, flow_id=flow_id, version=version)
    if content is None:
        raise LookupError(f"no version {version} of flow {flow_id}")
    return content


def publish(tx: Tx, flow: ContactFlow, content: str) -> None:
    """Make `content` the published content, and keep the former one for the chats that run it."""
    keys = {"instance_id": flow.instance_id, "flow_id": flow.id}
    tx.run("keep_replaced_flow", now_ms=tx.now_ms, **keys)
    version = flow.version + 1
    tx.run(
        "set_contact_flow_content",
        content=content,
        version=version,
        status=PUBLISHED,
        now_ms=tx.now_ms,
        **keys,
    )
    tx.run("forget_replaced_flows", before_ms=tx.now_ms - REPLACED_FLOW_KEPT_MS, **keys)


def sha256(content: str) -> str:
    """The hash of published content. Source: CreateContactFlow, FlowContentSha256."""
    return hashlib.sha256(content.encode()).hexdigest()
