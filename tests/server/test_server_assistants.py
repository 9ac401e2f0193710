"""`FusionConfig` on a LangGraph Server: as an assistant, as a form, and as an error that names the field."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from scripted_panel import Panel, asked

from fusion_graph import FusionConfig


async def test_an_assistant_keeps_its_panel_and_a_run_may_change_it(client: LangGraphClient, panel: Panel) -> None:
    name = f"two seats of {panel.name}"
    assistant = await client.assistants.create("fusion", context=panel.context(max_tool_calls=2), name=name)
    assistant_id = assistant["assistant_id"]
    try:
        plain: Any = await client.runs.wait(None, assistant_id, input=asked())
        context: dict[str, Any] = {"panel": [{"id": "only", "model": panel.model("alpha")}]}
        changed: Any = await client.runs.wait(None, assistant_id, input=asked(), context=context)
    finally:
        await client.assistants.delete(assistant_id)

    models = [panel.model("alpha"), panel.model("beta")]
    assert [seat["requested_model"] for seat in plain["receipt"]["seats"]] == models
    assert [seat["seat_id"] for seat in changed["receipt"]["seats"]] == ["only"]
    assert changed["receipt"]["judge"]["requested_model"] == panel.model("judge")


@pytest.mark.parametrize("graph", ["fusion", "deliberation", "fusion_agent"])
async def test_the_schema_of_the_context_is_a_form(client: LangGraphClient, graph: str) -> None:
    assistant = next(iter(await client.assistants.search(graph_id=graph)))
    schemas: Any = await client.assistants.get_schemas(assistant["assistant_id"])

    context = schemas["context_schema"]
    fields = context["properties"]
    assert set(fields) == set(FusionConfig.model_fields)
    assert all(field.get("description") for field in fields.values())
    assert (fields["max_tool_calls"]["minimum"], fields["max_tool_calls"]["maximum"]) == (1, 16)
    panel = next(option for option in fields["panel"]["anyOf"] if option.get("type") == "array")
    assert (panel["minItems"], panel["maxItems"]) == (1, 8)
    assert fields["history"]["enum"] == ["question", "conversation", "full"]
    engines = context["$defs"]["SearchSettings"]["properties"]["engine"]["enum"]
    assert {"auto", "exa", "tavily", "parallel", "searxng", "duckduckgo", "corpus"} <= set(engines)
    assert all(field.get("description") for field in context["$defs"]["Seat"]["properties"].values())
    assert set(schemas["input_schema"]["properties"]) == {"messages"}
    assert {"analysis", "receipt", "failed_models"} <= set(schemas["output_schema"]["properties"])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"max_tool_calls": 17}, "max_tool_calls"),
        ({"panel": ["a/b"] * 9}, "panel"),
        ({"search": {"engin": "corpus"}}, "search.engin"),
        ({"preset": "no-such-preset"}, "no-such-preset"),
    ],
)
async def test_a_bad_context_is_an_error_that_names_the_field(
    client: LangGraphClient, panel: Panel, settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(Exception, match=named):
        await client.runs.wait(None, "fusion", input=asked(), context=panel.context(**settings))
    assert panel.calls("alpha") == []


async def test_a_top_level_name_that_is_no_field_is_dropped_by_the_server_itself(
    client: LangGraphClient, panel: Panel
) -> None:
    context = panel.context(max_tool_cals=2)
    output: Any = await client.runs.wait(None, "fusion", input=asked(), context=context)
    assert output["status"] == "ok"
