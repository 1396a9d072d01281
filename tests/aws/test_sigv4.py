"""The signature check, with botocore as the oracle and boto3's own requests as the proof."""

from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from threadline.aws import bearer, sigv4
from threadline.clock import token_hash
from threadline.errors import Fault
from threadline.http.head import add_header

KEY_ID, SECRET, TOKEN = "AKIDEXAMPLE", "a secret/of+the key", "session-token"
KEYS = {
    KEY_ID: sigv4.Key(SECRET, "123456789012"),
    "TEMPORARY": sigv4.Key(SECRET, "123456789012", token_hash(TOKEN), 4_000_000_000_000),
    "EXPIRED": sigv4.Key(SECRET, "123456789012", token_hash(TOKEN), 1_000),
}
MISSING, UNKNOWN, WRONG = (
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
)


class Request(NamedTuple):
    """A request as it arrives."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    def with_header(self, name: str, value: str | None) -> "Request":
        others = [header for header in self.headers if header[0] != name]
        return self._replace(headers=others if value is None else [*others, (name, value)])

    def header(self, name: str) -> str:
        return dict(self.headers)[name]


def signed(
    request: Request,
    key_id: str = KEY_ID,
    *,
    secret: str = SECRET,
    token: str | None = None,
    service: str = "connect",
) -> Request:
    """The request as botocore signs it, at the present moment."""
    url = f"http://127.0.0.1:8080{request.path}" + (f"?{request.query}" if request.query else "")
    theirs = AWSRequest(request.method, url, headers=dict(request.headers), data=request.body)
    SigV4Auth(Credentials(key_id, secret, token), service, "eu-west-1").add_auth(theirs)
    headers = [(name.lower(), value) for name, value in theirs.headers.items()]
    return request._replace(headers=headers).with_header("host", "127.0.0.1:8080")


def verified(
    request: Request,
    *,
    late_ms: int = 0,
    services: tuple[str, ...] = ("connect",),
    hosts: tuple[bytes, ...] = (),
) -> sigv4.Signed:
    return verified_raw(
        request.method,
        request.path.encode(),
        request.query.encode(),
        [(name.encode(), value.encode()) for name, value in request.headers],
        request.body,
        services=services,
        now_ms=signed_at_ms(request) + late_ms,
        hosts=hosts,
    )


def verified_raw(
    method: str,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    *,
    services: tuple[str, ...] = ("connect",),
    now_ms: int = 0,
    hosts: tuple[bytes, ...] = (),
) -> sigv4.Signed:
    """Verify in the server's order: the claim, its key, the signature."""
    given = by_name(headers)
    claim = sigv4.claim_of(given, query)
    key = KEYS.get(claim.access_key_id)
    if key is None:
        raise sigv4.unknown(claim.access_key_id)
    return sigv4.verify(
        claim, key, method, path, query, given, body, services=services, now_ms=now_ms, hosts=hosts
    )


def by_name(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    given: dict[bytes, bytes] = {}
    for name, value in headers:
        add_header(given, name, value)
    return given


def signed_at_ms(request: Request) -> int:
    headers = dict(request.headers)
    if "x-amz-date" not in headers:
        return int(datetime.now(UTC).timestamp() * 1000)
    return int(datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%S%z").timestamp() * 1000)


def refusal(request: Request, **how: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as refused:
        verified(request, **how)
    return refused.value.code, refused.value.message


PLAIN = Request("POST", "/contact/stop", "", [("content-type", "application/json")], b'{"ContactId":"c"}')

segments = st.one_of(
    st.text(max_size=12).map(lambda text: quote(text, safe="")),
    st.sampled_from(["", ".", "..", "arn%3Aaws%2Fx", "a%252Fb", "~tilde-_.", "(raw)!*'", "a:b@c"]),
)
components = st.text(max_size=8).map(lambda text: quote(text, safe="-_.~"))
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).map(
    lambda text: f"a   {text}  b"
)


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts)),
    query=st.lists(st.tuples(components, components), max_size=4),
    value=header_values,
    body=st.binary(max_size=50),
)
def test_what_botocore_signs_is_accepted(
    method: str, path: str, query: list[tuple[str, str]], value: str, body: bytes
) -> None:
    pairs = "&".join(f"{key}={value}" for key, value in query)
    request = signed(Request(method, path, pairs, [("x-amz-note", value)], body))
    assert verified(request) == sigv4.Signed(KEY_ID, "eu-west-1", "connect", None)
    assert refusal(request._replace(body=body + b"x"))[0] == WRONG
    assert refusal(request.with_header("x-amz-note", f"{value}x"))[0] == WRONG
    assert refusal(request._replace(path=f"{path}x"))[0] == WRONG
    assert refusal(request._replace(method="PATCH"))[0] == WRONG
    assert refusal(request._replace(query=f"{pairs}&x=1"))[0] == WRONG


@pytest.fixture(scope="module")
def boto3_requests() -> dict[str, Request]:
    """Requests of an unmodified boto3, by operation."""
    session = boto3.session.Session(KEY_ID, SECRET, region_name="us-east-1")
    client = session.client("connect", endpoint_url="http://127.0.0.1:8080")
    sent: dict[str, Request] = {}

    def keep(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = [
            (name.lower(), value.decode() if isinstance(value, bytes) else value)
            for name, value in request.headers.items()
        ]
        body = request.body or b""
        sent[event_name.rpartition(".")[2]] = Request(
            request.method, url.path, url.query, [*headers, ("host", url.netloc)], body
        )
        return AWSResponse(request.url, 200, {}, HTTPResponse(BytesIO(b"{}"), preload_content=False))

    client.meta.events.register("before-send.connect", keep)
    arn = "arn:aws:connect:us-east-1:123456789012:instance/019d671e-538d-7be5-b375-0123456789ab"
    client.create_persistent_contact_association(
        InstanceId=arn, InitialContactId="c ü~/+%", RehydrationType="FROM_SEGMENT", SourceContactId="☕"
    )
    client.list_queues(InstanceId=arn, QueueTypes=["STANDARD", "AGENT"], NextToken="a+b/c= d&é", MaxResults=5)
    client.untag_resource(resourceArn=f"{arn}/queue/x", tagKeys=["b", "a b", "B", "é"])
    client.start_chat_contact(
        InstanceId=arn, ContactFlowId="f", ParticipantDetails={"DisplayName": "Zoë"}, Attributes={"a": "\n☕"}
    )
    return sent


def test_what_boto3_sends_is_accepted(boto3_requests: dict[str, Request]) -> None:
    assert len(boto3_requests) == 4
    for request in boto3_requests.values():
        assert verified(request) == sigv4.Signed(KEY_ID, "us-east-1", "connect", None)
        assert refusal(request._replace(body=b"{ }"))[0] == WRONG


def test_a_request_without_a_signature() -> None:
    code, message = refusal(PLAIN)
    assert code == MISSING
    assert "not signed" in message


def test_a_presigned_url() -> None:
    code, message = refusal(PLAIN._replace(query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=ab"))
    assert code == WRONG
    assert "Presigned URLs are not accepted" in message


def test_the_claimed_key_is_known_ahead() -> None:
    headers = [(name.encode(), value.encode()) for name, value in signed(PLAIN, "NOBODY").headers]
    assert sigv4.claim_of(by_name(headers), b"").access_key_id == "NOBODY"
    with pytest.raises(Fault, match="not signed"):
        sigv4.claim_of({}, b"")


def test_an_unknown_key_and_a_wrong_secret_are_told_apart() -> None:
    assert refusal(signed(PLAIN, "NOBODY")) == (UNKNOWN, "There is no access key 'NOBODY' here.")
    code, message = refusal(signed(PLAIN, secret="another"))
    assert code == WRONG
    assert message.startswith("The signature does not fit the request.")


SCOPE = "20261122/us-east-1/connect/aws4_request"


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c", "AWS4-HMAC-SHA256 , , ,",
        "AWS4-ECDSA-P256-SHA256 Credential=k/20261122/connect/aws4_request, SignedHeaders=host, Signature=aa",
        "AWS4-HMAC-SHA256 Credential=k/20261122/us-east-1/connect/aws5, SignedHeaders=host;x-amz-date, Signature=a",
        "AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=, Signature=", "\u00ff=\u00ff, Signature=\u00ff",
        f"AWS4-HMAC-SHA256 Credential=a/{SCOPE}, Credential=b/{SCOPE}, SignedHeaders=host;x-amz-date, Signature=a",
        f"AWS4-HMAC-SHA256 Credential=ü/{SCOPE}, SignedHeaders=host;x-amz-date, Signature=",
    ],
)  # fmt: skip
def test_an_authorization_of_another_form(authorization: str) -> None:
    code, message = refusal(signed(PLAIN).with_header("authorization", authorization))
    assert code == (WRONG if authorization else MISSING)
    assert not authorization or message.startswith(
        "Authorization must have the form: AWS4-HMAC-SHA256 Credential="
    )


@pytest.mark.parametrize("late_ms", [-300_000, -1, 0, 299_999, 300_000])
def test_clocks_may_differ_by_five_minutes(late_ms: int) -> None:
    assert verified(signed(PLAIN), late_ms=late_ms).access_key_id == KEY_ID


@pytest.mark.parametrize(
    ("late_ms", "words"), [(-301_000, "301 seconds ahead"), (301_000, "301 seconds ago")]
)
def test_clocks_may_not_differ_by_more(late_ms: int, words: str) -> None:
    code, message = refusal(signed(PLAIN), late_ms=late_ms)
    assert code == WRONG
    assert words in message


def test_the_date_header_does_where_there_is_no_other() -> None:
    request = signed(PLAIN.with_header("date", "x"))
    assert "x-amz-date" not in dict(request.headers)
    assert verified(request).access_key_id == KEY_ID
    assert refusal(request.with_header("date", "yesterday"))[1].startswith("date is not a time like")
    assert refusal(request.with_header("x-amz-date", "20261122T000000Z"))[1].startswith(
        "SignedHeaders must name x-amz-"
    )


def test_the_credential_and_the_date_agree() -> None:
    request = signed(PLAIN)
    day = request.header("x-amz-date")[:8]
    changed = request.with_header("authorization", request.header("authorization").replace(day, "20200101"))
    assert refusal(changed)[1].startswith("The date in Credential, '20200101', is not that of x-amz-date")


@pytest.mark.parametrize(
    "date", ["", "x", "20261122T1426", "2026-11-22T14:26:49Z", "99999999T999999Z", "\u00b2" * 16]
)
def test_a_date_that_is_none(date: str) -> None:
    with pytest.raises(Fault, match="x-amz-date is not a time like"):
        verified_raw(
            "POST",
            b"/",
            b"",
            [
                (n.encode(), v.encode("latin-1"))
                for n, v in signed(PLAIN).with_header("x-amz-date", date).headers
            ],
            b"",
        )


@pytest.mark.parametrize("name", ["host", "x-amz-date"])
def test_host_and_date_are_signed(name: str) -> None:
    request = signed(PLAIN)
    authorization = request.header("authorization").replace(f"{name};", "").replace(f";{name}", "")
    assert refusal(request.with_header("authorization", authorization))[1] == (
        "SignedHeaders must name host, and x-amz-date or date."
    )


def test_a_signed_header_that_is_not_there() -> None:
    request = signed(PLAIN).with_header("content-type", None)
    assert refusal(request)[1] == "SignedHeaders names content-type, which the request does not have."


def test_a_header_sent_twice_is_signed_joined() -> None:
    request = signed(PLAIN.with_header("x-amz-note", "a,b"))
    twice = request.with_header("x-amz-note", "a")
    assert verified(twice._replace(headers=[*twice.headers, ("x-amz-note", " b ")])).access_key_id == KEY_ID


def test_the_service_is_one_of_those_served_and_the_region_any() -> None:
    assert verified(signed(PLAIN)).region == "eu-west-1"
    code, message = refusal(signed(PLAIN, service="execute-api"))
    assert code == WRONG
    assert message == "The request is signed for service 'execute-api'; it must be connect."


@pytest.mark.parametrize("hash_", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64, ""])
def test_the_body_is_signed(hash_: str) -> None:
    code, message = refusal(signed(PLAIN.with_header("x-amz-content-sha256", hash_)))
    assert code == WRONG
    assert "x-amz-content-sha256" in message
    right = PLAIN.with_header("x-amz-content-sha256", sha256(PLAIN.body).hexdigest())
    assert verified(signed(right)).access_key_id == KEY_ID


def test_a_temporary_key_comes_with_its_session_token() -> None:
    request = signed(PLAIN, "TEMPORARY", token=TOKEN)
    assert verified(request).session_token == TOKEN
    assert refusal(signed(PLAIN, "TEMPORARY", token="another")) == (
        UNKNOWN,
        "The session token is not that of the access key.",
    )
    code, message = refusal(signed(PLAIN, "TEMPORARY"))
    assert (code, "send its session token" in message) == (UNKNOWN, True)
    unsigned = signed(PLAIN, "TEMPORARY").with_header("x-amz-security-token", TOKEN)
    assert refusal(unsigned) == (code, message)


def test_a_lasting_key_has_no_session_token() -> None:
    code, message = refusal(signed(PLAIN, token=TOKEN))
    assert (code, "has no session token" in message) == (UNKNOWN, True)


def test_a_key_expires() -> None:
    assert refusal(signed(PLAIN, "EXPIRED", token=TOKEN)) == (
        UNKNOWN,
        "The access key 'EXPIRED' has expired.",
    )
    assert refusal(signed(PLAIN, "EXPIRED", token=TOKEN, secret="another"))[0] == WRONG


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80),
    st.lists(
        st.tuples(
            st.sampled_from([b"authorization", b"host", b"x-amz-date", b"date", b"x-amz-security-token"]),
            st.binary(max_size=120)
            | st.sampled_from([header.encode() for _, header in signed(PLAIN).headers]),
        )
    ),
)
def test_whatever_is_sent_is_answered(raw: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Fault):
        verified_raw("GET", raw, raw, headers, raw)


def test_a_bearer_token_is_one_header() -> None:
    assert bearer.token_of({b"host": b"x", b"x-amz-bearer": b"token"}) == "token"
    for headers in ([], [b""], [b"a", b"b"], [b"x" * 1_001], [b"\xff"]):
        with pytest.raises(Fault) as refused:
            bearer.token_of(by_name([(b"x-amz-bearer", value) for value in headers]))
        assert refused.value.code == "AccessDeniedException"


# A proxy that changes Host


@pytest.mark.parametrize(
    ("arrived", "told", "hosts"),
    [
        ("10.0.0.7:9000", {"x-forwarded-host": "127.0.0.1:8080"}, ()),
        ("10.0.0.7:9000", {"x-forwarded-host": "127.0.0.1", "x-forwarded-port": "8080"}, ()),
        ("127.0.0.1", {"x-forwarded-port": "8080"}, ()),
        ("10.0.0.7", {"x-original-host": "127.0.0.1:8080"}, ()),
        ("10.0.0.7", {"forwarded": 'for=192.0.2.1;proto=https;host="127.0.0.1:8080"'}, ()),
        ("10.0.0.7:9000", {}, (b"127.0.0.1:8080",)),
    ],
)
def test_a_host_that_a_proxy_changed_is_named_and_refused(
    arrived: str, told: dict[str, str], hosts: tuple[bytes, ...]
) -> None:
    request = signed(PLAIN).with_header("host", arrived)
    for name, value in told.items():
        request = request.with_header(name, value)
    with pytest.raises(Fault) as refused:
        verified(request, hosts=hosts)
    assert refused.value.code == WRONG
    assert "right for Host '127.0.0.1:8080'" in refused.value.message
    assert f"arrived with Host {arrived!r}" in refused.value.message


def test_another_host_is_no_excuse_for_a_wrong_signature() -> None:
    forged = signed(PLAIN, secret="guessed").with_header("host", "10.0.0.7")
    many = ",".join(f"host-{number}" for number in range(1_000))
    for request in (forged, forged.with_header("x-forwarded-host", many)):
        with pytest.raises(Fault, match="does not fit the request"):
            verified(request, hosts=(b"127.0.0.1:8080",))
