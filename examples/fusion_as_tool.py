"""A panel as a tool of an ordinary LangChain agent, beside a tool of its own.

    python examples/fusion_as_tool.py --model openai:gpt-5.5 "Should we fly 400 people to the conference?"

`--model` is the agent's own model, in LangChain's words, and needs the ability to call tools; OPENAI_BASE_URL
points `openai:` at any compatible server. The panel's models are those that the environment offers.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph.state import CompiledStateGraph

from fusion_graph import FusionConfig, Resources, fusion_tool

QUESTION = (
    "400 people, 1,200 km each way: fly or take the train? Count the emissions, then ask the panel what else matters."
)
ADVICE = (
    "You advise on travel. Use emissions_of for figures. Where a judgement is contested and being wrong is costly, "
    "call fusion once with a complete question, and report where its panel disagreed."
)
GRAMS_PER_KM = {"plane": 150, "train": 30, "car": 120}


@tool
def emissions_of(means: str, people: int, kilometres: float) -> str:
    """Estimate the emissions of a journey in tonnes of carbon dioxide; means is plane, train or car."""
    if means not in GRAMS_PER_KM:
        return f"unknown means {means!r}; use {', '.join(GRAMS_PER_KM)}"
    return f"{GRAMS_PER_KM[means] * people * kilometres / 1e6:.1f} t"


def build_adviser(model: BaseChatModel, resources: Resources) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the agent. Its model decides whether to convene the panel."""
    panel = fusion_tool(FusionConfig(max_tool_calls=2), resources=resources)
    return create_agent(model, [emissions_of, panel], system_prompt=ADVICE, name="adviser")


async def main(question: str, model: str) -> None:
    adviser = build_adviser(init_chat_model(model), Resources.from_env())
    state = await adviser.ainvoke({"messages": [HumanMessage(question)]})
    for message in state["messages"]:
        if isinstance(message, ToolMessage):
            print(f"[{message.name}] {str(message.text)[:300]}")
    print(state["messages"][-1].text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--model", default="openai:gpt-5.5")
    asyncio.run(main(**vars(parser.parse_args())))
