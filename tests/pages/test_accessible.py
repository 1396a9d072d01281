"""The page for everybody: axe finds nothing in any state, the keyboard alone is enough, and no state is too wide."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer, said, view, write
from threadline.testing import Threadline

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
    page.get_by_text("What went over the wire").click()
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


def test_the_keyboard_alone_plays_a_chat(tab: Tab) -> None:
    page = tab.sign_in()
    press(page, "Start a chat")
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    press(page, "Accept the chat")
    expect(agent(page, "a1").get_by_role("status")).to_have_text("connected")
    reach(page, "Message of Casey")
    page.keyboard.type("My parcel has not come.")
    page.keyboard.press("Enter")
    expect(said(agent(page, "a1"), "My parcel has not come.")).to_be_visible()
    reach(page, "Message of Alex")
    page.keyboard.type("I will ask the depot.")
    page.keyboard.press("Enter")
    expect(said(customer(page), "I will ask the depot.")).to_be_visible()


def focused(page: Page) -> str:
    name: str = page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    )
    return name


def reach(page: Page, name: str) -> None:
    """Press Tab until the control with this name has the focus, which is visible there."""
    expect(page.get_by_label(name).or_(page.get_by_role("button", name=name)).first).to_be_enabled()
    passed = []
    for _ in range(60):
        page.keyboard.press("Tab")
        passed.append(focused(page))
        if passed[-1] == name:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{name} has the focus and does not show it"
            return
    raise AssertionError(f"Tab never reaches {name!r}, only {passed}")


def press(page: Page, name: str) -> None:
    reach(page, name)
    page.keyboard.press("Enter")
