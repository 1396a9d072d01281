"""Coming back: the picture of the lineage, both ways of continuing from each contact, and what each leaves out."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer, said, write

WHOLE, SEGMENT = "The whole chat", "Up to this contact"


def contact(page: Page, label: str) -> Locator:
    return page.locator("li.contact", has=page.get_by_text(label, exact=True))


def way(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def play_past(tab: Tab) -> Page:
    """The documentation's example: C1 with Alex, C2 with Robin, C3 the survey; then the chat has ended."""
    page = begin(tab)
    write(customer(page), "My parcel has not come.")
    expect(said(agent(page, "a1"), "My parcel has not come.")).to_be_visible()
    agent(page, "a1").get_by_role("button", name="Transfer to Robin").click()
    page.get_by_role("button", name="Accept the chat").click()
    write(agent(page, "a2"), "It left this morning.")
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    agent(page, "a2").get_by_role("button", name="Leave").click()
    expect(customer(page).locator(".bubble.system")).to_be_visible()
    write(customer(page), "5")
    expect(said(customer(page), "5").last).to_be_visible()
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    expect(page.get_by_role("button", name="Continue from here")).to_have_count(3)
    return page


def come_back(page: Page, label: str, name: str) -> None:
    page.get_by_role("button", name=f"Continue from here: {label}").click()
    way(page, name).get_by_role("button").click()
    expect(customer(page).get_by_role("status")).to_have_text("connected")


def test_hovering_shows_what_each_way_would_show_and_leave_out(tab: Tab) -> None:
    page = play_past(tab)
    contact(page, "C2").hover()
    kept = way(page, SEGMENT).get_by_role("listitem")
    expect(kept).to_have_text(
        [
            re.compile(
                r"C3 is left out\s+It came after C2, and FROM_SEGMENT continues from there backwards\."
            ),
            re.compile(r"C2 is shown\s+It is the contact that FROM_SEGMENT continues from\."),
            re.compile(r"C1 is shown\s+It came before C2, which FROM_SEGMENT continues from\."),
        ]
    )
    expect(way(page, WHOLE)).to_contain_text("from C1, the first contact of its chat")
    expect(way(page, WHOLE).get_by_text("is shown")).to_have_count(3)
    page.get_by_role("button", name="Continue from here: C1").focus()
    expect(way(page, WHOLE).get_by_text("is shown")).to_have_count(3)
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    page.keyboard.press("Enter")
    expect(way(page, WHOLE).get_by_role("button")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Contact C1")).to_have_count(0)


def test_a_click_starts_the_next_chat_and_dividers_say_what_was_left_out(tab: Tab) -> None:
    page = play_past(tab)
    come_back(page, "C2", SEGMENT)
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    expect(said(customer(page), "My parcel has not come.")).to_have_count(1)
    expect(customer(page).locator(".bubble.system")).to_have_count(0)
    expect(customer(page).locator(".left-out")).to_contain_text("C3 is left out")
    expect(contact(page, "C3")).to_contain_text("left out")


def test_a_running_chat_is_associated_and_two_returns_fork(tab: Tab) -> None:
    page = play_past(tab)
    come_back(page, "C2", SEGMENT)
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    customer(page).get_by_role("button", name="Start a chat").click()
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    come_back(page, "C1", WHOLE)
    expect(said(customer(page), "My parcel has not come.")).to_be_visible()
    expect(customer(page).locator(".bubble.system")).to_be_visible()
    expect(page.locator(".canvas path")).to_have_count(2)
    page.get_by_role("button", name="Continue from here: C4").click()
    expect(page.get_by_text("The running chat continues a past one already")).to_have_count(1)
    expect(way(page, SEGMENT)).to_contain_text("C4 is shown")
    expect(way(page, SEGMENT).get_by_role("button")).to_have_attribute("aria-disabled", "true")
    page.reload()
    expect(page.locator(".canvas path")).to_have_count(2)


def test_the_whole_chat_comes_back_from_any_of_its_contacts_and_no_call_is_refused(tab: Tab) -> None:
    page = play_past(tab)
    for label in ("C1", "C3", "C2"):
        contact(page, label).hover()
        expect(
            page.get_by_role("region", name=f"Contact {label}").get_by_text("C1 is shown").first
        ).to_be_visible()
    come_back(page, "C2", WHOLE)
    expect(customer(page).locator(".bubble.system")).to_be_visible()
    contact(page, "C3").hover()
    expect(way(page, WHOLE).get_by_text("C3 is shown")).to_be_visible()
    refused = page.evaluate(
        "document.querySelector('tl-playground').client.log.filter(({ error }) => error)"
        ".map(({ operation, response }) => [operation, response.Message])"
    )
    assert [call for call in refused if call[0] == "DescribeLineage"] == []
