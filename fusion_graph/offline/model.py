"""One chat model class for every offline part: LangChain's interface, and no language model behind it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from fusion_graph.offline.judge import judge
from fusion_graph.offline.seat import take_turn
from fusion_graph.offline.strategies import STRATEGIES
from fusion_graph.offline.writer import write

Reply = str | list[ToolCall]

_PIECE = re.compile(r"\s*\S+\s*$|\s*\S+")


def _judge(messages: Sequence[BaseMessage], _tools: frozenset[str]) -> Reply:
    return judge(messages)


def _write(messages: Sequence[BaseMessage], _tools: frozenset[str]) -> Reply:
    return write(messages)


NO_TOKENS = UsageMetadata(input_tokens=0, output_tokens=0, total_tokens=0)
"""Known, not unknown: where no language model is called there are none, and nothing is paid."""
PARTS: Mapping[str, Callable[[Sequence[BaseMessage], frozenset[str]], Reply]] = {
    **{name: partial(take_turn, name) for name in STRATEGIES},
    "judge": _judge,
    "writer": _write,
}
"""What answers, by the name of the part."""


class OfflineChatModel(BaseChatModel):
    """A chat model that calls no language model: the same messages always get the same answer.

    Attributes:
        part: A name in `PARTS`.
    """

    part: str

    @property
    def _llm_type(self) -> str:
        return "fusion-offline"

    @property
    def model_name(self) -> str:
        """The name under which a config asks for this model."""
        return f"offline:{self.part}"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_name": self.model_name}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        return {**params, "ls_provider": "offline", "ls_model_name": self.model_name}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools; of these the seats call `web_search` and `web_fetch`.

        Args:
            tools: The tools; one that a gateway would run on its side is left out, since there is no gateway.
            tool_choice: `none` withholds them; anything else leaves the choice to the seat.
            **kwargs: Accepted and ignored.

        Returns:
            The model with its tools.
        """
        offered = [convert_to_openai_tool(tool) for tool in tools if not _runs_elsewhere(tool)]
        return self.bind(tools=offered, tool_choice=tool_choice, **kwargs)

    def _reply(self, messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        offered = [] if kwargs.get("tool_choice") == "none" else kwargs.get("tools") or []
        names = frozenset(convert_to_openai_tool(tool)["function"]["name"] for tool in offered)
        reply = PARTS[self.part](messages, names)
        text, calls = (reply, []) if isinstance(reply, str) else ("", reply)
        metadata = {
            "model_name": self.model_name,
            "finish_reason": "tool_calls" if calls else "stop",
            "token_usage": {"cost": 0.0},
        }
        return AIMessage(content=text, tool_calls=calls, response_metadata=metadata, usage_metadata=NO_TOKENS)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  nothing here generates past a stop word
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  the base class reports the result
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._reply(messages, kwargs))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _chunks(self._reply(messages, kwargs))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(await asyncio.to_thread(self._reply, messages, kwargs)):
            yield chunk
            await asyncio.sleep(0)  # other seats stream beside this one


def _runs_elsewhere(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type", "function") != "function"


def _chunks(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    """Cut an answer into words; what is not text goes with the last piece."""
    *pieces, last = _PIECE.findall(str(message.text)) or [""]
    for piece in pieces:
        yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=at)
        for at, call in enumerate(message.tool_calls)
    ]
    end = AIMessageChunk(
        content=last,
        tool_call_chunks=calls,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )
    yield ChatGenerationChunk(message=end)
