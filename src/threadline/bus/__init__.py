"""The bus: it wakes the sockets of a session whose log has new items.

A bus observes the store: it receives every commit, on the event loop, in the order of the commits. `bus.hub.Hub` is
the bus of one process. The bus of several nodes (`bus.relay.Relay`) passes each commit to its own hub, announces the
session to the other nodes, and wakes its hub's sockets for the others' announcements.

The bus carries wakes. A socket reads the items by its cursor, so a lost wake costs delay and never data. On the node
that wrote the items, the wake brings them along and saves the read.
"""
