"""A failed call is cleaned before anyone writes it down: providers quote keys in errors, and set cookies in headers."""

from __future__ import annotations

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from fusion_graph.redaction import redact_data, redact_error


def clean(error: BaseException, response: LLMResult | None = None) -> None:
    """Take secrets out of what a model call or a tool raised, in place.

    Tracers, checkpointers and logs that hear of it later see it clean.

    Args:
        error: What was raised.
        response: What LangChain kept of the provider's answer, body and headers included.
    """
    redact_error(error)
    for generation in (entry for batch in (response.generations if response else []) for entry in batch):
        if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
            facts = redact_data(generation.message.response_metadata)
            if isinstance(facts.get("headers"), dict):
                facts["headers"].pop("set-cookie", None)
            generation.message.response_metadata = facts
