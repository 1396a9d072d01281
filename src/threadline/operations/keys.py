"""Access keys, each of which belongs to an account."""

from typing import NamedTuple

from threadline.store import Tx


class AccessKey(NamedTuple):
    """A key that signs requests. `session_token_hash` is set for temporary keys, with their expiry."""

    id: str
    secret: str
    account_id: str
    session_token_hash: str | None
    expires_at_ms: int | None


def key_of(tx: Tx, access_key_id: str) -> AccessKey | None:
    """The key with this id, or None.

    No operation deletes a key or changes its secret. On purpose: a server may accept a key for up to a minute after it
    was deleted in the database, since servers cache keys; IAM's changes take time too.
    """
    return tx.row("access_key", AccessKey, id=access_key_id)
