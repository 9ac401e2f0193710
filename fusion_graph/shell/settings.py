"""What a tool entry may set about `shell`; whether there is one at all is the operator's choice."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

SHELL = "shell"
WORKSPACE = "/workspace"
OUTPUT = "/output"
OUTPUT_BYTES = 2 * 2**20
"""What a command may print before it meets a full disk."""


class ShellSettings(BaseModel):
    """Parameters of the tool `shell`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout: float = Field(30.0, ge=1, le=300, description="Seconds a command may take.")
    max_output_characters: int = Field(
        20_000, ge=100, le=100_000, description="Characters of a command's output shown to the model; the rest is cut."
    )
