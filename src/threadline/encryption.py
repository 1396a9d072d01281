"""Encrypts the secrets that the store has to give back, with a key that is kept beside the database, never in it.

SigV4 is symmetric: to verify a signature the server needs the secret itself, and a hash would not do. So a secret is
stored encrypted (AES-256-GCM), and a copy of the database alone gives none away.
"""

import base64
import hashlib
import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES, NONCE_BYTES = 32, 12
KEY_FORM = re.compile(r"[0-9a-fA-F]{64}")
MARK = "aes256gcm"
"""The first part of an encrypted secret; the others are the key's id, and the nonce with the encrypted text."""


class BadKey(RuntimeError):
    """An encryption key that cannot be used; the text says which and why."""


class SecretCipher:
    """Encrypts and decrypts with one key.

    `source` names the key for people: the setting or the file that it is read from. A cipher without a key has a
    `source` that does not exist yet; `make_key` gives it one.
    """

    def __init__(self, key: bytes | None = None, *, file: Path | None = None, source: str = "memory") -> None:
        self._file = file
        self._aead: AESGCM | None = None
        self._key = b""
        self.key_id = ""
        self.source = str(file) if file else source
        if key is not None:
            self._take(key)

    @classmethod
    def of_text(cls, text: str, source: str) -> "SecretCipher":
        """The cipher of a key written as hexadecimal digits. Raises BadKey."""
        return cls(_parsed(text, source), source=source)

    @classmethod
    def of_file(cls, file: Path) -> "SecretCipher":
        """The cipher of the key in `file`; without a key while there is no such file. Raises BadKey, OSError."""
        made = cls(file=file)
        made.look_again()
        return made

    def look_again(self) -> None:
        """Take the key from the file, if there is one by now: another node may have written it. As `of_file`."""
        if self._file is not None and self._file.exists():
            text = self._file.read_text(encoding="ascii", errors="replace")
            self._take(_parsed(text, self.source))

    @property
    def has_key(self) -> bool:
        """Whether it can encrypt."""
        return self._aead is not None

    def make_key(self, key: bytes) -> None:
        """Use the new `key`, and write it to the file, which only this user may read. Raises OSError."""
        self._take(key)
        if self._file is not None:
            draft = self._file.with_name(f"{self._file.name}.new-{self.key_id}")
            with open(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
            ) as out:
                out.write(f"{key.hex()}\n")
                out.flush()
                os.fsync(out.fileno())
            draft.rename(self._file)  # whole or not there, for another node that reads it just now

    def derived_key(self, purpose: str) -> bytes:
        """Another key for another purpose, which tells nothing about this one."""
        if not self.has_key:
            raise LookupError("no encryption key")
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"threadline {purpose}".encode()).derive(self._key)

    def encrypt(self, secret: str, owner: str, nonce: bytes) -> str:
        """`secret` in its stored form, which can be decrypted only for the same `owner`."""
        if self._aead is None:
            raise LookupError("no encryption key")
        sealed = nonce + self._aead.encrypt(nonce, secret.encode(), owner.encode())
        return f"{MARK}.{self.key_id}.{base64.urlsafe_b64encode(sealed).decode()}"

    def decrypt(self, stored: str, owner: str) -> str:
        """The secret of a stored form. Raises BadKey when it was encrypted with another key or for another owner."""
        if self._aead is None or not self.fits(stored):
            raise BadKey(f"The secret of {owner} is encrypted with another key than that of {self.source}.")
        sealed = base64.urlsafe_b64decode(stored.split(".")[2])
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode()).decode()
        except InvalidTag:
            raise BadKey(f"The stored secret of {owner} is damaged, or belongs to another.") from None

    def fits(self, stored: str) -> bool:
        """Whether `stored` was encrypted with this key."""
        return self.has_key and stored.startswith(f"{MARK}.{self.key_id}.")

    def _take(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._key = key
        self.key_id = hashlib.sha256(b"threadline encryption key\n" + key).hexdigest()[:12]


def is_encrypted(stored: str) -> bool:
    """Whether `stored` is encrypted, with this key or another. No plain secret of ours has a full stop."""
    return stored.startswith(f"{MARK}.")


def _parsed(text: str, source: str) -> bytes:
    if not KEY_FORM.fullmatch(text.strip()):
        raise BadKey(
            f"{source} holds no encryption key: 64 hexadecimal digits, as `openssl rand -hex 32` prints."
        )
    return bytes.fromhex(text.strip())
