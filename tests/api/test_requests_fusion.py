"""What a request may say about fusion, in each of the places where it may say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from request_desk import ASKED, FUNCTION, GATEWAY, Desk, plugin, refused, with_tools

from fusion_graph import Gateway, Resources
from fusion_graph.server.settings import ServerSettings

PLACES = {
    "plugin": lambda fields: {"plugins": plugin(**fields)},
    "server tool": lambda fields: {"tools": [{"type": "openrouter:fusion", "parameters": fields}]},
    "fusion": lambda fields: {"fusion": fields},
}
PATHS = {"plugin": "plugins[0]", "server tool": "tools[0].parameters", "fusion": "fusion"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("place", PLACES)
def test_each_place_takes_openrouters_fields_and_ours(desk: Desk, place: str) -> None:
    fields: dict[str, Any] = {
        "analysis_models": ["a/one", "a/one", "b/two"],
        "model": "c/judge",
        "max_tool_calls": 16,
        "max_completion_tokens": 9000,
        "reasoning": {"effort": "max", "max_tokens": 4000},
        "temperature": 0.7,
        "tools": [{"type": "openrouter:web_search", "parameters": {"max_results": 3}}, "openrouter:web_fetch"],
        "cache_control": {"type": "ephemeral"},
        "quorum": 2,
        "grace": 0,
        "deadline": 60,
        "max_cost_usd": 0.5,
        "history": "question",
        "blind": False,
    }
    config = desk.chat(**PLACES[place](fields)).config
    assert config.panel == ["a/one", "a/one", "b/two"]
    assert (config.judge, config.writer) == ("c/judge", "c/judge")
    assert (config.max_tool_calls, config.max_completion_tokens, config.temperature) == (16, 9000, 0.7)
    assert config.reasoning is not None
    assert (config.reasoning.effort, config.reasoning.max_tokens) == ("max", 4000)
    assert [(spec.type, spec.parameters) for spec in config.tools or [] if not isinstance(spec, str)] == [
        ("web_search", {"max_results": 3}),
        ("web_fetch", {}),
    ]
    assert (config.quorum, config.grace, config.deadline, config.max_cost_usd) == (2, 0, 60, 0.5)
    assert (config.history, config.blind) == ("question", False)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"max_tool_calls": 0}, ".max_tool_calls"),
        ({"max_tool_calls": 17}, ".max_tool_calls"),
        ({"max_tool_calls": "4"}, ".max_tool_calls"),
        ({"max_tool_calls": True}, ".max_tool_calls"),
        ({"analysis_models": []}, ".analysis_models"),
        ({"analysis_models": ["a/b"] * 9}, ".analysis_models"),
        ({"analysis_models": ["a/b", ""]}, ".analysis_models[1]"),
        ({"temperature": 2.1}, ".temperature"),
        ({"reasoning": {"effort": "huge"}}, ".reasoning.effort"),
        ({"max_completion_tokens": 0}, ".max_completion_tokens"),
        ({"tools": ["web_search"] * 9}, ".tools"),
        (
            {"tools": [{"type": "openrouter:web_search", "parameters": {"max_results": 26}}]},
            ".tools[0].parameters.max_results",
        ),
        ({"tools": [{"parameters": {}}]}, ".tools[0]"),
        ({"panel": [{"role": "the sceptic"}]}, ".panel[0].model"),
        ({"panel": [{"model": "a/b", "modle": 1}]}, ".panel[0].modle"),
        ({"mode": "maybe"}, ".mode"),
        ({"review": ["judge"]}, ".review"),
        ({"client_tools": []}, ".client_tools"),
        ({"panels": 3}, ".panels"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_named_by_its_path(
    desk: Desk, place: str, fields: dict[str, Any], field: str
) -> None:
    error = desk.refusal(**PLACES[place](fields))
    assert (error.status, error.param) == (400, PATHS[place] + field)
    assert error.message.startswith(PATHS[place] + field)


def test_the_error_quotes_the_value_and_says_what_is_allowed(desk: Desk) -> None:
    error = desk.refusal(plugins=plugin(max_tool_calls=99))
    assert "99" in error.message
    assert "16" in error.message


def test_what_is_left_out_has_openrouters_defaults(desk: Desk) -> None:
    config = desk.kit.settle(desk.chat(plugins=plugin()).config)
    assert (config.max_tool_calls, config.max_completion_tokens, config.tools) == (4, 16_000, None)


def test_places_may_agree_but_not_contradict_each_other(desk: Desk) -> None:
    agreed = desk.chat(plugins=plugin(max_tool_calls=3), fusion={"max_tool_calls": 3, "quorum": 1})
    assert (agreed.config.max_tool_calls, agreed.config.quorum) == (3, 1)
    error = desk.refusal(plugins=plugin(max_tool_calls=3), fusion={"max_tool_calls": 5})
    assert error.param == "fusion.max_tool_calls"
    assert "plugins[0].max_tool_calls" in error.message
    assert desk.refusal(plugins=plugin(analysis_models=["a/b"]), fusion={"panel": ["a/b"]}).status == 400


def test_fusion_is_named_once(desk: Desk) -> None:
    assert desk.refusal(plugins=plugin() + plugin()).param == "plugins[1]"
    twice = [{"type": "openrouter:fusion"}, {"type": "openrouter:fusion"}]
    assert desk.refusal(tools=twice).param == "tools[1]"


def test_other_plugins_are_refused_by_name(desk: Desk) -> None:
    error = desk.refusal(plugins=[{"id": "web"}])
    assert error.param == "plugins[0].id"
    assert "'web'" in error.message


def test_the_panel_may_have_seats_with_tools_of_their_own(desk: Desk) -> None:
    seats = [
        {"id": "a", "model": "x/y", "role": "sceptic", "tools": []},
        {"model": "x/y", "tools": ["web_search"]},
        "x/z",
    ]
    panel = desk.chat(fusion={"panel": seats}).config.seats()
    assert [seat.model for seat in panel] == ["x/y", "x/y", "x/z"]
    assert panel[0].tools == []
    assert [spec.type for spec in panel[1].tools or [] if not isinstance(spec, str)] == ["web_search"]


def test_a_shell_is_for_the_operator_to_allow(desk: Desk) -> None:
    shell = [{"type": "openrouter:shell", "parameters": {"engine": "auto", "environment": {"type": "container_auto"}}}]
    error = desk.refusal(plugins=plugin(tools=shell))
    assert (error.status, error.param) == (400, "plugins[0].tools[0]")
    assert "operator" in error.message
    allowed = Desk(Resources(gateway=GATEWAY.gateway, shell="bubblewrap"))
    specs = allowed.chat(plugins=plugin(tools=shell)).config.tools
    assert [spec.type for spec in specs or [] if not isinstance(spec, str)] == ["shell"]


@pytest.mark.parametrize(
    "name", ["openrouter:fusion", "openrouter:datetime", "openrouter:bash", "other", "vendor:tool"]
)
def test_the_panel_gets_no_tool_that_is_not_here(desk: Desk, name: str) -> None:
    error = desk.refusal(plugins=plugin(tools=[{"type": name}]))
    assert error.param == "plugins[0].tools[0]"
    assert "openrouter:web_search" in error.message


def test_the_panel_may_use_what_the_operator_gave() -> None:
    desk = Desk(with_tools())
    specs = desk.chat(plugins=plugin(tools=["ledger", "web_search"])).config.tools
    assert [spec.type for spec in specs or [] if not isinstance(spec, str)] == ["ledger", "web_search"]


def test_native_search_is_made_here_and_what_only_providers_know_is_dropped(desk: Desk) -> None:
    search = {"type": "openrouter:web_search", "parameters": {"engine": "native", "user_location": {"city": "Rome"}}}
    specs = desk.chat(plugins=plugin(tools=[search])).config.tools
    assert [spec.parameters for spec in specs or [] if not isinstance(spec, str)] == [{}]
    search["parameters"] = {"engine": "firecrawl"}
    assert desk.refusal(plugins=plugin(tools=[search])).param == "plugins[0].tools[0].parameters.engine"


def test_prompts_of_clients_are_for_the_operator_to_allow() -> None:
    own = {"writer": "Answer in one line."}
    assert Desk().refusal(fusion={"prompts": own}).param == "fusion.prompts"
    allowed = Desk(settings=ServerSettings(client_prompts=True))
    assert allowed.chat(fusion={"prompts": own}).config.prompts == own


def test_a_quorum_above_the_presets_panel_is_refused_before_a_run(desk: Desk) -> None:
    error = desk.refusal(plugins=plugin(preset="general-fast", quorum=4))
    assert error.status == 400
    assert "quorum" in error.message


def test_a_preset_of_the_operators_own_is_a_slug_and_a_preset(tmp_path: Path) -> None:
    file = tmp_path / "presets.toml"
    file.write_text('[presets.mine]\ndescription = "Mine."\npanel = ["local:own.gguf", "a/b"]\njudge = "a/b"\n')
    desk = Desk(Resources(gateway=Gateway("http://127.0.0.1:9/v1", ""), presets=file))
    assert desk.chat(model="fusion/mine").config.preset == "mine"
    assert desk.chat(plugins=plugin(preset="mine")).config.preset == "mine"
    assert desk.chat(model="local:own.gguf").config.writer == "local:own.gguf"


def test_the_server_tool_is_not_for_messages(desk: Desk) -> None:
    error = refused(desk.message, tools=[{"type": "openrouter:fusion"}])
    assert error.param == "tools[0]"
    assert "plugin" in error.message
    assert desk.message(model="a/b", plugins=plugin(analysis_models=["c/d"])).surface == "plugin"


@pytest.mark.parametrize("preset", ["mine", "../../etc/passwd", "", 3])
def test_a_preset_that_there_is_not_is_refused(desk: Desk, preset: Any) -> None:
    assert desk.refusal(plugins=plugin(preset=preset)).param == "plugins[0].preset"


def test_server_tool_and_functions_share_a_list(desk: Desk) -> None:
    tools = [{"type": "openrouter:fusion"}, {"type": "openrouter:web_fetch", "parameters": {"max_uses": 2}}, FUNCTION]
    plan = desk.chat(model="a/b", tools=tools, messages=ASKED)
    assert (plan.surface, plan.graph) == ("server_tool", "fusion_agent")
    assert [tool.name for tool in plan.config.client_tools] == ["lookup"]
    assert [spec.type for spec in plan.config.caller_tools if not isinstance(spec, str)] == ["web_fetch"]
