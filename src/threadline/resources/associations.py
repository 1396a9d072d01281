"""The operations that associate Lambda functions and Lex bots with an instance."""

from collections.abc import Mapping

from threadline.errors import Fault
from threadline.operations.instances import require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.declaration import INVALID, NOT_FOUND
from threadline.resources.resource_type import Resource, ResourceType
from threadline.store import Tx

CONFLICT = "ResourceConflictException"
V1, V2 = "V1", "V2"


class OutsideService(Resource, kw_only=True, frozen=True):
    """Something outside that an instance is associated with, by its name or ARN."""


FUNCTIONS = ResourceType(OutsideService, kind="lambda-function", noun="Lambda function", taken=CONFLICT)
BOTS = ResourceType(OutsideService, kind="lex-bot", noun="Lex bot", taken=CONFLICT)


def _associate(
    tx: Tx, caller: AccountCaller, of: ResourceType[OutsideService], instance_id: str, name: str
) -> None:
    of.create(tx, require_instance(tx, caller, instance_id).id, name)


def _disassociate(
    tx: Tx, caller: AccountCaller, of: ResourceType[OutsideService], instance_id: str, name: str
) -> None:
    instance = require_instance(tx, caller, instance_id)
    for each in of.all(tx, instance.id):
        if each.name == name:
            of.delete(tx, each)
            return
    raise Fault(NOT_FOUND, f"{of.noun} {name} is not associated with this instance.")


@operation("connect", scope=("instance_id",))
def associate_lambda_function(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    function_arn: str,
    client_token: str | None = None,
) -> Reply:
    """Note that flows of the instance may invoke a Lambda function.

    Faults: ResourceNotFoundException; ResourceConflictException for one that is associated already.
    Source: AssociateLambdaFunction.
    On purpose: flows may invoke others too. AWS_ENDPOINT_URL_LAMBDA and THREADLINE_NEIGHBOURS say what is called.
    """
    _associate(tx, caller, FUNCTIONS, instance_id, function_arn)
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_lambda_function(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    function_arn: str,
    client_token: str | None = None,
) -> Reply:
    """Remove the association with a Lambda function.

    Faults: ResourceNotFoundException, also for one that is not associated. Source: DisassociateLambdaFunction.
    """
    _disassociate(tx, caller, FUNCTIONS, instance_id, function_arn)
    return {}


@operation("connect", writes=False)
def list_lambda_functions(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 25
) -> Reply:
    """List the Lambda functions that are associated with an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid.
    Source: ListLambdaFunctions.
    """
    instance = require_instance(tx, caller, instance_id)
    kept, following = FUNCTIONS.page(tx, instance.id, next_token, max_results)
    return {"LambdaFunctions": [each.name for each in kept], "NextToken": following}


def _bot_name(lex_bot: Mapping[str, str] | None, lex_v2_bot: Mapping[str, str] | None) -> str:
    """The name of a bot's association: the ARN of its alias, or region and name of a bot of V1.

    Faults: InvalidRequestException unless exactly one is given.
    """
    alias = (lex_v2_bot or {}).get("AliasArn")
    if (alias is None) == (lex_bot is None):
        raise Fault(INVALID, "Give either LexBot or LexV2Bot with an AliasArn.")
    return alias or f"{(lex_bot or {}).get('LexRegion', '')}/{(lex_bot or {}).get('Name', '')}"


def _v1_bot(name: str) -> dict[str, str] | None:
    """Region and name of a bot of V1; None for an alias of V2."""
    region, _, bot = name.partition("/")
    return None if name.startswith("arn:") else {"Name": bot, "LexRegion": region}


@operation("connect", scope=("instance_id",))
def associate_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    lex_bot: Mapping[str, str] | None = None,
    lex_v2_bot: Mapping[str, str] | None = None,
    client_token: str | None = None,
) -> Reply:
    """Note that flows of the instance may ask a Lex bot.

    Faults: ResourceNotFoundException; ResourceConflictException for one that is associated already;
        InvalidRequestException unless exactly one of LexBot and LexV2Bot is given. Source: AssociateBot.
    On purpose: flows may ask others too. AWS_ENDPOINT_URL_RUNTIME_LEX_V2 and THREADLINE_NEIGHBOURS say what is asked.
    """
    _associate(tx, caller, BOTS, instance_id, _bot_name(lex_bot, lex_v2_bot))
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    lex_bot: Mapping[str, str] | None = None,
    lex_v2_bot: Mapping[str, str] | None = None,
    client_token: str | None = None,
) -> Reply:
    """Remove the association with a Lex bot.

    Faults: ResourceNotFoundException, also for one that is not associated; InvalidRequestException unless exactly one
        of LexBot and LexV2Bot is given. Source: DisassociateBot.
    """
    _disassociate(tx, caller, BOTS, instance_id, _bot_name(lex_bot, lex_v2_bot))
    return {}


@operation("connect", writes=False)
def list_bots(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 25,
    lex_version: str,
) -> Reply:
    """List the Lex bots of a version that are associated with an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListBots.
    """
    instance = require_instance(tx, caller, instance_id)
    wanted = lex_version == V1
    kept, following = BOTS.page(
        tx, instance.id, next_token, max_results, lambda each: (_v1_bot(each.name) is not None) == wanted
    )
    bots = [
        {"LexBot": bot} if (bot := _v1_bot(each.name)) else {"LexV2Bot": {"AliasArn": each.name}}
        for each in kept
    ]
    return {"LexBots": bots, "NextToken": following}


@operation("connect", scope=("instance_id",))
def associate_lex_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    lex_bot: Mapping[str, str],
    client_token: str | None = None,
) -> Reply:
    """Note that flows of the instance may ask a bot of Lex V1. Flows take their error branch for it.

    Faults: ResourceNotFoundException; ResourceConflictException for one that is associated already.
    Source: AssociateLexBot.
    """
    _associate(tx, caller, BOTS, instance_id, _bot_name(lex_bot, None))
    return {}


@operation("connect", scope=("instance_id",))
def disassociate_lex_bot(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    bot_name: str,
    lex_region: str,
    client_token: str | None = None,
) -> Reply:
    """Remove the association with a bot of Lex V1.

    Faults: ResourceNotFoundException, also for one that is not associated. Source: DisassociateLexBot.
    """
    _disassociate(tx, caller, BOTS, instance_id, f"{lex_region}/{bot_name}")
    return {}


@operation("connect", writes=False)
def list_lex_bots(
    tx: Tx, caller: AccountCaller, *, instance_id: str, next_token: str | None = None, max_results: int = 25
) -> Reply:
    """List the bots of Lex V1 that are associated with an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListLexBots.
    """
    found = list_bots(
        tx, caller, instance_id=instance_id, next_token=next_token, max_results=max_results, lex_version=V1
    )
    return {"LexBots": [each["LexBot"] for each in found["LexBots"]], "NextToken": found["NextToken"]}
