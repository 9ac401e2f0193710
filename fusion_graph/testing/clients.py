"""A chat model that talks to a scripted server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fusion_graph.testing.server import ScriptedServer

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI


def chat_model(server: ScriptedServer, model: str, **settings: Any) -> ChatOpenAI:
    """Make a LangChain chat model for a scripted one: no retries, usage also when streaming.

    Args:
        server: A running server.
        model: The model's name.
        **settings: Settings of `ChatOpenAI`; they win over the ones set here.

    Returns:
        The chat model.

    Raises:
        RuntimeError: The server was never started.
    """
    from langchain_openai import ChatOpenAI  # noqa: PLC0415

    defaults = {"base_url": server.base_url, "api_key": "scripted", "max_retries": 0, "stream_usage": True}
    return ChatOpenAI(model=model, **{**defaults, **settings})
