"""What a run may ask of the model that writes: how it samples, and which tools its client runs for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from fusion_graph.config_base import Reasoning, Settings

FUSION = "fusion"
"""The tool that convenes the panel."""
SERVER_SIDE = frozenset({FUSION, "web_search", "web_fetch"})
"""Tools that are run here; no client's tool may go by their names."""
CHOICES = ("auto", "required", "none")
MAX_CLIENT_TOOLS = 128
"""As many as OpenAI takes in one request."""

_TOOL_NAME = r"^[A-Za-z0-9_.:/-]+$"
ToolChoice = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=_TOOL_NAME),
    WithJsonSchema(
        {"anyOf": [{"enum": list(CHOICES)}, {"type": "string", "maxLength": 100, "pattern": _TOOL_NAME}]},
    ),
]
"""`auto`, `required`, `none`, or a tool's name."""


class ClientTool(Settings):
    """A function that the client runs itself: the run ends with the call, and the next one goes on from its result."""

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="The function's name; not that of a tool that runs here.",
    )
    description: str = Field("", max_length=20_000, description="What the calling model is told about it.")
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="JSON schema of the arguments, an object; no arguments when unset.",
    )
    strict: bool | None = Field(
        None, description="Whether the provider must keep to the schema, where it can; its default when unset."
    )

    @field_validator("name")
    @classmethod
    def _no_other_meaning(cls, value: str) -> str:
        if value in SERVER_SIDE:
            raise ValueError(f"{value!r} is a tool that runs here; give the client's tool another name")
        if value in CHOICES:
            raise ValueError(f"{value!r} is a value of tool_choice; give the client's tool another name")
        return value

    @field_validator("parameters")
    @classmethod
    def _an_object(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            return {"type": "object", "properties": {}}
        if value.get("type", "object") != "object":
            raise ValueError(f"arguments are an object; give a schema of type 'object', not {value['type']!r}")
        return value

    def as_openai(self) -> dict[str, Any]:
        """Return it in OpenAI's form, which every chat model of LangChain's can bind."""
        function: dict[str, Any] = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function | ({} if self.strict is None else {"strict": self.strict})}


class ResponseFormat(Settings):
    """The form of the answer, as in OpenAI's chat completions."""

    type: Literal["text", "json_object", "json_schema"] = Field(
        description="Prose, any JSON object, or JSON after a schema."
    )
    json_schema: dict[str, Any] | None = Field(
        None, description="With `json_schema` only: `name`, `schema`, and if wanted `strict` and `description`."
    )

    @model_validator(mode="after")
    def _schema_where_it_belongs(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema: give it with type 'json_schema', and with no other type")
        if self.json_schema is not None:
            name, schema = self.json_schema.get("name"), self.json_schema.get("schema")
            if not (isinstance(name, str) and name) or not isinstance(schema, dict):
                raise ValueError("json_schema: give it a `name`, and the schema as an object under `schema`")
            unknown = sorted(self.json_schema.keys() - {"name", "schema", "strict", "description"})
            if unknown:
                raise ValueError(f"json_schema: unknown key {unknown[0]!r}; use name, schema, strict, description")
        return self

    @property
    def is_json(self) -> bool:
        """Whether the answer's text is JSON."""
        return self.type != "text"


class WriterOptions(Settings):
    """How the writer samples (in `auto` mode the calling model); the panel and the judge know nothing of it.

    What the model's package or provider has no setting for is an error before any model is called. What a model
    rejects when it is asked is left out and said on the receipt (`option_dropped`), except for `stop` and
    `response_format`, without which the answer would be another one.
    """

    temperature: float | None = Field(
        None, ge=0, le=2, allow_inf_nan=False, description="Sampling temperature; the provider's default when unset."
    )
    top_p: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="Probability mass sampled from; the provider's when unset."
    )
    max_completion_tokens: int | None = Field(
        None,
        ge=1,
        description="Output tokens per call, reasoning included; the run's `max_completion_tokens` if unset.",
    )
    stop: list[Annotated[str, Field(min_length=1, max_length=500)]] | None = Field(
        None, min_length=1, max_length=4, description="1 to 4 texts before which the answer ends."
    )
    reasoning: Reasoning | None = Field(None, description="How hard it thinks; the provider's default when unset.")
    seed: int | None = Field(None, description="Seed of the provider's sampling, within 64 bits; none when unset.")
    frequency_penalty: float | None = Field(
        None, ge=-2, le=2, allow_inf_nan=False, description="Penalty on words by how often they came."
    )
    presence_penalty: float | None = Field(
        None, ge=-2, le=2, allow_inf_nan=False, description="Penalty on words that came at all."
    )
    response_format: ResponseFormat | None = Field(None, description="Prose, JSON, or JSON after a schema.")
    verbosity: Literal["low", "medium", "high"] | None = Field(None, description="How much it writes.")
    parallel_tool_calls: bool | None = Field(
        None, description="`auto` mode only: whether one turn may hold several tool calls; the provider's when unset."
    )

    @field_validator("seed")
    @classmethod
    def _as_providers_hold_it(cls, value: int | None) -> int | None:
        if value is not None and not -(2**63) <= value < 2**63:
            raise ValueError("seed: it must fit into 64 bits; give a smaller number")
        return value


def duplicate(names: Iterable[str]) -> str | None:
    """Return a name that occurs twice, the first in order of the alphabet, or `None`."""
    return min((name for name, times in Counter(names).items() if times > 1), default=None)
