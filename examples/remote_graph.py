"""The fusion graph on a LangGraph Server, called from elsewhere: alone, and as a node of a local graph.

    langgraph dev                                                        # in one terminal
    python examples/remote_graph.py "Is a carbon tax regressive?"        # in another

Models and keys are the server's. FUSION_SERVER_URL names another server than the one on this machine; a context, such
as '{"preset": "offline"}', may be given as a second argument.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client

QUESTION = "Is a carbon tax regressive?"
SERVER = "http://127.0.0.1:2024"


def build_host(fusion: RemoteGraph, context: dict[str, Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build a local graph whose one node asks the panel on the server."""

    async def ask(state: MessagesState) -> dict[str, Any]:
        output = await fusion.ainvoke({"messages": [state["messages"][-1]]}, context=context)
        return {"messages": output["messages"][-1:]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile(name="host")


async def main(question: str = QUESTION, context: str = "{}") -> None:
    settings = json.loads(context)
    async with get_client(url=os.environ.get("FUSION_SERVER_URL", SERVER)) as client:
        fusion = RemoteGraph("fusion", client=client)

        output: Any = await fusion.ainvoke({"messages": [HumanMessage(question)]}, context=settings)
        print(f"alone: {output['messages'][-1]['content']}")
        print(f"seats: {[seat['label'] for seat in output['receipt']['seats']]}")

        state = await build_host(fusion, settings).ainvoke({"messages": [HumanMessage(question)]})
        print(f"as a node: {state['messages'][-1].text}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
