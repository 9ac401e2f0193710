"""Which graph, which models, and whether the calling model decides: from a model's name and what is said beside it."""

from __future__ import annotations

from typing import Any

import pytest
from request_desk import ASKED, FUNCTION, Desk, plugin, refused

from fusion_graph import Resources
from fusion_graph.seats import judge_of, writer_of
from fusion_graph.server.plan import RunPlan
from fusion_graph.server.planning import detected
from fusion_graph.server.settings import ServerSettings

OPENROUTER = Resources()
SEARCH = {"type": "openrouter:web_search"}
CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
UNDER_WAY = [
    *ASKED,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def table(desk: Desk, plan: RunPlan) -> tuple[list[str], str, str]:
    settled = desk.kit.settle(plan.config)
    return [seat.model for seat in settled.seats()], judge_of(settled), writer_of(settled)


def test_openrouters_slug_decides_by_itself_with_the_quality_panel(desk: Desk) -> None:
    plan = desk.chat()
    assert (plan.graph, plan.surface, plan.config.tool_choice) == ("fusion_agent", "slug", "auto")
    opus = "~anthropic/claude-opus-latest"
    assert table(desk, plan) == ([opus, "~openai/gpt-latest", "~google/gemini-pro-latest"], opus, opus)


def test_a_request_without_a_model_is_openrouters_slug(desk: Desk) -> None:
    plan = desk.chat(model=None)
    assert (plan.requested_model, plan.surface) == ("openrouter/fusion", "slug")


@pytest.mark.parametrize("suffix", ["", ":free", ":nitro"])
def test_flash_stands_for_the_fast_preset_whatever_its_suffix(desk: Desk, suffix: str) -> None:
    plan = desk.chat(model=f"openrouter/fusion-flash{suffix}")
    assert (plan.config.preset, plan.graph) == ("general-fast", "fusion_agent")


def test_what_is_explicit_overrides_the_preset_of_flash(desk: Desk) -> None:
    model = "openrouter/fusion-flash"
    assert desk.chat(model=model, plugins=plugin(preset="general-budget")).config.preset == "general-budget"
    named = desk.chat(model=model, plugins=plugin(analysis_models=["a/b"], model="c/d"))
    assert table(desk, named) == (["a/b"], "c/d", "c/d")


@pytest.mark.parametrize("preset", ["general-high", "general-budget", "general-fast", "offline"])
def test_our_slugs_always_deliberate(desk: Desk, preset: str) -> None:
    plan = desk.chat(model=f"fusion/{preset}")
    assert (plan.graph, plan.surface, plan.config.preset) == ("fusion", "slug", preset)


def test_our_slug_takes_no_other_preset_beside_it(desk: Desk) -> None:
    error = desk.refusal(model="fusion/general-high", plugins=plugin(preset="general-fast"))
    assert error.param == "plugins[0].preset"


@pytest.mark.parametrize("name", ["fusion", "fusion/none", "openrouter/fusion-max", "~openrouter/fusion", "fusion/"])
def test_a_fusion_that_there_is_not_is_refused_with_those_there_are(desk: Desk, name: str) -> None:
    error = desk.refusal(model=name)
    assert (error.status, error.code, error.param) == (400, "model_not_found", "model")
    assert "openrouter/fusion-flash" in error.message
    assert "fusion/general-high" in error.message


def test_any_other_model_is_called_alone(desk: Desk) -> None:
    plan = desk.chat(model="acme/alpha")
    assert (plan.graph, plan.surface, plan.config.may_deliberate) == ("fusion_agent", "model", False)
    assert plan.config.writer == "acme/alpha"


def test_on_your_own_model_it_writes_and_judges(desk: Desk) -> None:
    for plan in (
        desk.chat(model="acme/alpha", plugins=plugin()),
        desk.chat(model="acme/alpha", tools=[{"type": "openrouter:fusion"}]),
        desk.chat(model="acme/alpha", fusion={}),
    ):
        panel, judge, writer = table(desk, plan)
        assert (len(panel), judge, writer, plan.config.may_deliberate) == (3, "acme/alpha", "acme/alpha", True)


def test_on_your_own_model_a_judge_of_its_own_may_be_named(desk: Desk) -> None:
    plan = desk.chat(model="acme/alpha", plugins=plugin(model="acme/judge", analysis_models=["x/y"]))
    assert table(desk, plan) == (["x/y"], "acme/judge", "acme/alpha")
    preset = desk.chat(model="acme/alpha", plugins=plugin(preset="general-fast"))
    assert table(desk, preset)[1:] == ("~anthropic/claude-sonnet-latest", "acme/alpha")
    assert desk.refusal(model="acme/alpha", fusion={"writer": "acme/beta"}).param == "fusion.writer"


def test_a_plugin_that_is_turned_off_leaves_the_calling_model_alone(desk: Desk) -> None:
    off = plugin(enabled=False)
    assert desk.chat(plugins=off).config.writer == "~anthropic/claude-opus-latest"
    for model in ("openrouter/fusion", "fusion/general-fast", "acme/alpha"):
        plan = desk.chat(model=model, plugins=off)
        assert (plan.graph, plan.surface, plan.config.may_deliberate) == ("fusion_agent", "model", False)


@pytest.mark.parametrize(("mode", "graph"), [("auto", "fusion_agent"), ("fuse", "fusion"), ("analyze", "deliberation")])
@pytest.mark.parametrize("model", ["openrouter/fusion", "fusion/general-fast", "acme/alpha"])
def test_the_mode_may_be_said_on_any_of_them(desk: Desk, model: str, mode: str, graph: str) -> None:
    assert desk.chat(model=model, fusion={"mode": mode}).graph == graph


def test_what_always_deliberates_does_so_before_the_clients_tools(desk: Desk) -> None:
    for choice in (None, "auto", "required", {"type": "openrouter:fusion"}):
        plan = desk.chat(model="fusion/general-fast", tools=[FUNCTION], tool_choice=choice)
        assert (plan.graph, plan.config.tool_choice) == ("fusion_agent", "fusion")
    assert desk.chat(model="fusion/general-fast", tools=[FUNCTION], tool_choice="none").graph == "fusion"
    named = {"type": "function", "function": {"name": "lookup"}}
    assert desk.refusal(model="fusion/general-fast", tools=[FUNCTION], tool_choice=named).param == "tool_choice"


def test_a_turn_that_is_under_way_may_end_without_tools_and_without_a_second_panel(desk: Desk) -> None:
    plan = desk.chat(model="fusion/general-fast", tools=[FUNCTION], tool_choice="none", messages=UNDER_WAY)
    assert (plan.graph, plan.config.tool_choice) == ("fusion_agent", "none")


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "lookup"}}, "lookup"),
        ({"type": "openrouter:fusion"}, "fusion"),
        ({"type": "openrouter:web_search"}, "web_search"),
    ],
)
def test_tool_choice_is_handed_on(desk: Desk, choice: Any, word: str) -> None:
    assert desk.chat(tools=[FUNCTION, SEARCH], tool_choice=choice).config.tool_choice == word


def test_tool_choice_on_responses_names_functions_flat(desk: Desk) -> None:
    flat = {"type": "function", "name": "lookup", "parameters": None, "strict": None}
    assert desk.respond(tools=[flat], tool_choice={"type": "function", "name": "lookup"}).config.tool_choice == "lookup"
    assert desk.respond(tool_choice={"type": "openrouter:fusion"}).config.tool_choice == "fusion"


@pytest.mark.parametrize(
    "body",
    [
        {"tool_choice": {"type": "function", "function": {"name": "other"}}, "tools": [FUNCTION]},
        {"tool_choice": {"type": "openrouter:web_search"}, "tools": [FUNCTION]},
        {"tool_choice": "required", "model": "acme/alpha"},
        {"tool_choice": {"type": "openrouter:fusion"}, "model": "acme/alpha"},
        {"tool_choice": "any"},
        {"tool_choice": {"type": "allowed_tools"}},
    ],
)
def test_a_choice_of_what_is_not_there_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    error = desk.refusal(**body)
    assert (error.status, (error.param or "").split(".")[0]) == (400, "tool_choice")


def test_the_analysis_alone_needs_no_tools_of_a_caller(desk: Desk) -> None:
    assert desk.refusal(fusion={"mode": "analyze"}, tools=[FUNCTION]).param == "tools"


def test_a_limit_of_the_outer_loop_holds_where_it_can(desk: Desk) -> None:
    assert desk.respond(max_tool_calls=1).graph == "fusion_agent"
    assert desk.respond(max_tool_calls=30, tools=[SEARCH]).graph == "fusion_agent"
    assert refused(desk.respond, max_tool_calls=3, tools=[SEARCH]).param == "max_tool_calls"
    stops = [{"type": "max_cost", "max_cost_in_dollars": 0.2}, {"type": "max_tokens_used", "max_tokens": 9000}]
    config = desk.chat(stop_server_tools_when=stops, fusion={"max_cost_usd": 0.5}).config
    assert (config.max_cost_usd, config.max_total_tokens) == (0.2, 9000)
    error = desk.refusal(stop_server_tools_when=[{"type": "step_count_is", "step_count": 3}])
    assert error.param == "stop_server_tools_when[0]"


def test_the_operators_preset_is_the_default(desk: Desk) -> None:
    own = Desk(settings=ServerSettings(preset="general-budget"))
    assert own.chat().config.preset == "general-budget"
    assert own.chat(plugins=plugin(preset="general-fast")).config.preset == "general-fast"
    assert own.chat(model="openrouter/fusion-flash").config.preset == "general-fast"


def test_a_panel_without_a_judge_is_judged_as_openrouter_does_only_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "k")
    there = Desk(OPENROUTER)
    assert table(there, there.chat(plugins=plugin(analysis_models=["a/b"])))[1] == "~anthropic/claude-opus-latest"
    assert table(desk, desk.chat(plugins=plugin(analysis_models=["a/b"])))[1] == "a/b"


def test_the_extractive_seats_need_no_model_that_decides() -> None:
    offline = Desk(Resources(), ServerSettings(preset="offline"))
    plan = offline.chat(temperature=0.5, tool_choice="auto")
    assert (plan.graph, plan.config.writer_options.temperature) == ("fusion", None)
    for body in ({"tools": [FUNCTION]}, {"fusion": {"mode": "auto"}}, {"plugins": plugin(enabled=False)}):
        assert offline.refusal(**body).status == 400


async def test_without_any_key_a_folder_is_quoted_from(tmp_path: Any) -> None:
    (tmp_path / "note.md").write_text("Carbon taxes lower emissions.")
    desk = Desk(Resources(corpus=tmp_path))
    plan = desk.chat(temperature=0.5)
    assert (plan.config.preset, plan.config.panel) == (None, None)
    found = await detected(plan, desk.kit)
    assert (found.graph, found.config.writer_options.temperature) == ("fusion", None)


async def test_without_anything_the_error_says_what_to_do() -> None:
    desk = Desk(Resources())

    async def found() -> None:
        await detected(desk.chat(), desk.kit)

    with pytest.raises(Exception, match="OPENROUTER_API_KEY") as caught:
        await found()
    assert (caught.value.status, caught.value.code) == (400, "no_models")  # type: ignore[attr-defined]


async def test_with_a_key_the_choice_is_left_to_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    desk = Desk(Resources())
    plan = desk.chat()
    assert await detected(plan, desk.kit) is plan
