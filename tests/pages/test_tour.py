"""The tour plays the documentation's example by itself, and can be stopped and taken over."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import customer, said, write
from threadline.server.assets import PAGES
from threadline.testing import Threadline

STEPS = 6
SECONDS_MAX = 240


def start(tab: Tab, link: str = "?tour") -> Page:
    token = tab.server.threadline.create_sign_in_token()["Token"]
    tab.page.goto(f"{tab.server.url}/{link}#token={token}")
    return tab.page


def test_six_steps_play_both_ways_of_coming_back(tab: Tab) -> None:
    page = start(tab)
    bar = page.get_by_role("region", name="Tour")
    seen = []
    expect(bar).to_be_visible()
    for number in range(1, STEPS + 1):
        while bar.is_visible() and not bar.get_by_text(f"{number + 1} of {STEPS}").is_visible():
            seen.append(customer(page).text_content() or "")
            if (following := bar.get_by_role("button", name="Next")).is_visible():
                following.evaluate("button => button.click()")
            page.wait_for_timeout(50)
    expect(bar).to_have_count(0)
    assert any("C3 is left out" in text for text in seen), "FROM_SEGMENT leaves the survey out"
    expect(customer(page).get_by_text("How did we do?")).to_be_visible()
    expect(said(customer(page), "My parcel has not come.")).to_have_count(1)
    expect(page.locator(".canvas path")).to_have_count(2)
    assert "tour" not in page.url, "a reload does not play it again"


def test_a_click_into_a_view_takes_over(tab: Tab) -> None:
    page = start(tab, "")
    page.get_by_role("button", name="Watch the tour").click()
    bar = page.get_by_role("region", name="Tour")
    bar.get_by_role("button", name="Next").click()
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    customer(page).get_by_role("textbox").click()
    expect(bar).to_have_count(0)
    write(customer(page), "Now I write.")
    expect(said(customer(page), "Now I write.")).to_be_visible()


@pytest.mark.parametrize("number", [2, 4, 5])
def test_the_tour_is_taken_over_in_the_middle(tab: Tab, number: int) -> None:
    page = start(tab)
    bar = page.get_by_role("region", name="Tour")
    following = bar.get_by_role("button", name="Next")
    while not bar.get_by_text(f"{number} of {STEPS}").is_visible():
        following.evaluate("button => button.click()")
        page.wait_for_timeout(50)
    bar.get_by_role("button", name="Stop and take over").click()
    expect(bar).to_have_count(0)
    again = customer(page).get_by_role("button", name="Start a chat")
    if again.is_visible():
        again.click()
    write(customer(page), "Now I write.")
    expect(customer(page).locator(".bubble.waiting")).to_have_count(0)
    expect(said(customer(page), "Now I write.")).to_have_count(1)


def test_the_text_of_a_step_stands_long_enough_to_be_read() -> None:
    text = (PAGES / "lib/tour.js").read_text(encoding="utf-8")
    [word_ms] = re.findall(r"const WORD_MS = (\d+);", text)
    assert 60_000 / int(word_ms) <= 200, "words a minute"


def test_the_tour_is_stopped_by_its_button(
    open_tab: Callable[..., Tab], verifying_server: Threadline
) -> None:
    page = start(open_tab(verifying_server, viewport={"width": 320, "height": 640}))
    page.get_by_role("button", name="Stop and take over").click()
    expect(page.get_by_role("region", name="Tour")).to_have_count(0)
    expect(page.get_by_role("button", name="Start a chat").or_(page.get_by_role("textbox"))).to_be_visible()


def let_time_pass(page: Page, bar: Locator, text: str) -> None:
    """Move the page's clock until the tour says a text."""
    for _ in range(SECONDS_MAX):
        page.clock.run_for(1_000)
        if text in (bar.text_content() or ""):
            return
    raise AssertionError(f"the tour says {bar.text_content()!r}")


def test_a_tour_that_misses_something_says_so_and_goes_on_when_it_comes(tab: Tab) -> None:
    tab.page.clock.install()
    tab.page.route("**/participant/connection", lambda route: route.abort())
    page = start(tab)
    bar = page.get_by_role("region", name="Tour")
    expect(bar.get_by_text("1 of 6")).to_be_visible()
    let_time_pass(page, bar, "The tour waits: the chat has not begun yet.")
    bar.get_by_role("button", name="Wait longer").click()
    expect(bar).to_contain_text("This is contact C1.")
    let_time_pass(page, bar, "The tour waits: the chat has not begun yet.")
    page.unroute_all(behavior="wait")
    let_time_pass(page, bar, "This is contact C1.")
    bar.get_by_role("button", name="Stop and take over").click()
    expect(bar).to_have_count(0)


def test_a_tour_without_two_agents_says_what_it_needs(tab: Tab) -> None:
    tab.page.route("**/search-users", lambda route: route.fulfill(json={"Users": []}))
    page = start(tab)
    expect(page.get_by_text("The instance has no users.")).to_be_visible()
    bar = page.get_by_role("region", name="Tour")
    bar.get_by_role("button", name="Next").evaluate("button => button.click()")
    expect(bar).to_contain_text("The tour cannot go on. It needs two agents.")
    bar.get_by_role("button", name="Stop and take over").click()
    expect(bar).to_have_count(0)
