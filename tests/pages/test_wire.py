"""The list of calls and frames: each can be opened, and a copied call runs in a terminal as it stands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.clients.awscli import aws_cli
from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer, said, write
from threadline.testing import Threadline

SECONDS = 60
CALLS = {"StartChatContact": "ContactId", "SendMessage": "AbsoluteTime", "DescribeLineage": "Explanation"}


def open_wire(page: Page) -> None:
    page.get_by_text("Over the wire").click()


def copied(page: Page, operation: str, form: str) -> str:
    line = page.locator(".wire li", has=page.locator("code", has_text=operation)).last
    if line.locator(".line").get_attribute("aria-expanded") == "false":
        line.locator(".line").click()
    line.get_by_role("button", name=form, exact=True).click()
    line.get_by_role("button", name="Copy").click()
    expect(line.get_by_role("status")).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def run(command: list[str], text: str) -> str:
    path = os.pathsep.join([str(aws_cli().parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("operation", CALLS)
def test_a_copied_call_runs_as_it_stands(
    open_tab: Callable[..., Tab], verifying_server: Threadline, operation: str
) -> None:
    tab = open_tab(verifying_server, permissions=["clipboard-read", "clipboard-write"])
    page = begin(tab)
    write(customer(page), "It's \"mine\", isn't it? ümläut \\ $HOME")
    expect(said(agent(page, "a1"), "ümläut")).to_be_visible()
    open_wire(page)
    python = copied(page, operation, "boto3")
    assert CALLS[operation] in run([sys.executable, "-"], python)
    shell = copied(page, operation, "AWS CLI")
    assert CALLS[operation] in run(["bash", "-s"], shell)
    shown = page.locator(".wire").text_content() or ""
    session = page.evaluate("JSON.parse(sessionStorage['threadline.session'])")
    secrets = [session["SecretAccessKey"], session["SessionToken"]]
    assert not [secret for secret in secrets if secret in shown]
    assert all(secret in python and secret in shell for secret in secrets)


def test_every_call_and_frame_is_a_line_and_opens(tab: Tab) -> None:
    page = begin(tab)
    write(customer(page), "Hello?")
    expect(said(agent(page, "a1"), "Hello?")).to_be_visible()
    open_wire(page)
    for name in ("StartChatContact", "AcceptContact", "SendMessage", "↑ aws/subscribe", "↓ aws/chat"):
        expect(page.locator(".wire code", has_text=name).first).to_be_visible()
    page.locator(".wire .line", has_text="↓ aws/chat").last.click()
    expect(page.get_by_label("The frame")).to_contain_text("AbsoluteTime")


def test_faults_the_clock_and_a_reset_on_a_server_with_test_controls(
    open_tab: Callable[..., Tab], threadline: Threadline
) -> None:
    page = begin(open_tab(threadline))
    page.get_by_text("Faults and the clock").click()
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("SendMessage fails next: REPLY_LOST")).to_be_visible()
    write(customer(page), "Once only")
    expect(said(agent(page, "a1"), "Once only")).to_have_count(1)
    expect(said(customer(page), "Once only")).to_have_count(1)
    expect(customer(page).locator(".waiting")).to_have_count(0)
    page.get_by_role("button", name="Clear all faults").click()
    page.get_by_role("button", name="1 hour").click()
    expect(page.get_by_text("The clock was moved by 1 hour")).to_be_visible()
    page.get_by_role("button", name="Reset the server").click()
    expect(page.get_by_role("button", name="Start a chat")).to_be_visible()
