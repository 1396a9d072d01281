"""Access keys: which account a signature speaks for."""

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

    No operation takes a key away or changes its secret. On purpose: a key that is deleted in the database is good for
    up to a minute more with a server that has just seen it; IAM's changes take a while too.
    """
    return tx.row("access_key", AccessKey, id=access_key_id)
