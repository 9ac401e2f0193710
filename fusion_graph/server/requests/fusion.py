"""What a request may say about fusion itself: OpenRouter's fields, and this package's own beside them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, create_model, model_validator

from fusion_graph.config import FusionConfig, Mode, Seat
from fusion_graph.server.requests.base import Body, ModelName, Tokens, Without, tag, text_or_object
from fusion_graph.server.requests.web import InnerTools

OWN = (
    "judge",
    "writer",
    "search",
    "fetch",
    "history",
    "seat_timeout",
    "seat_idle_timeout",
    "quorum",
    "grace",
    "deadline",
    "max_cost_usd",
    "blind",
    "seed",
    "prompts",
)
"""Fields of `FusionConfig` that a client may set under their own names and in their own ranges.

`review` is not among them: nobody could answer it here. What the request says elsewhere is not either: tools of the
calling model, `tool_choice`, and how the answer is sampled.
"""


def _seat_fields() -> dict[str, Any]:
    taken = {"tools": (InnerTools | None, Field(None, description="This seat's tools; the run's when unset."))}
    fields = {name: (field.annotation, field) for name, field in Seat.model_fields.items()}
    narrowed = {"max_completion_tokens": (Tokens | None, Field(None, description="This seat's output cap per call."))}
    return {**fields, **taken, **narrowed}


FusionSeat = create_model("FusionSeat", __base__=Body, __doc__=Seat.__doc__, **_seat_fields())
_taken = {name: FusionConfig.model_fields[name] for name in OWN}
_own: dict[str, Any] = {name: (field.annotation, field) for name, field in _taken.items()}
_Own = create_model("_Own", __base__=Body, **_own)


class FusionSettings(_Own):  # made from FusionConfig, so that ranges stand in one place
    """Settings of one fusion; the same object under `fusion`, in the plugin and in the server tool's parameters."""

    preset: str | None = Field(None, max_length=100, description="A preset of this server; explicit fields beat it.")
    analysis_models: list[ModelName] | None = Field(
        None, min_length=1, max_length=8, description="The panel, 1 to 8 models; the same model twice is fine."
    )
    model: ModelName | None = Field(
        None, description="The judge; where the request names no model of its own, the writer too."
    )
    max_tool_calls: int = Field(4, ge=1, le=16, description="Tool steps of each panelist and of the judge.")
    max_completion_tokens: Tokens = Field(16_000, description="Output tokens of each inner call, reasoning included.")
    max_total_tokens: Tokens | None = Field(
        None, description="Tokens that all model calls together may use; no limit when unset."
    )
    context_window: Annotated[int, Field(ge=2_000, lt=2**31)] | None = Field(
        None, description="Tokens that judge and writer can read; the models' published windows when unset."
    )
    reasoning: FusionReasoning | None = Field(None, description="For panel and judge; the provider's default if unset.")
    temperature: float | None = Field(None, ge=0, le=2, description="Of the panel only; the judge is always at 0.")
    tools: InnerTools | None = Field(
        None, description="Tools of panel and judge: search and fetch when unset, none when empty."
    )
    cache_control: Annotated[dict[str, Any] | None, Without("prompts are laid out for the providers' caches")] = None
    mode: Mode | None = Field(
        None,
        description=(
            "`auto`: the calling model decides; `fuse`: always deliberate, then write; `analyze`: deliberate and "
            "return the analysis alone, as JSON text."
        ),
    )
    panel: (
        list[
            Annotated[
                Annotated[ModelName, tag("text")] | Annotated[FusionSeat, tag("object")],
                text_or_object,
            ]
        ]
        | None
    ) = Field(None, min_length=1, max_length=8, description="1 to 8 seats with settings of their own, or models.")

    @model_validator(mode="after")
    def _one_name_for_one_thing(self) -> Self:
        if self.panel is not None and self.analysis_models is not None:
            raise ValueError("`panel` and `analysis_models` are the same thing; give one of them")
        if self.model is not None and self.model_dump(include={"judge"})["judge"] is not None:
            raise ValueError("`model` and `judge` are the same thing; give one of them")
        return self


class FusionReasoning(Body):
    """How hard a model thinks."""

    effort: Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"] | None = None
    max_tokens: Tokens | None = None


class FusionPlugin(FusionSettings):
    """`plugins: [{"id": "fusion"}]`."""

    id: Literal["fusion"]
    enabled: bool = Field(True, description="`false`: this request is answered by the calling model alone.")


class FusionTool(Body):
    """`tools: [{"type": "openrouter:fusion"}]`."""

    type: Literal["openrouter:fusion"]
    parameters: FusionSettings | None = None


FusionSettings.model_rebuild()
Plugins = Annotated[
    list[FusionPlugin], Field(max_length=16, description="There is one plugin, `fusion`; name it once.")
]
