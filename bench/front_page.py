"""The page at `/` in a browser: the script and style it loads before a message can be typed, and how soon that is."""

import os
import statistics
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from threadline.testing import Workspace
from tools.browser import find

KB_MAX, USABLE_MS_MAX = 45, 300
LOADS = 7
USABLE = "Start a chat"
BYTES = """() => performance.getEntriesByType("resource")
    .filter(({ initiatorType, name }) => /[.](js|css)$/.test(name))
    .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""


def measure_page(workspace: Workspace) -> dict[str, float] | None:
    """KB of script and style, gzip, up to the first typed message, and ms until the page can be used (median).

    None without a browser.
    """
    path = find()
    if path is None:
        return None
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        loads = [_load(browser, workspace) for _ in range(LOADS)]
        browser.close()
    return {
        "page_kb": round(loads[-1][0] / 1000, 1),
        "page_usable_ms": round(statistics.median(ms for _, ms in loads)),
    }


def _load(browser: Browser, workspace: Workspace) -> tuple[int, float]:
    """Bytes up to the first typed message, and ms to the button, with an empty cache."""
    token = workspace.threadline.create_sign_in_token()["Token"]
    with browser.new_context() as context:
        page: Any = context.new_page()
        page.add_init_script(
            f"""new MutationObserver(() => {{
                for (const button of document.querySelectorAll("button"))
                    if (button.textContent === "{USABLE}") window.usable ??= performance.now();
            }}).observe(document, {{ childList: true, subtree: true }})"""
        )
        page.goto(f"{workspace.url}/#token={token}")
        page.get_by_role("button", name=USABLE).click()
        page.get_by_label("Message of Casey").fill("My parcel has not come.")
        return page.evaluate(BYTES), page.evaluate("window.usable")
