"""JSON schemas under which a weak model must come to an end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.utils.json_schema import dereference_refs

_KEPT = ("type", "description", "enum", "const", "minimum", "maximum", "minItems", "required")
_ANY = {"type": ["string", "number", "boolean", "null"]}


def bounded_schema(schema: Mapping[str, Any], max_text: int, max_items: int) -> dict[str, Any]:
    """Rewrite a JSON schema so that what is written under it must end.

    Args:
        schema: A tool's parameters.
        max_text: Characters of a string at most.
        max_items: Items of a list at most.

    Returns:
        A schema with the same structure, every string and list bounded, references resolved and without the
        keywords (`pattern`, `format`, defaults) that grammar engines read differently; the tool still checks.
    """
    return _bounded(dereference_refs(dict(schema)), max_text, max_items)


def _bounded(schema: Mapping[str, Any], max_text: int, max_items: int) -> dict[str, Any]:
    kept = {key: schema[key] for key in _KEPT if key in schema}
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return {**kept, "anyOf": [_bounded(choice, max_text, max_items) for choice in choices]}
    if "properties" in schema:
        inner = {name: _bounded(part, max_text, max_items) for name, part in schema["properties"].items()}
        return {**kept, "type": "object", "properties": inner, "additionalProperties": False}
    if not kept.keys() & {"type", "enum", "const"}:
        kept.update(_ANY)
    kinds = [kept.get("type")] if isinstance(kept.get("type"), str) else kept.get("type", [])
    if "object" in kinds:
        kept["additionalProperties"] = {**_ANY, "maxLength": max_text}
    if "array" in kinds:
        kept["items"] = _bounded(schema.get("items") or {}, max_text, max_items)
        kept["maxItems"] = max(min(schema.get("maxItems", max_items), max_items), kept.get("minItems", 0))
    if "string" in kinds and not kept.keys() & {"enum", "const"}:
        kept["maxLength"] = min(schema.get("maxLength", max_text), max_text)
    return kept
