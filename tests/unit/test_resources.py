from __future__ import annotations

from pathlib import Path

import pytest

from fusion_graph.errors import ConfigError
from fusion_graph.resources import OPENROUTER_URL, Gateway, Resources


def test_nothing_set_means_the_defaults():
    assert Resources.from_env({}) == Resources()
    assert Resources().gateway == Gateway(OPENROUTER_URL, "OPENROUTER_API_KEY")


def test_every_variable_is_read():
    read = Resources.from_env(
        {
            "FUSION_GATEWAY_URL": "http://127.0.0.1:4000/v1",
            "FUSION_GATEWAY_KEY_ENV": "LITELLM_KEY",
            "FUSION_CORPUS": "notes",
            "FUSION_SEARXNG_URL": "http://127.0.0.1:8888",
            "FUSION_LOCAL_MODELS": "models",
            "FUSION_ALLOW_ADDRESSES": " 127.0.0.1:8080, ,intranet.example,10.0.0.0/8,",
            "FUSION_PRESETS": "mine.toml",
            "FUSION_SHELL": "bubblewrap",
        }
    )
    assert read.gateway == Gateway("http://127.0.0.1:4000/v1", "LITELLM_KEY")
    assert (read.corpus, read.presets, read.local_models) == (Path("notes"), Path("mine.toml"), Path("models"))
    assert read.searxng_url == "http://127.0.0.1:8888"
    assert read.allow_addresses == ("127.0.0.1:8080", "intranet.example", "10.0.0.0/8")
    assert read.shell == "bubblewrap"


@pytest.mark.parametrize(
    "name",
    [
        "FUSION_GATEWAY_URL",
        "FUSION_CORPUS",
        "FUSION_SEARXNG_URL",
        "FUSION_PRESETS",
        "FUSION_ALLOW_ADDRESSES",
        "FUSION_SHELL",
    ],
)
def test_an_empty_variable_counts_as_unset(name):
    assert Resources.from_env({name: ""}) == Resources()


def test_a_gateway_of_ones_own_needs_no_key_unless_a_variable_is_named():
    assert Resources.from_env({"FUSION_GATEWAY_URL": "http://127.0.0.1:1/v1"}).gateway.api_key_env == ""


def test_a_key_variable_alone_does_not_change_the_gateway():
    assert Resources.from_env({"FUSION_GATEWAY_KEY_ENV": "X"}).gateway == Gateway()


def test_the_process_environment_is_read_unless_another_is_given(monkeypatch):
    monkeypatch.setenv("FUSION_CORPUS", "from-process")
    assert Resources.from_env().corpus == Path("from-process")
    assert Resources.from_env({}).corpus is None


def test_names_without_the_prefix_choose_nothing():
    assert Resources.from_env({"CORPUS": "x", "GATEWAY_URL": "http://x", "PRESETS": "y"}) == Resources()


@pytest.mark.parametrize(
    ("url", "is_openrouter"),
    [
        (OPENROUTER_URL, True),
        (OPENROUTER_URL + "/", True),
        ("https://openrouter.ai.evil.example/api/v1", False),
        ("http://127.0.0.1:4000/v1", False),
    ],
)
def test_only_openrouter_itself_resolves_floating_names(url, is_openrouter):
    assert Gateway(url).is_openrouter is is_openrouter


def test_a_sandbox_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="shell: 'vm' is none of off, auto, docker, bubblewrap"):
        Resources.from_env({"FUSION_SHELL": "vm"})


@pytest.mark.parametrize("url", ["127.0.0.1:4000/v1", "localhost", "ftp://models.example", "http:/models.example"])
def test_a_gateway_is_an_address(url):
    with pytest.raises(ConfigError, match="http:// or https://"):
        Gateway(url)
