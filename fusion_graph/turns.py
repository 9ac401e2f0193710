"""A turn of the user: everything since the last human message, and what of it a fusion has said already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import ValidationError

from fusion_graph.config_caller import FUSION
from fusion_graph.errors import ConfigError
from fusion_graph.sources import Source


def this_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return what came after the last human message."""
    start = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
    return list(messages[start + 1 :])


def attachments(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return what the last human message holds beside text: pictures, files, sound."""
    asked = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
    if asked is None or isinstance(asked.content, str):
        return []
    return [block for block in asked.content if isinstance(block, dict) and block.get("type") != "text"]


def fusion_calls(messages: Sequence[BaseMessage]) -> list[Any]:
    """Return the calls of `fusion`, in order."""
    turns = [message for message in messages if isinstance(message, AIMessage)]
    return [call for message in turns for call in message.tool_calls if call["name"] == FUSION]


def fusion_results(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """Return what calls of `fusion` came to, other than errors: those have convened nobody."""
    ids = {call["id"] for call in fusion_calls(messages)}
    return [
        message
        for message in messages
        if isinstance(message, ToolMessage)
        and (message.name == FUSION or message.tool_call_id in ids)
        and message.status != "error"
    ]


def convened(messages: Sequence[BaseMessage]) -> dict[str, Any] | None:
    """Return the output of the panel's run among these messages, or `None`."""
    kept = [m.artifact.get("output") for m in fusion_results(messages) if isinstance(m.artifact, dict)]
    return next((output for output in kept if output is not None), None)


def known_sources(messages: Sequence[BaseMessage]) -> list[Source]:
    """Return the sources that a fusion of an earlier run named, so that answers can go on citing them.

    Args:
        messages: The part of the user's turn that the run began with.

    Returns:
        The sources, from the artifact where one was kept, else from the result's JSON.

    Raises:
        ConfigError: They are not in the form in which `fusion` gave them.
    """
    for message in fusion_results(messages):
        output = message.artifact.get("output") if isinstance(message.artifact, dict) else None
        listed = (output if isinstance(output, dict) else _json(str(message.text))).get("sources")
        if not listed:
            continue
        try:
            return [Source.model_validate({"seat_ids": [], **source}) for source in listed]
        except (ValidationError, TypeError) as error:
            raise ConfigError(
                "messages: the sources in the result of `fusion` are not as it gave them; send it back unchanged"
            ) from error
    return []


def _json(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:  # cut, or rewritten by a client: then there is nothing to cite from
        return {}
    return read if isinstance(read, dict) else {}


def without_leading_system(messages: Sequence[AnyMessage]) -> tuple[str, list[AnyMessage]]:
    """Split off the client's system messages at the start; some models take a single one, and only there.

    Args:
        messages: The conversation.

    Returns:
        Their text, and the rest, in which later system messages stay where they stand.
    """
    at = next((at for at, m in enumerate(messages) if not isinstance(m, SystemMessage)), len(messages))
    texts = [str(message.text).strip() for message in messages[:at]]
    return "\n\n".join(text for text in texts if text), list(messages[at:])
