"""The past without a new chat: search, an ended chat that is read, its files, and the steps of a flow beside a chat."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.clients.served import Served
from tests.pages.conftest import Tab
from tests.pages.test_accessible import press, reach
from tests.pages.test_chat import begin, customer
from threadline.testing import PastChat, Threadline


def check(page: Page, where: str) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"


@pytest.fixture
def past(threadline: Threadline) -> PastChat:
    """An ended chat whose words are indexed."""
    past = threadline.past_chat()
    threadline.clock.advance(seconds=5)
    return past


@pytest.fixture
def page(open_tab: Callable[..., Tab], threadline: Threadline) -> Page:
    page = open_tab(threadline, accept_downloads=True).sign_in()
    expect(page.get_by_role("button", name="Start a chat")).to_be_visible()
    return page


def search(page: Page, words: str) -> None:
    page.get_by_role("button", name="Search").click()
    page.get_by_role("searchbox", name="Words").fill(words)
    page.keyboard.press("Enter")


def test_words_lead_to_the_message_in_its_ended_chat(
    threadline: Threadline, past: PastChat, page: Page
) -> None:
    search(page, "LEFT morning")
    hit = page.locator(".hit")
    expect(hit).to_have_count(1)
    expect(hit).to_contain_text("Robin")
    expect(hit.locator("mark")).to_have_text(["left", "morning"])
    check(page, "the results")
    hit.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("li.found")).to_contain_text("It left this morning.")
    expect(dialog.locator("li.found")).to_be_in_viewport()
    expect(dialog.get_by_text("My parcel has not come.")).to_be_visible()
    check(page, "a chat that is read")
    dialog.get_by_role("button", name="Back to the results").click()
    expect(hit).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    chats = threadline.threadline.describe_lineage(InstanceId=threadline.instance_id, ContactId=past.c1)
    assert {contact["InitialContactId"] for contact in chats["Contacts"]} == {past.c1}, "no chat was started"


def test_the_keyboard_alone_searches_and_reads(past: PastChat, page: Page) -> None:
    press(page, "Search")
    expect(page.get_by_role("searchbox", name="Words")).to_be_focused()
    page.keyboard.type("parcel")
    page.keyboard.press("Enter")
    expect(page.locator(".hit").first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator(".hit").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_be_focused()
    reach(page, "Close")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Search")).to_be_focused()


@pytest.mark.parametrize("words", ["%", '"', "😀", "nothing-like-this", "x " * 400])
def test_words_that_nothing_has_say_so(past: PastChat, page: Page, words: str) -> None:
    search(page, words)
    status = page.get_by_role("dialog").get_by_role("status")
    expect(status.or_(page.get_by_role("alert")).filter(has_text="words").first).to_be_visible()
    expect(page.locator(".hit")).to_have_count(0)


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_download_is_the_file_that_threadline_export_writes(
    threadline: Threadline, past: PastChat, page: Page, tmp_path: Path, form: str
) -> None:
    search(page, "morning")
    page.locator(".hit").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=f"as {form.upper()}").click()
    command = ["export", "--contact-id", past.c2, "--format", form, "--to", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "threadline", *command], env={**os.environ, **threadline.env}, check=True
    )
    [written] = tmp_path.rglob(f"{past.c2}*.{form}")
    assert Path(saved.value.path()).read_text() == written.read_text()
    assert saved.value.suggested_filename == written.name.replace(":", "_")


def test_the_picture_opens_an_ended_chat_to_be_read(past: PastChat, page: Page) -> None:
    page.evaluate(
        "async (members) => document.querySelector('tl-playground').desk.startChat(members)",
        {"PersistentChat": {"SourceContactId": past.c1, "RehydrationType": "FROM_SEGMENT"}},
    )
    page.get_by_role("button", name="Continue from here: C3").click()
    page.get_by_role("button", name="Read C3").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("How did we do?")).to_be_visible()
    expect(dialog.get_by_text("C3: the customer left")).to_be_visible()


def test_the_steps_of_the_flow_stand_beside_the_chat(
    open_tab: Callable[..., Tab], threadline: Threadline
) -> None:
    page = begin(open_tab(threadline))
    page.get_by_text("Flow steps").click()
    steps = page.locator("tl-steps li")
    expect(steps.locator("code", has_text="SetQueue")).to_be_visible()
    before = steps.count()
    page.get_by_role("button", name="Transfer to Robin").click()
    page.get_by_role("button", name="Accept the chat").click()
    page.get_by_role("region", name="The agents").get_by_role("button", name="Leave").last.click()
    expect(customer(page).locator(".bubble.system")).to_be_visible()
    expect(steps.nth(before)).to_be_visible()
    expect(steps.last).to_contain_text("is here")
    steps.last.get_by_role("button").click()
    expect(page.get_by_label("Its parameters")).to_be_visible()
    check(page, "the steps")


def test_without_test_controls_the_block_is_told_in_which_the_flow_waits(
    open_tab: Callable[..., Tab], tmp_path: Path
) -> None:
    with Served(tmp_path / "data") as server:
        page = begin(open_tab(server.workspace))
        page.get_by_text("Flow steps").click()
        steps = page.locator("tl-steps")
        expect(steps).to_contain_text("No flow of this contact runs now.")
        page.get_by_role("region", name="The agents").get_by_role("button", name="Leave").click()
        expect(steps).to_contain_text("Demo survey waits at Wait.")
