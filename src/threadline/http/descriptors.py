"""Descriptors of this process: as many as its connections want, as far as the system lets it."""

import contextlib
import logging
import resource

RESERVED = 128
"""Descriptors for all but connections: the store's files, the pipes between processes, the database's connections."""

log = logging.getLogger("threadline.server")


def connections_allowed(asked: int) -> int:
    """How many connections a process with these limits can hold: as many as are asked for, or less if it must be.

    Raises the soft limit to the hard one if that is needed, and says so in one line if it does not do.
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
