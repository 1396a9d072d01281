"""Access keys, each of which belongs to an account: how they are stored, and the operations about them."""

from collections.abc import Mapping
from typing import NamedTuple

from threadline.encryption import KEY_BYTES, NONCE_BYTES, BadKey, is_encrypted
from threadline.errors import Fault
from threadline.operations.instances import page, start_of_page
from threadline.operations.registry import AccountCaller, Reply, operation
from threadline.store import Tx

ACTIVE = "Active"


class AccessKey(NamedTuple):
    """A key that signs requests, its secret encrypted.

    `session_token_hash` is set for temporary keys, with their expiry. `status` is IAM's: Active or Inactive.
    """

    id: str
    secret: str
    account_id: str
    session_token_hash: str | None
    expires_at_ms: int | None
    status: str
    description: str
    created_at_ms: int
    last_used_at_ms: int | None


def key_of(tx: Tx, access_key_id: str) -> AccessKey | None:
    """The key with this id and its secret decrypted, or None. Raises BadKey."""
    key = tx.row("access_key", AccessKey, id=access_key_id)
    return key and key._replace(secret=tx.policy.cipher.decrypt(key.secret, key.id))


def make_access_key(
    tx: Tx,
    account_id: str,
    access_key_id: str | None = None,
    secret: str | None = None,
    *,
    description: str = "",
) -> tuple[str, str]:
    """A new access key of an account: its id and its secret, which are drawn unless they are given."""
    access_key_id = access_key_id or "AKIA" + tx.clock.random_bytes(8).hex().upper()
    secret = secret or tx.clock.token()
    tx.run(
        "insert_access_key",
        id=access_key_id,
        secret=encrypted(tx, access_key_id, secret),
        account_id=account_id,
        description=description,
        now_ms=tx.now_ms,
    )
    return access_key_id, secret


def encrypted(tx: Tx, access_key_id: str, secret: str) -> str:
    """The secret of a key as it is stored."""
    return tx.policy.cipher.encrypt(secret, access_key_id, tx.clock.random_bytes(NONCE_BYTES))


def unlock_keys(tx: Tx, known: Mapping[str, str], *, accept_loss: bool = False) -> None:
    """Check that the encryption key fits the secrets of all access keys, before the server serves.

    A store without encrypted secrets gets a new encryption key. Secrets of older servers, which are plain, are
    encrypted now, and so are those that another key encrypted and that the caller has: `known`, by access key id.
    Raises BadKey when others remain, unless `accept_loss`, which deletes these access keys.
    """
    cipher = tx.policy.cipher
    if not cipher.has_key:
        cipher.look_again()
    was_missing = not cipher.has_key
    keys = tx.rows("access_keys", AccessKey)
    lost = [key.id for key in keys if is_encrypted(key.secret) and not cipher.fits(key.secret)]
    lost = [access_key_id for access_key_id in lost if access_key_id not in known]
    if lost and not accept_loss:
        count = "one access key" if len(lost) == 1 else f"{len(lost)} access keys"
        problem = (
            f"{cipher.source} does not exist, and it has the key that encrypted them"
            if was_missing
            else f"{cipher.source} has another key than that which encrypted them"
        )
        raise BadKey(
            f"The secrets of {count} in the database cannot be read: {problem}. Put the right file back, or set"
            " THREADLINE_ENCRYPTION_KEY to its content; all servers on one PostgreSQL need the key of the first."
            " Nothing was changed. To go on without these access keys, which are then deleted:"
            " `threadline serve --accept-loss`."
        )
    if was_missing:
        cipher.make_key(tx.clock.random_bytes(KEY_BYTES))
    for key in keys:
        if key.id in lost:
            tx.run("delete_access_key", id=key.id)
        elif not cipher.fits(key.secret):
            secret = known[key.id] if is_encrypted(key.secret) else key.secret
            tx.run("set_access_key_secret", id=key.id, secret=encrypted(tx, key.id, secret))


def require_key(tx: Tx, caller: AccountCaller, access_key_id: str) -> AccessKey:
    """The caller's key, its secret encrypted. Faults: ResourceNotFoundException, also for another account's."""
    key = tx.row("access_key_of_account", AccessKey, account_id=caller.account_id, id=access_key_id)
    if key is None:
        raise Fault("ResourceNotFoundException", f"Access key not found: {access_key_id}")
    return key


def require_lasting(tx: Tx, caller: AccountCaller) -> None:
    """Refuse a caller with temporary credentials, which would outlive themselves. Faults: AccessDeniedException.

    Source: STS's GetSessionToken: its credentials call no operation of IAM.
    """
    key = tx.row("access_key", AccessKey, id=caller.access_key_id)
    if key is not None and key.session_token_hash is not None:
        raise Fault(
            "AccessDeniedException",
            f"{key.id} is temporary and manages no access keys. Sign the request with a lasting one.",
        )


@operation("threadline")
def create_access_key(tx: Tx, caller: AccountCaller, *, description: str = "") -> Reply:
    """Make a further access key of the caller's account. Only this reply shows its secret.

    Writes: the key, its secret encrypted. Faults: AccessDeniedException for temporary credentials.
    Source: IAM's CreateAccessKey.
    On purpose: an account may have any number of keys, where an IAM user has two.
    """
    require_lasting(tx, caller)
    access_key_id, secret = make_access_key(tx, caller.account_id, description=description)
    return {
        "AccessKey": {
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret,
            "Status": ACTIVE,
            "Description": description,
            "CreateDate": tx.now_ms,
        }
    }


@operation("threadline", writes=False)
def list_access_keys(
    tx: Tx, caller: AccountCaller, *, next_token: str | None = None, max_results: int = 100
) -> Reply:
    """List the access keys of the caller's account, without their secrets.

    Faults: InvalidRequestException for a NextToken that is not valid. Source: IAM's ListAccessKeys and
    GetAccessKeyLastUsed. On purpose: LastUsedDate is part of the list. It is at most a minute old.
    """
    keys = {"account_id": caller.account_id}
    after = start_of_page(tx, next_token, "access_key_of_account", id=next_token or "", **keys)
    found = tx.rows("access_keys_of_account", AccessKey, after=after, limit=max_results + 1, **keys)
    kept, following = page(found, max_results)
    return {
        "AccessKeyMetadata": [
            {
                "AccessKeyId": key.id,
                "Status": key.status,
                "Description": key.description,
                "CreateDate": key.created_at_ms,
                "LastUsedDate": key.last_used_at_ms,
            }
            for key in kept
        ],
        "NextToken": following,
    }


@operation("threadline")
def update_access_key(tx: Tx, caller: AccountCaller, *, access_key_id: str, status: str) -> Reply:
    """Deactivate an access key, or activate it again.

    Writes: the key's status. Wakes: every process, which looks the key up again.
    Faults: ResourceNotFoundException; InvalidRequestException for the last active key. Source: IAM's UpdateAccessKey.
    """
    tx.one("alone")
    require_lasting(tx, caller)
    key = require_key(tx, caller, access_key_id)
    if status != ACTIVE:
        _keep_one(tx, key, "deactivated")
    tx.run("set_access_key_status", id=key.id, status=status)
    tx.forget_access_key(key.id)
    return {}


@operation("threadline")
def delete_access_key(tx: Tx, caller: AccountCaller, *, access_key_id: str) -> Reply:
    """Delete an access key: requests that it signs are refused from now on.

    Writes: the key. Wakes: every process, which looks the key up again.
    Faults: ResourceNotFoundException; InvalidRequestException for the last active key. Source: IAM's DeleteAccessKey.
    On purpose: another node on the same PostgreSQL may accept a deleted or deactivated key for half a second.
    """
    tx.one("alone")
    require_lasting(tx, caller)
    key = require_key(tx, caller, access_key_id)
    _keep_one(tx, key, "deleted")
    tx.run("delete_access_key", id=key.id)
    tx.forget_access_key(key.id)
    return {}


def _keep_one(tx: Tx, key: AccessKey, what: str) -> None:
    """Refuse to take the last active key away. Faults: InvalidRequestException."""
    if key.status != ACTIVE:
        return
    if tx.one("other_active_access_key", account_id=key.account_id, id=key.id) is None:
        raise Fault(
            "InvalidRequestException",
            f"{key.id} is the only active access key of the account and cannot be {what}: nobody could sign a"
            " request any more. Create another with CreateAccessKey first.",
        )
