"""`fusion ask`: one question through one graph, shown while it works and reported when it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.messages import AIMessage, HumanMessage
from rich.text import Text

from fusion_graph.agent import build_fusion_agent
from fusion_graph.errors import FusionError, LimitTooLowError
from fusion_graph.failures import classify
from fusion_graph.graph import Graph, build_deliberation_graph, build_fusion_graph
from fusion_graph.http import close_http_client
from fusion_graph.meter import Meter
from fusion_graph.prices import Prices
from fusion_graph.redaction import redact
from fusion_graph.terminal.answer_view import show_notice
from fusion_graph.terminal.clean import clean, one_line
from fusion_graph.terminal.consoles import Screen, say, tolerate_narrow_encodings
from fusion_graph.terminal.exits import BAD_INPUT, FAILED, INTERRUPTED, OK
from fusion_graph.terminal.live_view import LiveView
from fusion_graph.terminal.options import AskOptions, Mode
from fusion_graph.terminal.plain_view import PlainView
from fusion_graph.terminal.progress import Board
from fusion_graph.terminal.question import read_question
from fusion_graph.terminal.receipt_view import show_spent
from fusion_graph.terminal.report import show_report
from fusion_graph.terminal.settings import config_of, resources_of

_BUILDERS: Mapping[Mode, Callable[..., Graph]] = {
    "fuse": build_fusion_graph,
    "analyze": build_deliberation_graph,
    "auto": build_fusion_agent,
}
_RESULT = ("analysis", "responses", "failed_models", "sources", "receipt", "status", "failure_reason")


class View(Protocol):
    """Shows progress."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Show one event of the `custom` stream."""


@dataclass(slots=True)
class _Run:
    """One run, and what is known of it from outside while it lasts."""

    options: AskOptions
    screen: Screen
    board: Board = field(default_factory=Board)
    meter: Meter = field(default_factory=Meter)
    told: bool = False


def ask(options: AskOptions) -> int:
    """Ask, show, report.

    Args:
        options: What was given on the command line.

    Returns:
        The exit code; see `fusion_graph.terminal.exits`.
    """
    tolerate_narrow_encodings()
    screen = Screen.open(color=not options.no_color)
    run = _Run(options, screen)
    try:
        question = read_question(options.question, sys.stdin)
        resources = resources_of(options)
        run.meter.price = Prices(resources).price
        graph = _BUILDERS[options.mode](config_of(options), resources=resources)
        output = asyncio.run(_follow(run, graph, question))
    except FusionError as error:
        screen.error(redact(str(error)))
        if isinstance(error, LimitTooLowError):
            _say_outlook(screen, options, question)
        return BAD_INPUT
    except KeyboardInterrupt:
        show_spent(screen.err, run.board, run.meter, "Interrupted")
        return INTERRUPTED
    except Exception as error:
        failure = classify(error)
        if failure.kind == "unexpected_error":
            raise  # a defect, not a provider's failure: its traceback is what helps
        show_spent(screen.err, run.board, run.meter, "Broke off")
        screen.error(f"the run broke off ({failure.kind.replace('_', ' ')}): {one_line(failure.message, 600)}")
        return FAILED
    return _finish(run, output)


async def _follow(run: _Run, graph: Graph, question: str) -> dict[str, Any]:
    """Run the graph to its end and return its output; whatever happens, no connection stays open."""
    output: dict[str, Any] = {}
    if run.options.mode == "auto":
        run.board.decide()
    try:
        with _view(run) as view:
            async for part in graph.astream(
                {"messages": [HumanMessage(question)]},
                {"callbacks": [run.meter]},
                stream_mode=["custom", "messages", "values"],
                subgraphs=True,
                version="v2",
            ):
                if part["type"] == "custom":
                    _event(run, view, part["data"])
                elif part["type"] == "messages":
                    run.board.token(*part["data"])
                elif part["type"] == "values" and not part["ns"]:
                    output = dict(part["data"])
            run.board.finish(ok=output.get("status") == "ok")
    finally:
        await close_http_client()
    return output


def _say_outlook(screen: Screen, options: AskOptions, question: str) -> None:
    """Say what the whole run may take, to whoever gave it a limit that is too low."""
    from fusion_graph.terminal.estimate_view import in_all, run_estimate  # noqa: PLC0415 - for this error alone

    say(screen.err, Text(f"The whole run is estimated at {in_all(run_estimate(options, question))}."))


def _view(run: _Run) -> Any:
    if run.options.quiet:
        return nullcontext(None)
    return LiveView(run.screen.err, run.board) if run.screen.animated else PlainView(run.screen.err, run.board)


def _event(run: _Run, view: View | None, event: Mapping[str, Any]) -> None:
    run.board.event(event)
    if event.get("type") == "fusion.started":
        _open(run)
        _warn(run, (event.get("limits") or {}).get("unpriced") or [])
    if view is not None:
        view.event(event)


def _open(run: _Run) -> None:
    """Say before any work what a reader must know: that no model is called, and how the models were chosen."""
    if run.board.notice and not run.told:
        run.told = True
        show_notice(run.screen.err if run.options.as_json else run.screen.out, run.board.notice)
    if run.board.chosen and not run.options.quiet:
        say(run.screen.err, Text(f"Models: {clean(run.board.chosen)}"))


def _warn(run: _Run, unpriced: Sequence[str]) -> None:
    """Say before any work that a limit cannot be enforced."""
    if unpriced:
        names = ", ".join(one_line(name, 100) for name in unpriced)
        words = f"--max-cost cannot be enforced: no price is known for {names}. What they report is counted afterwards."
        say(run.screen.err, Text(words, style="yellow"))


def _finish(run: _Run, output: dict[str, Any]) -> int:
    last = output["messages"][-1] if output.get("messages") else None
    answer = str(last.text) if isinstance(last, AIMessage) and output["status"] == "ok" else None
    notice = output["receipt"]["notice"]
    if notice and not run.told:
        show_notice(run.screen.err if run.options.as_json else run.screen.out, notice)
    if run.options.as_json:
        sys.stdout.write(json.dumps({"answer": answer, **{key: output[key] for key in _RESULT}}) + "\n")
        sys.stdout.flush()
    else:
        show_report(run.screen, output, answer, mode=run.options.mode, quiet=run.options.quiet)
    return OK if output["status"] == "ok" else FAILED
