"""How a grading model is asked for a reply of one form: from the strictest way to the most patient one.

1. `native`: the provider is given the JSON schema.
2. `tool`: where it knows no schemas, the reply is handed in as a tool call.
3. `prompted`: where it knows no tools either, the prompt alone asks for JSON.

Whatever comes back is read from the message itself, so that a reply that is cut off or broken still has its usage.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from langchain.agents.structured_output import ProviderStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from pydantic import BaseModel, ValidationError

from fusion_graph.evals.json_in_text import object_in

Way = Literal["native", "tool", "prompted"]
WAYS: tuple[Way, ...] = ("native", "tool", "prompted")


def bound(model: BaseChatModel, form: type[BaseModel], way: Way) -> Runnable[Any, Any]:
    """Make a model that is asked in one of the ways.

    Args:
        model: The chat model.
        form: The form of the reply.
        way: The way.

    Returns:
        What is called with the messages; `message_in` finds the message in what it returns.

    Raises:
        NotImplementedError: The model's package does not know this way.
    """
    if way == "prompted":
        return model
    if way == "tool":
        return model.bind_tools([form], tool_choice="any")
    if _is_openai_like(model):
        # Sent as part of the body: the SDK's own parsing would raise away what a cut or invalid reply holds.
        asked = ProviderStrategy(schema=form).to_model_kwargs()
        return model.bind(extra_body={**(getattr(model, "extra_body", None) or {}), **asked})
    return model.with_structured_output(form, method="json_schema", include_raw=True)


def message_in(returned: Any) -> AIMessage:
    """Find the model's message in what a bound model returned.

    Args:
        returned: A message, or `with_structured_output`'s dict around it.

    Returns:
        The message.
    """
    found = returned["raw"] if isinstance(returned, dict) else returned
    if not isinstance(found, AIMessage):
        raise TypeError(f"a chat model returned {type(found).__name__}, not a message")
    return found


def read_reply(message: AIMessage, form: type[BaseModel]) -> BaseModel:
    """Read the reply in a message, from a tool call or from the text.

    Args:
        message: The model's message.
        form: The form of the reply.

    Returns:
        The reply.

    Raises:
        ValueError: There is none; the message says what is wrong.
    """
    handed_in = next((call["args"] for call in message.tool_calls if call["name"] == form.__name__), None)
    found = handed_in if handed_in is not None else object_in(str(message.text), form.model_fields)
    try:
        return form.model_validate(found)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


def repair_request(fault: str, form: type[BaseModel]) -> str:
    """Ask again for a reply that could not be read.

    Args:
        fault: What was wrong.
        form: The form of the reply.

    Returns:
        The next user message.
    """
    schema = json.dumps(form.model_json_schema())
    return f"That reply could not be read: {fault}. Reply again with one JSON object of this form only:\n{schema}"


def _is_openai_like(model: BaseChatModel) -> bool:
    names = {cls.__name__ for cls in type(model).__mro__}
    return "BaseChatOpenAI" in names and not getattr(model, "use_responses_api", False)
