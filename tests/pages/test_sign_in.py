"""Signing in to the page: a token works once, and gives credentials that any client signs with until they end."""

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.operations.refusals import INVALID, refused
from threadline.testing import Threadline

DENIED = ("AccessDeniedException", 403)
UNKNOWN = ("UnrecognizedClientException", 403)


def trade(
    server: Threadline, body: bytes | dict[str, Any], headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    try:
        connection.request(
            "POST", "/sign-in", content, {"Content-Type": "application/json", **(headers or {})}
        )
        answer = connection.getresponse()
        return (
            answer.status,
            json.loads(answer.read()),
            {name.lower(): text for name, text in answer.getheaders()},
        )
    finally:
        connection.close()


def token_of(server: Threadline) -> str:
    return str(server.threadline.create_sign_in_token()["Token"])


def signed_in(server: Threadline) -> dict[str, str]:
    status, session, _ = trade(server, {"Token": token_of(server)})
    assert status == 200, session
    return {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }


def test_a_token_gives_credentials_with_which_boto3_calls(verifying_server: Threadline) -> None:
    status, session, headers = trade(verifying_server, {"Token": token_of(verifying_server)})
    assert status == 200
    assert headers["cache-control"] == "no-store"
    assert session["AccessKeyId"].startswith("ASIA")
    assert datetime.fromisoformat(session["Expiration"]) > verifying_server.clock.now() + timedelta(hours=11)
    found = verifying_server.client(
        "connect",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    ).list_instances()
    assert [each["Id"] for each in found["InstanceSummaryList"]] == [verifying_server.instance_id]


def test_a_token_works_once_also_for_many_at_the_same_time(verifying_server: Threadline) -> None:
    token = token_of(verifying_server)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: trade(verifying_server, {"Token": token}), range(8)))
    assert sorted(status for status, _, _ in answers) == [200] + [403] * 7
    refusals = {body["Message"] for status, body, _ in answers if status == 403}
    assert all("`threadline open`" in text for text in refusals), refusals


def test_a_token_expires_after_fifteen_minutes(verifying_server: Threadline) -> None:
    token = token_of(verifying_server)
    verifying_server.clock.advance(minutes=15)
    assert trade(verifying_server, {"Token": token})[0] == 403


def test_credentials_expire_after_twelve_hours(verifying_server: Threadline) -> None:
    client = verifying_server.client("connect", **signed_in(verifying_server))
    client.list_instances()
    verifying_server.clock.advance(hours=12)
    with refused(UNKNOWN, "has expired"):
        client.list_instances()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"Token": 1}',
        b'{"Token": null}',
        b"[" * 900,
        b'{"Token": "' + b"x" * 2_000 + b'"}',
    ],
)
def test_a_body_that_is_no_token_is_refused_in_words(threadline: Threadline, body: bytes) -> None:
    status, answer, _ = trade(threadline, body)
    assert (status, "The body must be JSON" in answer["Message"]) == (403, True), answer


def test_a_token_that_nobody_made_is_refused_and_nothing_is_written(threadline: Threadline) -> None:
    status, answer, _ = trade(threadline, {"Token": "x" * 43})
    assert (status, "was used before, or it has expired" in answer["Message"]) == (403, True), answer


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_a_page_of_another_site_cannot_sign_in(threadline: Threadline, origin: str) -> None:
    token = token_of(threadline)
    assert trade(threadline, {"Token": token}, {"Origin": origin})[0] == 403
    own = f"http://{urlsplit(threadline.url).netloc}"
    assert trade(threadline, {"Token": token}, {"Origin": own})[0] == 200, "the token is still good"


def test_a_name_that_another_site_points_here_cannot_sign_in(threadline: Threadline) -> None:
    host = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert trade(threadline, {"Token": token_of(threadline)}, host)[0] == 403


def test_signing_out_ends_the_credentials_from_the_next_request_on(verifying_server: Threadline) -> None:
    session = signed_in(verifying_server)
    client = verifying_server.client("connect", **session)
    client.list_instances()
    verifying_server.client("threadline", **session).sign_out()
    with refused(UNKNOWN, "no access key"):
        client.list_instances()
    verifying_server.connect.list_instances()


def test_a_lasting_key_has_no_session_to_end(verifying_server: Threadline) -> None:
    with refused(INVALID, "DeleteAccessKey deletes it"):
        verifying_server.threadline.sign_out()
    verifying_server.connect.list_instances()


def test_credentials_without_their_session_token_are_refused(verifying_server: Threadline) -> None:
    session = signed_in(verifying_server)
    for token in (None, "another"):
        client = verifying_server.client("connect", **{**session, "aws_session_token": token})
        with refused(UNKNOWN):
            client.list_instances()


def test_temporary_credentials_make_nothing_that_outlives_them(verifying_server: Threadline) -> None:
    client = verifying_server.client("threadline", **signed_in(verifying_server))
    lasting = verifying_server.env["AWS_ACCESS_KEY_ID"]
    for call in (
        client.create_access_key,
        client.create_sign_in_token,
        lambda: client.delete_access_key(AccessKeyId=lasting),
        lambda: client.update_access_key(AccessKeyId=lasting, Status="Inactive"),
    ):
        with refused(DENIED, "is temporary"):
            call()
    listed = client.list_access_keys()["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in listed] == [lasting], "a session is not listed among the keys"
