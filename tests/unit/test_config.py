from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from fusion_graph.config import (
    ClientTool,
    FetchSettings,
    FusionConfig,
    Reasoning,
    SearchSettings,
    Seat,
    ToolSpec,
    WriterOptions,
)
from fusion_graph.config_caller import ResponseFormat
from fusion_graph.errors import ConfigError
from fusion_graph.kit import Kit
from fusion_graph.resources import Gateway, Resources

PAGE = Path(__file__).parents[2] / "docs" / "config.md"
SETTINGS: list[type[BaseModel]] = [
    FusionConfig,
    Seat,
    Reasoning,
    SearchSettings,
    FetchSettings,
    ToolSpec,
    ClientTool,
    WriterOptions,
    ResponseFormat,
]
SEAT = "vendor/model"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tool_calls", 4),
        ("max_completion_tokens", 16_000),
        ("history", "conversation"),
        ("blind", True),
        ("tool_choice", "auto"),
        ("panel", None),
        ("tools", None),
        ("temperature", None),
        ("reasoning", None),
        ("seed", None),
    ],
)
def test_defaults_are_the_contracts(field, value):
    assert getattr(FusionConfig(), field) == value


@pytest.mark.parametrize("size", [1, 2, 8])
def test_a_panel_may_have_one_to_eight_seats_the_same_model_included(size):
    assert [seat.model for seat in FusionConfig(panel=[SEAT] * size).seats()] == [SEAT] * size


@pytest.mark.parametrize(
    "fields",
    [
        {"panel": []},
        {"panel": [SEAT] * 9},
        {"panel": [""]},
        {"panel": SEAT},
        {"panel": [{"label": "no model"}]},
        {"panel": [{"model": SEAT, "id": "with space"}]},
        {"panel": [{"model": SEAT, "id": "new\nline"}]},
        {"panel": [{"model": SEAT, "id": "x" * 41}]},
        {"panel": [{"model": SEAT, "colour": "red"}]},
        {"panel": [{"model": SEAT, "max_tool_calls": 17}]},
        {"panel": [{"model": SEAT, "temperature": 2.1}]},
        {"max_tool_calls": 0},
        {"max_tool_calls": 17},
        {"max_tool_calls": 1.5},
        {"max_completion_tokens": 0},
        {"temperature": -0.1},
        {"temperature": 2.01},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"seat_timeout": 0},
        {"seat_timeout": 7201},
        {"seat_timeout": math.nan},
        {"tools": ["x"] * 9},
        {"tools": [{"type": ""}]},
        {"tools": [{"parameters": {}}]},
        {"reasoning": {"effort": "extreme"}},
        {"reasoning": {"max_tokens": 0}},
        {"search": {"max_results": 26}},
        {"search": {"max_results": 0}},
        {"search": {"engine": "bing"}},
        {"search": {"search_context_size": "huge"}},
        {"fetch": {"max_uses": 51}},
        {"fetch": {"timeout": 0}},
        {"fetch": {"max_bytes": 50_000_001}},
        {"history": "everything"},
        {"tool_choice": "not a name"},
        {"tool_choice": ""},
        {"client_tools": [{"name": "fusion"}]},
        {"client_tools": [{"name": "web_search"}]},
        {"client_tools": [{"name": "required"}]},
        {"client_tools": [{"name": "with space"}]},
        {"client_tools": [{"name": "x" * 65}]},
        {"client_tools": [{"name": "twice"}, {"name": "twice"}]},
        {"client_tools": [{"name": "list", "parameters": {"type": "array"}}]},
        {"caller_tools": ["x"] * 9},
        {"writer_options": {"temperature": 2.1}},
        {"writer_options": {"temperature": math.nan}},
        {"writer_options": {"top_p": 1.1}},
        {"writer_options": {"stop": []}},
        {"writer_options": {"stop": ["a", "b", "c", "d", "e"]}},
        {"writer_options": {"stop": [""]}},
        {"writer_options": {"frequency_penalty": 2.5}},
        {"writer_options": {"verbosity": "huge"}},
        {"writer_options": {"max_completion_tokens": 0}},
        {"writer_options": {"logprobs": True}},
        {"writer_options": {"response_format": {"type": "xml"}}},
        {"writer_options": {"response_format": {"type": "json_schema"}}},
        {"writer_options": {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}},
        {"writer_options": {"response_format": {"type": "text", "json_schema": {"name": "x", "schema": {}}}}},
        {"seed": -1},
        {"seed": 2**32},
        {"context_window": 1_999},
        {"prompts": {"synthesis": "x"}},
        {"prompts": {"judge": ""}},
        {"judge": ""},
        {"judge": "x" * 301},
        {"analysis_models": [SEAT]},
        {"Panel": [SEAT]},
    ],
)
def test_what_is_unknown_or_out_of_range_is_refused(fields):
    with pytest.raises(ValidationError):
        FusionConfig(**fields)


@pytest.mark.parametrize(
    "name",
    [
        "openrouter/fusion",
        "openrouter/fusion-flash",
        "openrouter/fusion:free",
        "~openrouter/fusion",
        "fusion",
        "Fusion",
        "fusion/x",
    ],
)
@pytest.mark.parametrize("field", ["panel", "seat", "judge", "writer"])
def test_a_fusion_may_sit_nowhere_in_a_fusion(name, field):
    fields: dict[str, Any] = {
        "panel": {"panel": [name]},
        "seat": {"panel": [{"model": name}]},
        "judge": {"judge": name},
        "writer": {"writer": name},
    }[field]
    with pytest.raises(ValidationError, match="is a fusion, not a model"):
        FusionConfig(**fields)


@pytest.mark.parametrize("name", ["confusion/model", "vendor/fusion-x", "ollama:fusion-lm", "openrouter/auto"])
def test_a_model_that_is_only_named_like_a_fusion_may_sit(name):
    assert FusionConfig(panel=[name], judge=name).judge == name


def test_one_seat_id_twice_is_refused_by_name():
    with pytest.raises(ValidationError, match="seat id 'a' is used twice"):
        FusionConfig(panel=[Seat(id="a", model=SEAT), Seat(id="b", model=SEAT), Seat(id="a", model=SEAT)])


def test_a_domain_both_allowed_and_excluded_is_refused_and_both_fields_named():
    with pytest.raises(
        ValidationError, match=r"search\.allowed_domains and search\.excluded_domains both name 'x\.org'"
    ):
        FusionConfig(search={"allowed_domains": ["x.org"], "excluded_domains": ["x.org"]})


def test_settings_cannot_be_changed_after_the_fact():
    with pytest.raises(ValidationError):
        FusionConfig().blind = False


def test_the_same_settings_come_back_from_json():
    config = FusionConfig(
        preset="mine",
        panel=[SEAT, Seat(id="b", model=SEAT, role="r", tools=["web_search", ToolSpec(type="x", parameters={"a": 1})])],
        search={"allowed_domains": ["x.org"]},
        reasoning={"effort": "high"},
        prompts={"judge": "Compare."},
    )
    assert FusionConfig.model_validate(json.loads(config.model_dump_json(exclude_unset=True))) == config


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "panel": st.lists(st.just(SEAT), min_size=1, max_size=3),
        "judge": st.sampled_from(["j/1", "j/2"]) | st.none(),
        "max_tool_calls": st.integers(1, 16),
        "temperature": st.none() | st.floats(0, 2),
        "tools": st.none() | st.just([]) | st.just(["web_search"]),
        "search": st.fixed_dictionaries(
            {}, optional={"max_results": st.integers(1, 25), "engine": st.sampled_from(["exa", "corpus"])}
        ),
        "fetch": st.fixed_dictionaries({}, optional={"max_uses": st.none() | st.integers(1, 50)}),
        "reasoning": st.none() | st.just({"effort": "high"}) | st.just({"max_tokens": 9}),
        "blind": st.booleans(),
    },
)


@given(FIELDS, FIELDS)
@settings(deadline=None)
def test_an_explicit_field_wins_over_the_one_below_and_the_rest_shines_through(top, base):
    merged = FusionConfig(**top).over(FusionConfig(**base))
    for name in {*top, *base} - {"search", "fetch"}:
        wanted = FusionConfig(**{name: top.get(name, base.get(name))}) if name in top or name in base else None
        assert getattr(merged, name) == getattr(wanted, name)
    for name in ("search", "fetch"):
        assert getattr(merged, name) == getattr(
            FusionConfig(**{name: {**base.get(name, {}), **top.get(name, {})}}), name
        )
    assert merged.model_fields_set == {*top, *base}


@given(FIELDS)
@settings(deadline=None)
def test_settings_over_nothing_and_nothing_over_settings_are_the_settings(fields):
    config = FusionConfig(**fields)
    assert config.over(FusionConfig()) == FusionConfig().over(config) == config


def test_an_explicit_none_and_an_explicit_empty_list_are_choices_too():
    base = FusionConfig(temperature=0.7, tools=["web_search"], judge="j/1")
    merged = FusionConfig(temperature=None, tools=[], judge=None).over(base)
    assert (merged.temperature, merged.tools, merged.judge) == (None, [], None)


def kit(**defaults: Any) -> Kit:
    return Kit(FusionConfig(**defaults), Resources())


def test_the_run_beats_its_preset_which_beats_the_graphs_defaults():
    settled = kit(judge="default/judge", max_tool_calls=2, temperature=0.5).settle(
        {"preset": "general-fast", "max_tool_calls": 9}
    )
    assert settled.judge == "~anthropic/claude-sonnet-latest"
    assert (settled.max_tool_calls, settled.temperature) == (9, 0.5)


def test_the_graphs_own_preset_lies_below_its_own_defaults():
    settled = kit(preset="general-fast", judge="default/judge").settle(None)
    assert settled.judge == "default/judge"
    assert len(settled.seats()) == 3


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"nope": 1}, "nope: there is no such field"),
        ({"max_tool_calls": 99}, "max_tool_calls: "),
        ({"preset": "nope"}, "there is no preset 'nope'"),
        ({"panel": []}, "panel: "),
    ],
)
def test_a_run_with_wrong_settings_is_a_config_error_that_names_the_field(context, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        kit().settle(context)


def test_settings_that_only_conflict_together_are_a_config_error_too():
    with pytest.raises(ConfigError, match=r"both name 'x\.org'"):
        kit(search={"allowed_domains": ["x.org"]}).settle({"search": {"excluded_domains": ["x.org"]}})


def fields_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    tables = [schema, *schema.get("$defs", {}).values()]
    return [field for table in tables for field in table.get("properties", {}).values()]


def test_every_field_of_the_schema_says_what_it_is():
    assert not [field for field in fields_of(FusionConfig.model_json_schema()) if not field.get("description")]


def test_the_schema_tells_bounds_and_choices():
    schema = FusionConfig.model_json_schema()
    assert (schema["properties"]["max_tool_calls"]["minimum"], schema["properties"]["max_tool_calls"]["maximum"]) == (
        1,
        16,
    )
    assert schema["properties"]["history"]["enum"] == ["question", "conversation", "full"]
    assert schema["additionalProperties"] is False


def section(name: str) -> str:
    """The part of the reference page under a heading."""
    found = re.search(rf"^## `?{name}`?$(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"docs/config.md has no section {name}"
    return found[1]


def rows(name: str) -> dict[str, list[str]]:
    lines = [line for line in section(name).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("` |"): row for row in cells}


@pytest.mark.parametrize("model", SETTINGS, ids=lambda model: model.__name__)
def test_the_reference_page_lists_every_field_with_type_and_default(model):
    listed = rows(model.__name__)
    assert list(listed) == list(model.model_fields)
    for name, field in model.model_fields.items():
        _, kind, default, meaning = listed[name]
        assert kind
        assert meaning
        shown = "required" if field.is_required() else field.get_default(call_default_factory=True)
        if isinstance(shown, bool | int | float | str) and not isinstance(shown, BaseModel) and shown != "":
            plain = default.replace(",", "").strip("`")
            assert plain in (str(shown), json.dumps(shown), f"{shown:g}" if isinstance(shown, float) else ""), name


@pytest.mark.parametrize("model", SETTINGS, ids=lambda model: model.__name__)
def test_the_reference_page_tells_every_bound_and_every_choice(model):
    listed = rows(model.__name__)
    for name, field in model.model_json_schema()["properties"].items():
        variants = [field, *field.get("anyOf", [])]
        for variant in variants:
            if "$ref" in variant:
                continue
            for bound in ("minimum", "maximum", "maxLength", "maxItems"):
                if bound in variant:
                    number = variant[bound]
                    assert re.search(rf"(?<![\d.]){number:,.10g}(?!,?\d)", listed[name][1]), (name, bound, number)
            for choice in variant.get("enum", []):
                assert f"`{choice}`" in listed[name][1], (name, choice)


@pytest.mark.parametrize("kind", [Resources, Gateway])
def test_the_reference_page_lists_everything_the_operator_chooses(kind):
    assert list(rows(kind.__name__)) == list(kind.__dataclass_fields__)


def test_the_reference_page_lists_every_variable_that_is_read():
    read: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, key: Any, default: Any = None) -> Any:
            read.add(key)
            return super().get(key, default)

    Resources.from_env(Watched())
    Resources.from_env(Watched({"FUSION_GATEWAY_URL": "http://127.0.0.1:9/v1"}))
    assert read
    assert not {name for name in read if f"`{name}`" not in PAGE.read_text("utf-8")}
