"""Nothing is lost and nothing is there twice: cut sockets, lost answers, a killed server, a network that is gone."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Page, Route, expect

from tests.clients.served import Served
from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer, said, write

CUTS = 25
PATIENCE_MS = 60_000
TRACK = """
    window.opened = [];
    window.WebSocket = class extends WebSocket {
        constructor(...given) { super(...given); window.opened.push(this); }
    };
"""
CUT = """(number) => {
    const open = window.opened.filter((socket) => socket.readyState === 1);
    open[number % open.length]?.close(4000);
}"""


SETTLED = """(count) => {
    const desk = document.querySelector("tl-playground").desk;
    return [desk.customer, ...desk.agents.map(({ chat }) => chat).filter(Boolean)].every(
        (chat) => chat.items.filter(({ Type }) => Type === "MESSAGE").length >= count);
}"""
"""Both ends have as many messages as were sent: a gap is read a moment after the reconnect."""


def messages(page: Page, end: str) -> list[str]:
    """The texts that one end has, sent or waiting, in its order."""
    texts: list[str] = page.evaluate(
        """(end) => {
            const desk = document.querySelector("tl-playground").desk;
            const chat = end === "customer" ? desk.customer : desk.agents.find(({ username }) => username === end).chat;
            return [...chat.items.filter(({ Type }) => Type === "MESSAGE").map(({ Content }) => Content),
                ...chat.pending.map(({ text }) => `waiting: ${text}`)];
        }""",
        end,
    )
    return texts


class Network:
    """Cuts the page's connections by a seed: requests before or after the server has answered, and sockets."""

    def __init__(self, page: Page, seed: int) -> None:
        self.random = Random(seed)
        self.cuts = 0
        self._page = page
        page.route("**/participant/**", self._request)

    def _request(self, route: Route) -> None:
        fate = self.random.random()
        if self.cuts >= CUTS or fate > 0.4:
            route.continue_()
            return
        self.cuts += 1
        if fate > 0.2:
            route.fetch()  # the server has done it, and its answer is lost
        route.abort("connectionreset")

    def cut_socket(self) -> None:
        """Close a socket of the page, sometimes."""
        if self.random.random() < 0.3:
            self.cuts += 1
            self._page.evaluate(CUT, self.random.randrange(10))


@pytest.mark.parametrize("seed", range(4))
def test_random_cuts_lose_no_message_and_double_none(tab: Tab, seed: int) -> None:
    tab.page.add_init_script(TRACK)
    page = begin(tab)
    network = Network(page, seed)
    sent = 0
    ends = {"customer": customer(page), "a1": agent(page, "a1")}
    wanted: dict[str, list[str]] = {"customer": [], "a1": []}
    while network.cuts < CUTS:
        name = network.random.choice(list(ends))
        sent += 1
        wanted[name].append(f"{name} {sent}")
        write(ends[name], wanted[name][-1])
        network.cut_socket()
    page.unroute_all(behavior="wait")
    for end in ends.values():
        expect(end.get_by_role("status")).to_have_text("connected", timeout=PATIENCE_MS)
    page.wait_for_function(SETTLED, arg=sum(map(len, wanted.values())), timeout=PATIENCE_MS)
    for name, other in (("customer", "a1"), ("a1", "customer")):
        for texts in (messages(page, name), messages(page, other)):
            refused = page.evaluate(
                "document.querySelector('tl-playground').client.log.filter(({ error }) => error)"
                ".map(({ by, operation, status, error }) => [by, operation, status, error])"
            )
            assert [text for text in texts if text.startswith(f"{name} ")] == wanted[name], (
                f"seed {seed}: {refused}"
            )
    assert messages(page, "customer") == messages(page, "a1"), "both ends have one order"


def test_without_a_network_messages_wait_are_counted_in_words_and_arrive_in_order(tab: Tab) -> None:
    page = begin(tab)
    page.context.set_offline(True)
    page.evaluate("() => 0")
    for text in ("One", "Two", "Three"):
        write(customer(page), text)
    waiting = customer(page).locator(".bubble.waiting")
    expect(waiting).to_have_count(3)
    expect(customer(page).get_by_role("status")).to_have_text(
        "reconnecting, three messages wait", timeout=PATIENCE_MS
    )
    page.context.set_offline(False)
    expect(said(agent(page, "a1"), "Three")).to_be_visible(timeout=PATIENCE_MS)
    expect(waiting).to_have_count(0)
    assert messages(page, "a1") == ["One", "Two", "Three"]


def test_a_killed_server_loses_nothing(open_tab: Callable[..., Tab], tmp_path: Path) -> None:
    with Served(tmp_path / "data") as server:
        page = begin(open_tab(server.workspace))
        write(customer(page), "Before")
        expect(said(agent(page, "a1"), "Before")).to_be_visible()
        os.kill(server.worker(), signal.SIGKILL)
        write(customer(page), "Meanwhile")
        write(agent(page, "a1"), "After")
        expect(said(agent(page, "a1"), "Meanwhile")).to_be_visible(timeout=PATIENCE_MS)
        expect(said(customer(page), "After")).to_be_visible(timeout=PATIENCE_MS)
        assert sorted(messages(page, "customer")) == ["After", "Before", "Meanwhile"]
        assert messages(page, "customer") == messages(page, "a1")


def test_a_reload_in_the_middle_sends_what_waits_once(tab: Tab) -> None:
    page = begin(tab)
    page.route("**/participant/message", lambda route: (route.fetch(), route.abort())[1])
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/participant/message")):
        write(customer(page), "Once")
    page.unroute_all(behavior="wait")
    page.reload()
    expect(said(agent(page, "a1"), "Once")).to_be_visible(timeout=PATIENCE_MS)
    expect(customer(page).locator(".bubble.waiting")).to_have_count(0)
    assert messages(page, "customer") == messages(page, "a1") == ["Once"]


def test_two_tabs_of_one_session_show_the_same_chat(tab: Tab) -> None:
    page = begin(tab)
    kept = page.evaluate("({ ...sessionStorage })")
    other = page.context.new_page()
    other.add_init_script(f"Object.assign(sessionStorage, {kept!r})")
    other.goto(tab.server.url)
    expect(customer(other).get_by_role("status")).to_have_text("connected")
    write(customer(page), "From the first")
    expect(said(customer(other), "From the first")).to_have_count(1)
    write(customer(other), "From the second")
    expect(said(customer(page), "From the second")).to_have_count(1)
    assert messages(page, "customer") == messages(other, "customer")
