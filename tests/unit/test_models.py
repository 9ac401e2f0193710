from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from fusion_graph import models as models_module
from fusion_graph.config import Reasoning
from fusion_graph.errors import ConfigError, MissingKeyError, MissingPackageError
from fusion_graph.gateway import GatewayChat
from fusion_graph.http import close_http_client
from fusion_graph.models import MODELS_HELD, CallSettings, Models, context_window, ollama_url
from fusion_graph.resources import Gateway, Resources

PLAIN = CallSettings()
OWN = Gateway("http://127.0.0.1:9/v1", "")
KEY = "sk-secret-0123456789"


def models(environ: dict[str, str] | None = None, **resources: Any) -> Models:
    return Models(Resources(**resources), {} if environ is None else environ)


def get(pool: Models, name: str, settings: CallSettings = PLAIN) -> Any:
    return pool.get(name, settings, asked_by="seat 'a'")


async def test_an_author_and_a_model_go_to_the_gateway():
    model = get(models({"OPENROUTER_API_KEY": KEY}), "anthropic/claude-opus-4.8:free")
    assert isinstance(model, GatewayChat)
    assert (model.model_name, model.openai_api_base) == (
        "anthropic/claude-opus-4.8:free",
        "https://openrouter.ai/api/v1",
    )


async def test_a_gateway_of_ones_own_gets_the_key_of_the_variable_it_names():
    pool = models({"LITELLM_KEY": KEY}, gateway=Gateway("http://127.0.0.1:9/v1", "LITELLM_KEY"))
    assert get(pool, "a/b").openai_api_key.get_secret_value() == KEY


async def test_a_gateway_without_a_key_variable_needs_none():
    assert get(models(gateway=OWN), "a/b").model_name == "a/b"


async def test_floating_names_are_resolved_here_only_where_the_gateway_does_not():
    own = get(models(gateway=OWN), "~anthropic/claude-opus-latest")
    openrouter = get(models({"OPENROUTER_API_KEY": KEY}), "~anthropic/claude-opus-latest")
    assert own.model_name == "anthropic/claude-opus-4.8"
    assert openrouter.model_name == "~anthropic/claude-opus-latest"


async def test_a_name_without_an_alias_goes_to_the_gateway_as_it_is():
    assert get(models(gateway=OWN), "~new/model-latest").model_name == "~new/model-latest"


async def test_an_instance_given_in_python_is_taken_by_name_before_anything_else():
    instance = FakeListChatModel(responses=["x"])
    pool = models(models={"mine": instance, "a/b": instance, "openai:gpt-5.5": instance})
    assert all(get(pool, name) is instance for name in ("mine", "a/b", "openai:gpt-5.5"))


async def test_a_provider_is_spoken_to_directly(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = get(Models(Resources()), "openai:gpt-4o", CallSettings(max_tokens=99, temperature=0.5))
    assert type(model).__name__ == "ChatOpenAI"
    assert (model.model_name, model.max_tokens, model.temperature, model.max_retries) == ("gpt-4o", 99, 0.5, 0)


async def test_anthropic_thinks_in_the_words_of_the_model_that_is_asked(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    settings = CallSettings(max_tokens=16_000, temperature=0.7, reasoning=Reasoning(effort="high"))
    newer = get(Models(Resources()), "anthropic:claude-opus-4-8", settings)
    older = get(Models(Resources()), "anthropic:claude-sonnet-4-5", settings)
    assert (newer.reasoning_effort, newer.thinking, newer.temperature) == ("high", None, None)
    assert older.reasoning_effort is None
    assert 1_024 <= older.thinking["budget_tokens"] < 16_000


async def test_ollama_is_spoken_to_at_its_host():
    model = get(models({"OLLAMA_HOST": "gpu:1234"}), "ollama:llama3.1:8b")
    assert (model.model_name, model.openai_api_base) == ("llama3.1:8b", "http://gpu:1234/v1")


async def test_offline_parts_need_nothing():
    assert get(models(), "offline:question")._llm_type


@pytest.mark.parametrize("name", ["gpt-5.5", "claude", "C:\\models\\x.gguf", "Provider:model", ":", "openai:"])
async def test_a_name_of_no_known_form_is_an_error_that_names_the_seat_and_the_forms(name):
    with pytest.raises(ConfigError, match=re.escape(f"seat 'a': model {name!r} has no known form")) as caught:
        get(models(), name)
    assert "'provider:model', 'author/model'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("a/b", "OPENROUTER_API_KEY"),
        ("openai:gpt-5.5", "OPENAI_API_KEY"),
        ("anthropic:claude-opus-4-8", "ANTHROPIC_API_KEY"),
    ],
)
@pytest.mark.parametrize("environ", [{}, {"OPENROUTER_API_KEY": "", "OPENAI_API_KEY": "", "ANTHROPIC_API_KEY": ""}])
async def test_a_missing_key_is_an_error_that_names_variable_and_seat(name, variable, environ):
    with pytest.raises(MissingKeyError) as caught:
        get(models(environ), name)
    assert str(caught.value).startswith(f"seat 'a': model '{name}' needs {variable}")
    assert f"export {variable}=..." in str(caught.value)


async def test_a_provider_with_two_key_variables_names_both():
    pool = models()
    provider = pool.catalog.providers["google_genai"]
    with pytest.raises(ConfigError) as caught:
        get(pool, provider.default)
    assert "GOOGLE_API_KEY or GEMINI_API_KEY" in str(caught.value) or provider.install in str(caught.value)


@pytest.mark.parametrize(
    ("name", "install"),
    [
        ("anthropic:claude-opus-4-8", "pip install 'fusion-graph[anthropic]'"),
        ("groq:llama", "pip install langchain-groq"),
    ],
)
async def test_a_missing_package_is_an_error_that_names_command_and_seat(monkeypatch, name, install):
    monkeypatch.setattr(models_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError) as caught:
        get(models({"ANTHROPIC_API_KEY": KEY, "GROQ_API_KEY": KEY}), name)
    assert str(caught.value).startswith(f"seat 'a': model '{name}' needs the package")
    assert str(caught.value).endswith(install)
    assert KEY not in str(caught.value)


async def test_a_provider_that_langchain_does_not_know_is_an_error_that_names_the_seat():
    with pytest.raises(ConfigError, match="seat 'a': model 'nobody:model': "):
        get(models(), "nobody:model")


async def test_a_known_provider_whose_package_is_broken_is_an_error_that_names_the_seat(monkeypatch):
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise ImportError("cannot import name 'x' from 'langchain_openai'")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", fail)
    with pytest.raises(MissingPackageError, match=r"seat 'a': model 'openai:gpt-5\.5': cannot import name 'x'"):
        get(models({"OPENAI_API_KEY": KEY}), "openai:gpt-5.5")


async def test_what_a_provider_says_of_wrong_settings_holds_no_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise ValueError(f"wrong key {KEY}")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", refuse)
    with pytest.raises(ConfigError, match="seat 'a'") as caught:
        get(Models(Resources()), "openai:gpt-5.5")
    assert KEY not in str(caught.value)


async def test_a_file_is_only_opened_inside_the_operators_folder(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"seat 'a': .*FUSION_LOCAL_MODELS"):
        get(models(), "local:model.gguf")
    for name in ("local:../model.gguf", "local:/etc/passwd", "local:a/../../b.gguf"):
        with pytest.raises(ConfigError, match="lies outside the configured folder"):
            get(models(local_models=tmp_path), name)


async def test_the_same_name_and_settings_give_the_same_model():
    pool = models(gateway=OWN)
    settings = CallSettings(max_tokens=5, reasoning=Reasoning(effort="low"))
    again = CallSettings(max_tokens=5, reasoning=Reasoning(effort="low"))
    assert get(pool, "a/b", settings) is get(pool, "a/b", again)
    assert pool.get("a/b", settings, asked_by="judge") is get(pool, "a/b", settings)


async def test_other_settings_or_another_name_give_another_model_on_the_same_connections():
    pool = models(gateway=OWN)
    found = [
        get(pool, name, settings)
        for name in ("a/b", "a/c")
        for settings in (PLAIN, CallSettings(max_tokens=5), CallSettings(temperature=0.0))
    ]
    assert len({id(model) for model in found}) == 6
    assert len({id(model.http_async_client) for model in found}) == 1


def test_another_event_loop_gets_another_model_and_a_finished_one_is_forgotten():
    pool = models(gateway=OWN)

    async def one() -> Any:
        model = get(pool, "a/b")
        await close_http_client()
        return model

    assert asyncio.run(one()) is not asyncio.run(one())


async def test_a_model_whose_connections_were_closed_is_built_anew():
    pool = models(gateway=OWN)
    first = get(pool, "a/b")
    await close_http_client()
    second = get(pool, "a/b")
    assert first.http_async_client.is_closed
    assert not second.http_async_client.is_closed


async def test_of_many_settings_only_the_models_used_last_are_held():
    pool = models(gateway=OWN)
    first, kept = get(pool, "a/b"), get(pool, "a/c")
    for cap in range(1, MODELS_HELD):
        assert get(pool, "a/c") is kept
        get(pool, "a/b", CallSettings(max_tokens=cap))
    assert get(pool, "a/c") is kept
    assert get(pool, "a/b") is not first


async def test_an_error_is_not_remembered():
    environ: dict[str, str] = {}
    pool = models(environ)
    with pytest.raises(MissingKeyError):
        get(pool, "a/b")
    environ["OPENROUTER_API_KEY"] = KEY
    assert get(pool, "a/b").model_name == "a/b"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("gpu", "http://gpu:11434"),
        ("gpu:1234", "http://gpu:1234"),
        (":1234", "http://127.0.0.1:1234"),
        ("http://gpu:1234", "http://gpu:1234"),
        ("http://gpu:1234/", "http://gpu:1234"),
        ("http://gpu", "http://gpu:80"),
        ("https://gpu.example", "https://gpu.example:443"),
        ("https://gpu.example/ollama/", "https://gpu.example:443/ollama"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("http://0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:1234", "http://[::1]:1234"),
        ("http://[fe80::1]:1234", "http://[fe80::1]:1234"),
        ("[::]:1234", "http://[::1]:1234"),
        ("10.0.0.0.0.example", "http://10.0.0.0.0.example:11434"),
        (' "gpu" ', "http://gpu:11434"),
        ("gpu:99999", "http://gpu:11434"),
        ("https://gpu:99999999999", "https://gpu:443"),
    ],
)
def test_the_ollama_host_is_read_as_ollama_reads_it(host, url):
    assert ollama_url({} if host is None else {"OLLAMA_HOST": host}) == url


class Profiled(FakeListChatModel):
    pass


@pytest.mark.parametrize(
    ("profile", "window"),
    [({"max_input_tokens": 200_000}, 200_000), ({"max_input_tokens": 0}, None), ({}, None), (None, None)],
)
def test_a_window_is_known_only_where_the_package_says_so(profile, window):
    assert context_window(Profiled(responses=["x"], profile=profile)) == window


async def test_a_known_providers_window_is_its_published_one(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    window = context_window(get(Models(Resources()), "openai:gpt-4o"))
    assert window == 128_000
    assert context_window(get(models(gateway=OWN), "new/model")) is None


async def test_nobody_is_told_that_a_proxy_is_passed_over(monkeypatch, caplog):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("langchain_openai.chat_models._client_utils._proxy_env_warning_emitted", False)
    pool = models({"OPENAI_API_KEY": KEY}, gateway=OWN)
    for name in ("vendor/model", "openai:gpt-5.5"):
        get(pool, name)
    assert caplog.records == []
