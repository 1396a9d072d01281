"""The URL by which a client reaches the server, from its own request: `THREADLINE_PUBLIC_URL=auto`."""

from collections import defaultdict

from threadline.config import ALLOWED_HOST, PREFIX, Settings
from threadline.errors import Fault
from threadline.http.request import Request

SCHEMES = {b"http": "http", b"https": "https"}


class PublicUrl:
    """Finds the URL in a request's Host header, if the operator allows that host.

    X-Forwarded-Host and Forwarded are never read. X-Forwarded-Proto chooses the scheme for a host that the operator
    allows without one: it is `http` or `https`, and anything else counts as if it were not there.
    """

    def __init__(self, settings: Settings) -> None:
        self._allowed: dict[str, list[tuple[str | None, str | None]]] = defaultdict(list)
        for scheme, name, port in settings.allowed_hosts:
            self._allowed[name].append((scheme, port))
        self._names = settings.public_hosts

    def of(self, request: Request) -> str:
        """The URL without a path. Raises Fault for a host that is not allowed."""
        host = request.headers.get(b"host", b"").decode("latin-1").lower()
        found = ALLOWED_HOST.fullmatch(host)
        if found and not found["scheme"]:
            port = found["port"]
            forwarded = SCHEMES.get(request.headers.get(b"x-forwarded-proto", b"").lower(), "http")
            for scheme, only in self._allowed.get(found["name"], ()):
                if only is None or only == port:
                    return f"{scheme or forwarded}://{host}"
        raise Fault(
            "AccessDeniedException",
            f"The request's Host is {host!a}, and this server answers for {self._names}. Add it to "
            f"{PREFIX}PUBLIC_HOSTS, or have the proxy pass the Host on that the client sent.",
        )
