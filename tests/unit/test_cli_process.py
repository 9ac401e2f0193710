"""The command as a process of its own: pipes, a terminal, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from cli_house import ANALYSIS, FUSION, asked, seat_them

from fusion_graph.testing import ScriptedServer, Text, Usage

ESCAPE = re.compile(r"\x1b")
TIMED = re.compile(r"^ +\d+\.\ds  \S")
START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
from fusion_graph.cli import main
main()
"""
INTERRUPTIBLE = (sys.executable, "-c", START)


@pytest.fixture
def panel(server: ScriptedServer) -> ScriptedServer:
    return seat_them(server)


def test_in_a_pipe_there_are_plain_lines_and_no_escape_code(panel):
    done = subprocess.run([*FUSION, *asked(panel, "--no-tools")], capture_output=True, text=True, check=True)
    assert not ESCAPE.search(done.stdout + done.stderr)
    lines = [line for line in done.stderr.splitlines() if TIMED.match(line)]
    for part in ("panel", "seat-1", "seat-2", "judge", "writer", "run"):
        assert any(line.split()[1] == part for line in lines)


def test_standard_input_is_the_question_and_standard_output_one_json_object(panel):
    arguments = [*FUSION, *asked(panel, "--no-tools", "--json")[:-1]]
    done = subprocess.run(arguments, input="Piped question?\n", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["answer"] == "It **depends** [S1]."
    assert "Piped question?" in panel.calls_of("acme/beta")[0].prompt


@pytest.mark.parametrize("code", [1, 2])
def test_failures_have_their_exit_codes(panel, code):
    models = ["--panel", "acme/broke" if code == 1 else "nonsense"]
    arguments = [*FUSION, *asked(panel, "--no-tools", models=models)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.fixture
def slow_panel(panel: ScriptedServer) -> ScriptedServer:
    panel.on("acme/alpha", Text("Soon done.", usage=Usage(100, 20, cost=0.01)))
    panel.on("acme/beta", Text("Never done. " * 500, chunk_delay=0.05))
    return panel


def _wait_for_one_draft(panel: ScriptedServer) -> None:
    panel.wait_until(lambda: any(call.completed for call in panel.calls_of("acme/alpha")), timeout=15)
    panel.wait_until(lambda: panel.open_requests == 1)
    time.sleep(0.3)  # until the seat has read it


def test_control_c_reaches_the_requests_and_shows_what_was_spent(slow_panel):
    arguments = [*INTERRUPTIBLE, *asked(slow_panel, "--no-tools")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_for_one_draft(slow_panel)
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    slow_panel.wait_until(lambda: slow_panel.open_requests == 0)
    assert slow_panel.calls_of("acme/beta")[0].disconnected
    assert slow_panel.calls_of("acme/judge") == []
    assert out == ""
    assert "Traceback" not in err
    assert re.search(r"## Interrupted after \d+\.\d s; spent so far", err)
    assert "2 model calls" in err
    assert "at least 100 tokens in, at least 20 out; cost at least $0.0100" in err


def _terminal(arguments: list[str], columns: int = 100) -> Iterator[str]:
    """Run the command in a pseudo-terminal; give what has been on its screen so far, until it ends."""
    pty = pytest.importorskip("pty")
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40"}
    parent, child = pty.openpty()
    process = subprocess.Popen(arguments, stdin=child, stdout=child, stderr=child, env=environ, close_fds=True)
    os.close(child)
    seen = b""
    try:
        while chunk := _read(parent):
            seen += chunk
            yield seen.decode(errors="ignore")
    finally:
        process.wait(timeout=10)
        os.close(parent)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side has been closed
        return b""


def test_in_a_terminal_every_seat_has_a_row_that_changes_while_it_works(panel):
    panel.on("acme/alpha", Text("The draft of alpha grows slowly. " * 3, chunk_delay=0.05))
    panel.on("acme/judge", Text(json.dumps(ANALYSIS), delay=0.3))
    screens = list(_terminal([*FUSION, *asked(panel, "--no-tools")]))
    last = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", screens[-1])
    assert len(screens) > 3
    assert "\x1b[2K" in screens[-1]  # rows are redrawn in place
    assert "writes" in last
    assert "The draft of alpha grows" in last
    assert re.search(r"✓\s+acme/alpha\s+done: \d+ characters", last)
    assert re.search(r"✓\s+judge\s+acme/judge\s+consensus 1, contradictions 1", last)
    assert "Hardly any does." in last
    assert "It depends [S1]." in last  # Markdown is drawn
    assert "Receipt" in last


def test_no_color_leaves_the_rows_without_colours(panel):
    screens = list(_terminal([*FUSION, *asked(panel, "--no-tools", "--no-color")]))
    assert "✓" in screens[-1]
    assert not re.search(r"\x1b\[(?:\d+;)*[34]\d(?:;\d+)*m", screens[-1])
