"""The file descriptors of this process: the limit is raised as far as its connections need and the system allows."""

import contextlib
import logging
import resource

RESERVED = 128
"""Descriptors not for clients: the store's files, the channels between processes, connections to a database."""

log = logging.getLogger("threadline.server")


def connections_allowed(asked: int) -> int:
    """Return how many connections this process can hold: `asked`, or fewer where its limit of open files is lower.

    The soft limit is raised to the hard one where that is needed. If that is not enough, a warning says so.
    """
    wanted = asked + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_enough(soft, wanted):
        return asked
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if _is_enough(soft, wanted):
        return asked
    allowed = max(1, soft - RESERVED)
    log.warning(
        "THREADLINE_CONNECTIONS_MAX asks for %d connections in this process, which may open %d files: it takes %d. "
        "Raise the limit to %d (ulimit -n, LimitNOFILE= of systemd), or lower the setting.",
        asked,
        soft,
        allowed,
        wanted,
    )
    return allowed


def _is_enough(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
