from __future__ import annotations

import pytest

from fusion_graph.config import Reasoning
from fusion_graph.quirks import reasoning_kwargs, sampling_kwargs, withdrawal

PROVIDERS = ["gateway", "openai", "azure_openai", "xai", "groq", "ollama", "anthropic", "google_genai", "mistralai"]
EFFORTS = ["max", "xhigh", "high", "medium", "low", "minimal", "none"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("reasoning", [None, Reasoning()])
def test_where_nothing_was_set_nothing_is_sent(provider, reasoning):
    assert reasoning_kwargs(provider, reasoning, model="m", max_tokens=16_000) == {}


def test_a_gateway_gets_the_setting_in_its_own_words():
    sent = reasoning_kwargs("gateway", Reasoning(effort="max", max_tokens=4_000))
    assert sent == {"extra_body": {"reasoning": {"effort": "max", "max_tokens": 4_000}}}
    assert reasoning_kwargs("gateway", Reasoning(effort="none")) == {"extra_body": {"reasoning": {"effort": "none"}}}


@pytest.mark.parametrize("provider", ["openai", "azure_openai", "xai", "groq", "ollama"])
@pytest.mark.parametrize("effort", EFFORTS)
def test_openai_and_its_kin_get_an_effort(provider, effort):
    assert reasoning_kwargs(provider, Reasoning(effort=effort)) == {
        "reasoning_effort": "xhigh" if effort == "max" else effort
    }


def test_openai_takes_no_budget_in_tokens():
    assert reasoning_kwargs("openai", Reasoning(max_tokens=4_000)) == {}


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", "claude-haiku-4-5-20251001", "claude-opus-4-20250514", "claude-3-7-sonnet-latest"]
)
@pytest.mark.parametrize("effort", [effort for effort in EFFORTS if effort != "none"])
@pytest.mark.parametrize("max_tokens", [2_000, 16_000, 64_000])
def test_an_older_claude_gets_a_budget_below_its_output_cap(model, effort, max_tokens):
    thinking = reasoning_kwargs("anthropic", Reasoning(effort=effort), model=model, max_tokens=max_tokens)["thinking"]
    assert thinking["type"] == "enabled"
    assert 1_024 <= thinking["budget_tokens"] < max_tokens


def test_an_older_claude_with_hardly_any_output_does_not_think():
    settings = Reasoning(effort="high")
    assert reasoning_kwargs("anthropic", settings, model="claude-sonnet-4-5", max_tokens=1_000) == {}


def test_a_budget_that_was_asked_for_is_kept_where_it_fits():
    sent = reasoning_kwargs("anthropic", Reasoning(max_tokens=5_000), model="claude-sonnet-4-5", max_tokens=16_000)
    assert sent == {"thinking": {"type": "enabled", "budget_tokens": 5_000}}
    small = reasoning_kwargs("anthropic", Reasoning(max_tokens=10), model="claude-sonnet-4-5", max_tokens=16_000)
    assert small == {"thinking": {"type": "enabled", "budget_tokens": 1_024}}


@pytest.mark.parametrize(
    ("model", "reasoning", "effort"),
    [
        ("claude-opus-4-8", Reasoning(effort="max"), "max"),
        ("claude-opus-4-8", Reasoning(effort="xhigh"), "xhigh"),
        ("claude-opus-4-8", Reasoning(effort="minimal"), "low"),
        ("claude-opus-5", Reasoning(effort="high"), "high"),
        ("claude-sonnet-4-6", Reasoning(effort="xhigh"), "high"),
        ("claude-sonnet-4-6", Reasoning(effort="max"), "max"),
        ("claude-opus-4-8", Reasoning(max_tokens=9_000), "medium"),
        ("claude-opus-4-8", Reasoning(max_tokens=100), "low"),
        ("claude-opus-4-8", Reasoning(max_tokens=99_000), "max"),
        ("claude-opus-4-8", Reasoning(effort="low", max_tokens=99_000), "low"),
    ],
)
def test_a_newer_claude_refuses_budgets_and_gets_an_effort(model, reasoning, effort):
    assert reasoning_kwargs("anthropic", reasoning, model=model, max_tokens=16_000) == {"effort": effort}


def test_google_gets_a_budget_and_none_switches_thinking_off():
    assert reasoning_kwargs("google_genai", Reasoning(effort="low")) == {"thinking_budget": 4_000}
    assert reasoning_kwargs("google_genai", Reasoning(max_tokens=77)) == {"thinking_budget": 77}
    assert reasoning_kwargs("google_genai", Reasoning(effort="none")) == {"thinking_budget": 0}


def test_a_provider_nobody_knows_gets_no_guess():
    assert reasoning_kwargs("mistralai", Reasoning(effort="high", max_tokens=1)) == {}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_temperature_is_sent_unless_one_is_asked_for(provider):
    assert sampling_kwargs(provider, None, thinks=False) == {}
    assert sampling_kwargs(provider, 0.0, thinks=False) == {"temperature": 0.0}


def test_anthropic_takes_no_temperature_while_it_thinks_and_others_do():
    assert sampling_kwargs("anthropic", 0.7, thinks=True) == {}
    assert sampling_kwargs("gateway", 0.7, thinks=True) == {"temperature": 0.7}


def test_tools_are_withdrawn_by_leaving_them_out_except_where_that_is_refused():
    assert withdrawal("openai:gpt-5.5") == {"tools": [], "tool_choice": None}
    assert withdrawal("anthropic/claude-opus-4.8") == {"tools": [], "tool_choice": None}
    assert withdrawal("anthropic:claude-opus-4-8") == {"tool_choice": {"type": "none"}}
