"""Requests that the OpenAPI document shows; each of them is accepted as it stands."""

from __future__ import annotations

from typing import Any

_QUESTION = "Do carbon taxes lower emissions?"
_ASKED = [{"role": "user", "content": _QUESTION}]
_PANEL = ["~anthropic/claude-opus-latest", "~openai/gpt-latest", "~google/gemini-pro-latest"]
_FUNCTION = {
    "name": "lookup_order",
    "description": "Look up an order.",
    "parameters": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
}

CHAT: dict[str, Any] = {
    "slug": {"model": "openrouter/fusion", "messages": _ASKED},
    "preset": {"model": "fusion/general-fast", "messages": _ASKED, "stream": True},
    "plugin": {
        "model": "~anthropic/claude-opus-latest",
        "messages": _ASKED,
        "plugins": [{"id": "fusion", "preset": "general-budget", "max_tool_calls": 6}],
    },
    "server tool beside functions": {
        "model": "~openai/gpt-latest",
        "messages": _ASKED,
        "tools": [
            {"type": "openrouter:fusion", "parameters": {"analysis_models": _PANEL}},
            {"type": "openrouter:web_search", "parameters": {"max_results": 3}},
            {"type": "function", "function": _FUNCTION},
        ],
        "tool_choice": {"type": "openrouter:fusion"},
    },
    "seats": {
        "model": "openrouter/fusion",
        "messages": _ASKED,
        "fusion": {
            "mode": "fuse",
            "panel": [
                {"id": "sceptic", "model": "~openai/gpt-latest", "role": "the sceptic"},
                {"id": "optimist", "model": "~openai/gpt-latest", "role": "the optimist"},
            ],
            "quorum": 1,
            "deadline": 120,
            "max_cost_usd": 0.5,
        },
    },
}
RESPONSES: dict[str, Any] = {
    "slug": {"model": "openrouter/fusion", "input": _QUESTION},
    "background": {"model": "fusion/general-high", "input": _QUESTION, "background": True},
    "server tool": {
        "model": "~anthropic/claude-opus-latest",
        "input": _ASKED,
        "tools": [{"type": "openrouter:fusion", "parameters": {"analysis_models": _PANEL, "max_tool_calls": 4}}],
        "tool_choice": "required",
    },
    "analysis alone": {"model": "openrouter/fusion", "input": _QUESTION, "fusion": {"mode": "analyze"}},
}
MESSAGES: dict[str, Any] = {
    "slug": {"model": "openrouter/fusion", "max_tokens": 4000, "messages": _ASKED},
    "plugin": {
        "model": "~anthropic/claude-opus-latest",
        "max_tokens": 4000,
        "messages": _ASKED,
        "plugins": [{"id": "fusion", "preset": "general-fast"}],
    },
}
ESTIMATE: dict[str, Any] = {"chat": CHAT["slug"], "responses": RESPONSES["slug"]}
