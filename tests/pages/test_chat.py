"""Both ends of a chat in a real browser: what one end does, the other end sees."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import PATIENCE_MS, Tab
from threadline.testing import Threadline

expect.set_options(timeout=PATIENCE_MS)
AGENTS = {"a1": "Alex a1", "a2": "Robin a2"}
"""Their headings: the name that customers see, then the username."""


def customer(page: Page) -> Locator:
    return page.get_by_role("region", name="The customer")


def agent(page: Page, name: str) -> Locator:
    """The end of one agent, by their username, once they have accepted the chat."""
    return page.get_by_role("region", name="The agents").locator(
        "tl-conversation", has=page.get_by_role("heading", name=AGENTS[name], exact=True)
    )


def write(end: Locator, text: str) -> None:
    box = end.get_by_role("textbox")
    box.fill(text)
    box.press("Enter")


def said(end: Locator, text: str) -> Locator:
    """The messages of a transcript with this text."""
    return end.locator(".bubble", has_text=text)


def view(page: Page, name: str) -> None:
    """Show one of the three views, where the screen shows one at a time."""
    button = page.get_by_role("group", name="View").get_by_role("button", name=name)
    if button.is_visible():
        button.click()


def begin(tab: Tab) -> Page:
    """A chat of Casey that a1 has accepted."""
    page = tab.sign_in()
    page.get_by_role("button", name="Start a chat").click()
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    view(page, "Agents")
    page.get_by_role("button", name="Accept the chat").first.click()
    expect(agent(page, "a1").get_by_role("status")).to_have_text("connected")
    return page


def test_a_customer_writes_an_agent_answers_and_each_sees_it_read(tab: Tab) -> None:
    page = begin(tab)
    write(customer(page), "My parcel has not come.")
    expect(said(agent(page, "a1"), "My parcel has not come.")).to_be_visible()
    write(agent(page, "a1"), "I will ask the depot.")
    expect(said(customer(page), "I will ask the depot.")).to_be_visible()
    expect(customer(page).locator(".bubble.own small")).to_have_text("read")


def test_a_message_has_the_name_of_its_end_at_both_ends(tab: Tab) -> None:
    page = begin(tab)
    write(agent(page, "a1"), "I am Alex.")
    for end in (customer(page), agent(page, "a1")):
        expect(said(end, "I am Alex.")).to_be_visible()
        expect(end.locator(".from").last).to_contain_text("Alex")


def test_typing_is_shown_at_the_other_end(tab: Tab) -> None:
    page = begin(tab)
    agent(page, "a1").get_by_role("textbox").fill("I")
    expect(customer(page).get_by_text("Alex is typing")).to_be_visible()


def test_a_chat_is_transferred_and_ends_with_the_survey(tab: Tab) -> None:
    page = begin(tab)
    agent(page, "a1").get_by_role("button", name="Transfer to Robin").click()
    page.get_by_role("button", name="Accept the chat").click()
    write(agent(page, "a2"), "It left this morning.")
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    agent(page, "a2").get_by_role("button", name="Leave").click()
    expect(customer(page).locator(".bubble.system")).to_be_visible()
    write(customer(page), "5")
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    expect(customer(page).get_by_text("The chat has ended", exact=False).first).to_be_visible()


def test_a_reload_loses_neither_the_chat_nor_the_text_being_typed(tab: Tab) -> None:
    page = begin(tab)
    write(customer(page), "First")
    expect(said(agent(page, "a1"), "First")).to_be_visible()
    customer(page).get_by_role("textbox").fill("half a sent")
    page.reload()
    expect(customer(page).get_by_role("status")).to_have_text("connected")
    expect(customer(page).get_by_role("textbox")).to_have_value("half a sent")
    expect(said(customer(page), "First")).to_have_count(1)
    write(agent(page, "a1"), "Second")
    expect(said(customer(page), "Second")).to_have_count(1)


def test_a_text_that_is_too_long_is_kept_and_not_sent(tab: Tab) -> None:
    page = begin(tab)
    composer = customer(page).get_by_role("textbox")
    send = customer(page).get_by_role("button", name="Send")
    composer.fill("é" * 10_000)
    expect(customer(page).get_by_text("This message is too long by 3,616 bytes")).to_be_visible()
    expect(send).to_be_disabled()
    composer.press("Enter")
    expect(composer).to_have_value("é" * 10_000)
    composer.fill("é" * 8_192)
    expect(send).to_be_enabled()
    composer.press("Enter")
    expect(said(agent(page, "a1"), "é" * 8_192)).to_be_visible()


def test_an_ended_chat_is_still_there_after_a_reload(tab: Tab) -> None:
    page = begin(tab)
    write(customer(page), "Goodbye")
    agent(page, "a1").get_by_role("button", name="Leave").click()
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    page.reload()
    expect(said(customer(page), "Goodbye")).to_be_visible()
    expect(customer(page).get_by_role("button", name="Start a chat")).to_be_enabled()


def test_text_of_a_chat_is_never_html(tab: Tab) -> None:
    page = begin(tab)
    text = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    write(customer(page), text)
    expect(said(agent(page, "a1"), text)).to_be_visible()
    assert page.title() == "Threadline"


def test_a_visitor_without_a_link_learns_how_to_get_in_and_nothing_else(
    open_tab: Callable[..., Tab], verifying_server: Threadline
) -> None:
    tab = open_tab(verifying_server)
    page = tab.page
    page.goto(verifying_server.url)
    expect(page.get_by_text("threadline open", exact=True)).to_be_visible()
    assert verifying_server.instance_id not in page.content()
    page.goto(f"{verifying_server.url}/#token=unknown")
    page.reload()
    expect(page.get_by_role("heading", name="To get in")).to_be_visible()


def test_a_used_link_says_so_and_signing_out_ends_the_session(
    open_tab: Callable[..., Tab], verifying_server: Threadline
) -> None:
    first = open_tab(verifying_server)
    token = verifying_server.threadline.create_sign_in_token()["Token"]
    first.page.goto(f"{verifying_server.url}/#token={token}")
    expect(first.page.get_by_role("button", name="Sign out")).to_be_visible()
    assert "token" not in first.page.url, "the address in the history has no secret"
    second = open_tab(verifying_server)
    second.page.goto(f"{verifying_server.url}/#token={token}")
    expect(second.page.get_by_role("alert")).to_contain_text("was used before")
    first.page.get_by_role("button", name="Sign out").click()
    expect(first.page.get_by_role("heading", name="To get in")).to_be_visible()
    first.page.reload()
    expect(first.page.get_by_role("heading", name="To get in")).to_be_visible()


def test_a_transcript_that_gets_smaller_still_shows_its_newest_item(
    open_tab: Callable[..., Tab], verifying_server: Threadline
) -> None:
    page = begin(open_tab(verifying_server))
    for number in range(12):
        write(customer(page), f"Message {number}")
    newest = said(customer(page), "Message 11")
    expect(newest.locator("small")).to_be_visible()
    expect(newest).to_be_in_viewport()
    page.set_viewport_size({"width": 1440, "height": 420})
    expect(newest).to_be_in_viewport(ratio=1)
