"""`threadline open`: a link that signs in, printed where there is no browser, opened where there is one."""

import re
import webbrowser

import pytest

from tests.command_line import Run
from threadline.testing import Threadline


def test_open_prints_a_new_link_each_time(threadline: Threadline, here: Run) -> None:
    first, second = here("open"), here("open")
    assert (first.status, second.status) == (0, 0)
    assert re.fullmatch(rf"{re.escape(threadline.url)}/#token=[\w-]{{43}}\n", first.out)
    assert first.out != second.out


def test_open_gives_a_browser_the_link_and_shows_no_token(
    threadline: Threadline, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    def opens(link: str) -> bool:
        opened.append(link)
        return True

    monkeypatch.setattr(webbrowser, "open", opens)
    done = here("open")
    assert done.status == 0
    assert opened[0].startswith(f"{threadline.url}/#token=")
    assert "token" not in done.out
    assert f"Opened {threadline.url}/ in a browser." in done.out


def test_without_a_browser_a_terminal_gets_the_link(
    threadline: Threadline, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.platform", "linux")
    done = here("open")
    assert "There is no browser here" in done.out
    assert f"{threadline.url}/#token=" in done.out


def test_open_without_a_server_says_how_to_start_one(run: Run) -> None:
    done = run("open")
    assert done.status != 0
    assert "threadline serve" in done.err
