"""The two streams of a run: results on standard output, everything about the run on standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Self, TextIO

from rich.console import Console
from rich.text import Text

from fusion_graph.terminal.clean import clean

PLAIN_WIDTH = 100
"""Columns of tables and analyses that go to a pipe or a file."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a run is shown.

    Attributes:
        out: Standard output: notice, answer and sources, or the analysis where that is what was asked for.
        err: Standard error: progress, analysis, receipt and errors.
    """

    out: Console
    err: Console

    @classmethod
    def open(cls, *, color: bool) -> Self:
        """Make consoles on this process's streams.

        Args:
            color: Whether colours may be used on a terminal.

        Returns:
            The screen; escape sequences are written to terminals only.
        """
        return cls(console(sys.stdout, color=color), console(sys.stderr, color=color))

    @property
    def animated(self) -> bool:
        """Whether progress can be redrawn in place."""
        return self.err.is_terminal and not self.err.is_dumb_terminal

    def error(self, sentence: str) -> None:
        """Say on standard error, in a sentence, what went wrong."""
        say(self.err, Text.assemble(("Error: ", "bold red"), clean(sentence)))


def console(stream: TextIO, *, color: bool) -> Console:
    """Make a console that interprets nothing in what it prints.

    Args:
        stream: Where it writes.
        color: Whether colours may be used.

    Returns:
        A console without markup, emoji codes or highlighting; plain text of a fixed width where there is no terminal.
    """
    terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=terminal,
        no_color=None if color else True,
        width=None if terminal else PLAIN_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def tolerate_narrow_encodings() -> None:
    """Let streams that cannot encode a character write a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def say(target: Console, text: Text) -> None:
    """Print a paragraph: wrapped at words on a terminal, on one line anywhere else."""
    target.print(text, soft_wrap=not target.is_terminal)


def say_heading(target: Console, title: str) -> None:
    """Print a section's heading, in Markdown where there is no terminal."""
    target.print(Text(f"\n{title}" if target.is_terminal else f"\n## {title}\n", style="bold"))
