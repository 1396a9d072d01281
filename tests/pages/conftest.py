"""A real browser, and pages in it that fail a test for any error they log and any rule of the policy they break."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from threadline.testing import Threadline, Workspace
from tools.browser import MISSING, find

PATIENCE_MS = 20_000
WIDE = {"width": 1440, "height": 900}
NO_ANSWER = "Failed to load resource"
"""The browser logs each refused or failed call by itself; the page has told its user already."""


class Tab:
    """One tab with the page of a server, and the problems that the browser reported."""

    def __init__(self, context: BrowserContext, server: Workspace) -> None:
        self.server = server
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._logged)

    def _logged(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(NO_ANSWER):
            self.problems.append(message.text)

    def sign_in(self) -> Page:
        """Open the page with a new link."""
        token = self.server.threadline.create_sign_in_token()["Token"]
        self.page.goto(f"{self.server.url}/#token={token}")
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one module: while it runs, no other event loop can in this thread."""
    path = find()
    assert path is not None, MISSING
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=path, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Opens a tab for a server; `options` are those of a browser's context, such as its viewport."""
    opened: list[Tab] = []
    with ExitStack() as closing:

        def make(server: Workspace, **options: Any) -> Tab:
            context = closing.enter_context(browser.new_context(**{"viewport": WIDE, **options}))
            opened.append(Tab(context, server))
            return opened[-1]

        yield make
        problems = [problem for tab in opened for problem in tab.problems]
    assert not problems


@pytest.fixture
def tab(open_tab: Callable[..., Tab], verifying_server: Threadline) -> Tab:
    return open_tab(verifying_server)
