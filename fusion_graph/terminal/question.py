"""Where the question comes from: the command line, or standard input."""

from __future__ import annotations

from typing import TextIO

from fusion_graph.errors import ConfigError

STDIN = "-"


def read_question(given: str | None, stdin: TextIO) -> str:
    """Return the question.

    Args:
        given: The argument, if there was one; `-` means standard input.
        stdin: Standard input; read only when the argument does not hold the question.

    Returns:
        The question, without space around it.

    Raises:
        ConfigError: There is none.
    """
    if given is not None and given != STDIN:
        question = given.strip()
    elif given is None and stdin.isatty():
        raise ConfigError('QUESTION: nothing was asked; write fusion ask "..." or pipe the question in')
    else:
        question = _piped(stdin)
    if not question:
        raise ConfigError("QUESTION: the question is empty; write it in quotes, or pipe it in")
    return question


def _piped(stdin: TextIO) -> str:
    try:
        return stdin.read().strip()
    except UnicodeDecodeError as error:
        raise ConfigError(f"QUESTION: standard input is not UTF-8 text: {error}") from error
