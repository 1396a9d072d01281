"""A key and its certificate as an operator makes them, and the check of SNS's signatures that receivers make."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID


class SigningKey:
    """An RSA key in a PEM file, with a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.example.com")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "signing.pem"
        self.file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def check(self, signature: str, data: bytes) -> None:
        """Raise InvalidSignature unless the signature is that of the data."""
        public = self.certificate.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        public.verify(base64.b64decode(signature), data, padding.PKCS1v15(), hashes.SHA256())

    def check_notification(self, notification: Mapping[str, Any]) -> None:
        """Check a notification as AWS documents it: members in the order of their names, each with its value."""
        names = [
            n
            for n in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
            if n in notification
        ]
        text = "".join(f"{name}\n{notification[name]}\n" for name in names)
        assert notification["SignatureVersion"] == "2"
        self.check(notification["Signature"], text.encode())
