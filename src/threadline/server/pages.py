"""The page at `/` and its files. A browser gets them; every other client gets the answers of the API.

Requests that name no operation come here, so that serving pages costs a call nothing. The page is a client of the
public API like any other.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from threadline.audit.events import AuditedAction, Who
from threadline.config import AUTO, Settings
from threadline.errors import Fault
from threadline.http.request import Request, TooLarge
from threadline.operations.sign_in import check_sign_in_token
from threadline.operations.units import SignIn
from threadline.server.assets import Asset, Assets, assets
from threadline.store import Store

PLAIN = (
    b"x-content-type-options: nosniff\r\n"
    b"cross-origin-resource-policy: same-origin\r\n"
    b"referrer-policy: no-referrer\r\n"
)
IMMUTABLE = b"cache-control: public, max-age=31536000, immutable\r\n"
NOT_KEPT = b"cache-control: no-store\r\n"
POLICY = (
    "default-src 'self'; img-src 'self' blob:; script-src 'self' {scripts}; object-src 'none'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"
)
"""lit makes its templates by a Trusted Types policy of this name, from the text of our own modules only."""

HTML, MARKDOWN = b"text/html", b"text/markdown"
DOCS = b"/docs/"
SIGN_IN = b"/sign-in"
SIGN_IN_BYTES_MAX = 1_024
SIGN_IN_ACTION = AuditedAction(
    "ConsoleLogin",
    "signin.amazonaws.com",
    False,
    Who({"type": "Unknown"}),
    response={"ConsoleLogin": "Failure"},
    type="AwsConsoleSignIn",
)
"""Source: CloudTrail, console sign-in events."""
ADDRESS = re.compile(r"[0-9.]+|\[[0-9a-f:.]+\]")
"""A host that is an address. A name that an attacker's DNS points here is never one."""


class PageServer:
    """Answers the requests for the page and its files."""

    model = None
    has_own_origins = True

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._names = {"localhost", *(name for _, name, _ in settings.allowed_hosts)}
        self._assets: Assets | None = None
        if settings.public_url not in ("", AUTO):
            self._names.add(urlsplit(settings.public_url).hostname or "")

    def has(self, request: Request) -> bool:
        """Whether a request is for the page or its files. Only a browser gets the page: it accepts text/html."""
        if request.method == "POST":
            return request.raw_path == SIGN_IN
        if request.method not in ("GET", "HEAD"):
            return False
        accepted = request.headers.get(b"accept", b"")
        if request.raw_path == b"/":
            return HTML in accepted
        if request.raw_path.startswith(DOCS):
            return HTML in accepted or accepted == MARKDOWN
        return request.raw_path.startswith(b"/pages/")

    async def answer(self, request: Request) -> tuple[int, bytes, bytes]:
        """The status, the header lines and the body of the page or a file, or the credentials of a signed-in browser.

        Faults: AccessDeniedException for another host or origin, and for a token that is not known;
        UnknownOperationException for a file that is not there.
        """
        if request.method == "POST":
            request.call = SIGN_IN_ACTION
        self.check_host(request.headers)
        if request.method == "POST":
            return await self._sign_in(request)
        found = self._assets or await self._read()
        document = found.documents.get(request.raw_path)
        if document is not None and request.headers[b"accept"] == MARKDOWN:
            return _sent(request, document, NOT_KEPT + b"vary: accept, accept-encoding\r\n")
        if document is not None or request.raw_path == b"/":
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

    async def _sign_in(self, request: Request) -> tuple[int, bytes, bytes]:
        """Trade the token of `threadline open` for temporary credentials. This is no operation: nobody signed it."""
        _check_origin(request.headers)
        try:
            content = json.loads(await request.body(SIGN_IN_BYTES_MAX))
            token = content["Token"]
        except (TooLarge, ValueError, KeyError, TypeError, RecursionError):
            token = None
        if not isinstance(token, str):
            raise Fault("AccessDeniedException", 'The body must be JSON like {"Token": "..."}.')
        account_id = await self._store.read(lambda tx: check_sign_in_token(tx, token))
        credentials = await self._store.write(SignIn(token))
        request.call = SIGN_IN_ACTION._replace(
            who=signed_in(account_id, credentials["AccessKeyId"]), response={"ConsoleLogin": "Success"}
        )
        return 200, PLAIN + NOT_KEPT + b"content-type: application/json\r\n", json.dumps(credentials).encode()

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


def signed_in(account_id: str, access_key_id: str) -> Who:
    """The caller with temporary credentials. The audit shows the same access key in their calls."""
    return Who({"type": "Account", "accountId": account_id, "accessKeyId": access_key_id}, account_id)


def _check_origin(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a request that a page of another site makes. Faults: AccessDeniedException."""
    origin = headers.get(b"origin")
    if origin is not None and origin.partition(b"://")[2].lower() != headers.get(b"host", b"").lower():
        raise Fault("AccessDeniedException", "A page of another site cannot sign in here.")


def _sent(request: Request, asset: Asset, head: bytes) -> tuple[int, bytes, bytes]:
    head += PLAIN + b"content-type: %b\r\n" % asset.content_type
    if b"gzip" in request.headers.get(b"accept-encoding", b""):
        return 200, head + b"content-encoding: gzip\r\n", asset.zipped
    return 200, head, asset.plain
