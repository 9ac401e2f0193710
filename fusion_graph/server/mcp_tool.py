"""The tool `fusion` of the MCP server: how a coding agent consults a panel on a hard question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field
from starlette.requests import Request

from fusion_graph.redaction import redact
from fusion_graph.server.errors import ApiError
from fusion_graph.server.mcp_progress import Progress
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.render.result import Result
from fusion_graph.server.run_events import Ended, RunEvent

INSTRUCTIONS = (
    "fusion convenes a panel of language models that research a question independently, compares their reports and "
    "writes an answer with sources. Use it for hard questions where being wrong would be costly; it takes minutes and "
    "costs several times what one model does. The panel sees only the question you pass."
)
Consult = Callable[[dict[str, Any], Request | None], AsyncIterator[tuple[RunPlan, RunEvent]]]
"""Runs a chat completion's body for whoever sent the HTTP request, if there is one."""


class Consultation(BaseModel):
    """What a panel gave.

    Attributes:
        answer: The written answer, in Markdown; in mode `analyze` there is none.
        analysis: Consensus, contradictions, partial coverage, unique insights, blind spots; `None` if the judge failed.
        sources: What the panel's tools found: `id`, `url`, `title`, `seat_ids`.
        responses: The panel's drafts: `model`, `content`, `seat_id`.
        failed_models: Seats without a draft, and why.
        receipt: Who answered, what it cost, what was degraded.
    """

    answer: str | None
    analysis: dict[str, Any] | None
    sources: list[dict[str, Any]]
    responses: list[dict[str, Any]]
    failed_models: list[dict[str, Any]]
    receipt: dict[str, Any]


def build_mcp(consult: Consult, **settings: Any) -> FastMCP[None]:
    """Build the MCP server.

    Args:
        consult: What runs a question.
        **settings: More of `FastMCP`.

    Returns:
        The server, with the one tool.
    """
    server: FastMCP[None] = FastMCP("fusion-graph", instructions=INSTRUCTIONS, log_level="WARNING", **settings)

    async def fusion(
        context: Context[Any, Any, Request],
        question: Annotated[str, Field(min_length=1, description="The complete question, with all the panel needs.")],
        preset: Annotated[str | None, Field(description="A named panel, such as general-high or offline.")] = None,
        panel: Annotated[
            list[str] | None,
            Field(min_length=1, max_length=8, description="1 to 8 models in place of the preset's panel."),
        ] = None,
        mode: Annotated[
            Literal["fuse", "analyze"],
            Field(description="fuse writes an answer; analyze returns the comparison alone, and costs less."),
        ] = "fuse",
    ) -> Annotated[CallToolResult, Consultation]:
        result = None
        progress = Progress(context.report_progress)
        try:
            async for plan, event in consult(_body(question, preset, panel, mode), _request(context)):
                await progress.tell(event)
                if isinstance(event, Ended):
                    result = Result(plan, event.output)
        except ApiError as error:
            raise ToolError(redact(error.message)) from error
        if result is None:
            raise ToolError("the run ended without a result")
        return _result(result)

    server.add_tool(
        fusion,
        title="Consult a panel of models",
        description=INSTRUCTIONS,
        annotations=ToolAnnotations(readOnlyHint=True, openWorldHint=True, idempotentHint=False),
    )
    return server


def _request(context: Context[Any, Any, Request]) -> Request | None:
    return context.request_context.request


def _body(question: str, preset: str | None, panel: list[str] | None, mode: str) -> dict[str, Any]:
    """Say it as a chat completion does, so that the same checks hold at every door."""
    settings = {"mode": mode, **({"panel": panel} if panel else {}), **({"preset": preset} if preset else {})}
    return {
        "model": "openrouter/fusion",
        "messages": [{"role": "user", "content": question}],
        "fusion": settings,
    }


def _result(result: Result) -> CallToolResult:
    output = result.output
    if output["status"] != "ok":
        failed = "; ".join(f"{entry['model']}: {entry['error']}" for entry in output["failed_models"])
        raise ToolError(redact(f"no answer: {output['failure_reason']}" + (f" ({failed})" if failed else "")))
    found = Consultation(
        answer=result.text if result.final is not None else None,
        analysis=output["analysis"],
        sources=output["sources"],
        responses=output["responses"],
        failed_models=output["failed_models"],
        receipt=result.receipt,
    )
    return CallToolResult(
        content=[TextContent(type="text", text=_text(result))], structuredContent=found.model_dump(mode="json")
    )


def _text(result: Result) -> str:
    """The answer with its sources, for a client that shows no structured content."""
    sources = [f"[{source['id']}] {source['title']} {source['url']}" for source in result.output["sources"]]
    degraded = [f"{entry['part']}: {entry['reason']}" for entry in result.receipt["degraded"]]
    parts = [result.text, "Sources:\n" + "\n".join(sources) if sources else ""]
    parts.append("Degraded: " + "; ".join(degraded) if degraded else "")
    return "\n\n".join(part for part in parts if part)
