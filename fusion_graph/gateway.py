"""The chat model for OpenAI-compatible gateways: OpenRouter, LiteLLM, vLLM, llama.cpp, Ollama.

It is langchain-openai's own model for third-party servers, plus what gateways add to OpenAI's answers and the
base class leaves out: the cost of a call, the gateway's own server-side tools, reasoning text, refusals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, Self, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import BaseModel, model_validator

from fusion_graph.completions import PlainCompletions
from fusion_graph.errors import UnreadableAnswerError
from fusion_graph.mending import counted, mend_answer, mend_chunk

LONGEST_SILENCE = 300.0
"""Seconds between two chunks of a stream; gateways' keep-alive lines are no chunks."""


class GatewayChat(BaseChatOpenAI):
    """A model behind an OpenAI-compatible gateway."""

    use_responses_api: bool | None = False
    """Chat completions is what every gateway speaks; the base class would leave it for some names and tools."""
    stream_chunk_timeout: float | None = None
    """Off: the base class waits with `asyncio.wait_for`, which loses cancellations before Python 3.12."""

    @model_validator(mode="after")
    def _plain(self) -> Self:
        self.async_client = PlainCompletions(self.root_async_client)
        return self

    @property
    def _llm_type(self) -> str:
        return "fusion-gateway"

    def bind_tools(
        self, tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; a gateway's own (`{"type": "openrouter:web_search", ...}`) are passed through as they are."""
        ours = [tool for tool in tools if not is_gateway_tool(tool)]
        theirs = [tool for tool in tools if is_gateway_tool(tool)]
        bound = super().bind_tools(ours, **kwargs)
        if not theirs:
            return bound
        merged = [*getattr(bound, "kwargs", {}).get("tools", []), *theirs]
        return bound.bind(tools=merged)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        stream = cast("AsyncGenerator[ChatGenerationChunk, None]", super()._astream(*args, **kwargs))
        async with aclosing(stream) as chunks:
            while True:
                try:
                    async with asyncio.timeout(LONGEST_SILENCE):
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                yield chunk

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        with _readable():
            mend_chunk(chunk)
            generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if generation is None or not isinstance(generation.message, AIMessageChunk):
            return generation
        if not counted(chunk):
            generation.message.usage_metadata = None
        usage = chunk.get("usage")
        if usage and usage.get("cost") is not None:
            generation.message.response_metadata["token_usage"] = {"cost": usage["cost"]}
        for choice in chunk.get("choices") or []:
            _keep_extras(generation.message, choice["delta"])
        return generation

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        raw = response.model_dump(warnings=False) if isinstance(response, BaseModel) else response
        with _readable():
            if not isinstance(raw, dict):
                return super()._create_chat_result(response, generation_info)  # which says what is wrong with it
            mend_answer(raw)
            typed = isinstance(response, BaseModel) and response.model_dump(warnings=False) == raw
            result = super()._create_chat_result(response if typed else raw, generation_info)
            for choice, generation in zip(raw["choices"], result.generations, strict=False):
                if isinstance(generation.message, AIMessage) and not counted(raw):
                    generation.message.usage_metadata = None
                _keep_extras(generation.message, choice.get("message") or {})
            if not result.generations:
                raise UnreadableAnswerError("the answer holds no choice")
        return result


def is_gateway_tool(tool: Any) -> bool:
    """Whether a tool is one that the gateway runs itself, named `vendor:tool`."""
    return isinstance(tool, dict) and ":" in str(tool.get("type", ""))


@contextmanager
def _readable() -> Iterator[None]:
    """Make one typed error of all that reading an answer of another form can raise."""
    try:
        yield
    except UnreadableAnswerError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        told = error.args[:1] if error.args and isinstance(error.args[0], dict) else ()  # with a code, see `failures`
        raise UnreadableAnswerError(*told or (f"the answer is no chat completion: {error}",)) from error


def _keep_extras(message: Any, raw: dict[str, Any]) -> None:
    """Keep reasoning text, a refusal, and the pages that the gateway's own tools found."""
    reasoning = raw.get("reasoning_content") or raw.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        message.additional_kwargs["reasoning_content"] = reasoning
    if raw.get("refusal"):
        message.additional_kwargs["refusal"] = raw["refusal"]
    if isinstance(annotations := raw.get("annotations"), list) and annotations:
        message.additional_kwargs["annotations"] = annotations
