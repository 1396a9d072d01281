"""Actions that change the contact: its attributes, data, tags, hooks, and the chat that it continues."""

from collections.abc import Mapping
from typing import Any

from threadline.flows.declaration import ActionType, OnChat, Parameters, action
from threadline.flows.effects import (
    Associate,
    Decision,
    Failed,
    Passed,
    Remember,
    SetAttributes,
    SetContactData,
    SetHooks,
    TagContact,
)
from threadline.flows.readers import (
    anything,
    names,
    one_value_of,
    static_or_reference,
    texts,
)
from threadline.flows.references import Context, fill, fill_all, resolve

ATTRIBUTES_CHARACTERS_MAX = 32_768
"""Characters of all attributes that an action sets. Source: StartChatContact, Attributes (in bytes, checked later)."""
HOOKS = (
    "AgentHold",
    "AgentWhisper",
    "CustomerHold",
    "CustomerQueue",
    "CustomerRemaining",
    "CustomerWhisper",
    "DefaultAgentUI",
    "DisconnectAgentUI",
    "PauseContact",
    "ResumeContact",
)
"""Source: Flow language, UpdateContactEventHooks."""
ON_HOLD = ("AgentHold", "CustomerHold")
DATA = ("Name", "Description", "CustomerId", "LanguageCode", "WisdomSessionArn", "WisdomAssistantArn")
"""Members of a contact that a flow sets. Source: Flow language, UpdateContactData."""

_REHYDRATION = {
    "ENTIRE_PAST_SESSION": "ENTIRE_PAST_SESSION",
    "FROM_SEGMENT": "FROM_SEGMENT",
    "From Segment": "FROM_SEGMENT",
    "Entire Past Session": "ENTIRE_PAST_SESSION",
}
"""The types of association by the words of a flow. Observed: the console writes `From Segment` too."""
_TARGET = one_value_of("Current", "Related", "CurrentContact", "RelatedContact")


def _is_related(parameters: Parameters) -> bool:
    return str(parameters.get("TargetContact", "")).startswith("Related")


@action(
    ActionType(
        required={
            "RehydrationType": one_value_of(*_REHYDRATION),
            "SourceContactId": static_or_reference,
        },
        optional={"ClientToken": static_or_reference},
        not_in=("CAMPAIGN",),
    )
)
def create_persistent_contact_association(parameters: Parameters, context: Context) -> Decision:
    """Continue this chat from a past one.

    Assumed: an empty or unresolved SourceContactId takes NoMatchingError, as every error of the API does.
    ClientToken is accepted and has no effect: a repeated association with the same source succeeds anyway.
    """
    source_contact_id = resolve(parameters["SourceContactId"], context)
    rehydration_type = _REHYDRATION[parameters["RehydrationType"]]
    return Associate(rehydration_type, source_contact_id) if source_contact_id else Failed()


@action(ActionType(required={"Attributes": texts}, optional={"TargetContact": _TARGET}))
def update_contact_attributes(parameters: Parameters, context: Context) -> Decision:
    """Set user-defined attributes, all of them or none; an empty value removes one.

    Source: Admin Guide, set contact attributes block. Assumed: TargetContact is Current where it is left out.
    Assumed: a value that is one unresolved reference removes its attribute too.
    """
    filled = _fill_texts(parameters["Attributes"], context)
    return Failed() if filled is None else SetAttributes(filled, _is_related(parameters))


def _fill_texts(values: Mapping[str, str], context: Context) -> dict[str, str] | None:
    filled: dict[str, str] = {}
    left = ATTRIBUTES_CHARACTERS_MAX
    for entry in values.items():
        name, value = (fill(text, context, left) for text in entry)
        if name is None or value is None:
            return None
        filled[name] = value
        left -= len(name) + len(value) if value else 0
    return filled


@action(ActionType(required={"FlowAttributes": anything}))
def update_flow_attributes(parameters: Parameters, context: Context) -> Decision:
    """Set attributes that only this run of the flow reads: `$.FlowAttributes.name`.

    Each is an object with a Value, or the value itself. Source: Flow language, UpdateFlowAttributes.
    """
    given = fill_all(parameters["FlowAttributes"], context, ATTRIBUTES_CHARACTERS_MAX)
    if not isinstance(given, Mapping):
        return Failed()
    known = context.get("FlowAttributes") or {}
    values = {
        name: entry.get("Value", "") if isinstance(entry, Mapping) else entry for name, entry in given.items()
    }
    return Remember({"FlowAttributes": {**known, **values}})


@action(ActionType(open=True))
def update_contact_data(parameters: Parameters, context: Context) -> Decision:
    """Set the contact's name, description, language, customer and references.

    Source: Flow language, UpdateContactData. Its members for voice, as VoiceIdSettings, have no effect on a chat.
    """
    filled = fill_all(dict(parameters), context, ATTRIBUTES_CHARACTERS_MAX)
    if not isinstance(filled, Mapping):
        return Failed()
    values = {name: str(filled[name]) for name in DATA if name in filled}
    if isinstance(filled.get("References"), Mapping):
        values["References"] = filled["References"]
    if isinstance(filled.get("SegmentAttributes"), Mapping):
        values["SegmentAttributes"] = filled["SegmentAttributes"]
    return SetContactData(values, _is_related(parameters)) if values else Passed()


TAGS_MAX = 6
"""User-defined tags of a contact. Source: Admin Guide, contact tags block; Amazon refuses a flow with more."""


def _tags(value: Any) -> dict[str, str]:
    read = texts(value)
    if len(read) > TAGS_MAX:
        raise ValueError(f"must have at most {TAGS_MAX} tags, not {len(read)}")
    return read


def _tag_keys(value: Any) -> tuple[str, ...]:
    keys = names(value)
    if not keys:
        raise ValueError("must have at least one key")
    return keys


@action(ActionType(required={"Tags": _tags}))
def tag_contact(parameters: Parameters, context: Context) -> Decision:
    """Add user-defined tags to the contact."""
    filled = _fill_texts(parameters["Tags"], context)
    return TagContact(filled) if filled else Failed()


@action(ActionType(required={"TagKeys": _tag_keys}), "UntagContact", "UnTagContact")
def untag_contact(parameters: Parameters, context: Context) -> Decision:
    """Remove tags of the contact. Observed: Amazon takes UntagContact; the page's title has another spelling."""
    keys = [fill(key, context, 256) for key in parameters["TagKeys"]]
    return TagContact({}, tuple(key for key in keys if key))


def _hooks(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object with a hook's name and its flow")
    read: dict[str, str] = {}
    for hook, flow_id in value.items():
        if hook not in HOOKS:
            raise ValueError(f"has the entry {str(hook)[:60]!r}, which is none of {', '.join(HOOKS)}")
        try:
            read[hook] = static_or_reference(flow_id)
        except ValueError as error:
            raise ValueError(f"has an entry {hook!r} that {error}") from None
    return read


def _configuration(value: Any) -> dict[str, bool]:
    if not isinstance(value, Mapping) or not set(value) <= set(HOOKS):
        raise ValueError(f"must be an object whose names are of {', '.join(HOOKS)}")
    read: dict[str, bool] = {}
    for hook, entry in value.items():
        disabled = entry.get("DisableExecution") if isinstance(entry, Mapping) else None
        if str(disabled).lower() not in ("true", "false"):
            raise ValueError(f"has an entry {hook!r} without DisableExecution, True or False")
        read[hook] = str(disabled).lower() == "true"
    return read


@action(
    ActionType(
        optional={"EventHooks": _hooks, "EventHooksConfiguration": _configuration},
        any_of=("EventHooks", "EventHooksConfiguration"),
    )
)
def update_contact_event_hooks(parameters: Parameters, context: Context) -> Decision:
    """Set the flows that run at events of the contact, such as CustomerQueue and CustomerRemaining.

    Source: Flow language, UpdateContactEventHooks. Admin Guide, set hold flow block: on chat it takes the error branch.
    Observed: Amazon accepts several entries, and none, where the page speaks of exactly one.
    """
    hooks: dict[str, str | None] = {}
    for hook, given in parameters.get("EventHooks", {}).items():
        flow_id = resolve(given, context)
        if not flow_id or hook in ON_HOLD:
            return Failed()
        hooks[hook] = flow_id
    disabled = parameters.get("EventHooksConfiguration", {})
    hooks |= {hook: None for hook, is_disabled in disabled.items() if is_disabled}
    return SetHooks(hooks) if hooks else Passed()


@action(
    ActionType(
        optional={
            "QueuePriority": static_or_reference,
            "QueueTimeAdjustmentSeconds": static_or_reference,
        },
        any_of=("QueuePriority", "QueueTimeAdjustmentSeconds"),
    )
)
def update_contact_routing_behavior(parameters: Parameters, context: Context) -> Decision:
    """Keep the contact's priority, or the adjustment of its time in the queue, for routing."""
    values = {name: resolve(value, context) for name, value in parameters.items()}
    return SetContactData({name: value for name, value in values.items() if value})


@action(
    ActionType(required={"RoutingCriteria": anything}),
    "UpdateContactRoutingCriteria",
    "UpdateRoutingCriteria",
)
def update_contact_routing_criteria(parameters: Parameters, context: Context) -> Decision:
    """Keep the routing criteria on the contact, for routing. They may be one reference to a Lambda's answer."""
    criteria = fill_all(parameters["RoutingCriteria"], context, ATTRIBUTES_CHARACTERS_MAX)
    return SetContactData({"RoutingCriteria": criteria}) if isinstance(criteria, Mapping) else Failed()


@action(
    ActionType(
        open=True,
        errors=("ChannelMismatch", "InFlightRedactionConfigurationFailed"),
        on_chat=OnChat.NOTHING_VISIBLE,
    ),
    "UpdateContactRecordingBehavior",
    "UpdateContactRecordingAndAnalyticsBehavior",
)
def update_contact_recording_behavior(parameters: Parameters, context: Context) -> Decision:
    """Keep the recording and analytics behaviour on the contact; a chat shows nothing of it."""
    return SetContactData({"RecordingBehavior": dict(parameters)})


@action(ActionType(open=True, on_chat=OnChat.NOTHING_VISIBLE))
def update_contact_media_processing(parameters: Parameters, context: Context) -> Decision:
    """Keep the message processor on the contact; this server runs none."""
    return SetContactData({"MediaProcessing": dict(parameters)})


@action(ActionType(required={"FlowLoggingBehavior": one_value_of("Enabled", "Disabled")}))
def update_flow_logging_behavior(parameters: Parameters, context: Context) -> Decision:
    """Switch the log of this flow's steps on or off."""
    return Remember({}, logs=parameters["FlowLoggingBehavior"] == "Enabled")
