"""Find the browser that the tests of the page run in, or install Debian's: `python -m tools.browser`.

It prints the path. Without one that it can find or install, it fails and says which command installs one.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends", "chromium")
MISSING = (
    "The tests of the page need Chromium or Chrome, and there is none on the PATH. Install one:"
    " `sudo apt-get install chromium` on Debian, `brew install --cask google-chrome` on macOS; or put the path of one"
    " into the environment as CHROME."
)


def find() -> str | None:
    """The path of a Chromium or Chrome; None when there is none."""
    candidates = [os.environ.get("CHROME"), *map(shutil.which, NAMES), shutil.which(MAC)]
    return next((found for found in candidates if found), None)


def main() -> int:
    """Print the path of a browser, installed now if need be. Returns the exit status."""
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's Chromium for the tests of the page", file=sys.stderr)
        for command in (("apt-get", "update"), INSTALL):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    found = find()
    print(found or MISSING, file=sys.stdout if found else sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
