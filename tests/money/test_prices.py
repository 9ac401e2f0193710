from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from fusion_graph import Gateway, Resources
from fusion_graph.models import CallSettings, Models
from fusion_graph.offline import offline_model
from fusion_graph.prices import Prices
from fusion_graph.usage import Usage, priced, usage_of

MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
HERE = Gateway("http://127.0.0.1:9/v1", "")


def prices(resources: Resources | None = None, **environ: str) -> Prices:
    return Prices(resources or Resources(), environ)


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("openai/gpt-5.5", "openai/gpt-5.5-20260423"),
        ("anthropic/claude-opus-4.8", "anthropic/claude-4.8-opus-20260416"),
        ("google/gemini-3.1-pro-preview", None),
        ("openrouter:deepseek/deepseek-v4-pro", None),
        ("openai:gpt-5.5", "gpt-5.5-2026-04-23"),
        ("anthropic:claude-opus-4-8", None),
        ("google_genai:gemini-3.1-pro-preview", None),
        ("deepseek:deepseek-chat", None),
        ("mistralai:mistral-large-latest", None),
        ("xai:grok-4", None),
        ("groq:llama-3.3-70b-versatile", None),
        ("together:meta-llama/Llama-3.3-70B-Instruct-Turbo", None),
        ("fireworks:accounts/fireworks/models/deepseek-v3p2", None),
        ("cohere:command-a", None),
        ("perplexity:sonar-pro", None),
    ],
)
def test_every_provider_of_the_catalog_has_models_with_a_list_price(model, served):
    cost = prices().price(model, served, MILLION)
    assert cost is not None
    assert 0.01 < cost < 1000
    assert prices().at_most(model, 1_000_000, 1_000_000) is not None


@pytest.mark.parametrize(
    "model",
    [
        "acme/alpha",
        "openai/gpt-5.5:online",
        "openai:no-such-model",
        "azure_openai:my-deployment",
        "ollama:qwen3",
        "local:model.gguf",
        "offline:judge",
        "mine",
    ],
)
def test_a_model_that_the_list_does_not_know_has_no_price_and_never_costs_nothing(model):
    assert prices().price(model, None, MILLION) is None


@pytest.mark.parametrize("model", ["ollama:qwen3", "local:model.gguf", "offline:judge"])
def test_nobody_bills_for_what_runs_here_so_a_limit_does_not_hold_it_back(model):
    assert not prices().is_billed(model)
    assert prices().at_most(model, 10**6, 10**6) == 0


def test_a_billed_model_without_a_price_has_no_upper_bound():
    assert prices().is_billed("acme/alpha")
    assert prices().at_most("acme/alpha", 10, 10) is None


def test_a_floating_name_is_priced_by_the_model_that_answered():
    fixed = prices().price("anthropic/claude-opus-4.8", None, MILLION)
    assert prices().price("~anthropic/claude-opus-latest", "anthropic/claude-opus-4.8", MILLION) == fixed
    upper = prices().at_most("~anthropic/claude-opus-latest", 1_000_000, 1_000_000)
    assert upper is not None
    assert upper >= Decimal(str(fixed))


@pytest.mark.parametrize("served", [None, "moonshotai/kimi-k2.6", "moonshotai/kimi-k2.6:free"])
def test_a_free_variant_is_free_and_the_model_itself_is_not(served):
    assert prices().price("moonshotai/kimi-k2.6:free", served, MILLION) == 0.0
    assert prices().price("moonshotai/kimi-k2.6", "moonshotai/kimi-k2.6", MILLION) not in (None, 0.0)


def test_another_gateway_has_no_list_price():
    assert prices(Resources(gateway=HERE)).price("openai/gpt-5.5", None, MILLION) is None


@pytest.mark.parametrize(
    ("address", "known"), [("https://api.openai.com/v1", True), ("http://127.0.0.1:9/v1", False), ("", True)]
)
def test_a_provider_whose_package_is_sent_elsewhere_has_no_list_price(address, known):
    found = prices(OPENAI_BASE_URL=address).price("openai:gpt-5.5", None, MILLION)
    assert (found is not None) == known


def test_a_model_given_in_python_has_no_list_price_whatever_it_is_called():
    resources = Resources(models={"openai/gpt-5.5": offline_model("judge")})
    assert prices(resources).price("openai/gpt-5.5", None, MILLION) is None


def test_cached_tokens_are_cheaper_and_part_of_the_prompt():
    full = prices().price("openai:gpt-5.5", None, Usage(input_tokens=10_000, output_tokens=0))
    half = prices().price("openai:gpt-5.5", None, Usage(input_tokens=10_000, output_tokens=0, cached_tokens=5_000))
    assert (full, half) == (0.05, 0.0275)


def test_tokens_written_to_a_cache_cost_what_the_provider_takes_for_that():
    usage = Usage(input_tokens=10_000, output_tokens=0, cache_write_tokens=10_000)
    assert prices().price("anthropic:claude-opus-4-8", None, usage) == 0.0625


def test_reasoning_is_part_of_the_output_and_is_not_paid_twice():
    plain = Usage(input_tokens=100, output_tokens=1_000)
    thought = plain.model_copy(update={"reasoning_tokens": 900})
    assert prices().price("openai:gpt-5.5", None, plain) == prices().price("openai:gpt-5.5", None, thought)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input_tokens=10),
        Usage(output_tokens=10),
        Usage(input_tokens=10, output_tokens=1, cached_tokens=90),
    ],
)
def test_unknown_or_contradictory_tokens_have_no_price(usage):
    assert prices().price("openai:gpt-5.5", None, usage) is None


def test_what_the_provider_says_beats_the_list_and_both_say_where_they_are_from():
    message = AIMessage("", usage_metadata={"input_tokens": 1000, "output_tokens": 0, "total_tokens": 1000})
    told = message.model_copy(update={"response_metadata": {"token_usage": {"cost": 0.5}}})
    listed = priced(usage_of(message), "openai:gpt-5.5", None, prices().price)
    own = priced(usage_of(told), "openai:gpt-5.5", None, prices().price)
    assert (listed.cost_usd, listed.cost_source) == (0.005, "list")
    assert (own.cost_usd, own.cost_source) == (0.5, "provider")
    nobody = priced(usage_of(message), None, None, prices().price)
    assert (nobody.cost_usd, nobody.cost_source) == (None, None)


@pytest.fixture
def own(tmp_path: Path) -> Resources:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[prices]\n"acme/alpha" = { input = 2, output = 8, cached = 0.5 }\n"served" = { input = 1, output = 1 }'
    )
    return Resources(gateway=HERE, presets=path)


def test_the_operators_own_prices_hold_on_any_gateway_and_by_served_name_too(own):
    cached = Usage(input_tokens=1000, output_tokens=0, cached_tokens=1000)
    assert prices(own).price("acme/alpha", None, Usage(input_tokens=1000, output_tokens=100)) == 0.0028
    assert prices(own).price("acme/alpha", None, cached) == 0.0005
    assert prices(own).price("bolt/beta", "served", MILLION) == 2.0
    assert prices(own).at_most("acme/alpha", 1000, 100) == Decimal("0.0028")


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_no_call_costs_more_than_its_upper_bound(sent, written, cached):
    usage = Usage(input_tokens=sent, output_tokens=written, cached_tokens=int(sent * cached))
    for model in ("openai/gpt-5.5", "google_genai:gemini-3.1-pro-preview", "perplexity:sonar-pro"):
        upper, cost = prices().at_most(model, sent, written), prices().price(model, None, usage)
        assert upper is not None
        assert cost is not None
        assert Decimal(str(cost)) <= upper + Decimal("1e-12")


async def test_a_model_remembers_the_name_it_was_asked_for_by_and_one_given_in_python_is_left_alone():
    mine = offline_model("judge")
    models = Models(Resources(gateway=HERE, models={"mine": mine}), {})
    built = models.get("acme/alpha", CallSettings(), asked_by="a test")
    assert (built.metadata or {})["fusion_model"] == "acme/alpha"
    assert models.get("mine", CallSettings(), asked_by="a test") is mine
    assert "fusion_model" not in (mine.metadata or {})
