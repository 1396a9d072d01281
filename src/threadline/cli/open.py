"""`threadline open`: opens the server's page in a browser with a link that signs in once, or prints that link."""

import os
import sys
import webbrowser

from threadline import datadir
from threadline.cli import connection_options
from threadline.style import styled


def main(arguments: list[str]) -> int:
    """Open the page, or print the link where there is no browser or the output is not a terminal."""
    parser = connection_options.parser(
        "open",
        "Open the server's page in a browser, signed in. Without a browser, or through a pipe, print the link: it"
        " works once, for 15 minutes.",
    )
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            url = client.target("threadline").url
            link = datadir.sign_in_link(url, client.call("threadline", "CreateSignInToken")["Token"])
        if sys.stdout.isatty() and _has_browser() and webbrowser.open(link):
            print(f"  Opened {url}/ in a browser.")
        elif sys.stdout.isatty():
            print("  There is no browser here. Open this link in one, once and within 15 minutes:")
            print(f"  {styled(link, 'bold')}")
        else:
            print(link)
        return 0

    return connection_options.reported(run)


def _has_browser() -> bool:
    """Whether a browser has a screen to open on. One for the terminal would run no JavaScript."""
    if sys.platform == "darwin" or os.environ.get("BROWSER"):
        return True
    return bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("WSL_DISTRO_NAME")
    )
