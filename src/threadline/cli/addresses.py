"""The addresses of a server that listens on every interface, and the warnings that concern other machines."""

import contextlib
import fcntl
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from threadline import datadir
from threadline.config import Settings

EVERYWHERE = ("0.0.0.0", "::")
OWN = ("127.", "169.254.", "::1", "fe80:")
"""The beginnings of addresses that only this machine or its own network segment can use."""

SIOCGIFADDR = 0x8915 if sys.platform == "linux" else 0xC0206921
"""The request for the address of an interface. Source: netdevice(7); the second is that of macOS and the BSDs."""


def elsewhere(bound: socket.socket) -> list[str]:
    """The URLs by which other machines reach `bound`, when it listens on every interface of this one."""
    host, port = bound.getsockname()[:2]
    found = {"0.0.0.0": _ipv4, "::": _ipv6}.get(host, list)()
    return [
        f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}" for address in found
    ]


def warnings(settings: Settings, bound: socket.socket) -> Iterator[str]:
    """Warnings when other machines can use the test controls, or lack a PUBLIC_URL that leads them here."""
    host = bound.getsockname()[0]
    if settings.test_controls and not host.startswith("127.") and host != "::1":
        yield (
            f"Test controls are on, and the server listens on {host}: no signature is verified, so everybody who"
            " reaches it may read all chats, and change or delete them. Let only this machine reach it."
        )
    if settings.public_url or host not in EVERYWHERE:
        return
    here = datadir.url_of(bound)
    example = next(iter(elsewhere(bound)), "https://chat.example.com")
    yield (
        f"THREADLINE_PUBLIC_URL is not set, so the WebSocket URLs that this server gives to clients begin with "
        f"{here.replace('http', 'ws', 1)}. On another machine that address is the machine itself: its client starts a "
        f"chat and receives no message. Set it to the address by which clients reach this server, such as {example}."
    )


def _ipv4() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # an interface without an address
                answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.append(socket.inet_ntoa(answer[20:24]))
    return _of_others(found)


def _ipv6() -> list[str]:
    """The addresses that Linux lists in a file; none on other systems. Source: proc(5), /proc/net/if_inet6."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
        return _of_others([socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line[:32])) for line in lines])
    return []


def _of_others(addresses: list[str]) -> list[str]:
    """The addresses by which other machines reach this one."""
    return [address for address in addresses if not address.startswith(OWN)]
