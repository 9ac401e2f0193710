"""What the settings of every part of a run have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Effort = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]


class Settings(BaseModel):
    """Base of all settings: an unknown field is an error, and nothing can be changed after the fact."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reasoning(Settings):
    """How hard a model thinks; forwarded to the provider."""

    effort: Effort | None = Field(None, description="Reasoning effort; the provider's default when unset.")
    max_tokens: int | None = Field(None, ge=1, description="Reasoning tokens at most.")
