"""The pictures of README.md and docs/, as the page looks. With THREADLINE_PICTURES=docs they are written there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import customer, said
from tests.pages.test_lineage import SEGMENT, come_back, play_past, way
from threadline.testing import Threadline

FOLDER = os.environ.get("THREADLINE_PICTURES", "")
BYTES_MAX = 120_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_customer_who_has_come_back_is_one_picture(
    open_tab: Callable[..., Tab], verifying_server: Threadline, scheme: str, tmp_path: Path
) -> None:
    page = play_past(open_tab(verifying_server, color_scheme=scheme, viewport={"width": 1280, "height": 760}))
    come_back(page, "C2", SEGMENT)
    expect(said(customer(page), "It left this morning.")).to_be_visible()
    customer(page).get_by_role("button", name="Leave").click()
    expect(customer(page).get_by_role("status")).to_have_text("ended")
    page.get_by_role("button", name="Continue from here: C2").hover()
    expect(way(page, SEGMENT).get_by_text("C3 is left out")).to_be_visible()
    path = (Path(FOLDER) if FOLDER else tmp_path) / f"playground-{scheme}.jpg"
    page.screenshot(path=path, type="jpeg", quality=78)
    assert 10_000 < path.stat().st_size < BYTES_MAX, "a small file with something in it"
