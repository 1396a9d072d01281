"""The bytes that a process holds for its clients are counted exactly, and no client can use up the whole budget."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadline.http.budget import FREE_BYTES, Budget, bounded
from threadline.http.pace import SECONDS_AT_ONCE, Pace

MB = 1_000_000
PROXY, ONE, TWO = "10.0.0.1", "8.8.8.8", "9.9.9.9"


class Room:
    """A budget, and connections that its tests make."""

    def __init__(self, bytes_max: int = 80 * MB) -> None:
        self.cut: list[asyncio.Transport] = []
        self.budget = Budget(bytes_max, self.cut.append)

    def connection(self, address: str = PROXY) -> asyncio.Transport:
        return asyncio.Transport(extra={"peername": (address, 1)})


@pytest.fixture
def room() -> Room:
    return Room()


def held(
    hold: Callable[[asyncio.Transport, int, str], bool],
    connections: Iterable[asyncio.Transport],
    credential: str,
) -> int:
    """How many of the connections may hold a megabyte."""
    return sum(hold(connection, MB, credential) for connection in connections)


def test_a_credential_holds_an_eighth_and_leaves_the_rest_to_others(room: Room) -> None:
    assert held(room.budget.take_in, [room.connection() for _ in range(7)], "a") == 7
    assert held(room.budget.leave_unread, [room.connection() for _ in range(3)], "a") == 3
    assert held(room.budget.take_in, [room.connection() for _ in range(5)], "b") == 5
    assert held(room.budget.leave_unread, [room.connection() for _ in range(5)], "b") == 5
    assert room.budget.held == 20 * MB
    assert not room.cut


def test_a_public_address_holds_a_quarter_whatever_credentials_it_shows(room: Room) -> None:
    several = [room.connection(ONE) for _ in range(40)]
    assert sum(room.budget.take_in(each, MB, str(i)) for i, each in enumerate(several)) == 20
    assert room.budget.take_in(room.connection(TWO), MB, "a")
    behind = [room.connection(PROXY) for _ in range(40)]
    assert sum(room.budget.take_in(each, MB, str(i)) for i, each in enumerate(behind)) == 40


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", ""),
        ("192.168.1.7", ""),
        ("::1", ""),
        ("fd00::7", ""),
        ("", ""),
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("::ffff:10.0.0.1", ""),
        ("2001:4860:1:2:3::4", "2001:4860:1:2::/64"),
    ],
)
def test_public_addresses_are_bounded(address: str, expected: str) -> None:
    assert bounded(address) == expected


def test_a_client_that_holds_nothing_may_hold_one_thing_of_any_size(room: Room) -> None:
    first = room.connection()
    assert room.budget.leave_unread(first, 100 * MB, "a")
    assert not room.budget.take_in(room.connection(), MB, "b")
    room.budget.release(first)
    assert room.budget.take_in(room.connection(), MB, "b")


def test_a_key_that_is_only_claimed_takes_nothing_from_its_owner(room: Room) -> None:
    others = [room.connection(ONE) for _ in range(20)]
    assert sum(room.budget.take_in(each, MB, "", "AKIA") for each in others) == 10
    assert room.budget.take_in(room.connection(TWO), MB, "", "AKIA")
    assert room.budget.leave_unread(room.connection(TWO), 9 * MB, "AKIA")


def test_answers_push_out_the_client_that_has_read_nothing_for_the_longest_time(room: Room) -> None:
    slow = [room.connection() for _ in range(80)]
    assert all(room.budget.leave_unread(each, MB, str(i % 20)) for i, each in enumerate(slow))
    assert room.budget.leave_unread(room.connection(), 2 * MB, "new")
    assert room.cut == slow[:2]
    assert room.budget.held == 80 * MB


def test_answers_beyond_a_share_push_out_others_of_the_same_credential_or_address(room: Room) -> None:
    for credential, address in (("a", PROXY), ("", ONE)):
        fine = room.connection(TWO)
        assert room.budget.leave_unread(fine, MB, "fine")
        slow = [room.connection(address) for _ in range(20)]
        assert all(room.budget.leave_unread(each, MB, credential) for each in slow)
        assert room.budget.leave_unread(room.connection(address), 2 * MB, credential)
        assert room.cut == slow[: 12 if credential else 2]
        room.cut.clear()


def test_requests_push_out_nobody(room: Room) -> None:
    slow = [room.connection() for _ in range(80)]
    assert all(room.budget.leave_unread(each, MB, str(i % 20)) for i, each in enumerate(slow))
    assert not room.budget.take_in(room.connection(), MB, "new")
    assert room.budget.take_in(room.connection(), FREE_BYTES, "new")
    assert not room.cut


STEP = st.tuples(
    st.sampled_from(["take_in", "leave_unread", "release"]),
    st.integers(0, 9),
    st.sampled_from([0, FREE_BYTES, FREE_BYTES + 1, 30_000, 200_000]),
    st.sampled_from(["", "a", "b", "c"]),
)


@given(st.lists(STEP, max_size=200))
def test_the_count_is_exact_and_goes_back_to_nothing(steps: list[tuple[str, int, int, str]]) -> None:
    room = Room(300_000)
    connections = [room.connection((PROXY, ONE, TWO)[number % 3]) for number in range(10)]
    budget = room.budget
    for kind, number, count, credential in steps:
        if kind == "release":
            budget.release(connections[number])
        else:
            getattr(budget, kind)(connections[number], count, credential)
        assert budget.held == sum(each.total for each in budget._connections.values())
        assert budget.held <= 300_000 or len(budget) == 1
        assert all(count > 0 for count in (*budget._credentials.values(), *budget._addresses.values()))
    for connection in connections:
        budget.release(connection)
    assert (budget.held, len(budget)) == (0, 0)
    assert not any((budget._credentials, budget._addresses, budget._unread))


def test_a_pace_lets_some_come_at_once_and_the_others_wait_for_their_time() -> None:
    pace = Pace(10, 0.0)
    assert [pace.pay(1, 0.0) for _ in range(10 * SECONDS_AT_ONCE)] == [0.0] * 10 * SECONDS_AT_ONCE
    assert pace.pay(1, 0.0) == pytest.approx(0.1)
    assert pace.pay(9, 0.0) == pytest.approx(1.0)
    assert pace.pay(1, 2.0) == 0.0
    assert pace.pay(0, 1_000.0) == 0.0
    assert pace.pay(10 * SECONDS_AT_ONCE + 10, 1_000.0) == pytest.approx(1.0)
