from __future__ import annotations

import io

import pytest
from langchain_core.messages import AIMessageChunk
from rich.console import Console

from fusion_graph.meter import Call, Meter, Usage
from fusion_graph.receipt import NO_LANGUAGE_MODEL, Receipt
from fusion_graph.terminal.analysis_view import show_analysis
from fusion_graph.terminal.answer_view import SafeMarkdown, show_answer, show_sources
from fusion_graph.terminal.live_view import LiveView
from fusion_graph.terminal.plain_view import PlainView
from fusion_graph.terminal.progress import Board
from fusion_graph.terminal.receipt_view import show_receipt, show_spent

SEATS = [{"id": "s1", "label": "acme/a #1", "model": "acme/a"}, {"id": "s2", "label": "acme/a #2", "model": "acme/a"}]
STARTED = {"type": "fusion.started", "seats": SEATS, "judge": "acme/j", "writer": "acme/w", "chosen": "a key is set"}
ANALYSIS = {
    "consensus": ["It [bold]works[/bold]."],
    "consensus_support": [{"seat_ids": ["s1", "s2"], "source_ids": ["S1"]}],
    "contradictions": [
        {
            "topic": "How much",
            "stances": [
                {"model": "m", "stance": "A little.", "seat_id": "s1", "source_ids": ["S2"]},
                {"model": "m", "stance": "A lot.", "seat_id": "s2", "source_ids": []},
            ],
        }
    ],
    "partial_coverage": [],
    "unique_insights": [{"model": "m", "insight": "Patents\x1b[31m doubled.", "seat_id": "s2", "source_ids": []}],
    "blind_spots": ["Aviation."],
}
LABELS = {"s1": "first", "s2": "second"}
KNOWN = Usage(input_tokens=1200, output_tokens=30, cost_usd=0.0123)


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _console(width: int = 100, *, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=40, force_terminal=terminal, color_system=None, markup=False,
        emoji=False, highlight=False,
    )  # fmt: skip


def _said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _working_board() -> tuple[Board, _Clock]:
    clock = _Clock()
    board = Board(clock=clock)
    board.event(STARTED)
    for seat in SEATS:
        board.event({"type": "panel.added", "seat_id": seat["id"], "label": seat["label"], "model": seat["model"]})
    clock.now += 2.5
    return board, clock


def _picture(board: Board, width: int = 100) -> str:
    console = _console(width)
    console.print(LiveView(console, board).picture())
    return _said(console)


def _token(board: Board, text: str, message_id: str = "m1", **metadata: str) -> None:
    board.token(AIMessageChunk(text, id=message_id), metadata)


def test_each_seat_of_one_model_has_its_own_row():
    board, _ = _working_board()
    call = {"type": "panel.tool_call", "seat_id": "s1", "tool": "web_search", "arguments": {"query": "leakage"}}
    board.event(call)
    _token(board, "Half a dra", seat_id="s2", fusion_part="s2")
    rows = _picture(board).splitlines()
    first = next(row for row in rows if "acme/a #1" in row)
    second = next(row for row in rows if "acme/a #2" in row)
    assert "searches “leakage”" in first
    assert "1 tool" in first
    assert "2.5 s" in first
    assert "writes" in second
    assert "Half a dra" in rows[rows.index(second) + 1]
    assert any("judge" in row and "acme/j" in row for row in rows)


def test_a_text_starts_anew_with_every_message():
    board, _ = _working_board()
    _token(board, "thinking aloud", "m1", seat_id="s1")
    _token(board, "the draft", "m2", seat_id="s1")
    assert board.parts["s1"].text == "the draft"


def test_done_failed_and_judged_are_told_with_their_figures():
    board, _ = _working_board()
    board.event({"type": "panel.completed", "seat_id": "s1", "outcome": "ok", "content": "x" * 1500, "latency": 3.2})
    failed = {"type": "panel.failed", "seat_id": "s2", "outcome": "timed_out", "error": "too slow", "latency": 9.0}
    board.event(failed)
    board.event({"type": "analysis.in_progress", "model": "acme/j"})
    board.event({"type": "analysis.completed", "analysis": ANALYSIS, "rung": "native", "reason": None})
    said = _picture(board, 120)
    assert "✓" in said
    assert "1,500 characters" in said
    assert "3.2 s" in said
    assert "✗" in said
    assert "timed out: too slow" in said
    assert "consensus 1, contradictions 1" in said


def test_the_answer_streams_below_the_rows_and_leaves_with_the_last_picture():
    board, _ = _working_board()
    board.event({"type": "writer.in_progress", "model": "acme/w"})
    _token(board, "The answer \x1b[2Jgrows", fusion_part="writer")
    console = _console()
    view = LiveView(console, board)
    console.print(view.picture())
    assert "The answer grows" in _said(console)
    assert "\x1b" not in _said(console)
    view.ended = True
    last = _console()
    last.print(view.picture())
    assert "The answer" not in _said(last)
    assert "stopped" in _said(last)


def test_rows_leave_room_for_the_echo_of_control_c():
    board, _ = _working_board()
    assert all(len(row.rstrip()) <= 76 for row in _picture(board, 80).splitlines())


def test_a_short_terminal_shows_rows_without_texts():
    board, _ = _working_board()
    _token(board, "Half a draft", seat_id="s1")
    console = _console()
    console.height = 8
    console.print(LiveView(console, board).picture())
    assert "Half a draft" not in _said(console)
    assert "acme/a #2" in _said(console)


def test_plain_lines_carry_time_part_and_no_escape_codes():
    board, clock = _working_board()
    console = _console()
    with PlainView(console, board) as view:
        view.event(STARTED)
        reads = {"seat_id": "s1", "tool": "web_fetch", "arguments": {"url": "https://e.org/\x1b[31m"}}
        view.event({"type": "panel.tool_call", **reads})
        clock.now += 1
        view.event({"type": "panel.tool_result", "seat_id": "s1", "tool": "web_fetch", "status": "error"})
        view.event({"type": "panel.failed", "seat_id": "s2", "outcome": "empty", "error": "no text", "latency": 1.0})
    lines = _said(console).splitlines()
    assert len(lines) == 4
    assert lines[0].split() == [
        "2.5s",
        "panel",
        "s1",
        "(acme/a),",
        "s2",
        "(acme/a);",
        "judge",
        "acme/j;",
        "writer",
        "acme/w",
    ]
    assert lines[1].split() == ["2.5s", "s1", "reads", "https://e.org/"]
    assert lines[2].split() == ["3.5s", "s1", "web_fetch", "failed"]
    assert lines[3].endswith("empty after 1.0 s: no text")


def test_offline_seats_alone_make_the_notice():
    board = Board()
    board.event(STARTED)
    assert board.notice is None
    offline = [{"id": "x", "label": "x", "model": "offline:terms"}]
    board.event({**STARTED, "seats": offline, "judge": "offline:judge", "writer": None})
    assert board.notice == NO_LANGUAGE_MODEL


def test_stances_stand_side_by_side_where_there_is_room():
    wide, narrow = _console(100), _console(50)
    show_analysis(wide, ANALYSIS, LABELS)
    show_analysis(narrow, ANALYSIS, LABELS)
    assert any("first" in row and "second" in row for row in _said(wide).splitlines())
    assert any("A little. [S2]" in row and "A lot." in row for row in _said(wide).splitlines())
    assert any("first" in row and "A little. [S2]" in row for row in _said(narrow).splitlines())
    assert not any("A little." in row and "A lot." in row for row in _said(narrow).splitlines())


def test_all_five_sections_are_shown_and_nothing_in_them_is_markup():
    console = _console()
    show_analysis(console, ANALYSIS, LABELS)
    said = _said(console)
    for title in ("Consensus (1)", "Contradictions (1)", "Partial coverage", "Unique insights (1)", "Blind spots (1)"):
        assert f"## {title}" in said
    assert "It [bold]works[/bold]. [S1]" in said
    assert "Patents doubled." in said
    assert "none" in said


def test_a_missing_analysis_is_said():
    console = _console()
    show_analysis(console, None, LABELS)
    assert "the judge did not compare" in _said(console)


def test_markdown_from_outside_can_neither_hide_text_nor_bring_control_characters_back():
    console = _console(terminal=True)
    text = "<b>kept</b> &#x202E;rtl &#155;31m [name](https://evil.example/x) :smile: `[red]`\n\n<script>x</script>"
    console.print(SafeMarkdown(text))
    said = _said(console)
    for kept in ("<b>kept</b>", "https://evil.example/x", ":smile:", "[red]", "<script>x</script>"):
        assert kept in said
    assert "\u202e" not in said
    assert "\x1b]8" not in said
    assert "\x9b" not in said


def test_an_answer_in_a_pipe_is_the_markdown_itself():
    console = _console()
    show_answer(console, "## Title\n\nIt **is** " + "long " * 60 + "[S1]\x1b[31m.")
    assert _said(console) == "## Title\n\nIt **is** " + "long " * 60 + "[S1].\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_cited_sources_are_listed_with_their_finders(terminal):
    sources = [
        {"id": "S1", "url": "https://a.example", "title": "A [b]title", "seat_ids": ["s1", "s2"]},
        {"id": "S2", "url": "corpus:x.md", "title": "corpus:x.md", "seat_ids": ["judge"]},
        {"id": "S3", "url": "https://c.example", "title": "Uncited", "seat_ids": ["s1"]},
    ]
    console = _console(terminal=terminal)
    show_sources(console, sources, ["S1", "S2"], LABELS)
    said = _said(console)
    assert "[S1]" in said
    assert "A [b]title" in said
    assert "found by first, second" in said
    assert "found by judge" in said
    assert "Uncited" not in said
    assert "1 more found and not cited" in said


def _receipt(**more: object) -> Receipt:
    seat = {"seat_id": "s1", "label": "first", "requested_model": "acme/a", "served_model": "acme/a-0425"}
    failed: dict[str, object] = {
        "seat_id": "s2",
        "label": "second",
        "requested_model": "acme/b",
        "outcome": "failed",
        "calls": 1,
    }
    failed["failure"] = {"kind": "insufficient_credits", "message": "no credit"}
    part = {"requested_model": "acme/j", "served_model": None, "calls": 2, "usage": KNOWN, "latency": 1.5}
    facts = {
        "status": "ok",
        "seats": [{**seat, "outcome": "ok", "calls": 3, "tool_calls": 2, "usage": KNOWN, "latency": 4.0}, failed],
        "judge": part,
        "started_at": None,
    }
    return Receipt.model_validate({**facts, **more}).amended()


def test_unknown_is_called_unknown_and_sums_are_lower_bounds():
    console = _console(120)
    show_receipt(console, _receipt())
    rows = _said(console).splitlines()
    first, second = (next(row.split() for row in rows if row.startswith(name)) for name in ("first", "second"))
    assert first == ["first", "acme/a", "ok", "3", "2", "1,200", "30", "$0.0123", "4.0"]
    assert second == ["second", "acme/b", "failed", "1", "0", "unknown", "unknown", "unknown", "0.0"]
    assert "→ acme/a-0425" in _said(console)
    sums = next(row for row in rows if row.startswith("In all"))
    assert "6 model calls, 2 tool calls" in sums
    assert "at least 2,400 tokens in, at least 60 out" in sums
    assert "cost at least $0.0246" in sums


def test_nothing_known_at_all_is_no_zero():
    console = _console(120)
    show_receipt(console, _receipt(seats=[], judge={"requested_model": "acme/j", "calls": 1}))
    assert "tokens unknown; cost unknown; time unknown" in _said(console)


def test_an_offline_receipt_has_no_tokens_to_know():
    console = _console(120)
    judge = {"requested_model": "offline:judge", "served_model": "offline:judge", "calls": 1}
    show_receipt(console, _receipt(seats=[], judge=judge, language_model_called=False, rung="native"))
    assert "no language model, so no tokens and no cost" in _said(console)
    assert "unknown" not in _said(console).replace("time unknown", "")
    assert "Analysis by" not in _said(console)


def test_what_a_reader_should_know_of_the_run_stands_below_the_table():
    console = _console(200)
    receipt = _receipt(
        degraded=[{"part": "s2", "reason": "seat_failed", "detail": "HTTP \x1b[1m402"}],
        kinship=[{"part": "judge", "seat_id": seat, "family": "acme"} for seat in ("s1", "s2")],
        citations={"cited": ["S1"], "citations": 3, "unregistered": ["S9"]},
        rung="repaired",
        shown_order=[{"label": "A", "seat_id": "s2"}, {"label": "B", "seat_id": "s1"}],
        seed=7,
    )
    show_receipt(console, receipt)
    said = _said(console)
    assert "Degraded: second: seat failed: HTTP 402" in said
    assert "the judge is acme, as is first, second" in said
    assert "Citations: 3; 1 of no registered source: S9." in said
    assert "repaired once" in said
    assert "A = second, B = first (seed 7)" in said


@pytest.mark.parametrize("width", [60, 80, 100])
def test_tables_fit_their_terminal(width):
    console = _console(width, terminal=True)
    show_receipt(console, _receipt())
    show_analysis(console, ANALYSIS, LABELS)
    assert all(len(row) <= width for row in _said(console).splitlines())


def test_what_was_spent_is_told_per_part_when_a_run_ends_early():
    board, clock = _working_board()
    meter = Meter()
    meter.calls = [
        Call(part="s1", started=0.0, seconds=1.0, usage=KNOWN),
        Call(part="s1", started=1.0),
        Call(part="s2", started=0.0),
    ]
    meter.tool_calls = {"s1": 2}
    clock.now += 1
    console = _console(120)
    show_spent(console, board, meter, "Interrupted")
    rows = _said(console).splitlines()
    assert "## Interrupted after 3.5 s; spent so far" in rows
    first, second = (next(row.split() for row in rows if row.startswith(name)) for name in ("s1", "s2"))
    assert first == ["s1", "acme/a", "stopped", "2", "2", "≥", "1,200", "≥", "30", "≥", "$0.0123", "3.5"]
    assert second == ["s2", "acme/a", "stopped", "1", "0", "unknown", "unknown", "unknown", "3.5"]
    assert "3 model calls, 2 tool calls; at least 1,200 tokens in" in _said(console)


def test_a_run_that_spent_nothing_says_so():
    console = _console()
    show_spent(console, Board(), Meter(), "Interrupted")
    assert "no model had been called" in _said(console)


def _figures(said: str, columns: int) -> list[list[str]]:
    """Read the figures at the end of each row of the table."""
    lines = [line.split() for line in said.splitlines()]
    return [line[-columns:] for line in lines if len(line) > columns and line[-1] not in ("seconds", "s.")]


def test_what_a_retry_replaced_has_a_row_and_the_shown_parts_add_up_to_the_shown_sums():
    earlier = {"calls": 2, "tool_calls": 1, "usage": {**KNOWN.model_dump(), "fees_usd": 0.05}}
    used = {"input_tokens": 100, "output_tokens": 5, "cost_usd": 0.02, "fees_usd": 0.01}
    seat = {"seat_id": "s1", "label": "first", "requested_model": "acme/a", "outcome": "ok", "calls": 1, "usage": used}
    console = _console(140)
    show_receipt(console, _receipt(seats=[seat], earlier=earlier))
    said = _said(console)
    rows = [row for row in _figures(said, 7) if row[0].isdigit()]
    assert [row[0] for row in rows] == ["1", "2", "2"]
    assert "earlier what a retry took the place of replaced 2 1" in " ".join(said.split())
    sums = [sum(float(row[column].strip("$").replace(",", "")) for row in rows) for column in range(6)]
    assert sums == pytest.approx([5, 1, 2500, 65, 0.0446, 0.06])
    assert "5 model calls, 1 tool call; 2,500 tokens in, 65 out; cost $0.0446; searches $0.0600" in said


def test_what_a_retry_replaced_is_a_lower_bound_where_something_of_it_is_unknown():
    console = _console(140)
    usage = {**KNOWN.model_dump(), "cost_at_least": True, "tokens_at_least": True}
    show_receipt(console, _receipt(earlier={"calls": 4, "usage": usage}))
    row = next(row for row in _said(console).splitlines() if row.startswith("earlier"))
    assert row.split()[-9:] == ["4", "0", "≥", "1,200", "≥", "30", "≥", "$0.0123", "unknown"]


def test_what_an_offline_retry_replaced_has_no_tokens_either():
    judge = {"requested_model": "offline:judge", "served_model": "offline:judge", "calls": 1, "latency": 1.0}
    console = _console(120)
    show_receipt(console, _receipt(seats=[], judge=judge, earlier={"calls": 3}, language_model_called=False))
    row = next(row for row in _said(console).splitlines() if row.startswith("earlier"))
    assert row.split()[-6:] == ["3", "0", "-", "-", "-", "unknown"]
    assert "no language model, so no tokens and no cost" in _said(console)


def test_what_a_person_changed_is_told_for_each_time_the_run_waited():
    console = _console(200)
    edits = [
        {"before": "judge", "what": "dropped", "seat_id": "s2"},
        {"before": "judge", "what": "added", "seat_id": "person-1"},
        {"before": "writer", "what": "edited", "seat_id": "s1"},
        {"before": "writer", "what": "analysis_edited"},
    ]
    show_receipt(console, _receipt(edits=edits))
    said = _said(console)
    assert "A person changed before the judge: second (draft dropped), person-1 (draft added)." in said
    assert "A person changed before the writer: first (draft edited), analysis edited." in said


def test_a_person_s_draft_cost_nothing_and_names_no_model_that_answered():
    added = {
        "seat_id": "person-1",
        "label": "An \x1b[31mexpert",
        "requested_model": "person",
        "outcome": "ok",
        "review": "added",
    }
    used = {"seat_id": "s1", "label": "first", "requested_model": "acme/a", "served_model": "acme/a", "outcome": "ok"}
    edits = [{"before": "judge", "what": "added", "seat_id": "person-1"}]
    seats = [added, {**used, "review": "edited", "calls": 1, "usage": KNOWN, "latency": 1.0}]
    console = _console(140)
    show_receipt(console, _receipt(seats=seats, edits=edits))
    rows = _said(console).splitlines()
    expert, first = (next(row.split() for row in rows if row.startswith(name)) for name in ("An expert", "first"))
    assert expert == ["An", "expert", "person", "ok,", "added", "0", "0", "-", "-", "-", "-"]
    assert first[:4] == ["first", "acme/a", "ok,", "edited"]
    assert "An expert (draft added)." in _said(console)
    assert "at least" not in _said(console)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_receipt_with_everything_on_it_fits_its_terminal(width):
    console = _console(width, terminal=True)
    usage = {**KNOWN.model_dump(), "fees_usd": 0.05, "cost_at_least": True}
    edits = [{"before": "writer", "what": "analysis_removed"}]
    show_receipt(console, _receipt(earlier={"calls": 4, "tool_calls": 2, "usage": usage}, edits=edits))
    assert all(len(row) <= width for row in _said(console).splitlines())
    assert "analysis removed" in " ".join(_said(console).split())


def test_a_judge_that_answered_without_an_analysis_is_not_shown_as_ok():
    judge = {"requested_model": "acme/j", "calls": 2, "latency": 1.0}
    lost = [{"part": "judge", "reason": "judge_not_valid_json", "detail": "there is no JSON object in it"}]
    console = _console()
    show_receipt(console, Receipt.model_validate({"judge": judge, "degraded": lost}))
    row = next(line for line in _said(console).splitlines() if line.startswith("judge"))
    assert "no analysis" in row
    whole = _console()
    show_receipt(whole, Receipt.model_validate({"judge": judge, "rung": "native"}))
    assert "no analysis" not in _said(whole)
