"""The page at `/` and its files. A browser gets them; every other client gets the answers of the API.

Requests that name no operation come here, so that serving pages costs a call nothing. The page is a client of the
public API like any other.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from threadline.config import AUTO, Settings
from threadline.errors import Fault
from threadline.http.request import Request
from threadline.server.assets import Asset, Assets, assets

PLAIN = (
    b"x-content-type-options: nosniff\r\n"
    b"cross-origin-resource-policy: same-origin\r\n"
    b"referrer-policy: no-referrer\r\n"
)
IMMUTABLE = b"cache-control: public, max-age=31536000, immutable\r\n"
NOT_KEPT = b"cache-control: no-store\r\n"
POLICY = (
    "default-src 'self'; script-src 'self' {scripts}; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"
)
"""lit makes its templates by a Trusted Types policy of this name, from the text of our own modules only."""

HTML = b"text/html"
ADDRESS = re.compile(r"[0-9.]+|\[[0-9a-f:.]+\]")
"""A host that is an address. A name that an attacker's DNS points here is never one."""


class PageServer:
    """Answers the requests for the page and its files."""

    def __init__(self, settings: Settings) -> None:
        self._names = {"localhost", *(name for _, name, _ in settings.allowed_hosts)}
        self._assets: Assets | None = None
        if settings.public_url not in ("", AUTO):
            self._names.add(urlsplit(settings.public_url).hostname or "")

    def has(self, request: Request) -> bool:
        """Whether a request is for the page or its files. Only a browser gets the page: it accepts text/html."""
        if request.method not in ("GET", "HEAD"):
            return False
        if request.raw_path == b"/":
            return HTML in request.headers.get(b"accept", b"")
        return request.raw_path.startswith(b"/pages/")

    async def answer(self, request: Request) -> tuple[bytes, bytes]:
        """The header lines and the body of the page, or of a file.

        Faults: AccessDeniedException for another host, see `check_host`; UnknownOperationException for a file that is
        not there.
        """
        self.check_host(request.headers)
        found = self._assets or await self._read()
        if request.raw_path == b"/":
            policy = POLICY.format(scripts=found.script_source).encode()
            head = b"content-security-policy: %b\r\ncross-origin-opener-policy: same-origin\r\n" % policy
            return _sent(request, found.page, head + NOT_KEPT + b"vary: accept, accept-encoding\r\n")
        asset = found.files.get(request.raw_path)
        if asset is None:
            raise Fault("UnknownOperationException", "There is no such file. Load the page again.")
        return _sent(request, asset, IMMUTABLE + b"vary: accept-encoding\r\n")

    async def _read(self) -> Assets:
        """The files. A thread reads and compresses them at the first request, so that no chat waits for that."""
        self._assets = await asyncio.to_thread(assets)
        return self._assets

    def check_host(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a Host that another site's DNS may point here. Faults: AccessDeniedException.

        The hosts that count are addresses, localhost, and those of the settings public_url and public_hosts.
        """
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = re.sub(r":\d*$", "", host)
        if not ADDRESS.fullmatch(name) and name not in self._names:
            raise Fault(
                "AccessDeniedException",
                f"The request's Host is {host[:100]!a}, which is not known as a name of this server. Use its address,"
                " or add the name to THREADLINE_PUBLIC_HOSTS.",
            )


def _sent(request: Request, asset: Asset, head: bytes) -> tuple[bytes, bytes]:
    head += PLAIN + b"content-type: %b\r\n" % asset.content_type
    if b"gzip" in request.headers.get(b"accept-encoding", b""):
        return head + b"content-encoding: gzip\r\n", asset.zipped
    return head, asset.plain
