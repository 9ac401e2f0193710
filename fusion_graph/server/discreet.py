"""Keeps what is said out of the log: libraries write whole requests, answers and rows at their finest level."""

from __future__ import annotations

import logging

TALKATIVE = (
    "aiosqlite",
    "anthropic._base_client",
    "httpcore",
    "langsmith",
    "mcp",
    "openai._base_client",
    "sse_starlette.sse",
)
"""Loggers whose debug records hold contents or headers; the loggers below them are bound by the same level."""


def log_plainly() -> None:
    """Let a server process say warnings and errors on standard error, one line each; a log that is set up stays so."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def keep_contents_out_of_the_log() -> None:
    """Let the talkative loggers of libraries say nothing below INFO, and no more than they said before."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.INFO, logger.getEffectiveLevel()))
