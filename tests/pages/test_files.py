"""Files in a chat: sent by picking or dropping one, pictures in place, everything else saved, past ones too."""

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer
from tests.pages.test_lineage import come_back
from threadline.testing import Threadline

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg=="
)
SCANNER = "arn:aws:lambda:us-east-1:123456789012:function:scanner"
DROP = """(end, [name, type, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, { type }));
    end.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
IS_DRAWN = "image => image.complete && image.naturalWidth > 0"


def pick(page: Page, name: str, kind: str, content: bytes) -> None:
    """Send a file as the customer, by the button and the browser's chooser."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach a file as Casey").click()
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": content})


def drop(end: Locator, name: str, kind: str, text: str) -> None:
    end.locator("tl-transcript").evaluate(DROP, [name, kind, text])


def check_picture(end: Locator, name: str) -> None:
    picture = end.get_by_role("img", name=name)
    expect(picture).to_be_visible()
    assert picture.evaluate(IS_DRAWN), "the picture is drawn"
    assert (picture.get_attribute("src") or "").startswith("blob:")


def test_a_picture_is_picked_and_shown_at_both_ends(tab: Tab) -> None:
    page = begin(tab)
    pick(page, "parcel.png", "image/png", PNG)
    for end in (customer(page), agent(page, "a1")):
        check_picture(end, "parcel.png")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_another_file_is_dropped_and_saved_never_shown(tab: Tab) -> None:
    page = begin(tab)
    text = "<script>document.title = 'run'</script>"
    drop(customer(page), "order.txt", "text/plain", text)
    end = agent(page, "a1")
    expect(end.locator(".file", has_text="order.txt")).to_be_visible()
    expect(end.get_by_role("img")).to_have_count(0)
    with page.expect_download() as saved:
        end.get_by_role("button", name="Save order.txt").click()
    assert saved.value.suggested_filename == "order.txt"
    assert Path(saved.value.path()).read_text() == text
    assert page.title() == "Threadline"


def test_a_file_that_is_not_taken_is_refused_in_words(tab: Tab) -> None:
    page = begin(tab)
    pick(page, "page.html", "text/html", b"<p>")
    expect(customer(page).get_by_role("alert")).to_contain_text("ends with 'html' is not taken")
    pick(page, "fake.png", "image/png", b"no picture")
    expect(customer(page).get_by_text("This is no picture.")).to_be_visible()


def test_pictures_of_the_past_come_back_and_stay_in_an_ended_chat(tab: Tab) -> None:
    page = begin(tab)
    pick(page, "parcel.png", "image/png", PNG)
    check_picture(customer(page), "parcel.png")
    agent(page, "a1").get_by_role("button", name="Leave").click()
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    page.reload()
    check_picture(customer(page), "parcel.png")
    come_back(page, "C1", "The whole chat")
    check_picture(customer(page), "parcel.png")
    page.get_by_role("button", name="Details: C3").click()
    page.get_by_role("button", name="Read C3").click()
    check_picture(page.get_by_role("dialog"), "parcel.png")


@pytest.mark.parametrize("verdict", ["APPROVED", "REJECTED"])
def test_a_file_waits_for_the_scanner_whose_verdict_is_shown(
    open_tab: Callable[..., Tab], tmp_path: Path, verdict: str
) -> None:
    goes_on = threading.Event()

    def scan(event: dict[str, Any], _: object) -> dict[str, str]:
        goes_on.wait(20)
        return {"Status": verdict}

    with Threadline(objects=f"{tmp_path}/objects", attachment_scanner=SCANNER) as server:
        server.lambda_(SCANNER, scan)
        page = begin(open_tab(server))
        pick(page, "parcel.png", "image/png", PNG)
        expect(agent(page, "a1").get_by_text("is being scanned")).to_be_visible()
        goes_on.set()
        if verdict == "APPROVED":
            check_picture(agent(page, "a1"), "parcel.png")
        else:
            expect(agent(page, "a1").get_by_text("was rejected by the scanner")).to_be_visible()
            expect(agent(page, "a1").get_by_role("img")).to_have_count(0)
        page.close()
