"""Self-fusion: one model sits in the panel twice, judges and writes.

    OPENROUTER_API_KEY=... python examples/self_fusion.py deepseek/deepseek-v4-pro "Is a carbon tax regressive?"

Two reports of the same model differ, and comparing them finds what one alone would have got wrong. The seats
differ in temperature and in how they begin; state, events and receipt keep them apart by their ids.
Any name works: `provider:model`, `author/model`, `ollama:model`, `local:file.gguf`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from langchain_core.messages import HumanMessage

from fusion_graph import FusionConfig, Seat, build_fusion_graph

MODEL = "deepseek/deepseek-v4-pro"
QUESTION = "Is a carbon tax regressive?"


def panel_of(model: str) -> FusionConfig:
    """One model in two seats."""
    steady = Seat(id="steady", label="steady", model=model, temperature=0.2)
    bold = Seat(
        id="bold",
        label="bold",
        model=model,
        temperature=1.0,
        instructions="Look first for what speaks against the obvious answer.",
    )
    return FusionConfig(panel=[steady, bold], judge=model, writer=model)


async def main(model: str = MODEL, question: str = QUESTION) -> None:
    graph = build_fusion_graph(panel_of(model))
    output: dict[str, Any] = await graph.ainvoke({"messages": [HumanMessage(question)]})
    if output["status"] != "ok":
        raise SystemExit(f"no answer: {output['failure_reason']}: {output['failed_models']}")
    for seat in output["receipt"]["seats"]:
        print(f"{seat['label']}: {seat['outcome']}, {seat['tool_calls']} tool calls, {seat['latency']} s")
    for item in (output["analysis"] or {}).get("contradictions", []):
        print(f"in dispute: {item['topic']}")
    print(f"\n{output['messages'][-1].text}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
