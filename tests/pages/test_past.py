"""A long past in a real browser: it is loaded as one scrolls up, and the item under the eye stays where it is."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench import servers
from bench.associations import environment, workspace_of
from bench.fill import Filler
from tests.pages.conftest import Tab
from tests.pages.test_chat import customer, said
from threadline.testing import Workspace

CHATS, MESSAGES = 16, 40
NODES_MAX, JUMP_PX_MAX = 3_000, 2

CONTINUE = """async (members) => document.querySelector("tl-playground").desk.startChat(members)"""
SCROLL = """async () => {
    const chat = document.querySelector("tl-playground").desk.customer;
    const log = document.querySelector(".customer .log");
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const seen = new Set();
    let jump = 0, nodes = 0, still = 0;
    while (still < 30) {
        log.scrollTop -= 400;
        const eye = log.getBoundingClientRect().top + 200;
        const items = [...log.querySelectorAll("li[data-id]")];
        const item = items.find((each) => each.getBoundingClientRect().bottom > eye);
        const top = item.getBoundingClientRect().top;
        await frame();
        await frame();
        if (item.isConnected) jump = Math.max(jump, Math.abs(item.getBoundingClientRect().top - top));
        nodes = Math.max(nodes, document.querySelectorAll("*").length);
        for (const each of items) seen.add(each.dataset.id);
        still = log.scrollTop === 0 && !chat.hasOlder ? still + 1 : 0;
    }
    const messages = chat.items.filter((each) => each.Type === "MESSAGE");
    return { jump, nodes, seen: seen.size, items: chat.items.length, messages: messages.map((each) => each.Content) };
}"""


@pytest.fixture(scope="module")
def long_past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    """A server with chats of which each continues the one before, and the last of them."""
    data: Path = tmp_path_factory.mktemp("past") / "data"
    data.mkdir()
    with servers.threadline(data) as server:
        env = environment(data, server.port)

    async def fill() -> str:
        async with Filler(data, env) as filler:
            return (await filler.past_lineage(CHATS, MESSAGES))[-1]

    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(lambda: asyncio.run(fill())).result()
    with servers.threadline(data) as server:
        workspace = workspace_of(data, server)
        yield workspace, last
        workspace.close()


def test_a_long_past_scrolls_to_its_first_item_and_nothing_jumps(
    open_tab: Callable[..., Tab], long_past: tuple[Workspace, str]
) -> None:
    workspace, last = long_past
    page = open_tab(workspace).sign_in()
    expect(page.get_by_role("button", name="Start a chat")).to_be_visible()
    page.evaluate(CONTINUE, continued(last))
    expect(said(customer(page), f"Message {MESSAGES - 1} ").last).to_be_visible()
    found: dict[str, Any] = page.evaluate(SCROLL)
    texts = [
        f"Message {number} of a long conversation about a parcel that is late." for number in range(MESSAGES)
    ]
    assert found["messages"] == texts * CHATS, "every message once, in order"
    assert found["seen"] >= CHATS * MESSAGES, "each was in the document"
    assert found["jump"] <= JUMP_PX_MAX
    assert found["nodes"] <= NODES_MAX
    expect(customer(page).locator(".divider").first).to_be_visible()


def continued(source: str, kind: str = "FROM_SEGMENT") -> dict[str, Any]:
    return {"PersistentChat": {"SourceContactId": source, "RehydrationType": kind}}


def past_texts(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in customer(page).locator(".bubble p").all_inner_texts()]


def test_a_past_stands_above_a_divider_which_says_what_is_left_out(tab: Tab) -> None:
    server = tab.server
    past = server.past_chat()
    page = tab.sign_in()
    expect(page.get_by_role("button", name="Start a chat")).to_be_visible()
    page.evaluate(CONTINUE, continued(past.c2))
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    dividers = customer(page).locator(".divider")
    expect(dividers.first).to_be_visible()
    expect(customer(page).locator(".left-out")).to_have_attribute("title", past.c3)


def test_a_past_that_is_brought_into_a_running_chat_appears_above_it(tab: Tab) -> None:
    server = tab.server
    past = server.past_chat()
    page = tab.sign_in()
    page.get_by_role("button", name="Start a chat").click()
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    box = customer(page).get_by_role("textbox")
    box.fill("I am back.")
    box.press("Enter")
    expect(said(customer(page), "I am back.")).to_be_visible()
    contact_id = page.evaluate("document.querySelector('tl-playground').desk.customer.contactId")
    server.connect.create_persistent_contact_association(
        InstanceId=server.instance_id,
        InitialContactId=contact_id,
        SourceContactId=past.c1,
        RehydrationType="ENTIRE_PAST_SESSION",
    )
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    texts = past_texts(page)
    assert texts.index("It left this morning.") < texts.index("I am back."), texts
    assert len(texts) == len(set(texts)), "none is there twice"
