"""Views as stored, and the views that Amazon Connect manages. `view_operations` has the operations about them."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from threadline.errors import Fault
from threadline.operations.instances import Instance
from threadline.resources.declaration import WireNames
from threadline.resources.resource_type import Resource, ResourceType
from threadline.store import Tx

SAVED, PUBLISHED = "SAVED", "PUBLISHED"
MANAGED, OWN = "AWS_MANAGED", "CUSTOMER_MANAGED"
OF_SAVED, OF_LATEST = "$SAVED", "$LATEST"
AWS_ARN = re.compile(r"arn:aws[a-z-]*:connect:[a-z0-9-]+:aws:view/([a-z-]+)(?::([^:/]+))?")
_INPUT = re.compile(r'"\$\.([A-Za-z0-9_]+)')


class View(Resource, kw_only=True, frozen=True):
    """A view: the content that was saved last, the one that was published last, and its versions, oldest first."""

    description: str | None = None
    status: str
    saved: dict[str, Any]
    published: dict[str, Any] | None = None
    versions: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def matches(self, kind: str, condition: Any) -> bool:
        """See `Resource`."""
        match kind:
            case "ViewTypeCondition":
                return bool(condition == OWN)
            case "ViewStatusCondition":
                return bool(condition == self.status)
        return super().matches(kind, condition)


VIEWS = ResourceType(View, kind="view", noun="View", names=WireNames(found="Views"))

AWS_VIEWS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "after-contact-work": (("Heading", "SubHeading", "Sections", "AttributeBar"), ("Back", "Next", "Cancel")),
    "cards": (
        ("Heading", "Cards", "CardsPerRow", "NoMatchFound", "Back", "AttributeBar"),
        ("Back", "NoMatchFound", "ActionSelected"),
    ),
    "confirmation": (("Heading", "SubHeading", "Graphic", "Next", "AttributeBar"), ("Next",)),
    "detail": (
        ("Heading", "Description", "Sections", "Actions", "Back", "AttributeBar"),
        ("Back", "ActionSelected"),
    ),
    "form": (
        (
            "Heading",
            "SubHeading",
            "Sections",
            "Wizard",
            "ErrorText",
            "Back",
            "Next",
            "Cancel",
            "Previous",
            "Edit",
            "AttributeBar",
        ),
        ("Back", "Next", "Cancel", "Previous", "Edit", "Step"),
    ),
    "list": (("Heading", "SubHeading", "Items", "Back", "AttributeBar"), ("Back", "ActionSelected")),
}
"""The inputs and the actions of the views that Amazon Connect manages, by their ids.

Source: Admin Guide, AWS managed views. Observed: exported flows name after-contact-work too, of which only the name is
known; its inputs and actions are Assumed.
On purpose: their templates are ours, one component with these inputs, since Amazon's are its own.
"""


class Shown(NamedTuple):
    """A view in the version that an id with a qualifier names."""

    id: str
    arn: str
    name: str
    version: int | None
    content: Mapping[str, Any]
    view: View | None = None


def find_view(tx: Tx, instance: Instance, view_id: str) -> Shown:
    """The view, by id or ARN, also with a version, `$LATEST` or `$SAVED` behind a colon.

    Faults: ResourceNotFoundException, also for a view that is not published, unless `$SAVED` is given.
    """
    managed = AWS_ARN.fullmatch(view_id)
    name, _, qualifier = view_id.partition(":")
    if managed or name in AWS_VIEWS:
        shown = _managed(instance, *(managed.groups() if managed else (name, qualifier)))
    else:
        shown = _own(tx, instance, view_id)
    if shown is None:
        raise Fault("ResourceNotFoundException", f"View not found: {view_id}")
    return shown


def _managed(instance: Instance, name: str, qualifier: str | None) -> Shown | None:
    if name not in AWS_VIEWS or qualifier not in (None, "", "1", OF_LATEST):
        return None
    inputs, actions = AWS_VIEWS[name]
    component = {"_id": name, "Type": name, "Props": {each: f"$.{each}" for each in inputs}, "Content": []}
    template = {"Head": {"Title": name}, "Body": [component]}
    content = {"Template": json.dumps(template), "Actions": list(actions)}
    return Shown(name, f"arn:aws:connect:{instance.region}:aws:view/{name}", name, 1, content)


def _own(tx: Tx, instance: Instance, view_id: str) -> Shown | None:
    path, slash, last = view_id.rpartition("/")
    name, _, qualifier = last.partition(":")
    view = VIEWS.find(tx, instance.id, f"{path}{slash}{name}")
    if view is None:
        return None
    arn = VIEWS.arn(instance, view.id)
    if qualifier == OF_SAVED:
        return Shown(view.id, arn, view.name, None, view.saved, view)
    if qualifier in ("", OF_LATEST):
        number = view.versions[-1]["number"] if view.versions else None
        return Shown(view.id, arn, view.name, number, view.published, view) if view.published else None
    for version in view.versions:
        if str(version["number"]) == qualifier:
            return Shown(view.id, arn, view.name, version["number"], version["content"], view)
    return None


def content_members(content: Mapping[str, Any]) -> dict[str, Any]:
    """A content as replies have it, with the inputs that its template names.

    Assumed: InputSchema is a JSON schema with each input of the template, of any type and not required.
    """
    names = dict.fromkeys(_INPUT.findall(content.get("Template") or ""))
    schema = {"type": "object", "properties": {name: {} for name in names}}
    return {**content, "InputSchema": json.dumps(schema)}


def content_hash(content: Mapping[str, Any]) -> str:
    """The ViewContentSha256 of a content. Assumed: it is over the content's JSON."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def view_token(instance: Instance, session: int, shown: Shown) -> str:
    """The token with which a participant of the session reads the view that a flow shows. It is authenticated."""
    qualifier = OF_LATEST if shown.version is None else shown.version
    named = f"{session}/{shown.id}:{qualifier}".encode()
    return f"{_text(named)}.{_text(_signature(instance, named))}"


def view_of_token(instance: Instance, session: int, token: str) -> str | None:
    """The id with qualifier in a token of this session; None for any other text."""
    try:
        named, signature = map(_bytes, token.split("."))
    except ValueError:
        return None
    if not hmac.compare_digest(signature, _signature(instance, named)):
        return None
    of, _, view_id = named.decode().partition("/")
    return view_id if of == str(session) else None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)


def _signature(instance: Instance, named: bytes) -> bytes:
    return hmac.new(instance.paging_key.encode(), b"view/" + named, hashlib.sha256).digest()
