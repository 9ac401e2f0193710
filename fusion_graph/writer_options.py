"""The writer's model with the options that a run asks for; what its package cannot carry is said before any call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel

from fusion_graph.config import FusionConfig, WriterOptions
from fusion_graph.errors import ConfigError
from fusion_graph.failures import classify
from fusion_graph.kit import Kit
from fusion_graph.models import CallSettings
from fusion_graph.receipt import Degradation

T = TypeVar("T")

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "top_p": ("top_p",),
    "seed": ("seed",),
    "frequency_penalty": ("frequency_penalty",),
    "presence_penalty": ("presence_penalty",),
    "verbosity": ("verbosity",),
    "stop": ("stop", "stop_sequences"),
}
"""Under which names LangChain's chat models hold an option."""
_OF_INSTANCES: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "max_completion_tokens": ("max_tokens", "max_output_tokens"),
}
"""What is set as a chat model is built, and so by hand on one that was given in Python."""
_NOT_IN_RESPONSES = ("stop", "seed", "frequency_penalty", "presence_penalty")
"""What OpenAI's Responses API has no parameter for."""
DROPPED = "option_dropped"
"""On the receipt: an option that the model rejected, so that it was asked again without."""
DROPPABLE = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "verbosity")


def writer_settings(config: FusionConfig) -> CallSettings:
    """Say what the writer asks of its model: the run's output cap, and the options that all providers know.

    Args:
        config: The run's settings.

    Returns:
        The settings; `writer_options.max_completion_tokens` counts within a quarter of `context_window`.
    """
    options, base = config.writer_options, Kit.writer_settings(config)
    cap = options.max_completion_tokens
    if cap is not None:
        base = replace(base, max_tokens=cap if config.context_window is None else min(cap, config.context_window // 4))
    if options.temperature is not None:
        base = replace(base, temperature=options.temperature)
    return base if options.reasoning is None else replace(base, reasoning=options.reasoning)


def writer_model(kit: Kit, name: str, config: FusionConfig) -> BaseChatModel:
    """Return the writer's chat model with the run's options.

    Args:
        kit: The graph's kit.
        name: The model's name.
        config: The run's settings.

    Returns:
        The shared chat model, or a copy of it that carries the options; it shares the connections.

    Raises:
        ConfigError: The model's class has no setting for an option, or name, key or package are at fault.
    """
    options = config.writer_options
    model = kit.models.get(name, writer_settings(config), asked_by="writer")
    changes: dict[str, Any] = {}
    known = _FIELDS
    if name in kit.resources.models:
        known = {**_FIELDS, **_OF_INSTANCES}
        if options.reasoning is not None:
            raise _cannot(name, model, "reasoning", "set it on the chat model that Resources(models=...) gives")
    for option, names in known.items():
        value = getattr(options, option)
        if value is None:
            continue
        if option in _NOT_IN_RESPONSES and _responses_api(model):
            raise _cannot(name, model, option, "OpenAI's Responses API has none")
        changes[_held_as(names, name, model, option)] = value
    if options.response_format is not None and options.response_format.is_json:
        changes |= _format(name, model, options)
    return model.model_copy(update=changes) if changes else model


def check_parallel(name: str, model: BaseChatModel, options: WriterOptions) -> None:
    """Make sure that a model can be told whether to call tools in parallel, if that is asked.

    Args:
        name: The model's name.
        model: The chat model.
        options: The run's options.

    Raises:
        ConfigError: It cannot.
    """
    if options.parallel_tool_calls is None:
        return
    defined = (vars(kind).get("bind_tools") for kind in type(model).__mro__)
    if not any("parallel_tool_calls" in found.__code__.co_varnames for found in defined if found is not None):
        raise _cannot(name, model, "parallel_tool_calls")


def _held_as(names: tuple[str, ...], name: str, model: BaseChatModel, option: str) -> str:
    held = next((one for one in names if one in type(model).model_fields), None)
    if held is None:
        raise _cannot(name, model, option)
    return held


def _format(name: str, model: BaseChatModel, options: WriterOptions) -> dict[str, Any]:
    """Say in the words of a package which form the answer has."""
    asked = options.response_format
    if asked is None:
        return {}
    form = asked.model_dump(exclude_none=True)
    fields = type(model).model_fields
    if "extra_body" in fields and not _responses_api(model):
        # As a parameter of its own, the openai package would insist that every tool be strict.
        return {"extra_body": {**(getattr(model, "extra_body", None) or {}), "response_format": form}}
    if _responses_api(model):
        return {
            "use_responses_api": True,
            "model_kwargs": {**getattr(model, "model_kwargs", {}), "response_format": form},
        }
    if "output_config" in fields and asked.json_schema is not None:
        schema = {"type": "json_schema", "schema": asked.json_schema["schema"]}
        return {"output_config": {**(getattr(model, "output_config", None) or {}), "format": schema}}
    raise _cannot(name, model, f"response_format {asked.type!r}")


def _responses_api(model: BaseChatModel) -> bool:
    """Whether an OpenAI model is asked through the Responses API; where only turns with tools are, those count."""
    decide = getattr(model, "_use_responses_api", None)
    return bool(decide({"tools": [{"type": "function"}]})) if decide is not None else False


def _cannot(name: str, model: BaseChatModel, option: str, why: str = "") -> ConfigError:
    reason = why or f"{type(model).__name__} has no setting for it"
    return ConfigError(f"writer_options: {option}: the writer {name!r} cannot be told: {reason}; leave it out")


class Leniency:
    """Leaves out an option that a model rejects by name, and asks again.

    Args:
        options: The run's options.

    Attributes:
        dropped: The options that were left out; they stay so.
    """

    def __init__(self, options: WriterOptions) -> None:
        self.asked = [name for name in DROPPABLE if getattr(options, name) is not None]
        self.parallel = options.parallel_tool_calls
        self.dropped: list[str] = []

    def without(self, model: BaseChatModel) -> BaseChatModel:
        """Return the model without what was dropped."""
        gone = {name: None for name in self.dropped if name in type(model).model_fields}
        return model.model_copy(update=gone) if gone else model

    async def ask(self, model: BaseChatModel, call: Callable[[BaseChatModel], Awaitable[T]]) -> T:
        """Ask a model, as often as it rejects one more option.

        Args:
            model: The model.
            call: Makes the call with the model it is given.

        Returns:
            What the first good call returned.
        """
        while True:
            try:
                return await call(self.without(model))
            except Exception as error:
                if not self.drop(error):
                    raise

    def told(self) -> list[Degradation]:
        """Return the receipt's entries for what was left out."""
        detail = "the model does not take it and answered without"
        return [Degradation(part="writer", reason=DROPPED, detail=f"{name}: {detail}") for name in self.dropped]

    def drop(self, error: Exception) -> bool:
        """Drop the option that an error names.

        Args:
            error: What a call raised.

        Returns:
            Whether there was one, so that asking again can help.
        """
        failure = classify(error)
        if failure.kind != "invalid_request":
            return False
        asked = [*self.asked, *(["parallel_tool_calls"] if self.parallel is not None else [])]
        named = [name for name in asked if name in failure.message.lower() and name not in self.dropped]
        self.dropped += named
        return bool(named)
