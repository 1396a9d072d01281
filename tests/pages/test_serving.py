"""The page at `/` over HTTP: browsers get it, with its policy; everybody else gets what they got before."""

import gzip
import http.client
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from threadline.testing import Threadline

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def get(
    threadline: Threadline, path: str = "/", headers: Mapping[str, str] = BROWSER, method: str = "GET"
) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(threadline.url).netloc)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_a_browser_gets_the_page_with_a_strict_policy(threadline: Threadline) -> None:
    status, headers, body = get(threadline)
    assert status == 200, body
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' blob:", "pictures of a chat are shown from bytes that were fetched"
    assert re.fullmatch(r"'self' 'sha256-[\w+/]{43}='", policy["script-src"])
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_files_are_named_by_their_hash_kept_for_ever_and_compressed(threadline: Threadline) -> None:
    page = get(threadline)[2].decode()
    paths = set(re.findall(r'"(/pages/[^"]+\.[0-9a-f]{12}\.(?:js|css|svg))"', page))
    assert len(paths) > 5, page
    for path in paths:
        status, headers, body = get(threadline, path, {"Accept-Encoding": "gzip"})
        assert status == 200, path
        assert headers["cache-control"].endswith("immutable")
        assert headers["content-encoding"] == "gzip"
        assert headers["vary"] == "accept-encoding"
        assert get(threadline, path, {})[2] == gzip.decompress(body)
        assert get(threadline, path, {}, "HEAD")[2] == b""


@pytest.mark.parametrize("accept", [{}, {"Accept": "application/json"}, {"Accept": "*/*"}])
def test_other_clients_see_what_they_saw_before(threadline: Threadline, accept: Mapping[str, str]) -> None:
    status, headers, body = get(threadline, "/", accept)
    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert b"No operation at GET / in connect" in body
    assert headers["content-type"] == "application/json"


def test_an_unknown_file_is_refused_in_words(threadline: Threadline) -> None:
    for path in ("/pages/main.js", "/pages/../server/api.py", "/pages/%2e%2e/server/api.py"):
        assert get(threadline, path)[0] == 404, path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_another_site_points_here_gets_no_page(threadline: Threadline, host: str) -> None:
    status, headers, body = get(threadline, headers={**BROWSER, "Host": host})
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException"), body
    assert b"THREADLINE_PUBLIC_HOSTS" in body


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:99", "127.0.0.1:1", "[::1]:8080", "192.168.7.9:8080"]
)
def test_addresses_and_localhost_get_the_page(threadline: Threadline, host: str) -> None:
    assert get(threadline, headers={**BROWSER, "Host": host})[0] == 200


def test_no_other_origin_may_read_the_page(threadline: Threadline) -> None:
    headers = get(threadline, headers={**BROWSER, "Origin": "http://evil.example"})[1]
    assert "access-control-allow-origin" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"
