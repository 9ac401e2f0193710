"""What chat completions and responses both say about the model that writes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fusion_graph.server.requests.base import Body, Metadata, ModelName, Unsupported, Without
from fusion_graph.server.requests.fusion import FusionSettings, Plugins
from fusion_graph.server.requests.loop import StopConditions
from fusion_graph.server.requests.tools import CacheControl

Effort = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]
_NO_SETTING = "has no counterpart in the models' packages"


class Written(Body):
    """Fields of a request that are about the writer, the client or the account, whichever the endpoint."""

    model: ModelName | None = Field(
        None,
        description=(
            "`openrouter/fusion`, `openrouter/fusion-flash`, `fusion/<preset>`, or a model; "
            "`openrouter/fusion` when unset."
        ),
    )
    plugins: Plugins | None = None
    fusion: FusionSettings | None = Field(None, description="Fusion's settings, this server's own among them.")
    stream: bool | None = None
    temperature: float | None = Field(None, ge=0, le=2, description="Of the writer.")
    top_p: float | None = Field(None, ge=0, le=1, description="Of the writer.")
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="Of the writer.")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="Of the writer.")
    parallel_tool_calls: bool | None = None
    stop_server_tools_when: StopConditions | None = None
    max_tool_calls: int | None = Field(
        None, ge=1, le=30, description="Calls of server tools by the calling model; see the documentation."
    )
    metadata: Metadata | None = Field(None, description="Returned as it is.")
    user: Annotated[str | None, Without("it is returned, and goes to no provider")] = None
    safety_identifier: Annotated[str | None, Without("it is returned, and goes to no provider")] = None
    session_id: Annotated[str | None, Field(max_length=256), Without("providers are not pinned")] = None
    service_tier: Annotated[str | None, Field(max_length=40), Without("models are called at the default tier")] = None
    prompt_cache_key: Annotated[str | None, Without("prompts are laid out for the providers' caches")] = None
    prompt_cache_options: Annotated[dict[str, Any] | None, Without("see prompt_cache_key")] = None
    prompt_cache_retention: Annotated[str | None, Without("see prompt_cache_key")] = None
    cache_control: CacheControl = None
    provider: Annotated[dict[str, Any] | None, Without("providers are the operator's choice")] = None
    trace: Annotated[dict[str, Any] | None, Without("tracing is the operator's choice")] = None
    models: Annotated[Any, Unsupported(why="names fallbacks of the calling model; use seats' `fallbacks`")] = None
    modalities: Annotated[Any, Unsupported(["text"], why="asks for more than text, which is not supported here")] = None
    top_logprobs: Annotated[Any, Unsupported(0, why="asks for log probabilities, which are not supported here")] = None
    moderation: Annotated[Any, Unsupported(why="is not supported here")] = None
    deferred_tools: Annotated[Any, Unsupported(why="is not supported here")] = None
    debug: Annotated[Any, Unsupported(why="is not supported here")] = None
    image_config: Annotated[Any, Unsupported(why="makes images, which is not supported here")] = None
    top_k: Annotated[Any, Unsupported(0, why=_NO_SETTING)] = None
