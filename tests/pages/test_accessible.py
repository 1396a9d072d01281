"""The page for everybody: axe finds nothing in any state, the keyboard alone is enough, and no state is too wide."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer, said, view, write
from threadline.testing import Threadline

FOCUSABLE_MAX = 60
SEEN = """() => {
    const { x, y, width, height } = document.activeElement.getBoundingClientRect();
    const top = document.elementFromPoint(x + width / 2, y + height / 2);
    return document.activeElement.contains(top);
}"""
NARROW, TABLET = {"width": 320, "height": 640}, {"width": 768, "height": 900}


def check(page: Page, where: str) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0, f"{where}: {width} pixels wider than the screen"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "viewport", [NARROW, TABLET, {"width": 1440, "height": 900}], ids=["320", "768", "1440"]
)
def test_axe_finds_nothing_in_any_state(
    open_tab: Callable[..., Tab], verifying_server: Threadline, scheme: str, viewport: Mapping[str, Any]
) -> None:
    tab = open_tab(verifying_server, color_scheme=scheme, viewport=viewport)
    page = tab.page
    page.goto(verifying_server.url)
    expect(page.get_by_role("heading", name="To get in")).to_be_visible()
    check(page, "the welcome")
    page.goto(f"{verifying_server.url}/#token=used")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "a used link")
    tab.sign_in()
    expect(page.get_by_role("button", name="Start a chat")).to_be_visible()
    check(page, "the empty playground")
    begin(tab)
    view(page, "Customer")
    write(customer(page), "My parcel has not come.")
    view(page, "Agents")
    write(agent(page, "a1"), "I will ask the depot.")
    check(page, "an agent's end")
    agent(page, "a1").get_by_role("textbox").fill("And")
    view(page, "Customer")
    expect(said(customer(page), "I will ask the depot.")).to_be_visible()
    expect(customer(page).get_by_text("Alex is typing")).to_be_visible()
    check(page, "a chat")
    view(page, "Agents")
    agent(page, "a1").get_by_role("button", name="Leave").click()
    view(page, "Customer")
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    check(page, "an ended chat")
    view(page, "Lineage")
    page.get_by_role("button", name="Continue from here: C1").click()
    expect(page.get_by_text("C1 is shown").first).to_be_visible()
    check(page, "both ways of coming back")
    page.get_by_text("Over the wire").click()
    page.locator(".wire .line", has_text="StartChatContact").click()
    page.get_by_text("Faults and the clock").click()
    expect(page.get_by_role("button", name="Reset the server")).to_be_visible()
    check(page, "the calls and the test controls")
    page.get_by_role("region", name="Up to this contact").get_by_role("button").click()
    view(page, "Customer")
    expect(said(customer(page), "My parcel has not come.")).to_be_visible()
    check(page, "a chat that came back")
    page.get_by_role("button", name="Tour").click()
    check(page, "the tour")


def test_the_keyboard_alone_plays_the_whole_story(tab: Tab) -> None:
    page = tab.sign_in()
    press(page, "Start a chat")
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    expect(page.get_by_label("Message of Casey")).to_be_focused()
    press(page, "Accept the chat")
    expect(agent(page, "a1").get_by_role("status")).to_have_text("connected")
    type_at(page, "Message of Casey", "My parcel has not come.")
    expect(said(agent(page, "a1"), "My parcel has not come.")).to_be_visible()
    type_at(page, "Message of Alex", "I will ask the depot.")
    expect(said(customer(page), "I will ask the depot.")).to_be_visible()
    press(page, "Transfer to Robin")
    press(page, "Accept the chat")
    type_at(page, "Message of Robin", "It left this morning.")
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    press(page, "Leave", within="The agents")
    expect(customer(page).locator(".bubble.system")).to_be_visible()
    type_at(page, "Message of Casey", "5")
    expect(said(customer(page), "5").last).to_be_visible()
    press(page, "Leave", within="The customer")
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    press(page, "Continue from here: C2")
    press(page, "Start the next chat: up to this contact, C2")
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    expect(page.get_by_label("Message of Casey")).to_be_focused()
    expect(customer(page).get_by_text("C3 is left out")).to_be_visible()
    type_at(page, "Message of Casey", "I am back.")
    expect(said(customer(page), "I am back.")).to_be_visible()
    press(page, "Leave", within="The customer")
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    press(page, "Continue from here: C1")
    press(page, "Start the next chat: the whole chat, C1")
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    expect(customer(page).locator(".bubble.system")).to_be_visible()


@pytest.mark.parametrize("name", ["Over the wire", "Flow steps", "Faults and the clock"])
def test_the_keyboard_opens_what_lies_at_the_foot(tab: Tab, name: str) -> None:
    page = tab.sign_in()
    expect(page.get_by_role("button", name="Start a chat")).to_be_enabled()
    for _ in range(FOCUSABLE_MAX):
        page.keyboard.press("Tab")
        if focused(page).startswith(name):
            break
    page.keyboard.press("Enter")
    content = page.locator("tl-drawer", has_text=name).locator("tl-calls, tl-steps, tl-controls")
    expect(content).to_be_visible()


def focused(page: Page) -> str:
    name: str = page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    )
    return name


def reach(page: Page, name: str, within: str = "") -> None:
    """Press Tab until the control with this name has the focus, which is visible there."""
    place = page.get_by_role("region", name=within) if within else page
    wanted = place.get_by_label(name, exact=True).or_(place.get_by_role("button", name=name, exact=True))
    expect(wanted.first).to_be_enabled()
    passed = []
    for _ in range(FOCUSABLE_MAX):
        page.keyboard.press("Tab")
        passed.append(focused(page))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body"), (
            f"{passed[-1]} has the focus and does not show it"
        )
        if any(each.evaluate("each => each === document.activeElement") for each in wanted.all()):
            assert page.evaluate(SEEN), f"{name} has the focus and is not in view"
            return
    raise AssertionError(f"Tab never reaches {name!r}, only {passed}")


def press(page: Page, name: str, within: str = "") -> None:
    reach(page, name, within)
    page.keyboard.press("Enter")


def type_at(page: Page, name: str, text: str) -> None:
    """Write a message at one end and send it."""
    reach(page, name)
    page.keyboard.type(text)
    page.keyboard.press("Enter")
