"""Signing in to the page: a token that works once is traded for temporary credentials, which expire and can be ended.

Both are in the store: every process and node accepts them, and so does a server that was restarted.
"""

from datetime import UTC, datetime

from threadline.clock import token_hash
from threadline.errors import Fault
from threadline.operations.keys import encrypted, require_lasting
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.store import Tx

TOKEN_MS = 15 * 60_000
"""Source: AWS's federation endpoint: a sign-in token is valid for fifteen minutes."""

SESSION_MS = 12 * 3_600_000
"""Source: STS's GetSessionToken: credentials are valid for twelve hours by default."""


def make_sign_in_token(tx: Tx, account_id: str) -> tuple[str, int]:
    """A new token of an account, and when it expires in epoch milliseconds. Only its hash is stored."""
    token, expires_at_ms = tx.clock.token(), tx.now_ms + TOKEN_MS
    tx.run("insert_sign_in_token", hash=token_hash(token), account_id=account_id, expires_at_ms=expires_at_ms)
    return token, expires_at_ms


def check_sign_in_token(tx: Tx, token: str) -> str:
    """The account of a token. Only the holder of a known one causes a write. Faults: AccessDeniedException."""
    account_id = tx.row("sign_in_token", str, hash=token_hash(token), now_ms=tx.now_ms)
    if account_id is None:
        raise _unknown()
    return account_id


def sign_in(tx: Tx, token: str) -> dict[str, str]:
    """Take a token and return credentials as STS names their members. Faults: AccessDeniedException."""
    account_id = tx.row("take_sign_in_token", str, hash=token_hash(token), now_ms=tx.now_ms)
    if account_id is None:
        raise _unknown()
    access_key_id = "ASIA" + tx.clock.random_bytes(8).hex().upper()
    secret, session_token, expires_at_ms = tx.clock.token(), tx.clock.token(), tx.now_ms + SESSION_MS
    tx.run(
        "insert_session_key",
        id=access_key_id,
        secret=encrypted(tx, access_key_id, secret),
        account_id=account_id,
        session_token_hash=token_hash(session_token),
        expires_at_ms=expires_at_ms,
        now_ms=tx.now_ms,
    )
    return {
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret,
        "SessionToken": session_token,
        "Expiration": datetime.fromtimestamp(expires_at_ms / 1000, UTC).isoformat(timespec="seconds"),
    }


def _unknown() -> Fault:
    return Fault(
        "AccessDeniedException",
        "This link was used before, or it has expired: it works once, for fifteen minutes. Run `threadline open` in a"
        " terminal for another.",
    )


@operation("threadline")
def create_sign_in_token(tx: Tx, caller: AccountCaller) -> Reply:
    """Make a token with which a browser signs in to the caller's account, once.

    Writes: the token's hash. Faults: AccessDeniedException for temporary credentials.
    """
    require_lasting(tx, caller)
    token, expires_at_ms = make_sign_in_token(tx, caller.account_id)
    return {"Token": token, "ExpirationDate": expires_at_ms}


@operation("threadline")
def sign_out(tx: Tx, caller: AccountCaller) -> Reply:
    """End the temporary credentials that the request is signed with.

    Writes: the key. Wakes: every process, which looks the key up again.
    Faults: InvalidRequestException for a lasting access key.
    On purpose: another node on the same PostgreSQL may accept ended credentials for half a second.
    """
    if tx.one("take_session_key", id=caller.access_key_id) is None:
        raise Fault(
            "InvalidRequestException",
            f"{caller.access_key_id} is a lasting access key and no session to end. DeleteAccessKey deletes it.",
        )
    tx.forget_access_key(caller.access_key_id)
    return {}
