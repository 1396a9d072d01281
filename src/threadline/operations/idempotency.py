"""Idempotency: a call that is repeated with the same ClientToken gets the reply of the first one.

The reply is stored in the transaction that the call runs in. Secrets in it are redacted: the stored reply holds their
labels, and the secret is derived again from the ClientToken and a random salt.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from threadline.clock import token_hash
from threadline.errors import Fault
from threadline.store import Tx


class ClientToken(NamedTuple):
    """The ClientToken of a call: `key` is that of its stored reply, `arguments_hash` is of all the call's arguments."""

    text: str
    key: str
    arguments_hash: str

    @classmethod
    def of(cls, text: str, scope: Iterable[str], arguments: Mapping[str, Any]) -> "ClientToken":
        """The token `text` of a call with `arguments`, unique within `scope`."""
        key = "/".join([*scope, token_hash(text)[:40]])
        encoded = msgspec.json.encode(arguments, order="sorted")
        return cls(text, key, hashlib.sha256(encoded).hexdigest())


class Secret(str):
    """A secret in a reply. It is never stored; the same ClientToken derives it again."""

    __slots__ = ("label",)
    label: str


def issue_secret(tx: Tx, label: str, client_token: str | None) -> Secret:
    """A new secret of 256 bits: random, or with a ClientToken derived from it and the reply's random salt.

    A repeated call thus gets the same secret although the store holds only its hash. The store's content without the
    ClientToken does not suffice to derive it.
    """
    if client_token is None:
        secret = Secret(tx.clock.token())
    else:
        tx.salt = tx.salt or tx.clock.token()
        digest = hmac.new(tx.salt.encode(), f"{label}\n{client_token}".encode(), hashlib.sha256).digest()
        secret = Secret(base64.urlsafe_b64encode(digest).rstrip(b"=").decode())
    secret.label = label
    return secret


def stored_reply(tx: Tx, token: ClientToken, conflict: str) -> dict[str, Any] | None:
    """The stored reply of a ClientToken with its secrets restored, or None.

    Faults: `conflict` when the arguments of the first call were others.
    """
    stored = tx.row("reply_of", str, str, str, key=token.key)
    if stored is None:
        return None
    arguments_hash, salt, text = stored
    if arguments_hash != token.arguments_hash:
        raise Fault(
            conflict,
            "ClientToken was used with different parameters. Send a new ClientToken with a new request.",
        )
    tx.salt = salt
    reply: dict[str, Any] = _restore(tx, msgspec.json.decode(text), token.text)
    return reply


def store_reply(tx: Tx, token: ClientToken, reply: Mapping[str, Any]) -> None:
    """Store the reply of a ClientToken's first call, its secrets redacted."""
    tx.run(
        "insert_reply",
        key=token.key,
        arguments_hash=token.arguments_hash,
        salt=tx.salt,
        reply=msgspec.json.encode(_redact(reply)).decode(),
        now_ms=tx.now_ms,
    )


def _redact(value: Any) -> Any:
    """`value` with the label of each secret in its place."""
    if isinstance(value, Secret):
        return {"$secret": value.label}
    if isinstance(value, dict):
        return {name: _redact(member) for name, member in value.items()}
    return value


def _restore(tx: Tx, value: Any, client_token: str) -> Any:
    """`value` with each label of a secret replaced by the secret."""
    if isinstance(value, dict):
        if "$secret" in value:
            return issue_secret(tx, value["$secret"], client_token)
        return {name: _restore(tx, member, client_token) for name, member in value.items()}
    return value
