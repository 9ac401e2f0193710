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


def keep_contents_out_of_the_log() -> None:
    """Let the talkative loggers of libraries say nothing below INFO, whatever level the process logs at."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        if logger.level < logging.INFO:
            logger.setLevel(logging.INFO)
