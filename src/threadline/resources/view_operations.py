"""The operations about views, which flows show to customers."""

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Unpack

from threadline.errors import Fault
from threadline.jsontext import decode
from threadline.operations.instances import Instance, page_of, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.declaration import INVALID, checked_tags, name_or_description
from threadline.resources.search import SearchRequest
from threadline.resources.views import (
    AWS_VIEWS,
    MANAGED,
    OWN,
    PUBLISHED,
    SAVED,
    VIEWS,
    Shown,
    View,
    content_hash,
    content_members,
    find_view,
)
from threadline.store import Tx

CONTENT_BYTES_MAX = 400_000
"""Source: CreateView, Content."""


def _checked(content: Document, status: str) -> dict[str, Any]:
    """A content, once it is one. Faults: InvalidRequestException.

    Assumed: a template is a JSON object; a published one has a Body, a list.
    """
    template = content.get("Template", "{}")
    if len(json.dumps(content).encode()) > CONTENT_BYTES_MAX:
        raise Fault(INVALID, f"Content has more than {CONTENT_BYTES_MAX} bytes.")
    try:
        found = decode(template)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Fault(INVALID, "Content.Template is no JSON object.")
    if status == PUBLISHED and not isinstance(found.get("Body"), list):
        raise Fault(
            INVALID, "Content.Template has no Body, which a published view needs: a list of components."
        )
    return dict(content)


def _members(instance: Instance, shown: Shown) -> Reply:
    view = shown.view
    members: Reply = {
        "Id": shown.id,
        "Arn": shown.arn,
        "Name": shown.name,
        "Status": view.status if view else PUBLISHED,
        "Type": OWN if view else MANAGED,
        "Version": shown.version,
        "Content": content_members(shown.content),
    }
    if view is not None:
        members |= {
            "Description": view.description,
            "Tags": view.tags,
            "CreatedTime": view.created_at_ms,
            "LastModifiedTime": view.updated_at_ms,
            "ViewContentSha256": content_hash(view.published) if view.published else None,
        }
    return members


def _require(tx: Tx, caller: AccountCaller, instance_id: str, view_id: str) -> tuple[Instance, View]:
    """A view of one's own. Faults: ResourceNotFoundException; AccessDeniedException for a view of AWS."""
    instance = require_instance(tx, caller, instance_id)
    path, slash, last = view_id.rpartition("/")
    name = f"{path}{slash}{last.partition(':')[0]}"
    if name.rpartition("/")[2] in AWS_VIEWS:
        raise Fault("AccessDeniedException", f"View {name} is managed by AWS and cannot be changed.")
    return instance, VIEWS.require(tx, instance.id, name)


def _shown(instance: Instance, view: View, content: Mapping[str, Any], version: int | None = None) -> Shown:
    return Shown(view.id, VIEWS.arn(instance, view.id), view.name, version, content, view)


@operation("connect", scope=("instance_id",))
def create_view(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    client_token: str | None = None,
    status: str,
    content: Document,
    description: str | None = None,
    name: str,
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create a view, saved or published.

    Faults: DuplicateResourceException for a name that is taken; InvalidRequestException for a content that is none;
        ResourceNotFoundException. Source: CreateView.
    """
    instance = require_instance(tx, caller, instance_id)
    checked = _checked(content, status)
    view = VIEWS.create(
        tx,
        instance.id,
        name,
        tags=checked_tags({}, tags or {}),
        description=description,
        status=status,
        saved=checked,
        published=checked if status == PUBLISHED else None,
    )
    return {"View": _members(instance, _shown(instance, view, checked))}


@operation("connect", writes=False)
def describe_view(tx: Tx, caller: AccountCaller, *, instance_id: str, view_id: str) -> Reply:
    """Describe a view of one's own or of AWS, in the version that its id names.

    Faults: ResourceNotFoundException, also for a view that is not published, unless `:$SAVED` is given.
    Source: DescribeView.
    """
    instance = require_instance(tx, caller, instance_id)
    return {"View": _members(instance, find_view(tx, instance, view_id))}


@operation("connect", writes=False)
def list_views(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    type: str | None = None,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the views of an instance: those of AWS first, then one's own, oldest first.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListViews.
    """
    instance = require_instance(tx, caller, instance_id)
    found = [find_view(tx, instance, name) for name in AWS_VIEWS] if type != OWN else []
    if type != MANAGED:
        found += [_shown(instance, view, view.saved) for view in VIEWS.all(tx, instance.id)]
    kept, following = page_of(found, attrgetter("id"), next_token, max_results)
    return {"ViewsSummaryList": [_summary(each) for each in kept], "NextToken": following}


def _summary(shown: Shown) -> Reply:
    view = shown.view
    return {
        "Id": shown.id,
        "Arn": shown.arn,
        "Name": shown.name,
        "Type": OWN if view else MANAGED,
        "Status": view.status if view else PUBLISHED,
        "Description": view.description if view else None,
    }


@operation("connect", writes=False)
def search_views(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find one's own views by name, description, id, status or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchViews.
    On purpose: views of AWS are not searched; ListViews has them.
    """
    return VIEWS.search(tx, caller, request, members=_saved_members)


def _saved_members(tx: Tx, instance: Instance, view: View) -> Reply:
    return _members(instance, _shown(instance, view, view.saved))


@operation("connect")
def update_view_content(
    tx: Tx, caller: AccountCaller, *, instance_id: str, view_id: str, status: str, content: Document
) -> Reply:
    """Save another content of a view, or publish it. A saved content leaves the published one as it is.

    Faults: ResourceNotFoundException; AccessDeniedException for a view of AWS; InvalidRequestException for a content
        that is none. Source: UpdateViewContent.
    """
    instance, view = _require(tx, caller, instance_id, view_id)
    checked = _checked(content, status)
    columns: dict[str, Any] = {"saved": checked, "status": status}
    if status == PUBLISHED:
        columns["published"] = checked
    changed = VIEWS.change(tx, view, **columns)
    return {"View": _members(instance, _shown(instance, changed, checked))}


@operation("connect")
def update_view_metadata(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    view_id: str,
    name: str | None = None,
    description: str | None = None,
) -> Reply:
    """Give a view another name or description. A member that is left out stays as it is.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException; AccessDeniedException for
        a view of AWS; InvalidRequestException without either member. Source: UpdateViewMetadata.
    """
    _, view = _require(tx, caller, instance_id, view_id)
    VIEWS.change(tx, view, **name_or_description(name, description))
    return {}


@operation("connect")
def delete_view(tx: Tx, caller: AccountCaller, *, instance_id: str, view_id: str) -> Reply:
    """Delete a view with its versions. A flow that shows it takes its error branch from then on.

    Faults: ResourceNotFoundException; AccessDeniedException for a view of AWS. Source: DeleteView.
    """
    _, view = _require(tx, caller, instance_id, view_id)
    VIEWS.delete(tx, view)
    return {}


@operation("connect")
def create_view_version(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    view_id: str,
    version_description: str | None = None,
    view_content_sha256: str | None = None,
) -> Reply:
    """Keep the published content of a view as a version. Without a change it returns the latest version.

    Faults: ResourceNotFoundException; AccessDeniedException for a view of AWS; InvalidRequestException for a view that
        is not published, or whose content has another ViewContentSha256. Source: CreateViewVersion.
    """
    instance, view = _require(tx, caller, instance_id, view_id)
    if view.published is None:
        raise Fault(INVALID, f"View {view.name!r} is {SAVED}; publish it first.")
    if view_content_sha256 not in (None, content_hash(view.published)):
        raise Fault(INVALID, "ViewContentSha256 is not that of the published content.")
    latest = view.versions[-1] if view.versions else None
    if latest is None or latest["content"] != view.published:
        number = latest["number"] + 1 if latest else 1
        latest = {"number": number, "description": version_description, "content": view.published}
        view = VIEWS.change(tx, view, versions=[*view.versions, latest])
    shown = _shown(instance, view, latest["content"], latest["number"])
    return {"View": _members(instance, shown) | {"VersionDescription": latest["description"]}}


@operation("connect", writes=False)
def list_view_versions(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    view_id: str,
    next_token: str | None = None,
    max_results: int = 100,
) -> Reply:
    """List the versions of a view, latest first.

    Faults: ResourceNotFoundException; AccessDeniedException for a view of AWS; InvalidRequestException for a NextToken
        that is not valid. Source: ListViewVersions.
    """
    instance, view = _require(tx, caller, instance_id, view_id)
    kept, following = page_of(
        view.versions[::-1], lambda version: str(version["number"]), next_token, max_results
    )
    summary = _summary(_shown(instance, view, view.saved))
    del summary["Status"]
    return {
        "ViewVersionSummaryList": [
            summary | {"Version": each["number"], "VersionDescription": each["description"]} for each in kept
        ],
        "NextToken": following,
    }


@operation("connect")
def delete_view_version(
    tx: Tx, caller: AccountCaller, *, instance_id: str, view_id: str, view_version: int
) -> Reply:
    """Delete a version of a view.

    Faults: ResourceNotFoundException, also for the version; AccessDeniedException for a view of AWS.
    Source: DeleteViewVersion.
    """
    _, view = _require(tx, caller, instance_id, view_id)
    kept = [version for version in view.versions if version["number"] != view_version]
    if len(kept) == len(view.versions):
        raise Fault("ResourceNotFoundException", f"View {view.id} has no version {view_version}.")
    VIEWS.change(tx, view, versions=kept)
    return {}
