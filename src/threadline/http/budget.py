"""The bytes that a process holds for its clients: counted and bounded, in all, by credential and by address.

Three things count: requests that are not complete or wait for their turn, frames that are not parsed yet, and answers
that a client has not read. Nearly every request comes in one packet, and the system takes its answer at once. Such a
request is never counted.
"""

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

FREE_BYTES = 4_096
"""The bytes that a connection may hold uncounted, each way. The connection itself takes about as much memory."""

CREDENTIALS, ADDRESSES = 8, 4
"""The shares of all bytes: one credential may hold an eighth, one address a quarter."""

log = logging.getLogger("threadline.http")


class Held(NamedTuple):
    """The bytes that one connection holds, each way, and the credential and address that they count for."""

    credential: str
    address: str
    incoming: int = 0
    unread: int = 0

    @property
    def total(self) -> int:
        return self.incoming + self.unread


NOTHING = Held("", "")


class Budget:
    """The buffered bytes of one process: at most `bytes_max` for all. `cut_off` drops a connection.

    A credential or an address that holds nothing yet may always hold one thing of any size. With a small budget no
    client could get a large answer otherwise. Each call gives the whole amount of a connection, not a difference. A
    connection that ends is released, and gives back exactly the bytes that it holds.

    Assumed: only public addresses are bounded, IPv6 by its first 64 bits. All clients behind a proxy share the proxy's
    address, and a proxy is reached over this machine's own or a private network.
    """

    def __init__(self, bytes_max: int, cut_off: Callable[[asyncio.Transport], None]) -> None:
        self.held = 0
        self._bytes_max = bytes_max
        self._cut_off = cut_off
        self._connections: dict[asyncio.Transport, Held] = {}
        self._unread: dict[asyncio.Transport, None] = {}
        self._credentials: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    def take_in(self, transport: asyncio.Transport, count: int, credential: str, claimed: str = "") -> bool:
        """Hold `count` bytes in all that a connection has sent and that wait. Without room do nothing, return False.

        `claimed` is a credential that is not proved yet, such as the key of a signature over a body that is still
        coming. Its bytes are bounded for each address apart, so that one client cannot use up the share of another.
        """
        count = over_free(count)
        if not count and transport not in self._connections:
            return True
        held = self._of(transport)
        if claimed and not credential:
            credential = f"{claimed} from {address_of(transport)}"
        return self._change(
            transport, held._replace(credential=credential or held.credential, incoming=count)
        )

    def leave_unread(self, transport: asyncio.Transport, count: int, credential: str) -> bool:
        """Hold `count` bytes in all of answers that a client has not read. Without room do nothing, return False.

        Before that, clients that do not read are cut off to make room: those of the same credential, of the same
        address, or all, depending on the bound. The client that has read nothing for the longest time is the first.
        """
        held = self._of(transport)
        held = held._replace(credential=credential or held.credential, unread=over_free(count))
        if not held.unread:
            self._unread.pop(transport, None)
            return self._change(transport, held)
        self._make_room(transport, held)
        if not self._change(transport, held):
            return False
        self._unread.setdefault(transport)
        return True

    def _make_room(self, transport: asyncio.Transport, held: Held) -> None:
        """Cut off clients that do not read, the oldest first, until there is room for `held`."""
        for other in list(self._unread):
            is_in_the_way = self._shortage(transport, held)
            if is_in_the_way is None:
                return
            if other is not transport and is_in_the_way(self._connections[other]):
                log.info("cut off a client that does not read its answers: too much waits to be read")
                self.release(other)
                self._cut_off(other)

    def release(self, transport: asyncio.Transport) -> None:
        """Give back all bytes of a connection."""
        self._unread.pop(transport, None)
        if (held := self._connections.pop(transport, None)) is not None:
            self._count(held, -held.total)

    def _of(self, transport: asyncio.Transport) -> Held:
        return self._connections.get(transport) or Held("", bounded(address_of(transport)))

    def _change(self, transport: asyncio.Transport, held: Held) -> bool:
        before = self._connections.get(transport)
        if held.total > (before.total if before else 0) and self._shortage(transport, held) is not None:
            return False
        if before is not None:
            del self._connections[transport]
            self._count(before, -before.total)
        if held.total:
            self._connections[transport] = held
            self._count(held, held.total)
        return True

    def _shortage(self, transport: asyncio.Transport, held: Held) -> Callable[[Held], bool] | None:
        """Return which other connections use up the bound that `held` would exceed; None when there is room."""
        before = self._connections.get(transport, NOTHING)
        credential, address = held.credential, held.address
        of_credential = self._credentials[credential] - (
            before.total if before.credential == credential else 0
        )
        of_address = self._addresses[address] - (before.total if before.address == address else 0)
        if credential and of_credential and of_credential + held.total > self._bytes_max // CREDENTIALS:
            return lambda other: other.credential == credential
        if address and of_address and of_address + held.total > self._bytes_max // ADDRESSES:
            return lambda other: other.address == address
        of_all = self.held - before.total
        if of_all and of_all + held.total > self._bytes_max:
            return lambda other: True
        return None

    def _count(self, held: Held, change: int) -> None:
        self.held += change
        for counter, key in ((self._credentials, held.credential), (self._addresses, held.address)):
            counter[key] += change
            if not counter[key]:
                del counter[key]


def over_free(count: int) -> int:
    """Return `count`, or 0 where that much is free."""
    return count if count > FREE_BYTES else 0


def address_of(transport: asyncio.Transport) -> str:
    """Return the address of a connection's client, empty for a Unix socket."""
    peer: Any = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


@lru_cache(maxsize=1_000)
def bounded(address: str) -> str:
    """Return the address or network whose bytes are bounded (see `Budget`); an empty text where there is no bound."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.is_global else ""
        ip = ip.ipv4_mapped
    return str(ip) if ip.is_global else ""
