"""What a run may choose: the graphs' `context_schema`, a form in Studio, an assistant on LangGraph Server.

Everything here can be sent by a client of a server. What only its operator may choose - base URLs, folders,
tools in Python, chat model instances - lives in `resources.py`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from fusion_graph.config_base import Effort, Reasoning, Settings
from fusion_graph.config_caller import MAX_CLIENT_TOOLS, ClientTool, ToolChoice, WriterOptions, duplicate
from fusion_graph.config_tools import Engine, FetchSettings, SearchSettings, ToolSpec

__all__ = [
    "FUSION_ID",
    "MAX_SEATS",
    "ClientTool",
    "Effort",
    "Engine",
    "FetchSettings",
    "FusionConfig",
    "History",
    "Mode",
    "Model",
    "PromptName",
    "Reasoning",
    "SearchSettings",
    "Seat",
    "Stage",
    "ToolSpec",
    "WriterOptions",
    "refuse_fusion_id",
]

History = Literal["question", "conversation", "full"]
PromptName = Literal["panelist", "last_turn", "deliberation", "judge", "repair", "writer", "caller"]
Mode = Literal["fuse", "analyze", "auto"]
Stage = Literal["judge", "writer"]

MAX_SEATS = 8
FUSION_ID = re.compile(r"^(openrouter/fusion|fusion/|fusion$|~?openrouter/fusion)", re.IGNORECASE)
Model = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description=(
            "`provider:model` (LangChain), `author/model` (the gateway), `local:file.gguf`, or a name given in Python."
        ),
    ),
]


class Seat(Settings):
    """One chair at the table. State, events and receipt are keyed by its id, never by its model."""

    id: str = Field(
        "",
        max_length=40,
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="Unique in the panel; `seat-1`, `seat-2`, ... when unset.",
    )
    model: Model
    label: str = Field("", max_length=100, description="What people see; the model's name when unset.")
    role: str | None = Field(None, max_length=200, description="What this seat is for, in a phrase.")
    instructions: str | None = Field(None, max_length=20_000, description="Added to this seat's prompt.")
    tools: list[ToolSpec | str] | None = Field(
        None, max_length=8, description="This seat's tools; the run's when unset, none when empty."
    )
    max_tool_calls: int | None = Field(None, ge=1, le=16, description="This seat's tool steps; the run's when unset.")
    max_completion_tokens: int | None = Field(None, ge=1, description="This seat's output cap per call.")
    temperature: float | None = Field(None, ge=0, le=2, description="This seat's temperature; the run's when unset.")
    fallbacks: list[Model] = Field(
        default_factory=list, max_length=4, description="Models that go on, in this order, where the seat's own fails."
    )
    reasoning: Reasoning | None = Field(None, description="This seat's reasoning; the run's when unset.")

    @field_validator("model")
    @classmethod
    def _no_fusion(cls, value: str) -> str:
        return refuse_fusion_id("panel", value)

    @field_validator("fallbacks")
    @classmethod
    def _no_fusion_behind(cls, value: list[str]) -> list[str]:
        return [refuse_fusion_id("fallbacks", model) for model in value]


class FusionConfig(Settings):
    """One run's settings. An explicit field beats the preset; an unknown field is an error."""

    preset: str | None = Field(
        None,
        max_length=100,
        description="A named panel: `general-high`, `general-budget`, `general-fast`, `offline`, or your own.",
    )
    panel: list[Seat | Model] | None = Field(
        None,
        min_length=1,
        max_length=MAX_SEATS,
        description="1 to 8 seats, or just their models; the same model twice is fine.",
    )
    judge: Model | None = Field(
        None, description="The model that compares the drafts; the preset's, else the first seat's."
    )
    writer: Model | None = Field(
        None,
        description="The model that writes the answer; the judge's when unset. In `auto` mode it is the calling model.",
    )
    max_tool_calls: int = Field(
        4, ge=1, le=16, description="Tool steps a panelist or the judge may take before it must answer."
    )
    max_completion_tokens: int = Field(16_000, ge=1, description="Output tokens per model call, reasoning included.")
    reasoning: Reasoning | None = Field(
        None, description="For the panel and the judge; the provider's default when unset."
    )
    temperature: float | None = Field(None, ge=0, le=2, description="For the panel only; the judge is always at 0.")
    tools: list[ToolSpec | str] | None = Field(
        None,
        max_length=8,
        description="Tools of panel and judge: unset means `web_search` and `web_fetch`, empty means none.",
    )
    search: SearchSettings = Field(default_factory=SearchSettings, description="Settings of `web_search`.")
    fetch: FetchSettings = Field(default_factory=FetchSettings, description="Settings of `web_fetch`.")
    history: History = Field(
        "conversation",
        description=(
            "What a panelist sees of earlier turns: the `question` alone, the `conversation` (default), "
            "or `full` with system messages."
        ),
    )
    seat_timeout: float = Field(
        600.0, gt=0, le=7200, description="Seconds a seat may take in all; then its outcome is `timed_out`."
    )
    seat_idle_timeout: float | None = Field(
        None, gt=0, le=7200, description="Seconds a seat may go without a token or a tool call; no limit when unset."
    )
    quorum: int | None = Field(
        None, ge=1, le=MAX_SEATS, description="Usable drafts that are enough; all seats are waited for when unset."
    )
    grace: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="Seconds that stragglers get once the quorum is reached; then they are cancelled.",
    )
    deadline: float | None = Field(
        None,
        gt=0,
        le=7200,
        description="Seconds after which no seat goes on; judge and writer work with what there is.",
    )
    review: list[Stage] = Field(
        default_factory=list,
        max_length=2,
        description="Where the run stops for a person: before the `judge`, before the `writer`; needs a checkpointer.",
    )
    max_cost_usd: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="US dollars that the run may cost, models and searches together; no limit when unset.",
    )
    max_total_tokens: int | None = Field(
        None, ge=1, description="Tokens that all model calls together may use, in and out; no limit when unset."
    )
    blind: bool = Field(True, description="Show drafts to judge and writer under neutral labels.")
    seed: int | None = Field(
        None,
        ge=0,
        lt=2**32,
        description="Seed of the order in which drafts are shown, and recorded; from the question when unset.",
    )
    context_window: int | None = Field(
        None,
        ge=2_000,
        description="Tokens that judge and writer can read; the models' published windows when unset.",
    )
    tool_choice: ToolChoice = Field(
        "auto",
        description=(
            "`auto` mode only: whether the calling model may or must call a tool on its first turn, which one if it "
            "is named, or may call none at all."
        ),
    )
    may_deliberate: bool = Field(
        True, description="`auto` mode only: whether there is a tool `fusion`; without it no panel is needed."
    )
    client_tools: list[ClientTool] = Field(
        default_factory=list,
        max_length=MAX_CLIENT_TOOLS,
        description="`auto` mode only: the calling model's tools that the client runs; the run ends with such a call.",
    )
    caller_tools: list[ToolSpec | str] = Field(
        default_factory=list,
        max_length=8,
        description="`auto` mode only: the calling model's own tools that run here, such as `web_search`.",
    )
    writer_options: WriterOptions = Field(
        default_factory=WriterOptions,
        description="How the writer samples, in `auto` mode the calling model, and the form of its answer.",
    )
    prompts: dict[PromptName, Annotated[str, Field(min_length=1, max_length=50_000)]] = Field(
        default_factory=dict, description="Your own wording in place of a prompt file."
    )

    @field_validator("judge", "writer")
    @classmethod
    def _no_fusion(cls, value: str | None) -> str | None:
        return value if value is None else refuse_fusion_id("judge or writer", value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = [seat.id for seat in self.seats() if seat.id]
        twice = sorted({seat_id for seat_id in named if named.count(seat_id) > 1})
        if twice:
            raise ValueError(f"panel: seat id {twice[0]!r} is used twice; give each seat its own id")
        if self.quorum is not None and self.panel is not None and self.quorum > len(self.panel):
            raise ValueError(f"quorum: {self.quorum} is more than the {len(self.panel)} seats of panel")
        if (name := duplicate(tool.name for tool in self.client_tools)) is not None:
            raise ValueError(f"client_tools: {name!r} is listed twice")
        both = set(self.search.allowed_domains) & set(self.search.excluded_domains)
        if both:
            raise ValueError(f"search.allowed_domains and search.excluded_domains both name {sorted(both)[0]!r}")
        return self

    def seats(self) -> list[Seat]:
        """Return the panel as seats: a bare model becomes a seat without settings of its own."""
        return [Seat(model=entry) if isinstance(entry, str) else entry for entry in self.panel or []]

    def over(self, base: FusionConfig) -> FusionConfig:
        """Return these settings on top of others.

        Args:
            base: The settings below, such as a graph's defaults.

        Returns:
            `base` with every field that was set explicitly here; nested settings are merged field by field.
        """
        return FusionConfig.model_validate(_merged(base, self))


def _merged(base: BaseModel, top: BaseModel) -> dict[str, Any]:
    values = {name: getattr(base, name) for name in base.model_fields_set}
    for name in top.model_fields_set:
        below, above = values.get(name), getattr(top, name)
        if isinstance(above, SearchSettings | FetchSettings | WriterOptions) and isinstance(below, BaseModel):
            above = _merged(below, above)
        values[name] = above
    return values


def refuse_fusion_id(field: str, model: str) -> str:
    """Reject a fusion id where a model is meant: a fusion cannot sit in its own panel.

    Args:
        field: The field, for the message.
        model: The requested model name.

    Returns:
        The same name.

    Raises:
        ValueError: The name is a fusion id.
    """
    if FUSION_ID.match(model):
        raise ValueError(f"{field}: {model!r} is a fusion, not a model; name the models themselves")
    return model
