"""`fusion` as a tool: what a model calls when it wants a panel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any, Literal

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import Field

from fusion_graph.config import FusionConfig
from fusion_graph.config_caller import FUSION
from fusion_graph.errors import FusionDepthError, FusionError
from fusion_graph.graph import Graph, build_deliberation_graph, build_fusion_graph
from fusion_graph.redaction import redact
from fusion_graph.resources import Resources
from fusion_graph.sources import Registry, Source
from fusion_graph.tools.result import SourcedTool

DESCRIPTION = (
    "Convene a panel: several models research a question independently with web tools, and a judge compares their "
    "reports into consensus, contradictions, partial coverage, unique insights and blind spots. Slow and costly; "
    "for questions where being wrong would be costly. The panel sees only the question you pass."
)
__all__ = ["CAPPED", "DESCRIPTION", "FUSION", "attached", "failure", "fusion_tool", "graph_tool", "result_of"]

CAPPED = "fusion_invocation_capped"
_ATTACHED: ContextVar[Sequence[dict[str, Any]]] = ContextVar("fusion_attached", default=())


@contextmanager
def attached(blocks: Sequence[dict[str, Any]]) -> Iterator[None]:
    """Let the panel that a call inside the block convenes see pictures and files of the user's beside the question.

    Args:
        blocks: Content blocks, as a human message holds them.

    Yields:
        Nothing.
    """
    before = _ATTACHED.set(blocks)
    try:
        yield
    finally:
        _ATTACHED.reset(before)


class _FusionTool(SourcedTool):
    """Takes `prompt` for `question`: models that know OpenRouter's tool call it so."""

    def _parse_input(self, tool_input: str | dict[str, Any], tool_call_id: str | None) -> str | dict[str, Any]:
        if isinstance(tool_input, dict) and "prompt" in tool_input and "question" not in tool_input:
            tool_input = {**tool_input, "question": tool_input["prompt"]}
            del tool_input["prompt"]
        return super()._parse_input(tool_input, tool_call_id)


def fusion_tool(
    config: FusionConfig | None = None,
    *,
    resources: Resources | None = None,
    mode: Literal["analyze", "fuse"] = "analyze",
    name: str = FUSION,
    description: str = DESCRIPTION,
) -> BaseTool:
    """Make a tool that any LangChain agent can call.

    Args:
        config: The panel's settings.
        resources: The operator's side; read from `FUSION_...` variables when unset.
        mode: `analyze` returns analysis and reports and leaves the writing to the caller; `fuse` returns the
            written answer as well.
        name: The tool's name.
        description: What the calling model is told about it.

    Returns:
        A tool with one argument, `question` (`prompt` is taken for it). Its content is JSON: `status`, `analysis`,
        `responses`, `failed_models`, `sources`, in `fuse` mode `answer`, on failure `error` and `failure_reason`.
        Its artifact is the run's whole output, receipt included.
    """
    build = build_fusion_graph if mode == "fuse" else build_deliberation_graph
    return graph_tool(build(config, resources=resources), name=name, description=description)


def graph_tool(graph: Graph, *, name: str = FUSION, description: str = DESCRIPTION) -> BaseTool:
    """Make the tool from a compiled graph; see `fusion_tool`."""

    async def fusion(
        question: Annotated[
            str,
            Field(min_length=1, description="The complete question, with everything the panel must know."),
        ],
        config: RunnableConfig,
    ) -> tuple[str, dict[str, Any]]:
        try:
            output = await graph.ainvoke({"messages": [_asked(question)]}, {**config, "callbacks": None})
        except FusionError as error:
            failed = failure(redact(str(error)), CAPPED if isinstance(error, FusionDepthError) else "invalid_request")
            return json.dumps(failed, ensure_ascii=False), {"sources": [], "output": None, **failed}
        return json.dumps(result_of(output), ensure_ascii=False), _artifact(output)

    return _FusionTool.from_function(
        coroutine=fusion, name=name, description=description, response_format="content_and_artifact"
    )


def _asked(question: str) -> HumanMessage:
    blocks = _ATTACHED.get()
    return HumanMessage([{"type": "text", "text": question}, *blocks] if blocks else question)


def failure(error: str, reason: str) -> dict[str, Any]:
    """Return the tool's result for a fusion that did not take place."""
    return {"status": "error", "error": error, "failure_reason": reason}


def result_of(output: dict[str, Any]) -> dict[str, Any]:
    """Bring a run's output into the form of OpenRouter's tool result.

    Args:
        output: A graph's output.

    Returns:
        Plain data; `analysis` and `failed_models` are left out where there is nothing in them. Addresses in the
        reports are replaced by the ids of `sources`.
    """
    if output["status"] != "ok":
        failed = failure("all panel models failed", output["failure_reason"])
        return {**failed, "failed_models": output["failed_models"]}
    registry = Registry([Source.model_validate(source) for source in output["sources"]])
    responses = [{**entry, "content": registry.with_ids(entry["content"])} for entry in output["responses"]]
    result: dict[str, Any] = {"status": "ok", "analysis": output["analysis"], "responses": responses}
    result["failed_models"] = output["failed_models"]
    result["sources"] = [{"id": s.id, "url": s.url, "title": s.title} for s in registry.sources]
    if output["receipt"]["writer"] is not None:
        result["answer"] = str(output["messages"][-1].text)
    return {key: value for key, value in result.items() if value is not None and (key != "failed_models" or value)}


def _artifact(output: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in output.items() if key != "messages"}
    return {"sources": [{"url": s["url"], "title": s["title"]} for s in output["sources"]], "output": kept}
