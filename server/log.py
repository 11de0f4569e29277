"""This file sets up the log: one line an event, ids and never e-mail addresses."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,255}\.[A-Za-z]{2,}")


def hide_addresses(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blot e-mail addresses out of every text, wherever they come from."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _EMAIL.sub("(address)", value)
    return event


def configure(log_format: str, level: int = logging.INFO) -> None:
    """Log to standard error, as `console` lines or as `json`, from *level* on."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide_addresses,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    others = max(level, logging.WARNING)
    logging.basicConfig(level=others, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
