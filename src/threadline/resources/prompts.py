"""The operations about prompts. A prompt has a name and an id, which flows name; a chat plays none."""

from collections.abc import Mapping
from typing import Unpack

from threadline.errors import Fault
from threadline.operations.instances import given, require_instance
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.resources.declaration import INVALID, WireNames
from threadline.resources.resource_type import Resource, ResourceType
from threadline.resources.search import SearchRequest
from threadline.store import Tx


class Prompt(Resource, kw_only=True, frozen=True):
    """A prompt. `s3_uri` is the place of the sound, which this server does not read."""

    description: str | None = None
    s3_uri: str


PROMPTS = ResourceType(
    Prompt,
    kind="prompt",
    noun="Prompt",
    names=WireNames("PromptId", "PromptARN", described="Prompt", listed="PromptSummaryList", found="Prompts"),
    taken_later=INVALID,
)


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
    return PROMPTS.identity(instance, prompt.id)


@operation("connect", writes=False)
def describe_prompt(tx: Tx, caller: AccountCaller, *, instance_id: str, prompt_id: str) -> Reply:
    """Describe a prompt.

    Faults: ResourceNotFoundException. Source: DescribePrompt.
    """
    return PROMPTS.describe(tx, caller, instance_id, prompt_id)


@operation("connect", writes=False)
def get_prompt_file(tx: Tx, caller: AccountCaller, *, instance_id: str, prompt_id: str) -> Reply:
    """Refuse to give the sound of a prompt, since this server has none.

    Faults: ResourceNotFoundException; InvalidRequestException otherwise. Source: GetPromptFile.
    On purpose: prompts have no file here, since a chat plays none.
    """
    _, prompt = PROMPTS.named(tx, caller, instance_id, prompt_id)
    raise Fault(INVALID, f"This server keeps no sounds. That of prompt {prompt.name!r} is not here.")


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
    return PROMPTS.summaries(tx, caller, instance_id, next_token, max_results)


@operation("connect", writes=False)
def search_prompts(tx: Tx, caller: AccountCaller, **request: Unpack[SearchRequest]) -> Reply:
    """Find prompts by name, description, id or tags.

    Faults: ResourceNotFoundException; InvalidRequestException for a NextToken that is not valid;
        InvalidParameterException for another FieldName. Source: SearchPrompts.
    """
    return PROMPTS.search(tx, caller, request)


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
    instance, prompt = PROMPTS.named(tx, caller, instance_id, prompt_id)
    PROMPTS.change(tx, prompt, **given(name=name, description=description, s3_uri=s3_uri))
    return PROMPTS.identity(instance, prompt.id)


@operation("connect")
def delete_prompt(tx: Tx, caller: AccountCaller, *, instance_id: str, prompt_id: str) -> Reply:
    """Delete a prompt.

    Faults: ResourceNotFoundException. Source: DeletePrompt.
    """
    return PROMPTS.remove(tx, caller, instance_id, prompt_id)
