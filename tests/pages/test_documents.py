"""The documentation in a browser, and Markdown as nodes: a subset, and nothing of a text is ever HTML."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.pages.conftest import Tab
from tests.pages.test_chat import agent, begin, customer, said
from threadline.server.assets import PACKAGE, assets

ROOT = PACKAGE.parents[1]
DOCUMENTS = sorted(file.name for file in (ROOT / "docs").glob("*.md"))
SHOW = """async (text) => {
    const map = JSON.parse(document.querySelector('script[type=importmap]').textContent).imports;
    const { markdown } = await import(map["/pages/lib/markdown.js"]);
    const { $vendor_lit_index_js: { render } } = await import(map["/pages/main.js"]);
    const place = document.createElement("div");
    render(markdown(text), place);
    const plain = (node) => node.nodeType === 3 ? node.data
        : node.nodeType !== 1 ? "" : `<${node.localName}>${[...node.childNodes].map(plain).join("")}</>`;
    return [...place.childNodes].map(plain).join("").replace(/\\s*\\n\\s*/g, " ").trim();
}"""


def test_every_document_is_served() -> None:
    assert sorted(path.decode() for path in assets().documents) == [f"/docs/{name}" for name in DOCUMENTS]


@pytest.mark.parametrize("name", ["README.md", "front-end.md", "settings.md"])
def test_a_document_is_shown_and_axe_finds_nothing(tab: Tab, name: str) -> None:
    tab.page.goto(f"{tab.server.url}/docs/{name}")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    texts = tab.page.locator("main :is(p, li)").all_inner_texts()
    assert not [text for text in texts if "**" in text or "](" in text]
    found = Axe().run(tab.page)
    assert found.violations_count == 0, found.generate_report()


def test_documents_link_to_each_other(tab: Tab) -> None:
    tab.page.goto(tab.server.url)
    tab.page.get_by_role("link", name="Documentation").click()
    tab.page.get_by_role("link", name="front-end.md").click()
    expect(tab.page.get_by_role("heading", name="Your own front end")).to_be_visible()


@pytest.fixture
def show(tab: Tab) -> Any:
    tab.page.goto(tab.server.url)
    return lambda text: tab.page.evaluate(SHOW, text)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("plain", "<p>plain</>"),
        ("**bold** and *thin* and `a*b*c`", "<p><strong>bold</> and <em>thin</> and <code>a*b*c</></>"),
        ("snake_case_name and 2*3*4", "<p>snake_case_name and 2*3*4</>"),
        ("- one\n- two", "<ul><li>one</><li>two</></>"),
        ("1. one\n2. two", "<ol><li>one</><li>two</></>"),
        ("- one\n  - inner\n- two", "<ul><li><p>one</><ul><li>inner</></></><li>two</></>"),
        ("a\n\nb", "<p>a</><p>b</>"),
        ("> said", "<blockquote><p>said</></>"),
        ("```\n<b>\n```", "<pre><code><b></></>"),
        ("# Head", "<h1>Head</>"),
        ("<b>no</b> &amp;", "<p><b>no</b> &amp;</>"),
        ("[x](https://example.com)", "<p><a>x</></>"),
        ("[x](javascript:alert(1))", "<p>x (javascript:alert(1))</>"),
        ("[x](data:text/html,1)", "<p>x (data:text/html,1)</>"),
        ("[x](//example.com)", "<p>x (//example.com)</>"),
        ("**open and `open", "<p>**open and `open</>"),
        ("| a |\n|---|\n| 1 |", "<div><table><thead><tr><th>a</></></><tbody><tr><td>1</></></></></>"),
    ],
)  # fmt: skip
def test_markdown_becomes_nodes(show: Any, text: str, nodes: str) -> None:
    assert show(text) == nodes


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "*" * 20_000, "> " * 5_000, "`" * 20_000, "- " * 5_000, "_a" * 10_000]
)
def test_no_text_keeps_the_page_busy(show: Any, text: str) -> None:
    assert show(text) is not None


def test_a_markdown_message_is_formatted_and_stays_text(tab: Tab) -> None:
    page: Page = begin(tab)
    server = tab.server
    kept = json.loads(page.evaluate("sessionStorage['threadline.desk']"))["customer"]
    connection = server.connectparticipant.create_participant_connection(
        ParticipantToken=kept["token"], Type=["CONNECTION_CREDENTIALS"]
    )["ConnectionCredentials"]["ConnectionToken"]
    server.connectparticipant.send_message(
        ContentType="text/markdown",
        Content="**Hello** <img src=x onerror=alert(1)>",
        ConnectionToken=connection,
    )
    bubble = said(agent(page, "a1"), "Hello")
    expect(bubble.locator("strong")).to_have_text("Hello")
    expect(bubble).to_contain_text("<img src=x onerror=alert(1)>")
    expect(said(customer(page), "Hello")).to_have_count(1)
