"""The last step of every run: the answer as a message, its citations checked, or the best draft in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from fusion_graph.failures import Failure
from fusion_graph.meter import finish_reason
from fusion_graph.receipt import Degradation
from fusion_graph.sources import CitationCheck, Registry

WRITER = "writer"
FALLBACK = "fusion_fallback"
"""Key in a message's `additional_kwargs`: the id of the seat whose draft stands in for the answer."""


def annotated(answer: AIMessage, registry: Registry, *, addresses: bool = False) -> tuple[AIMessage, CitationCheck]:
    """Finish a model's answer.

    Args:
        answer: What the writer wrote.
        registry: The run's sources.
        addresses: Whether registered addresses in the text are citations too.

    Returns:
        The message as plain text with `url_citation` annotations under `additional_kwargs`, and the check.
    """
    text = str(answer.text)
    message = AIMessage(
        text,
        id=answer.id,
        response_metadata=answer.response_metadata,
        usage_metadata=answer.usage_metadata,
        additional_kwargs={"annotations": registry.annotations(text, addresses=addresses)},
    )
    return message, registry.check(text)


def fallback(
    responses: Sequence[Mapping[str, Any]], analysis: Mapping[str, Any] | None, registry: Registry
) -> tuple[AIMessage, CitationCheck]:
    """Return the best draft, labelled as such: what stands in when nobody could write.

    Args:
        responses: The usable drafts, as the state holds them.
        analysis: The analysis, if there is one.
        registry: The run's sources.

    Returns:
        The message and the check of its citations.
    """
    best = best_draft(responses, analysis)
    text = (
        f"*The writer failed; this is the draft of one panelist ({best['label']}), as it stands.*\n\n{best['content']}"
    )
    kwargs = {FALLBACK: best["seat_id"], "annotations": registry.annotations(text)}
    return AIMessage(text, additional_kwargs=kwargs), registry.check(text)


def best_draft(responses: Sequence[Mapping[str, Any]], analysis: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Choose the draft to fall back on.

    Args:
        responses: The usable drafts, in the panel's order.
        analysis: The analysis, if there is one.

    Returns:
        A complete draft before a truncated one, then the one behind most points of the analysis, then the first.
    """
    found = analysis or {}
    support: Counter[str] = Counter()
    for item in [*found.get("consensus_support", []), *found.get("partial_coverage", [])]:
        support.update(item["seat_ids"])
    support.update(item["seat_id"] for item in found.get("unique_insights", []))
    return min(responses, key=lambda draft: (draft["outcome"] != "ok", -support[draft["seat_id"]]))


def degradations(answer: AIMessage | None, failure: Failure | None, check: CitationCheck | None) -> list[Degradation]:
    """List what an answer lacks.

    Args:
        answer: What the writer wrote, if it did.
        failure: Why it did not.
        check: The check of the citations, if there were sources to cite.

    Returns:
        Entries for the receipt: a failed or cut writer, citations that name no registered source.
    """
    found: list[Degradation] = []
    if answer is None:
        found.append(Degradation(part=WRITER, reason="writer_failed", detail=failure.message if failure else ""))
    elif finish_reason(answer) == "length":
        found.append(Degradation(part=WRITER, reason="writer_truncated", detail="the answer ends at the output limit"))
    if check is not None and check.unregistered:
        detail = f"{len(check.unregistered)} name no registered source: {', '.join(check.unregistered[:5])}"
        found.append(Degradation(part=WRITER, reason="unregistered_citations", detail=detail))
    return found
