"""The work that runs later: a row each, run by any node."""
