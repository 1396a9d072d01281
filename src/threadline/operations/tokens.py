"""The tokens of participants: 256 random bits each, of which only the hash is stored.

A *participant token* is for CreateParticipantConnection, a *connection token* for the participant's other operations,
a *socket ticket* opens one WebSocket within 100 seconds, and a *read token* is for GetTranscript, also after the end of
the chat. CreateParticipantConnection takes a read token too, since chatjs begins with it. Tokens survive a restart; the
task `prune` deletes them.
"""

from collections.abc import Sequence
from typing import Any

from threadline.chat import limits
from threadline.chat.contact import Session
from threadline.chat.participant import Token
from threadline.clock import token_hash
from threadline.errors import Fault
from threadline.operations.registry import ParticipantCaller, ReadOnlyCaller, Reply
from threadline.store import Tx

DENIED = "AccessDeniedException"
WEBSOCKET = "WEBSOCKET"
CREDENTIALS = "CONNECTION_CREDENTIALS"


def keep_token(
    tx: Tx, session: Session, participant_id: str, kind: Token, token: str, *, valid_ms: int = 0
) -> int:
    """Store the hash of a new token and return when it expires, in epoch milliseconds.

    A participant token expires with the chat. Its hash is kept for a day longer, so that the error can name the reason.
    `valid_ms` is for read tokens, which are valid for as long as was asked for.
    """
    expires_at_ms = {
        Token.PARTICIPANT: session.expires_at_ms,
        Token.CONNECTION: tx.now_ms + limits.CONNECTION_TOKEN_MS,
        Token.SOCKET: tx.now_ms + limits.SOCKET_URL_MS,
        Token.READ: tx.now_ms + valid_ms,
        Token.READ_SOCKET: tx.now_ms + min(valid_ms, limits.SOCKET_URL_MS),
    }[kind]
    tx.run(
        "insert_token",
        hash=token_hash(token),
        kind=kind,
        session=session.key,
        participant_id=participant_id,
        expires_at_ms=expires_at_ms + (limits.PARTICIPANT_TOKEN_SLACK_MS if kind == Token.PARTICIPANT else 0),
    )
    return expires_at_ms


def authenticate(
    tx: Tx, token: str, kind: Token, *, takes_read_token: bool = False
) -> tuple[ParticipantCaller, int]:
    """The participant of a token, and when it expires (epoch milliseconds). Faults: AccessDeniedException.

    It writes nothing. The operation checks whether the participant may still act. With `takes_read_token` a read token
    is accepted in place of one of this kind.
    On purpose: the message distinguishes an expired token from one of the wrong kind; Amazon's is "Access denied".
    """
    found = tx.row("token", int, str, int, hash=token_hash(token), kind=kind)
    if found is None:
        other = tx.row("token_of_other_kind", str, hash=token_hash(token))
        of_readers = Token.READ_SOCKET if kind == Token.SOCKET else Token.READ
        if other == of_readers and takes_read_token:
            reader, expires_at_ms = authenticate(tx, token, of_readers)
            return ReadOnlyCaller(reader.session, reader.participant_id, expires_at_ms), expires_at_ms
        if other is not None:
            raise Fault(
                DENIED,
                f"Access denied: this is a {_NAMES[Token(other)]}; a {_NAMES[kind]} is needed here.",
            )
        raise Fault(DENIED, f"Access denied: the {_NAMES[kind]} is not known.")
    session, participant_id, expires_at_ms = found
    if expires_at_ms <= tx.now_ms:
        raise Fault(DENIED, f"Access denied: the {_NAMES[kind]} has expired. {_RENEW[kind]}")
    return ParticipantCaller(session, participant_id), expires_at_ms


_NAMES = {
    Token.PARTICIPANT: "participant token",
    Token.CONNECTION: "connection token",
    Token.SOCKET: "socket ticket",
    Token.READ: "read token",
    Token.READ_SOCKET: "reader's socket ticket",
}
_RENEW = {
    Token.PARTICIPANT: "The chat is over.",
    Token.CONNECTION: "CreateParticipantConnection gives a new one.",
    Token.SOCKET: "CreateParticipantConnection gives a new URL, to be opened within 100 seconds.",
    Token.READ: "The application gets a new one from CreateReadToken.",
    Token.READ_SOCKET: "CreateParticipantConnection gives a new URL while the read token is valid.",
}


def connection_data(
    tx: Tx, session: Session, participant_id: str, types: Sequence[str], *, read_until_ms: int = 0
) -> Reply:
    """Create connection data of the given `types` and store its tokens. A reader's tokens expire with `read_until_ms`.

    Source: CreateParticipantConnection. Observed: ConnectionExpiry, at which a client fetches a new URL, is in an hour.
    """
    reply: dict[str, Any] = {}
    if WEBSOCKET in types:
        ticket = tx.clock.token()
        kind = Token.READ_SOCKET if read_until_ms else Token.SOCKET
        keep_token(tx, session, participant_id, kind, ticket, valid_ms=read_until_ms - tx.now_ms)
        reply["Websocket"] = {
            "Url": f"{tx.policy.url.replace('http', 'ws', 1)}/participant/socket?ticket={ticket}",
            "ConnectionExpiry": tx.now_ms + limits.SOCKET_RENEW_MS,
        }
    if CREDENTIALS in types:
        token = tx.clock.token()
        kind = Token.READ if read_until_ms else Token.CONNECTION
        valid_ms = read_until_ms - tx.now_ms
        expires_at_ms = keep_token(tx, session, participant_id, kind, token, valid_ms=valid_ms)
        reply["ConnectionCredentials"] = {"ConnectionToken": token, "Expiry": expires_at_ms}
    return reply
