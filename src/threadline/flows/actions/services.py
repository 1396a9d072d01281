"""Actions that ask something outside: a Lambda function, a Lex bot, another service of AWS.

The flow stops in a state that says so; a task makes the call outside any transaction (see `tasks`), and its answer
comes back as an event.
"""

from collections.abc import Mapping
from typing import Any

from threadline.flows.actions.messages import shown_text
from threadline.flows.declaration import ActionType, OnChat, Parameters, action
from threadline.flows.effects import (
    INPUT_TIME_LIMIT_EXCEEDED,
    AskBot,
    CallService,
    Decision,
    Failed,
    InvokeLambda,
)
from threadline.flows.readers import (
    WAIT_SECONDS_MAX,
    anything,
    as_whole,
    message,
    one_value_of,
    scalar,
    static_or_reference,
    texts_or_none,
    whole,
)
from threadline.flows.references import Context, fill_all, resolve

LAMBDA_SECONDS = "3"
LAMBDA_SECONDS_MAX = 8
"""Source: Admin Guide, AWS Lambda function block."""
ASYNCHRONOUS_SECONDS_MAX = 60
PARAMETERS_CHARACTERS_MAX = 32_768
"""Characters of a call's parameters, once their references are replaced. Assumed: as for attributes."""
BOT_SECONDS = "300"
"""Seconds that a bot waits for the customer's next message. Assumed: as the console fills it in."""
MESSAGE_CHARACTERS_MAX = 1_024
"""Characters of a message to a bot. Source: Lex V2 RecognizeText, text."""


def _validation(value: Any) -> str:
    kind = value.get("ResponseType") if isinstance(value, Mapping) else None
    if kind not in ("STRING_MAP", "JSON"):
        raise ValueError("must have the ResponseType STRING_MAP or JSON")
    return str(kind)


@action(
    ActionType(
        required={"LambdaFunctionARN": static_or_reference},
        optional={
            "InvocationTimeLimitSeconds": whole(1, ASYNCHRONOUS_SECONDS_MAX),
            "InvocationType": one_value_of("SYNCHRONOUS", "ASYNCHRONOUS"),
            "LambdaInvocationAttributes": texts_or_none,
            "ResponseValidation": _validation,
        },
        ignored=("LoadLambdaResult",),
        errors=("TimeLimitExceeded", "InvalidResponse"),
    )
)
def invoke_lambda_function(parameters: Parameters, context: Context) -> Decision:
    """Invoke a Lambda function; `$.External` refers to its answer until the next invocation.

    Source: Admin Guide, AWS Lambda function block. Assumed: an answer without ResponseValidation is a STRING_MAP.
    """
    arn = resolve(parameters["LambdaFunctionARN"], context)
    attributes = fill_all(
        parameters.get("LambdaInvocationAttributes", {}), context, PARAMETERS_CHARACTERS_MAX
    )
    limit = resolve(parameters.get("InvocationTimeLimitSeconds", LAMBDA_SECONDS), context)
    seconds = as_whole(limit, 1, ASYNCHRONOUS_SECONDS_MAX)
    if not arn or attributes is None or seconds is None:
        return Failed()
    waits = parameters.get("InvocationType") != "ASYNCHRONOUS"
    is_json = parameters.get("ResponseValidation") == "JSON"
    return InvokeLambda(
        arn, attributes, min(seconds, LAMBDA_SECONDS_MAX) if waits else seconds, is_json, waits
    )


def _alias(value: Any) -> str:
    if not isinstance(value, Mapping) or not value.get("AliasArn"):
        raise ValueError("must be an object with the AliasArn of a bot's alias")
    return static_or_reference(value["AliasArn"])


def _classic_bot(value: Any) -> str:
    if not isinstance(value, Mapping) or not value.get("Name"):
        raise ValueError("must be an object with the Name of a bot")
    return scalar(value["Name"])


def _text_seconds(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object with Text, a number of seconds")
    return None if value.get("Text") in (None, "") else whole(1, WAIT_SECONDS_MAX)(value["Text"])


def _initial_message(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object with InitialMessage")
    given = value.get("InitialMessage")
    return None if given in (None, "") else scalar(given)


@action(
    ActionType(
        one_of={"LexV2Bot": _alias, "LexBot": _classic_bot},
        optional={
            "Text": message,
            "SSML": message,
            "PromptId": static_or_reference,
            "Media": anything,
            "LexSessionAttributes": texts_or_none,
            "LexTimeoutSeconds": _text_seconds,
            "LexInitializationData": _initial_message,
        },
        ignored=("LexSentimentOverride", "SkipWhenDTMFBufferEnabled", "LexVersion", "AssistantConfiguration"),
        errors=(INPUT_TIME_LIMIT_EXCEEDED,),
        operators=("Equals",),
    )
)
def connect_participant_with_lex_bot(parameters: Parameters, context: Context) -> Decision:
    """Let a Lex bot talk with the customer; the intent that ends the talk is the branch.

    Source: Admin Guide, get customer input block.
    Assumed: a bot of Lex V1, which AWS has closed, takes NoMatchingError.
    """
    alias = resolve(parameters.get("LexV2Bot", ""), context)
    attributes = fill_all(parameters.get("LexSessionAttributes", {}), context, PARAMETERS_CHARACTERS_MAX)
    limit = resolve(parameters.get("LexTimeoutSeconds") or BOT_SECONDS, context)
    seconds = as_whole(limit, 1, WAIT_SECONDS_MAX)
    if not alias or attributes is None or seconds is None:
        return Failed()
    first = parameters.get("LexInitializationData")
    message_to_bot = resolve(first, context) if first else None
    texts = {name: str(value) for name, value in attributes.items()}
    return AskBot(
        alias,
        shown_text(parameters, context),
        message_to_bot[:MESSAGE_CHARACTERS_MAX] if message_to_bot else None,
        texts,
        seconds,
    )


def _on_voice_only(
    error_type: str, *names: str, errors: tuple[str, ...] = (), branches: bool = False
) -> None:
    """Declare actions of voice calls, which take the branch of `error_type` on a chat."""

    def fail(parameters: Parameters, context: Context) -> Decision:
        return Failed(error_type)

    kind = ActionType(
        open=True,
        errors=errors,
        operators=("Equals", "NumberLessThan") if branches else (),
        next_is_optional=True,
        on_chat=OnChat.VOICE_ONLY,
    )
    action(kind, *names)(fail)


_on_voice_only(
    "NoMatchingError",
    "CheckOutboundCallStatus",
    "CheckVoiceId",
    branches=True,
)
_on_voice_only(
    "NoMatchingError",
    "CompleteOutboundCall",
    "CreateCallbackContact",
    "StartVoiceIdStream",
    "UpdateContactMediaStreamingBehavior",
    "UpdatePreviousContactParticipantState",
    "PauseContact",
    "ResumeContact",
    "LoadContactContent",
    errors=("ConcurrencyLimitReached", "InvalidStateError"),
)
_on_voice_only(
    "NoMatchingError",
    "TransferParticipantToThirdParty",
    errors=("CallFailed", "ConnectionTimeLimitExceeded"),
)
_on_voice_only(
    "InvalidCallbackNumber",
    "UpdateContactCallbackNumber",
    errors=("InvalidCallbackNumber", "CallbackNumberNotDialable"),
)


def _of_service(*names: str, errors: tuple[str, ...] = (), branches: bool = False) -> None:
    """Declare actions of other services, which a configured neighbour runs."""
    kind = ActionType(
        open=True,
        errors=errors,
        operators=("Equals",) if branches else (),
        next_is_optional=branches,
        on_chat=OnChat.OF_SERVICE,
    )
    for name in names:

        def call(parameters: Parameters, context: Context, name: str = name) -> Decision:
            filled = fill_all(dict(parameters), context, PARAMETERS_CHARACTERS_MAX)
            return Failed() if filled is None else CallService(name, filled)

        action(kind, name)(call)


_of_service(
    "AssociateContactToCustomerProfile",
    "CreateCustomerProfile",
    "GetCalculatedAttributesForCustomerProfile",
    "GetCustomerProfile",
    "GetCustomerProfileObject",
    "UpdateCustomerProfile",
    errors=("MultipleFoundError", "NoneFoundError"),
)
_of_service("CreateCase", "GetCase", "UpdateCase", errors=("ContactNotLinked", "MultipleFound", "NoneFound"))
_of_service(
    "CreateContact",
    "CreateTask",
    "CreateWisdomSession",
    "EvaluateDataTableValues",
    "ListDataTableValues",
    "RenderMessageTemplate",
    "StartOutboundChatContact",
    "StartOutboundEmailContact",
    "UpsertDataTableValues",
    errors=("TimeLimitExceeded",),
)
_of_service("AuthenticateParticipant", errors=("TimeLimitExceeded",), branches=True)
_of_service("ConnectParticipantWithAgenticCX", errors=(INPUT_TIME_LIMIT_EXCEEDED,), branches=True)
