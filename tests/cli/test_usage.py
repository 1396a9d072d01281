"""The errors of a command line that is wrong, on a terminal."""

import os
import pty
import subprocess
import sys
import termios

COLUMNS = 60


def test_an_error_of_the_command_line_is_wrapped() -> None:
    end, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, COLUMNS))
    command = [
        sys.executable,
        "-m",
        "threadline",
        "audit",
        "verify",
        "--anchor",
        "no anchor at all, but many words",
    ]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, check=False)
    os.close(theirs)
    shown = os.read(end, 65_536).decode()
    os.close(end)
    assert done.returncode == 2
    error = shown[shown.index("threadline audit verify: error:") :]
    assert "write CHAIN:LINE:HASH" in " ".join(error.split())
    assert all(len(line) <= COLUMNS for line in error.splitlines()), error
