"""The bus: it wakes the sockets of a session whose log has new items.

The bus carries wakes. A socket reads the items by its cursor, so a lost wake costs delay and never data. On the node
that wrote the items, the wake brings them along and saves the read.
"""

from typing import Protocol

from threadline.store import Committed


class Bus(Protocol):
    """Receives every commit of the store, on the event loop, in the order of the commits.

    `bus.hub.Hub` is the bus of one process. The bus of several nodes (`bus.relay.Relay`) passes each `Committed` to its
    own hub, announces the session to the other nodes, and wakes its hub's sockets for the others' announcements.
    """

    def committed(self, committed: Committed) -> None:
        """Push the new items, or wake the sockets that have to pull them. Never blocks."""
