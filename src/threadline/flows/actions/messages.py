"""Actions that show something to the participants.

Source: https://docs.aws.amazon.com/connect/latest/devguide/interactions.html and the block pages of the Admin Guide.
"""

from collections.abc import Mapping
from typing import Any

from threadline.flows.declaration import HOLD, ActionType, OnChat, Parameters, action
from threadline.flows.effects import (
    TIME_LIMIT_EXCEEDED,
    Announce,
    Decision,
    Failed,
    Passed,
    ShowMessage,
    ShowView,
)
from threadline.flows.readers import (
    TEXT_CHARACTERS_MAX,
    anything,
    as_whole,
    fits,
    message,
    scalar,
    static_or_reference,
    whole,
    without_tags,
)
from threadline.flows.references import Context, fill, fill_all, resolve

MESSAGES_MAX = 20
"""Messages of one MessageParticipantIteratively. Assumed: no such limit is published."""
VIEW_SECONDS_MAX = 604_800
VIEW_DATA_CHARACTERS_MAX = 32_768
"""Characters of a view's data, once its references are replaced. Assumed: as for attributes."""

_SPOKEN = {"SSML": message, "PromptId": static_or_reference, "Media": anything}


def shown_text(parameters: Mapping[str, Any], context: Context) -> str | None:
    """Return the text that a chat shows of Text or SSML, None for a prompt and for a text that no chat can show.

    Assumed: SSML shows its text without its tags.
    """
    source = parameters.get("Text") or parameters.get("SSML")
    text = fill(source, context, TEXT_CHARACTERS_MAX) if source else None
    if text is not None and ("SSML" in parameters or text.lstrip().startswith("<speak")):
        text = without_tags(text)
    return text if text and text.strip() and fits(text) else None


@action(
    ActionType(
        one_of={"Text": message, **_SPOKEN},
        ignored=("SkipWhenDTMFBufferEnabled",),
        not_in=HOLD,
    )
)
def message_participant(parameters: Parameters, context: Context) -> Decision:
    """Show a message to the participants.

    Assumed: a text that is empty or too long once its references are replaced takes NoMatchingError. So do PromptId and
    Media, which are heard on voice calls only.
    """
    text = shown_text(parameters, context)
    return ShowMessage(text) if text else Failed()


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MESSAGES_MAX:
        raise ValueError(f"must be a list of 1 to {MESSAGES_MAX} messages")
    readers = {"Text": message, **_SPOKEN}
    read: list[dict[str, str]] = []
    for entry in value:
        if not isinstance(entry, dict) or len(entry) != 1 or not set(entry) <= set(readers):
            raise ValueError(f"must have entries with exactly one of {', '.join(readers)}")
        read += [{name: readers[name](inner) for name, inner in entry.items()}]
    return read


@action(
    ActionType(
        required={"Messages": _messages},
        optional={"InterruptFrequencySeconds": whole(1, 604_800)},
        operators=("Equals",),
        next_is_optional=True,
    )
)
def message_participant_iteratively(parameters: Parameters, context: Context) -> Decision:
    """Show messages to a customer who waits in a queue; in any other flow take the error branch.

    Source: Admin Guide, loop prompts block: on chat it takes the error branch.
    Observed: in a customer queue flow a chat shows the texts and goes on waiting.
    Assumed: it shows each Text once, one after the other, and InterruptFrequencySeconds does not interrupt it.
    """
    if context.get("FlowType") != "CUSTOMER_QUEUE":
        return Failed()
    shown = [shown_text(entry, context) for entry in parameters["Messages"]]
    return Announce(tuple(text for text in shown if text))


def _view(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not value.get("Id"):
        raise ValueError("must be an object with the Id of a view")
    return {name: static_or_reference(entry) for name, entry in value.items() if entry not in ("", None)}


def _sensitive(value: Any) -> list[str]:
    """The places on which the answer is hidden. Source: ShowView of the Flow language; TRANSCRIPT is the only one."""
    hidden = value.get("HideResponseOn") if isinstance(value, dict) else value
    if not isinstance(value, dict) or not (hidden is None or hidden in ([], ["TRANSCRIPT"])):
        raise ValueError('must be an object such as {"HideResponseOn": ["TRANSCRIPT"]}')
    return hidden or []


@action(
    ActionType(
        required={"ViewResource": _view},
        optional={
            "ViewData": anything,
            "InvocationTimeLimitSeconds": whole(1, VIEW_SECONDS_MAX),
            "SensitiveDataConfiguration": _sensitive,
        },
        ignored=("InitialTimeoutSeconds",),
        errors=(TIME_LIMIT_EXCEEDED,),
        operators=("Equals",),
    )
)
def show_view(parameters: Parameters, context: Context) -> Decision:
    """Show a view to the customer, and take the branch of the action with which they answer.

    HideResponseOn TRANSCRIPT keeps the data of the answer out of the transcript.
    Assumed: a view without a time limit waits for 400 seconds, as the console fills it in.
    """
    resource = parameters["ViewResource"]
    view_id = resolve(resource["Id"], context)
    data = fill_all(parameters.get("ViewData") or {}, context, VIEW_DATA_CHARACTERS_MAX)
    limit = resolve(parameters.get("InvocationTimeLimitSeconds", "400"), context)
    seconds = as_whole(limit, 1, VIEW_SECONDS_MAX)
    if not view_id or not isinstance(data, dict) or seconds is None:
        return Failed()
    hides = "TRANSCRIPT" in parameters.get("SensitiveDataConfiguration", ())
    return ShowView(view_id, resource.get("Version"), data, seconds, hides)


@action(
    ActionType(
        optional={"Text": message, **_SPOKEN},
        ignored=(
            "StoreInput",
            "InputTimeLimitSeconds",
            "InputValidation",
            "InputEncryption",
            "DTMFConfiguration",
            "EnableDTMFBuffer",
            "SkipWhenDTMFBufferEnabled",
        ),
        errors=("InputTimeLimitExceeded", "InvalidPhoneNumber"),
        operators=("Equals",),
        on_chat=OnChat.VOICE_ONLY,
    )
)
def get_participant_input(parameters: Parameters, context: Context) -> Decision:
    """Take the error branch: a chat has no digits to enter.

    Source: Admin Guide, get customer input block and store customer input block.
    """
    return Failed()


@action(
    ActionType(
        required={"TextToSpeechVoice": scalar},
        ignored=("TextToSpeechEngine", "TextToSpeechStyle", "LanguageCode"),
        on_chat=OnChat.NOTHING_VISIBLE,
    )
)
def update_contact_text_to_speech_voice(parameters: Parameters, context: Context) -> Decision:
    """Go on: a chat is not spoken. Source: Admin Guide, set voice block: on chat it takes the success branch."""
    return Passed()
