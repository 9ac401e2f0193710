"""What the models of all request bodies have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]
"""Up to 16 pairs of a key of up to 64 characters and a text of up to 512."""
FUNCTION_NAME = r"^[A-Za-z0-9_-]+$"
CallId = Annotated[str, Field(min_length=1, max_length=200)]
ModelName = Annotated[str, Field(min_length=1, max_length=300)]
TOKENS = 2**31
"""No model writes as many; larger numbers break counters."""
Tokens = Annotated[int, Field(ge=1, lt=TOKENS)]


class Body(BaseModel):
    """Base of whatever a client writes: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Echoed(BaseModel):
    """Base of what clients send back as they got it: fields we do not know are read past."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Unsupported:
    """Marks a field that is known and cannot be honoured: only values that ask for nothing pass.

    Args:
        *harmless: Those values; `null` always is one.
        why: What the error says of the others.
    """

    def __init__(self, *harmless: Any, why: str = "is not supported here") -> None:
        self.harmless = (None, *harmless)
        self.why = why

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the value; it is kept as it is."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe what passes."""
        del schema, handler
        return {"enum": list(self.harmless), "description": f"Known; another value {self.why}."}

    def _check(self, value: Any) -> Any:
        if any(type(value) is type(one) and value == one for one in self.harmless):
            return value
        raise PydanticCustomError("unsupported", "{why}; leave it out", {"why": self.why})


class Without:
    """Marks a field that is accepted and has no effect, whatever it holds.

    Args:
        why: Why clients send it, for the description.
    """

    def __init__(self, why: str) -> None:
        self.why = why

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe it."""
        return {**handler(schema), "description": f"Accepted without effect: {self.why}."}


def kind_of(value: Any, field: str) -> str | None:
    """Return a union's tag: `=` and what stands in a field; the mark keeps tags apart from fields in error paths."""
    named = value.get(field) if isinstance(value, dict) else getattr(value, field, None)
    return f"={named}" if isinstance(named, str) else None


def by(field: str, known: str) -> Discriminator:
    """Make a discriminator by the text of one field, whose error says what is allowed.

    Args:
        field: The field.
        known: The allowed values, in words.

    Returns:
        The discriminator; the union's members carry `tag(value)`.
    """
    return Discriminator(
        lambda value: kind_of(value, field),
        custom_error_type="unknown_kind",
        custom_error_message=f"`{field}` must be one of {known}",
    )


def tag(value: str) -> Tag:
    """Make the tag of a union's member."""
    return Tag(f"={value}")


def _text_or_list(value: Any) -> str | None:
    return "=text" if isinstance(value, str) else "=list" if isinstance(value, list) else None


text_or_list = Discriminator(
    _text_or_list, custom_error_type="text_or_list", custom_error_message="a text or a list is expected"
)


def _text_or_object(value: Any) -> str | None:
    return "=text" if isinstance(value, str) else "=object" if isinstance(value, dict | BaseModel) else None


text_or_object = Discriminator(
    _text_or_object, custom_error_type="text_or_object", custom_error_message="a text or an object is expected"
)
