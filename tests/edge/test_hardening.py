"""What somebody might try who means harm, and what an operator meets: it costs them, not the others."""

import pytest

from tests.edge.raw import ask, connected
from tests.edge.test_sockets import buffered, masked, ticket_url, unread
from threadline.testing import Threadline

HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"


def test_requests_that_are_sent_ahead_wait_in_a_short_line(threadline: Threadline) -> None:
    """Each takes a hundred times its bytes on the wire, and nobody has been asked yet who they are."""
    with connected(threadline.url) as client, pytest.raises(ConnectionError):
        client.send_for_ever(HEALTH * 1_000)
    assert ask(threadline.url, "GET", "/health").status == 200


def test_pings_are_not_answered_to_who_does_not_read(threadline: Threadline) -> None:
    pings = masked(0x89, b"x" * 120) * 1_000
    with unread(ticket_url(threadline.invite())) as client:
        for _ in range(100):
            client.sendall(pings)
        assert buffered(threadline._server._hub) < 500_000 < 100 * len(pings)
