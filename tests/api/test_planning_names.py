"""What a client may name: never what the operator did not give."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from request_desk import Desk, plugin

from fusion_graph import Gateway, Resources
from fusion_graph.server.settings import ServerSettings

REFUSED = (
    "local:/etc/passwd",
    "local:model.gguf",
    "ollama:llama3",
    "openai:gpt-5.5",
    "azure_openai:a/b",
    "https://evil.example/v1",
    "http://127.0.0.1:1/x",
    "gpt-5.5",
    "own",
    "../x",
    "a/b\n",
    "openrouter/fusion",
    "fusion/general-high",
)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("field", ["model", "analysis_models", "panel", "fallbacks", "judge", "writer", "outer"])
def test_nothing_that_the_operator_did_not_give(name: str, field: str) -> None:
    given = Resources(gateway=Gateway("http://127.0.0.1:9/v1", ""), models={"own": FakeListChatModel(responses=["x"])})
    desk = Desk(given)
    seat = {"model": "a/b", "fallbacks": [name]}
    bodies: dict[str, dict[str, Any]] = {
        "analysis_models": {"fusion": {"analysis_models": ["a/b", name]}},
        "panel": {"fusion": {"panel": [{"model": name}]}},
        "fallbacks": {"fusion": {"panel": [seat]}},
        "outer": {"model": name, "plugins": plugin(analysis_models=["a/b"])},
    }
    body = bodies.get(field, {"fusion": {field: name}})
    if field == "outer" and name.startswith(("openrouter/fusion", "fusion/")):
        assert desk.chat(**body).surface == "slug"
        return
    error = desk.refusal(**body)
    assert (error.status, error.code) == (400, "model_not_allowed")


def test_a_providers_models_where_its_key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    desk = Desk(Resources())
    assert desk.chat(model="anthropic:claude-opus-4-8").config.writer == "anthropic:claude-opus-4-8"
    error = desk.refusal(model="openai:gpt-5.5")
    assert "anthropic" in error.message
    assert desk.refusal(model="acme/alpha").code == "model_not_allowed"


def test_an_allow_list_is_for_what_clients_name_and_not_for_presets() -> None:
    desk = Desk(settings=ServerSettings(allowed_models=("acme/*", "ollama:qwen3")))
    for name in ("acme/alpha", "ollama:qwen3"):
        assert desk.chat(model=name).config.writer == name
    error = desk.refusal(plugins=plugin(analysis_models=["acme/alpha", "other/beta"]))
    assert error.param == "plugins[0].analysis_models[1]"
    assert "acme/*" in error.message
    assert desk.chat(model="fusion/general-high").config.preset == "general-high"


def test_a_key_that_is_limited_to_presets_uses_these_and_their_models() -> None:
    desk = Desk(presets=("general-fast",))
    assert desk.chat().config.preset == "general-fast"
    assert desk.chat(model="fusion/general-fast").config.preset == "general-fast"
    assert desk.chat(model="~moonshotai/kimi-latest").surface == "model"
    for body in (
        {"model": "fusion/general-high"},
        {"plugins": plugin(preset="general-high")},
        {"model": "acme/alpha"},
        {"plugins": plugin(analysis_models=["~anthropic/claude-opus-latest"])},
    ):
        assert desk.refusal(**body).status == 403
    assert Desk(presets=()).refusal().status == 403
