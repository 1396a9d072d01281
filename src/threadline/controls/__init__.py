"""The test controls of one server: the faults that a test has set, and the calls that were answered. No I/O.

A server has them under `threadline serve --test-controls` and in a test's own server, and nowhere else.
"""

from threadline.controls.calls import Calls
from threadline.controls.faults import Faults


class Controls:
    """The faults and the calls of one server."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.calls = Calls()
