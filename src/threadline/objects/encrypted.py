"""Encrypts objects before they are stored, in chunks, so that a large one is never whole in memory.

An object is a head, which names the format and the key, and chunks of AES-256-GCM. The nonce of a chunk is the object's
random prefix, the chunk's number, and whether it is the last one. So chunks cannot be exchanged, repeated or left out.
Each is bound to the object's key, so an object cannot stand in place of another.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import chain

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from threadline.clock import Clock
from threadline.encryption import SecretCipher
from threadline.objects import Entry, Objects, ObjectsFailed, Writer

MARK = b"threadline-object-1\n"
PURPOSE = "objects"
CHUNK_BYTES, TAG_BYTES, PREFIX_BYTES, KEY_ID_BYTES = 65_536, 16, 7, 12
HEAD_BYTES = len(MARK) + KEY_ID_BYTES + PREFIX_BYTES


class EncryptedObjects(Objects):
    """The objects of `inner`. New ones are encrypted if `encrypts`; those that are encrypted can be read either way."""

    def __init__(self, inner: Objects, cipher: SecretCipher, *, encrypts: bool) -> None:
        self._inner = inner
        self._cipher = cipher
        self._encrypts = encrypts
        self.bucket, self.prefix, self.folder = inner.bucket, inner.prefix, inner.folder

    def writer(self, key: str) -> Writer:
        inner = self._inner.writer(key)
        return _Encrypting(inner, self._cipher, key) if self._encrypts else inner

    def read(self, key: str) -> Iterator[bytes]:
        pieces = self._inner.read(key)
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= HEAD_BYTES:
                break
        if not head.startswith(MARK):
            yield from chain([head] if head else [], pieces)
            return
        key_id = head[len(MARK) : len(MARK) + KEY_ID_BYTES].decode("ascii", "replace")
        if key_id != self._cipher.key_id:
            raise ObjectsFailed(
                f"object {key} is encrypted with another key than that of {self._cipher.source}"
            )
        aead = AESGCM(self._cipher.derived_key(PURPOSE))
        prefix = head[HEAD_BYTES - PREFIX_BYTES : HEAD_BYTES]
        sealed = _chunks(chain([head[HEAD_BYTES:]], pieces), CHUNK_BYTES + TAG_BYTES)
        for number, (chunk, is_last) in enumerate(sealed):
            try:
                yield aead.decrypt(_nonce(prefix, number, is_last=is_last), chunk, key.encode())
            except InvalidTag:
                raise ObjectsFailed(f"object {key} is damaged, or was moved from another key") from None

    def delete(self, key: str) -> None:
        self._inner.delete(key)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return self._inner.list(prefix)

    def sweep_drafts(self, before: float) -> int:
        return self._inner.sweep_drafts(before)

    def close(self) -> None:
        self._inner.close()


class _Encrypting(Writer):
    def __init__(self, inner: Writer, cipher: SecretCipher, key: str) -> None:
        self._inner = inner
        self._aead = AESGCM(cipher.derived_key(PURPOSE))
        self._owner = key.encode()
        self._prefix = Clock().random_bytes(PREFIX_BYTES)
        self._number = 0
        self._waiting = bytearray()
        inner.write(MARK + cipher.key_id.encode() + self._prefix)

    def write(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:  # the last chunk may be a full one
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]

    def commit(self) -> None:
        self._seal(bytes(self._waiting), is_last=True)
        self._waiting.clear()
        self._inner.commit()

    def abort(self) -> None:
        self._inner.abort()

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._prefix, self._number, is_last=is_last)
        self._inner.write(self._aead.encrypt(nonce, chunk, self._owner))
        self._number += 1


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, is_last)


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The bytes of `pieces` in chunks of `size`, and whether each is the last, which may be shorter."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > size:
            yield bytes(waiting[:size]), False
            del waiting[:size]
    yield bytes(waiting), True
