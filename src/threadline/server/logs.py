"""Log lines, for people or as JSON. The callers keep content and secrets out of their messages."""

import json
import logging
import sys
from typing import Any

from threadline.config import Settings
from threadline.errors import where
from threadline.jsontext import LOG_FIELDS

CALLS = "threadline.calls"


class Lines(logging.Formatter):
    """Lines for people."""

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Where an error came from; see `where`."""
        return where(ei[1])


class JsonLines(Lines):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """`record` as JSON with `time`, `level`, `logger`, `message` or fields, and `error` where there was one."""
        at = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}"
        line = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if fields := getattr(record, LOG_FIELDS, None):
            line |= fields
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def write_to_stderr(settings: Settings) -> None:
    """Send this process's log lines to standard error, and the warnings of the libraries it uses.

    A program that runs a Server within itself does its own. The log of flows is written to its file at every level.
    """
    human = Lines("%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s", "%H:%M:%S")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else human)
    logging.getLogger().handlers = [handler]
    level = logging.getLevelName(settings.log_level.upper())
    logging.getLogger("threadline").setLevel(level)
    flows = logging.getLogger("threadline.flows")
    handler.addFilter(lambda record: record.name != flows.name or record.levelno >= level)
    flows.setLevel(logging.INFO)
    flows.handlers = [_flow_log(settings.flow_log_file)] if settings.flow_log_file else []
    is_watched = sys.stderr.isatty() and settings.log_format == "human" and not settings.quiet
    with_times = settings.trace or settings.log_level == "debug"
    if is_watched or with_times:
        _show_calls(logging.DEBUG if with_times else logging.INFO, on_terminal=is_watched)


def _flow_log(name: str) -> logging.Handler:
    """Append the log of flows to a file, which is opened at the first line."""
    handler = logging.FileHandler(name, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def _show_calls(level: int, *, on_terminal: bool) -> None:
    """Let `server.calls` write; a refusal is in its line, so it needs no other."""
    calls, api = logging.getLogger(CALLS), logging.getLogger("threadline.api")
    calls.setLevel(level)
    if on_terminal:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        calls.handlers, calls.propagate = [handler], False
    if api.getEffectiveLevel() <= logging.INFO:
        api.setLevel(logging.WARNING)
