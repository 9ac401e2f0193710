"""LangChain's chat model over a local GGUF file."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, PrivateAttr, ValidationError

from fusion_graph.constrained_tools import ConstrainedToolModel, plain_turns
from fusion_graph.errors import ConfigError, missing_package
from fusion_graph.local.engine import Chunk, Engine, EngineSettings, engine_for
from fusion_graph.local.gguf import read_header

DEFAULT_CONTEXT = 8192
DEFAULT_SLOTS = 3
Schema = dict[str, Any] | type


class LocalChatModel(BaseChatModel):
    """A GGUF file as a chat model; made by `local_model`.

    Cancelling a call frees its caller at once; the generation behind it stops within a token or a batch of
    the prompt (see `Engine.astream`).

    Attributes:
        path: The file.
        context: Tokens per slot, question and answer together.
        slots: Generations that run side by side on the one loaded file.
        max_tokens: Output tokens per call; as far as the context reaches when unset.
        temperature: Sampling temperature; llama.cpp's default when unset.
        seed: Sampling seed; random when unset.
    """

    path: Path
    context: int
    slots: int
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    _engine: Engine = PrivateAttr()

    def model_post_init(self, _context: Any, /) -> None:
        """Take hold of the file's engine, which lives as long as one of its models does."""
        super().model_post_init(_context)
        self._engine = engine_for(EngineSettings(self.path, self.context, self.slots))

    @property
    def model_name(self) -> str:
        """The name under which it appears in receipts: `local:` and the file's name."""
        return self._engine.name

    @property
    def _llm_type(self) -> str:
        return "local-gguf"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_name": self.model_name, "context": self.context, "max_tokens": self.max_tokens}

    def _resolve_model_profile(self) -> ModelProfile:
        return ModelProfile(
            name=self.path.name, max_input_tokens=self.context, text_inputs=True, image_inputs=False,
            structured_output=True, tool_calling=False, open_weights=True,
        )  # fmt: skip

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools by schema-constrained output, whatever the file's chat template can do.

        Args:
            tools: Tools in any of LangChain's forms.
            tool_choice: `auto`, `any`, `none` or a tool's name.
            **kwargs: Passed on to every call.

        Returns:
            A model whose answers may carry tool calls, one at a time.
        """
        return ConstrainedToolModel(inner=self).bind_tools(tools, tool_choice=tool_choice, **kwargs)

    def with_structured_output(  # type: ignore[override]
        self,
        schema: Schema,
        *,
        include_raw: bool = False,
        method: str = "json_schema",
        strict: bool | None = None,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Constrain the output to a schema; llama.cpp can write nothing else, unless it is cut short.

        Args:
            schema: A pydantic class, a `TypedDict` or a JSON schema.
            include_raw: Return `raw`, `parsed` and `parsing_error` in place of the parsed value alone.
            method: Accepted for LangChain's sake; every method is a constrained JSON schema here.
            strict: Accepted for LangChain's sake; the constraint is always strict.

        Returns:
            A runnable that gives an instance of the class, or a dict for other schemas.
        """
        form = convert_to_json_schema(schema)
        response_format = {
            "type": "json_schema",
            "json_schema": {"name": form.get("title", "output"), "schema": form},
        }
        model = self.bind(
            response_format=response_format,
            ls_structured_output_format={"kwargs": {"method": method, "strict": strict}, "schema": schema},
        )
        parse = RunnableLambda(_parser(schema), name="parse")
        if not include_raw:
            return model | parse
        parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parse, parsing_error=lambda _: None)
        unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
        return RunnableMap(raw=model) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._engine.stream(self._body(messages, stop, kwargs)):
            yield from _generation_chunks(chunk, self.model_name)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self._engine.astream(self._body(messages, stop, kwargs)):
            for part in _generation_chunks(chunk, self.model_name):
                yield part

    def _body(self, messages: list[BaseMessage], stop: list[str] | None, extra: dict[str, Any]) -> dict[str, Any]:
        body = {
            "messages": convert_to_openai_messages(plain_turns(messages)),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "stop": stop,
            **extra,
        }
        return {name: value for name, value in body.items() if value is not None}


def local_model(
    path: str,
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    context: int | None = None,
    slots: int | None = None,
) -> LocalChatModel:
    """Make a chat model of a GGUF file, for the model name `local:path/to/file.gguf`.

    The file is checked now and loaded by the first call. Models of the same file and size share one loaded
    engine, which is freed when the last of them is gone.

    Args:
        path: The file, with or without a leading `local:`; `~` is expanded.
        max_tokens: Output tokens per call; as far as the context reaches when unset.
        temperature: Sampling temperature; llama.cpp's default when unset.
        seed: Sampling seed; random when unset.
        context: Tokens per slot at most, question and answer together; `FUSION_LOCAL_CONTEXT`, else 8192.
            Never more than the file says that it was trained for.
        slots: Calls that run side by side; `FUSION_LOCAL_SLOTS`, else 3.

    Returns:
        The chat model; its `profile` says how many tokens it reads.

    Raises:
        ConfigError: The file is missing or no GGUF file, or a number is out of range.
        MissingPackageError: The extra `local` is not installed.
    """
    file = Path(path.removeprefix("local:")).expanduser().resolve()
    trained = read_header(file).context_length
    if importlib.util.find_spec("xllamacpp") is None:
        raise missing_package("xllamacpp", "local", f"the local model {file.name!r}")
    wanted = _number("FUSION_LOCAL_CONTEXT", context, DEFAULT_CONTEXT, low=256)
    return LocalChatModel(
        path=file,
        context=min(wanted, trained or wanted),
        slots=_number("FUSION_LOCAL_SLOTS", slots, DEFAULT_SLOTS, low=1),
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
    )


def _number(variable: str, given: int | None, default: int, *, low: int) -> int:
    text = os.environ.get(variable, "") if given is None else str(given)
    if not text:
        return default
    if not text.isdecimal() or int(text) < low:
        raise ConfigError(f"{variable}: {text!r} is not a whole number of {low} or more")
    return int(text)


def _generation_chunks(chunk: Chunk, model_name: str) -> Iterator[ChatGenerationChunk]:
    """Turn one chunk of llama.cpp into LangChain's; progress and empty ones give nothing."""
    choice: dict[str, Any] = next(iter(chunk.get("choices") or []), {})
    delta, reason = choice.get("delta") or {}, choice.get("finish_reason")
    text, thought, counted = delta.get("content"), delta.get("reasoning_content"), chunk.get("usage")
    if not (text or thought or reason or counted):
        return
    message = AIMessageChunk(
        content=text or "",
        additional_kwargs={"reasoning_content": thought} if thought else {},
        response_metadata={"finish_reason": reason, "model_name": model_name} if reason else {},
        usage_metadata=_usage(counted) if counted else None,
    )
    yield ChatGenerationChunk(message=message)


def _usage(counted: dict[str, Any]) -> UsageMetadata:
    usage = UsageMetadata(
        input_tokens=counted["prompt_tokens"],
        output_tokens=counted["completion_tokens"],
        total_tokens=counted["total_tokens"],
    )
    cached = (counted.get("prompt_tokens_details") or {}).get("cached_tokens")
    if cached is not None:
        usage["input_token_details"] = {"cache_read": cached}
    return usage


def _parser(schema: Schema) -> Callable[[AIMessage], Any]:
    def parse(message: AIMessage) -> Any:
        try:
            if isinstance(schema, type) and issubclass(schema, BaseModel):
                return schema.model_validate_json(message.text)
            return json.loads(message.text)
        except (ValidationError, ValueError) as error:
            raise OutputParserException(
                f"the output does not fit the schema: {error}", llm_output=message.text
            ) from error

    return parse
