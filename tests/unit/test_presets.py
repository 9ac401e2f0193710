from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from fusion_graph import ConfigError, FusionConfig
from fusion_graph.presets import Catalog, explain, load_catalog
from fusion_graph.seats import judge_of, resolved, writer_of

SHIPPED = load_catalog()


@pytest.fixture
def own(tmp_path: Path):
    def write(text: str) -> Catalog:
        path = tmp_path / "mine.toml"
        path.write_text(text, "utf-8")
        load_catalog.cache_clear()
        return load_catalog(path)

    return write


def explained(**fields) -> str:
    with pytest.raises(ValidationError) as caught:
        FusionConfig(**fields)
    return explain(caught.value)


def test_the_shipped_presets_are_these():
    assert sorted(SHIPPED.presets) == ["general-budget", "general-fast", "general-high", "offline"]


@pytest.mark.parametrize("name", sorted(SHIPPED.presets))
def test_a_shipped_preset_names_a_panel_a_judge_and_a_writer_and_says_what_it_is(name):
    preset = SHIPPED.preset(name)
    assert 2 <= len(resolved(preset)) <= 8
    assert judge_of(preset)
    assert writer_of(preset)
    assert SHIPPED.descriptions[name].endswith(".")


@pytest.mark.parametrize("name", ["general-high", "general-budget", "general-fast"])
def test_every_floating_name_of_a_preset_has_an_alias(name):
    preset = SHIPPED.preset(name)
    named = [seat.model for seat in preset.seats()] + [judge_of(preset), writer_of(preset)]
    assert {model for model in named if model.startswith("~")} <= set(SHIPPED.aliases)
    assert all("/" in model for model in named)


def test_an_alias_leads_to_a_model_of_the_same_family_and_not_to_another_alias():
    for alias, model in SHIPPED.aliases.items():
        assert not model.startswith("~")
        assert SHIPPED.family(alias) == SHIPPED.family(model) is not None


def test_every_provider_says_where_its_key_is_and_how_to_install_it():
    for provider in SHIPPED.providers.values():
        assert all(re.fullmatch(r"[A-Z]+_API_KEY", key) for key in provider.keys)
        assert provider.package.startswith("langchain-")
        assert provider.install.startswith("pip install ")
        assert not provider.default or provider.default.startswith(f"{provider.name}:")


def test_the_install_command_names_the_extra_where_there_is_one():
    assert SHIPPED.providers["anthropic"].install == "pip install 'fusion-graph[anthropic]'"
    assert SHIPPED.providers["groq"].install == "pip install langchain-groq"


def test_a_preset_nobody_knows_is_an_error_that_lists_those_there_are():
    with pytest.raises(ConfigError, match="no preset 'general'; there are general-budget, general-fast, general-high"):
        SHIPPED.preset("general")


def test_a_users_file_adds_presets_aliases_providers_and_families(own):
    catalog = own(
        """
[presets.mine]
description = "Two of a kind."
panel = ["my/model", { id = "b", model = "my/model", role = "sceptic" }]
max_tool_calls = 2
[aliases]
"~my/latest" = "my/model"
[providers.mine]
keys = ["MY_API_KEY"]
package = "langchain-mine"
default = "mine:model"
[families]
mine = ["mymodel"]
"""
    )
    assert [seat.model for seat in catalog.preset("mine").seats()] == ["my/model", "my/model"]
    assert catalog.descriptions["mine"] == "Two of a kind."
    assert catalog.aliases["~my/latest"] == "my/model"
    assert catalog.providers["mine"].keys == ("MY_API_KEY",)
    assert catalog.family("mine:mymodel-2") == "mine"
    assert set(SHIPPED.presets) < set(catalog.presets)
    assert set(SHIPPED.aliases) < set(catalog.aliases)


def test_a_users_entry_takes_the_place_of_the_shipped_one_whole(own):
    catalog = own('[presets.general-high]\npanel = ["a/b"]\n[aliases]\n"~openai/gpt-latest" = "x/y"')
    assert catalog.preset("general-high") == FusionConfig(panel=["a/b"])
    assert catalog.preset("general-high").judge is None
    assert catalog.aliases["~openai/gpt-latest"] == "x/y"
    assert catalog.preset("general-fast") == SHIPPED.preset("general-fast")


def test_an_empty_file_changes_nothing(own):
    assert own("") == SHIPPED


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"presets file '.*none\.toml' cannot be read"):
        load_catalog(tmp_path / "none.toml")


def test_a_folder_is_no_presets_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_catalog(tmp_path)


def test_a_file_that_is_no_text_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.toml' cannot be read"):
        load_catalog(path)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[presets.x\n", "is not valid TOML"),
        ("[preset.x]\n", "unknown section 'preset'; use aliases, families, presets, prices, providers"),
        ("panel = ['a/b']", "unknown section 'panel'"),
        ("presets = 3", "presets: "),
        ("[presets]\nx = 3", "presets.x: "),
        ("[presets.x]\npanels = ['a/b']", "presets.x: panels: there is no such field"),
        ("[presets.x]\npanel = []", "presets.x: panel: "),
        ("[presets.x]\npanel = ['openrouter/fusion']", "is a fusion, not a model"),
        ("[presets.x]\nmax_tool_calls = 17", "presets.x: max_tool_calls: "),
        ("[presets.x]\nsearch = { engine = 'bing' }", "presets.x: search.engine: "),
        ("[presets.x]\npreset = 'general-high'", "presets.x: a preset cannot name another preset"),
        ("[aliases]\n'~x/y' = 3", "aliases.~x/y: "),
        ("[providers.x]\npackage = 'p'", "providers.x.keys: Field required"),
        ("[providers.x]\nkeys = []\npackage = 'p'", "providers.x.keys: "),
        ("[providers.x]\nkeys = 'KEY'\npackage = 'p'", "providers.x.keys: "),
        ("[providers.x]\nkeys = ['K']\npackage = 'p'\nurl = 'u'", "providers.x.url: there is no such field"),
        ("[families]\nx = 'word'", "families.x: "),
    ],
)
def test_a_fault_in_a_users_file_is_an_error_that_names_file_and_field(own, text, field):
    with pytest.raises(ConfigError) as caught:
        own(text)
    assert "mine.toml" in str(caught.value)
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("anthropic/claude-opus-4.8", "anthropic"),
        ("~anthropic/claude-opus-latest", "anthropic"),
        ("anthropic:claude-sonnet-4-6", "anthropic"),
        ("bedrock_converse:us.anthropic.claude-opus-4-8-v1:0", "anthropic"),
        ("google_vertexai:claude-haiku-4-5@20251001", "anthropic"),
        ("openai:gpt-5.5", "openai"),
        ("openai/gpt-oss-120b:free", "openai"),
        ("groq:openai/gpt-oss-20b", "openai"),
        ("openai:o3-mini", "openai"),
        ("azure_openai:gpt-4o-eu", "openai"),
        ("azure_openai:my-deployment", None),
        ("~google/gemini-pro-latest", "google"),
        ("google_genai:gemini-3.1-pro-preview", "google"),
        ("ollama:gemma3:27b", "google"),
        ("ollama:llama3.1:8b", "meta"),
        ("together:meta-llama/Llama-4-Scout", "meta"),
        ("ollama:hf.co/bartowski/Qwen3-8B-GGUF:Q4_K_M", "qwen"),
        ("ollama:library/unheard-of", None),
        ("moonshotai/kimi-k2.6", "moonshotai"),
        ("mistralai/mixtral-8x22b", "mistral"),
        ("deepseek:deepseek-chat", "deepseek"),
        ("x-ai/grok-4", "xai"),
        ("z-ai/glm-5", "zai"),
        ("local:qwen2.5-7b-instruct-q4_k_m.gguf", "qwen"),
        ("local:/path/x.gguf", None),
        ("local:models/claude/x.gguf", None),
        ("local:sub/Mistral-7B.gguf", "mistral"),
        ("offline:question", None),
        ("cohere/command-a", "cohere"),
        ("new-lab/their-model", "new-lab"),
        ("gpt-5.5-2026-04-01", "openai"),
        ("my-instance", None),
        ("logo3/x", "logo3"),
        ("/x", None),
        (":", None),
        ("", None),
    ],
)
def test_the_family_is_read_from_the_name_alone(model, family):
    assert SHIPPED.family(model) == family


def test_a_fault_is_explained_by_field_reason_and_value():
    assert explained(max_tool_calls=17) == "max_tool_calls: Input should be less than or equal to 16 (got 17)"
    assert explained(search={"max_results": 99}).startswith("search.max_results: ")
    assert explained(nope=1) == "nope: there is no such field (got 1)"


def test_several_faults_are_explained_one_after_the_other():
    assert explained(nope=1, blind="maybe").count("; ") == 1


def test_a_fault_inside_a_seat_names_the_seat_and_its_field_alone():
    assert explained(panel=[{"model": "a/b", "foo": 1}]) == "panel.0.foo: there is no such field (got 1)"
    assert explained(panel=["a/b", {"model": "a/b", "temperature": 3}]).startswith("panel.1.temperature: ")
    assert explained(tools=[{"parameters": {}}]) == "tools.0.type: Field required"


def test_a_very_long_value_is_not_repeated_whole():
    assert len(explained(prompts={"judge": "x" * 60_000})) < 300


def test_a_rule_between_fields_is_explained_without_pydantics_words():
    text = explained(panel=[{"id": "a", "model": "x/y"}, {"id": "a", "model": "x/y"}])
    assert text == "config: panel: seat id 'a' is used twice; give each seat its own id"
