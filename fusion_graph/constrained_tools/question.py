"""The question which tool comes next: how it is put, and how the reply is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, ToolCall
from langchain_core.utils.json import parse_json_markdown

from fusion_graph.constrained_tools.schema import bounded_schema

Options = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """Which tool comes next: what is asked, and how the reply is read.

    Attributes:
        messages: What the inner model is shown.
        schema: What it may write.
        options: The tools on offer, in OpenAI's form, by name.
        refused: Calls that do not count because they were made already.
        settings: Further keywords of the call.
    """

    messages: list[BaseMessage]
    schema: dict[str, Any]
    options: Options
    refused: list[tuple[str, dict[str, Any]]]
    settings: dict[str, Any]

    @property
    def keywords(self) -> dict[str, Any]:
        """Everything to pass to the inner model beside the messages."""
        form = {"type": "json_schema", "json_schema": {"name": "next_step", "schema": self.schema}}
        return {**self.settings, "response_format": form}

    def read(self, reply: AIMessage) -> AIMessage:
        """Read the inner model's reply.

        Args:
            reply: What it wrote.

        Returns:
            A message with the tool call, or an empty one when the reply is none that counts; either way with
            what the reply used.
        """
        step = self._step_in(reply.text)
        if step is None:
            return AIMessage("", usage_metadata=reply.usage_metadata)
        call = ToolCall(name=step[0], args=step[1], id=f"call_{uuid4().hex}", type="tool_call")
        metadata = {**reply.response_metadata, "finish_reason": "tool_calls"}
        return AIMessage("", tool_calls=[call], response_metadata=metadata, usage_metadata=reply.usage_metadata)

    def _step_in(self, text: str) -> tuple[str, dict[str, Any]] | None:
        try:
            written = parse_json_markdown(text, parser=json.loads)
        except (ValueError, RecursionError):
            return None
        match written:
            case {"tool": str(name), "arguments": dict(arguments)} if name in self.options:
                return None if (name, arguments) in self.refused else (name, arguments)
        return None


def offered(tools: list[dict[str, Any]], tool_choice: Any) -> tuple[Options, bool]:
    """Work out which tools may be called now.

    Args:
        tools: The bound tools, in OpenAI's form.
        tool_choice: The caller's choice, in OpenAI's, Anthropic's or LangChain's form.

    Returns:
        The tools by name, and whether one of them must be called.
    """
    options = {tool["name"]: tool for tool in tools}
    if isinstance(tool_choice, Mapping):
        tool_choice = tool_choice.get("function", tool_choice).get("name") or tool_choice.get("type")
    if tool_choice in options:
        return {tool_choice: options[tool_choice]}, True
    if tool_choice == "none":
        return {}, False
    return options, tool_choice is True or tool_choice in ("any", "required")


def menu(options: Options, forced: bool) -> str:
    """Write the question for the inner model.

    Args:
        options: The tools on offer.
        forced: Whether one must be called.

    Returns:
        The text of a user's turn.
    """
    lines = ["Choose the next step. Reply with one JSON object and nothing else."]
    lines.append('To call a tool: {"tool": NAME, "arguments": {...}}')
    if not forced:
        lines.append(f'When no tool is needed any more: {{"tool": "{_stop_word(options)}"}}')
    lines.append("Tools:")
    for name, tool in options.items():
        parameters = json.dumps((tool.get("parameters") or {}).get("properties", {}), ensure_ascii=False)
        lines.append(f"- {name}: {tool.get('description', '')}\n  arguments: {parameters}")
    return "\n".join(lines)


def next_step_schema(options: Options, forced: bool, max_text: int, max_items: int) -> dict[str, Any]:
    """Build the schema of the reply: one of the tools with its arguments, or the wish to answer.

    Args:
        options: The tools on offer.
        forced: Whether one must be called; then there is no other way out.
        max_text: Characters of a string argument at most.
        max_items: Items of a list argument at most.

    Returns:
        A JSON schema.
    """
    steps = [
        _step(name, bounded_schema(tool.get("parameters") or {}, max_text, max_items)) for name, tool in options.items()
    ]
    return {"anyOf": steps if forced else [*steps, _step(_stop_word(options), None)]}


def _stop_word(options: Options) -> str:
    return "answer" if "answer" not in options else "answer_in_text"


def _step(name: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
    properties: dict[str, Any] = {"tool": {"type": "string", "const": name}}
    if arguments is not None:
        properties["arguments"] = {"type": "object", **arguments}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
