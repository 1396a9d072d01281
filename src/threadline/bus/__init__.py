"""How sockets learn that a session has grown.

The bus carries wakes; what a socket sends it reads by cursor, so a lost wake costs delay and never data.
On the node that wrote them, a wake brings the new items along and saves the read.
"""

from typing import Protocol

from threadline.store import Committed


class Bus(Protocol):
    """What the store tells after each commit, on the event loop, in the order of the commits.

    `bus.hub.Hub` is the bus of one process. A bus of several nodes hands every `Committed` to its own hub, tells the
    others the sessions that have grown, and wakes its hub's sockets for what the others tell: see `bus.relay.Relay`.
    """

    def committed(self, committed: Committed) -> None:
        """Send the new items, or wake the sockets that have to look for them. Never blocks."""
