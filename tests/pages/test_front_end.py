"""docs/front-end.md, run as it stands: the page and the backend of twenty lines, in a browser, with chatjs."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.clients.node import environment
from tests.pages.conftest import PATIENCE_MS
from threadline.clock import monotonic
from threadline.testing import Threadline

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/front-end.md").read_text(encoding="utf-8")
LINES_MAX = {"html": 20, "python": 20}


def block(language: str) -> str:
    return DOCUMENT.split(f"```{language}\n")[1].split("```")[0]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(params=[3, 5])
def site(request: pytest.FixtureRequest, tmp_path: Path, threadline: Threadline) -> Iterator[str]:
    """The address of the page, served from another port beside chatjs."""
    chatjs = Path(environment()["NODE_PATH"]) / f"chatjs-{request.param}/dist/amazon-connect-chat.js"
    (tmp_path / "amazon-connect-chat.js").write_bytes(chatjs.read_bytes())
    page = block("html").replace("http://127.0.0.1:8080", threadline.url)
    (tmp_path / "chat.html").write_text(page, encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/chat.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page


def waiting_chat(threadline: Threadline) -> str:
    """The contact of the newest chat that an agent may accept."""
    contacts = threadline.connect.search_contacts(
        InstanceId=threadline.instance_id,
        TimeRange={
            "Type": "INITIATION_TIMESTAMP",
            "StartTime": threadline.clock.now().timestamp() - 3_600,
            "EndTime": threadline.clock.now().timestamp() + 60,
        },
        Sort={"FieldName": "INITIATION_TIMESTAMP", "Order": "DESCENDING"},
    )["Contacts"]
    return str(contacts[0]["Id"])


def test_the_page_of_the_documentation_chats_and_comes_back(
    threadline: Threadline, site: str, page: Page
) -> None:
    page.goto(site)
    page.get_by_label("Message").fill("My parcel has not come.")
    page.get_by_role("button", name="Send").click()
    log = page.locator("#log")
    expect(log).to_have_text("Casey: My parcel has not come.\n", timeout=PATIENCE_MS)
    expect(page.get_by_label("Message")).to_have_value("")
    a1 = threadline.agent("a1").accept(waiting_chat(threadline))
    a1.say("I will ask the depot.")
    expect(log).to_contain_text("Alex: I will ask the depot.", timeout=PATIENCE_MS)
    page.get_by_role("button", name="End", exact=True).click()
    page.wait_for_function("localStorage.past")
    page.reload()
    said = "Casey: My parcel has not come. Alex: I will ask the depot."
    expect(log).to_have_text(said, timeout=PATIENCE_MS)
    page.get_by_label("Message").fill("I am back.")
    page.get_by_label("Message").press("Enter")
    expect(log).to_have_text(f"{said} Casey: I am back.", timeout=PATIENCE_MS)


@contextmanager
def backend(tmp_path: Path, port: int) -> Iterator[str]:
    (tmp_path / "backend.py").write_text(block("python").replace("3001", str(port)), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "backend.py")], stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = monotonic() + PATIENCE_MS / 1000
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert monotonic() < deadline, "it does not listen"
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.communicate()


def test_the_backend_of_the_documentation_hands_out_tokens(
    threadline_env: Threadline, tmp_path: Path, unused_tcp_port: int
) -> None:
    with backend(tmp_path, unused_tcp_port) as url:

        def start() -> dict[str, str]:
            with urlopen(Request(url, b"{}", {"X-Customer": "casey"})) as answer:
                found: dict[str, str] = json.loads(answer.read())["data"]["startChatResult"]
            return found

        first = start()
        threadline_env.connect.stop_contact(
            InstanceId=threadline_env.instance_id, ContactId=first["ContactId"]
        )
        second = start()
        lineage = threadline_env.threadline.describe_lineage(
            InstanceId=threadline_env.instance_id, ContactId=second["ContactId"]
        )
        assert lineage["ContinuedFromContactId"] == first["ContactId"]


@pytest.mark.parametrize("language", ["html", "python"])
def test_an_example_fits_a_screen(language: str) -> None:
    lines = [line for line in block(language).splitlines() if line]
    assert len(lines) <= LINES_MAX[language]
