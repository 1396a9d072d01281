"""The signature of a delivery to a URL, with an RSA key of the operator's, as Amazon SNS signs.

Source: SNS developer guide, verifying the signatures of messages, SignatureVersion 2. A validator that lets one choose
the host of the certificate (sns-validator: `hostPattern`) checks it unchanged.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from threadline.neighbours.wire import CallFailed

SIGNED = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
"""The members of a notification that are signed, in their order."""


class Signer:
    """Signs with the key in a PEM file. The receiver reads the certificate at a URL of the operator's."""

    def __init__(self, key_file: str = "", certificate_url: str = "") -> None:
        self._key_file = key_file
        self._certificate_url = certificate_url
        self._key: Any = None

    def notification(
        self, message_id: str, topic_arn: str, message: str, attributes: Mapping[str, str], at_ms: int
    ) -> dict[str, Any]:
        """Return the notification that SNS sends to an HTTP endpoint. Raises CallFailed without a key."""
        at = datetime.fromtimestamp(at_ms / 1_000, UTC)
        out: dict[str, Any] = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": topic_arn,
            "Message": message,
            "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1_000:03}Z",
            "SignatureVersion": "2",
        }
        text = "".join(f"{name}\n{out[name]}\n" for name in SIGNED)
        out["Signature"] = self._sign(text.encode())
        out["SigningCertURL"] = self._certificate_url
        out["MessageAttributes"] = {
            name: {"Type": "String", "Value": value} for name, value in attributes.items()
        }
        return out

    def headers(self, body: bytes) -> dict[str, str]:
        """The header with the signature of a body; none without a key."""
        return {"X-Threadline-Signature": self._sign(body)} if self._key_file else {}

    def _sign(self, data: bytes) -> str:
        """The RSA signature with SHA-256, in base64."""
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        if not self._key_file:
            raise CallFailed("set THREADLINE_SIGNING_KEY_FILE to sign what is posted to a URL")
        if self._key is None:
            try:
                key = serialization.load_pem_private_key(Path(self._key_file).read_bytes(), password=None)
            except (OSError, ValueError, TypeError):
                raise CallFailed(
                    "the file of THREADLINE_SIGNING_KEY_FILE has no readable private key"
                ) from None
            if not isinstance(key, rsa.RSAPrivateKey):
                raise CallFailed("the key of THREADLINE_SIGNING_KEY_FILE is not an RSA key")
            self._key = key
        return base64.b64encode(self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())).decode()
