"""The operations about prompts. A prompt has a name and an id, which flows name; a chat plays none."""

from collections.abc import Mapping

from threadline.errors import Fault
from threadline.operations.instances import Instance, require_instance
from threadline.operations.registry import AccountCaller, Document, Reply, operation
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import Search, matches_name
from threadline.store import Tx


class Prompt(Resource, kw_only=True, frozen=True):
    """A prompt. `s3_uri` is the place of the sound, which this server does not read."""

    description: str | None = None
    s3_uri: str


PROMPTS = ResourceType(Prompt, kind="prompt", noun="Prompt")


def _members(instance: Instance, prompt: Prompt) -> Reply:
    return {
        "PromptARN": PROMPTS.arn(instance, prompt.id),
        "PromptId": prompt.id,
        "Name": prompt.name,
        "Description": prompt.description,
        "Tags": prompt.tags,
        "LastModifiedTime": prompt.updated_at_ms,
        "LastModifiedRegion": instance.region,
    }


@operation("connect")
def create_prompt(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    name: str,
    description: str | None = None,
    s3_uri: str,
    tags: Mapping[str, str] | None = None,
) -> Reply:
    """Create a prompt. The sound at S3Uri is not read.

    Faults: DuplicateResourceException for a name that is taken; ResourceNotFoundException for the instance.
    Source: CreatePrompt.
    """
    instance = require_instance(tx, caller, instance_id)
    prompt = PROMPTS.create(tx, instance.id, name, tags=tags, description=description, s3_uri=s3_uri)
    return {"PromptARN": PROMPTS.arn(instance, prompt.id), "PromptId": prompt.id}


@operation("connect", writes=False)
def describe_prompt(tx: Tx, caller: AccountCaller, *, instance_id: str, prompt_id: str) -> Reply:
    """Describe a prompt.

    Faults: ResourceNotFoundException. Source: DescribePrompt.
    """
    instance = require_instance(tx, caller, instance_id)
    return {"Prompt": _members(instance, PROMPTS.require(tx, instance.id, prompt_id))}


@operation("connect", writes=False)
def get_prompt_file(tx: Tx, caller: AccountCaller, *, instance_id: str, prompt_id: str) -> Reply:
    """Refuse to give the sound of a prompt, since this server has none.

    Faults: ResourceNotFoundException; InvalidRequestException otherwise. Source: GetPromptFile.
    On purpose: prompts have no file here, since a chat plays none.
    """
    instance = require_instance(tx, caller, instance_id)
    prompt = PROMPTS.require(tx, instance.id, prompt_id)
    raise Fault(
        "InvalidRequestException", f"This server keeps no sounds. That of prompt {prompt.name!r} is not here."
    )


@operation("connect", writes=False)
def list_prompts(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 1_000,
) -> Reply:
    """List the prompts of an instance.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid. Source: ListPrompts.
    """
    instance = require_instance(tx, caller, instance_id)
    kept, following = PROMPTS.page(tx, instance.id, next_token, max_results)
    return {
        "PromptSummaryList": [PROMPTS.summary(instance, each) for each in kept],
        "NextToken": following,
    }


@operation("connect", writes=False)
def search_prompts(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    next_token: str | None = None,
    max_results: int = 100,
    search_filter: Document | None = None,
    search_criteria: Document | None = None,
) -> Reply:
    """Find prompts by name, description, id or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchPrompts.
    """
    instance = require_instance(tx, caller, instance_id)
    searched = Search(search_criteria, search_filter, next_token, max_results)
    return searched.reply(
        "Prompts", PROMPTS.all(tx, instance.id), lambda each: _members(instance, each), matches_name
    )


@operation("connect")
def update_prompt(
    tx: Tx,
    caller: AccountCaller,
    *,
    instance_id: str,
    prompt_id: str,
    name: str | None = None,
    description: str | None = None,
    s3_uri: str | None = None,
) -> Reply:
    """Change a prompt. A member that is left out stays as it is.

    Faults: ResourceNotFoundException; InvalidRequestException for a name that is taken. Source: UpdatePrompt.
    Assumed: InvalidRequestException for a name that is taken, since the model lists no DuplicateResourceException.
    """
    instance = require_instance(tx, caller, instance_id)
    prompt = PROMPTS.require(tx, instance.id, prompt_id)
    if name not in (None, prompt.name):
        PROMPTS.refuse_taken(tx, instance.id, str(name), "InvalidRequestException")
    given = {"name": name, "description": description, "s3_uri": s3_uri}
    changed = PROMPTS.change(
        tx, prompt, **{member: each for member, each in given.items() if each is not None}
    )
    return {"PromptARN": PROMPTS.arn(instance, changed.id), "PromptId": changed.id}


@operation("connect")
def delete_prompt(tx: Tx, caller: AccountCaller, *, instance_id: str, prompt_id: str) -> Reply:
    """Delete a prompt.

    Faults: ResourceNotFoundException. Source: DeletePrompt.
    """
    instance = require_instance(tx, caller, instance_id)
    PROMPTS.delete(tx, PROMPTS.require(tx, instance.id, prompt_id))
    return {}
