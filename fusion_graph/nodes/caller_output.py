"""From what a calling model said to the output of every graph: an answer, or calls that the client must run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage

from fusion_graph.answer import WRITER, annotated, degradations, fallback
from fusion_graph.budget import Ledger, marks
from fusion_graph.config_caller import FUSION
from fusion_graph.failures import Failure
from fusion_graph.middleware.hand_back import told
from fusion_graph.offer import CALLER
from fusion_graph.receipt import Degradation, PartReceipt, Receipt
from fusion_graph.resume import RESUMED, RESUMED_DETAIL
from fusion_graph.sources import CitationCheck, Registry, Source, found_in
from fusion_graph.turns import known_sources

_REASONS = frozenset({"insufficient_credits", "rate_limited", "invalid_model", "cancelled"})
_EMPTY: dict[str, Any] = {"analysis": None, "responses": [], "failed_models": [], "sources": []}


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one run of the calling model.

    Attributes:
        new: The messages that it and its tools added; none where it failed.
        failure: Why it failed.
        before: What the user's turn held as the run began: calls that a client has answered, and earlier results.
        client: Names of the tools that the client runs.
        held: The output of the panel's run, if one was convened in this run.
        force_ignored: The `tool_choice` that came to nothing, if so.
        dropped: The receipt's entries for options that the model would not take.
    """

    new: list[AnyMessage]
    failure: Failure | None
    before: list[BaseMessage]
    client: frozenset[str] = frozenset()
    held: dict[str, Any] | None = None
    force_ignored: str | None = None
    dropped: list[Degradation] = field(default_factory=list)

    @property
    def answer(self) -> AIMessage | None:
        """The last message, if it is the model's."""
        return self.new[-1] if self.new and isinstance(self.new[-1], AIMessage) else None


def caller_output(said: Said, opening: Receipt, part: PartReceipt, ledger: Ledger, *, resumed: bool) -> dict[str, Any]:
    """Bring a run into the output of every graph: with what a panel gave if one was convened, else empty.

    Args:
        said: What the calling model said.
        opening: The receipt of a run without a panel.
        part: The calling model's entry on the receipt.
        ledger: The run's ledger.
        resumed: Whether an earlier process had begun it.

    Returns:
        The output. Where the client has tools to run, its last message holds their calls, the status is `ok`, the
        receipt names no citations, and the calling model's `finish_reason` is `tool_calls`.
    """
    kept = {key: (said.held or {}).get(key, value) for key, value in _EMPTY.items()}
    registry = _registry(said, kept["sources"])
    kept["sources"] = [source.model_dump() for source in registry.sources]
    receipt = Receipt.model_validate(said.held["receipt"]) if said.held else opening
    started = min(one.started_at for one in (receipt, opening) if one.started_at is not None)
    receipt = receipt.model_copy(update={"started_at": started, "limits": ledger.entry()})
    lost = [*_lost(said, resumed=resumed), *marks(ledger, receipt, CALLER, final=True)]
    if said.answer is None and not kept["responses"]:
        return {**kept, **_failed(receipt, said.failure, part, lost)}
    message, check, part = _last(said, kept, registry, part)
    shown = check if registry.sources or said.held else None
    receipt = receipt.amended(
        writer=part,
        citations=shown,
        degraded=[*degradations(said.answer, said.failure, shown), *lost],
        status="ok",
        failure_reason=None,
    )
    messages = [*told(said.new[:-1]), message]
    return {"messages": messages, **kept, "receipt": receipt.as_state(), "status": "ok", "failure_reason": None}


def _failed(
    receipt: Receipt, failure: Failure | None, part: PartReceipt, lost: Sequence[Degradation]
) -> dict[str, Any]:
    reason = failure.kind if failure and failure.kind in _REASONS else "unexpected_error"
    degraded = [*degradations(None, failure, None), *lost]
    receipt = receipt.amended(writer=part, degraded=degraded, status="error", failure_reason=reason)
    return {"receipt": receipt.as_state(), "status": "error", "failure_reason": reason}


def _last(
    said: Said, kept: dict[str, Any], registry: Registry, part: PartReceipt
) -> tuple[AIMessage, CitationCheck | None, PartReceipt]:
    """Finish the last message: the answer, the best draft in its place, or the client's calls."""
    if said.answer is None:
        return *fallback(kept["responses"], kept["analysis"], registry), part
    if not said.answer.tool_calls:
        return *annotated(said.answer, registry, addresses=True), part
    (message,) = told([said.answer])
    facts = {"model_name": part.served_model, **message.response_metadata, "finish_reason": "tool_calls"}
    notes = {"annotations": registry.annotations(str(message.text), addresses=True)}
    update = {
        "response_metadata": {key: value for key, value in facts.items() if value is not None},
        "additional_kwargs": {**message.additional_kwargs, **notes},
    }
    handed = message.model_copy(update=update)
    return AIMessage.model_validate(handed.model_dump()), None, part.model_copy(update={"finish_reason": "tool_calls"})


def _registry(said: Said, panel: Sequence[dict[str, Any]]) -> Registry:
    """Register the panel's sources, of this run or an earlier one of the turn, then what the caller's tools found."""
    registry = Registry([Source.model_validate(source) for source in panel] or known_sources(said.before))
    registry.add(CALLER, found_in(_looked_up(said)))
    return registry


def _looked_up(said: Said) -> list[BaseMessage]:
    """Return the messages whose sources count as the caller's: not what a panel or a client's tool said."""
    turns = [message for message in (*said.before, *said.new) if isinstance(message, AIMessage)]
    others = {call["id"] for turn in turns for call in turn.tool_calls if call["name"] in {FUSION, *said.client}}
    earlier = [message for message in said.before if isinstance(message, ToolMessage)]
    return [m for m in (*earlier, *said.new) if not (isinstance(m, ToolMessage) and m.tool_call_id in others)]


def _lost(said: Said, *, resumed: bool) -> list[Degradation]:
    found = [Degradation(part=CALLER, reason=RESUMED, detail=RESUMED_DETAIL)] if resumed else []
    if said.force_ignored is not None:
        detail = f"the model did not call what tool_choice={said.force_ignored!r} asked for"
        found.append(Degradation(part=WRITER, reason="tool_choice_ignored", detail=detail))
    return [*found, *said.dropped]
