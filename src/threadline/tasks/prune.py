"""The task that deletes expired tokens and stored replies."""

from threadline.chat import limits
from threadline.operations.continuations import continuation
from threadline.store import Task, Tx

PRUNE_AGAIN_MS = 100
PRUNED_MAX = 2_000
"""Rows of a kind that are deleted in one transaction: it takes some ten milliseconds."""


@continuation("prune")
def prune(tx: Tx, task: Task) -> None:
    """Delete, once an hour, the tokens that expired a day ago and the replies that are too old to be asked for.

    Temporary access keys and tokens for a browser go as soon as they have expired. It deletes a part and runs again
    soon for the next part, so that other writers get their turn in between.
    """
    tokens = tx.all("prune_tokens", before_ms=tx.now_ms - limits.CONNECTION_TOKEN_MS, limit=PRUNED_MAX)
    replies = tx.all("prune_replies", before_ms=tx.now_ms - limits.REPLY_KEPT_MS, limit=PRUNED_MAX)
    tx.run("prune_session_keys", before_ms=tx.now_ms)
    tx.run("prune_sign_in_tokens", before_ms=tx.now_ms)
    is_more = PRUNED_MAX in (len(tokens), len(replies))
    tx.later("prune", tx.now_ms + (PRUNE_AGAIN_MS if is_more else limits.PRUNE_EVERY_MS))
