"""Settings: which layer wins, and errors that name field, value and seat before anything is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool
from pydantic import ValidationError
from scripted_house import ALPHA, BETA, GAMMA, JUDGE, WRITER, House, ask, asked

from fusion_graph import (
    ConfigError,
    FusionConfig,
    Gateway,
    MissingKeyError,
    MissingPackageError,
    Resources,
    build_deliberation_graph,
    build_fusion_agent,
    build_fusion_graph,
)

BUILDERS = pytest.mark.parametrize("build", [build_fusion_graph, build_deliberation_graph, build_fusion_agent])


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"pannel": [ALPHA]}, ["pannel"]),
        ({"max_tool_calls": 0}, ["max_tool_calls", "0"]),
        ({"max_tool_calls": 17}, ["max_tool_calls", "17"]),
        ({"temperature": 2.5}, ["temperature", "2.5"]),
        ({"reasoning": {"effort": "extreme"}}, ["reasoning", "effort", "extreme"]),
        ({"search": {"max_results": 99}}, ["search", "max_results", "99"]),
        ({"search": {"engine": "gopher"}}, ["search", "engine", "gopher"]),
        ({"history": "everything"}, ["history", "everything"]),
        ({"panel": ["openrouter/fusion"]}, ["panel", "openrouter/fusion"]),
        ({"panel": [{"model": "fusion/general-high"}]}, ["panel", "fusion/general-high"]),
        ({"judge": "openrouter/fusion-flash"}, ["judge", "openrouter/fusion-flash"]),
        ({"writer": "fusion"}, ["writer", "'fusion'"]),
        ({"panel": [{"model": ALPHA, "colour": "red"}]}, ["panel", "colour"]),
        ({"panel": [{"id": "x", "model": ALPHA}, {"id": "x", "model": BETA}]}, ["panel", "'x'"]),
        (
            {"search": {"allowed_domains": ["a.example"], "excluded_domains": ["a.example"]}},
            ["search.allowed_domains", "search.excluded_domains", "a.example"],
        ),
        ({"preset": "general-cheap"}, ["preset", "general-cheap", "general-budget"]),
        ({"tools": ["web_serch"]}, ["tools", "web_serch"]),
        ({"prompts": {"judge": "Hello {{name}}"}}, ["prompts.judge", "name"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
@BUILDERS
async def test_a_setting_that_cannot_work_is_an_error_that_names_field_and_value_before_any_call(
    house: House, build: Any, context: dict[str, Any], named: Sequence[str]
) -> None:
    defaults = FusionConfig(panel=[ALPHA], judge=JUDGE, writer=WRITER, tools=[])
    graph = build(defaults, resources=house.resources)
    with pytest.raises(ValueError) as caught:
        await graph.ainvoke(asked(), context=context)
    assert isinstance(caught.value, ConfigError | ValidationError)
    for words in named:
        assert words in str(caught.value)
    assert house.server.calls == []


@BUILDERS
async def test_a_missing_key_is_said_before_any_call_with_its_variable_and_seat(build: Any, house: House) -> None:
    resources = Resources(gateway=Gateway(house.resources.gateway.base_url, "ACME_API_KEY"))
    graph = build(FusionConfig(panel=[{"id": "left", "model": ALPHA}], tools=[]), resources=resources)
    with pytest.raises(MissingKeyError, match=r"left.*acme/alpha.*ACME_API_KEY"):
        await graph.ainvoke(asked())
    assert house.server.calls == []


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"panel": [ALPHA, "anthropic:claude-opus-4-8"]}, "seat 'seat-2'"),
        ({"judge": "anthropic:claude-opus-4-8"}, "judge"),
        ({"writer": "anthropic:claude-opus-4-8"}, "writer"),
    ],
)
async def test_whose_key_is_missing_is_said(house: House, settings: dict[str, Any], part: str) -> None:
    with pytest.raises(MissingKeyError, match="ANTHROPIC_API_KEY") as caught:
        await house.ask(**settings)
    assert str(caught.value).startswith(part)
    assert house.server.calls == []


async def test_a_missing_package_is_said_with_the_command_that_installs_it(house: House) -> None:
    with pytest.raises(MissingPackageError, match=r"seat-1.*pip install langchain-cohere"):
        await house.ask(panel=["cohere:command-x"])
    assert house.server.calls == []


async def test_a_missing_engine_key_is_said_with_the_seat(house: House) -> None:
    with pytest.raises(ConfigError, match=r"seat 'seat-1'.*EXA_API_KEY"):
        await house.ask(tools=(), panel=[{"model": ALPHA, "tools": ["web_search"]}], search={"engine": "exa"})
    assert house.server.calls == []


async def test_a_key_is_sent_as_a_bearer_and_recorded_nowhere(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from fusion_graph.testing import fingerprint

    monkeypatch.setenv("ACME_API_KEY", "a-key-of-mine")
    resources = Resources(gateway=Gateway(house.resources.gateway.base_url, "ACME_API_KEY"))
    graph = build_fusion_graph(FusionConfig(panel=[ALPHA], judge=JUDGE, tools=[]), resources=resources)
    output = await ask(graph)
    assert house.calls(ALPHA)[0].headers["authorization"] == fingerprint("a-key-of-mine")
    assert "a-key-of-mine" not in str(output)


@dataclass
class HostContext:
    """A host graph's own context."""

    user: str = "ann"
    fusion: FusionConfig | None = None


@pytest.mark.parametrize(
    "context",
    [
        {"panel": [GAMMA]},
        FusionConfig(panel=[GAMMA]),
        HostContext(fusion=FusionConfig(panel=[GAMMA])),
    ],
    ids=["dict", "FusionConfig", "host with fusion"],
)
async def test_a_run_s_context_may_come_in_several_forms(house: House, context: Any) -> None:
    output = await ask(house.fusion(), context=context)
    assert [entry["model"] for entry in output["responses"]] == [GAMMA]
    assert output["receipt"]["judge"]["requested_model"] == JUDGE


async def test_a_host_s_context_without_fusion_settings_leaves_the_defaults(house: House) -> None:
    output = await ask(house.fusion(), context=HostContext())
    assert [entry["model"] for entry in output["responses"]] == [ALPHA, BETA]


async def test_a_run_beats_the_graph_s_defaults_field_by_field(house: House) -> None:
    @tool
    def lookup(query: str) -> str:
        """Look up."""
        return query

    graph = house.fusion(tools=[lookup], temperature=0.1, max_tool_calls=2, search={"max_results": 3})
    await ask(graph, context={"temperature": 0.9, "search": {"max_uses": 1}})
    call = house.calls(ALPHA)[0]
    assert call.body["temperature"] == 0.9
    assert "2 tool steps" in call.prompt
    assert call.tool_names == ["lookup"]


async def test_one_run_s_settings_do_not_stay_for_the_next(house: House) -> None:
    graph = house.fusion()
    await ask(graph, context={"panel": [GAMMA], "temperature": 0.9})
    await ask(graph)
    assert len(house.calls(GAMMA)) == 1
    assert "temperature" not in house.calls(ALPHA)[0].body


PRESETS = f"""
[presets.mine]
description = "My own."
panel = ["{ALPHA}", "{BETA}"]
judge = "{JUDGE}"
writer = "{WRITER}"
tools = []
temperature = 0.3

[presets.other]
panel = ["{GAMMA}"]
judge = "{JUDGE}"
tools = []

[aliases]
"~acme/latest" = "{ALPHA}"
"""


def with_presets(house: House, folder: Path, text: str = PRESETS) -> Resources:
    file = folder / "my-presets.toml"
    file.write_text(text, "utf-8")
    return Resources(gateway=house.resources.gateway, presets=file)


async def test_a_user_s_own_preset_is_run_and_named_on_the_receipt(house: House, tmp_path: Path) -> None:
    graph = build_fusion_graph(resources=with_presets(house, tmp_path))
    output = await ask(graph, context={"preset": "mine"})
    assert [entry["model"] for entry in output["responses"]] == [ALPHA, BETA]
    assert output["receipt"]["preset"] == "mine"
    assert output["receipt"]["writer"]["requested_model"] == WRITER
    assert house.calls(ALPHA)[0].body["temperature"] == 0.3


async def test_an_explicit_field_beats_the_preset(house: House, tmp_path: Path) -> None:
    graph = build_fusion_graph(resources=with_presets(house, tmp_path))
    output = await ask(graph, context={"preset": "mine", "panel": [GAMMA], "temperature": 0.8})
    assert [entry["model"] for entry in output["responses"]] == [GAMMA]
    assert house.calls(GAMMA)[0].body["temperature"] == 0.8
    assert output["receipt"]["judge"]["requested_model"] == JUDGE


async def test_a_run_s_preset_beats_the_graph_s_explicit_defaults(house: House, tmp_path: Path) -> None:
    defaults = FusionConfig(panel=[BETA], judge=WRITER, max_tool_calls=9)
    graph = build_fusion_graph(defaults, resources=with_presets(house, tmp_path))
    output = await ask(graph, context={"preset": "other"})
    assert [entry["model"] for entry in output["responses"]] == [GAMMA]
    assert output["receipt"]["judge"]["requested_model"] == JUDGE
    assert "9 tool steps" in house.calls(GAMMA)[0].prompt


async def test_an_alias_of_the_user_s_file_is_resolved_and_the_requested_name_kept(
    house: House, tmp_path: Path
) -> None:
    graph = build_fusion_graph(resources=with_presets(house, tmp_path))
    output = await ask(graph, context={"preset": "mine", "panel": ["~acme/latest"]})
    assert len(house.calls(ALPHA)) == 1
    assert output["responses"][0]["model"] == "~acme/latest"
    assert output["receipt"]["seats"][0]["served_model"] == ALPHA


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[presets.mine]\npannel = ['a/b']", ["presets.mine", "pannel"]),
        ("[presets.mine]\npanel = []", ["presets.mine", "panel"]),
        ("[presets.mine]\npreset = 'other'", ["presets.mine", "another preset"]),
        ("[colours]\nred = 1", ["colours"]),
        ("this is no toml", ["TOML"]),
    ],
)
async def test_a_broken_presets_file_is_an_error_that_says_where(
    house: House, tmp_path: Path, text: str, named: Sequence[str]
) -> None:
    graph = build_fusion_graph(resources=with_presets(house, tmp_path, text))
    with pytest.raises(ConfigError) as caught:
        await ask(graph, context={"preset": "mine"})
    for words in named:
        assert words in str(caught.value)


async def test_a_config_that_names_nobody_takes_what_the_gateway_offers_and_says_so(house: House) -> None:
    panel = ["anthropic/claude-opus-4.8", "openai/gpt-5.5", "google/gemini-3.1-pro-preview"]
    for model in panel:
        house.server.on(model, "a draft")
    output = await ask(build_fusion_graph(resources=house.resources), context={"tools": []})
    assert {call.model for call in house.server.calls} == set(panel)
    assert len(output["responses"]) == 3
    assert "gateway" in output["receipt"]["chosen"]
