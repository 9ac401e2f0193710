from __future__ import annotations

import io
import json

import pytest

from fusion_graph.errors import ConfigError
from fusion_graph.terminal.options import AskOptions
from fusion_graph.terminal.question import read_question
from fusion_graph.terminal.settings import config_of, resources_of


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_what_was_given_is_set():
    assert config_of(AskOptions(question="q")).model_fields_set == set()


def test_panels_may_be_repeated_and_separated_by_commas():
    config = config_of(AskOptions(panel=["a/b, a/b", "c/d"]))
    assert [seat.model for seat in config.seats()] == ["a/b", "a/b", "c/d"]


def test_options_reach_their_fields():
    options = AskOptions(
        preset="p", judge="j/j", writer="w/w", max_tool_calls=3, max_completion_tokens=99, temperature=0.5,
        effort="low", engine="exa", seat_timeout=7.5, seed=11, no_blind=True, tools=["web_search,clock"],
    )  # fmt: skip
    config = config_of(options)
    assert config.model_dump(exclude_unset=True) == {
        "preset": "p", "judge": "j/j", "writer": "w/w", "max_tool_calls": 3, "max_completion_tokens": 99,
        "temperature": 0.5, "reasoning": {"effort": "low"}, "search": {"engine": "exa"}, "seat_timeout": 7.5,
        "seed": 11, "blind": False, "tools": ["web_search", "clock"],
    }  # fmt: skip


def test_no_tools_is_an_empty_list():
    assert config_of(AskOptions(no_tools=True)).tools == []


def test_domains_hold_for_search_and_fetch():
    config = config_of(AskOptions(allow_domain=["a.org"], exclude_domain=["b.org/x,c.org"]))
    assert config.search.allowed_domains == config.fetch.allowed_domains == ["a.org"]
    assert config.search.excluded_domains == config.fetch.blocked_domains == ["b.org/x", "c.org"]


def test_options_win_over_the_file_field_by_field(tmp_path):
    file = tmp_path / "fusion.toml"
    file.write_text('judge = "file/judge"\nseed = 1\n[search]\nmax_results = 3\nengine = "tavily"\n')
    config = config_of(AskOptions(config=file, seed=2, engine="exa"))
    assert (config.judge, config.seed) == ("file/judge", 2)
    assert (config.search.engine, config.search.max_results) == ("exa", 3)


def test_a_json_file_is_read_too(tmp_path):
    file = tmp_path / "fusion.json"
    file.write_text(json.dumps({"panel": [{"id": "x", "model": "a/b", "role": "checks"}]}))
    assert config_of(AskOptions(config=file)).seats()[0].role == "checks"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 9.0}, ["--temperature", "9.0", "2"]),
        ({"max_tool_calls": 17}, ["--max-tool-calls", "17", "16"]),
        ({"seed": -1}, ["--seed", "-1"]),
        ({"panel": ["a/b"] * 9}, ["--panel", "8"]),
        ({"panel": [""]}, ["--panel", "1 item"]),
        ({"panel": ["openrouter/fusion"]}, ["--panel", "openrouter/fusion", "is a fusion"]),
        ({"judge": "openrouter/fusion"}, ["--judge", "is a fusion"]),
        ({"no_tools": True, "tools": ["x"]}, ["--no-tools", "--tools"]),
        ({"allow_domain": ["a.b"], "exclude_domain": ["a.b"]}, ["--allow-domain", "--exclude-domain", "a.b"]),
    ],
)
def test_a_wrong_value_is_refused_by_the_option_s_name(options, words):
    with pytest.raises(ConfigError) as refused:
        config_of(AskOptions(**options))
    assert all(word in str(refused.value) for word in words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.toml", "panell = 1", ["panell", "a.toml"]),
        ("a.json", '{"search": {"max_results": 99}}', ["search.max_results", "99", "25", "a.json"]),
        ("a.toml", "panel = [", ["not valid TOML", "a.toml"]),
        ("a.json", "{", ["not valid JSON", "a.json"]),
        ("a.json", "[]", ["must hold an object", "a.json"]),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as refused:
        config_of(AskOptions(config=tmp_path / name))
    assert all(word in str(refused.value) for word in words)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        config_of(AskOptions(config=tmp_path / "none.toml"))


def test_a_gateway_of_one_s_own_needs_no_key_unless_one_is_named():
    plain = resources_of(AskOptions(gateway_url="http://here/v1")).gateway
    keyed = resources_of(AskOptions(gateway_url="http://here/v1", gateway_key_env="MY_KEY")).gateway
    assert (plain.base_url, plain.api_key_env, keyed.api_key_env) == ("http://here/v1", "", "MY_KEY")


def test_options_win_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FUSION_GATEWAY_URL", "http://env/v1")
    monkeypatch.setenv("FUSION_SEARXNG_URL", "http://env-search")
    monkeypatch.setenv("FUSION_CORPUS", "/env/corpus")
    found = resources_of(AskOptions(gateway_key_env="K", searxng_url="http://mine", corpus=tmp_path))
    assert (found.gateway.base_url, found.gateway.api_key_env) == ("http://env/v1", "K")
    assert (found.searxng_url, found.corpus) == ("http://mine", tmp_path)
    assert str(resources_of(AskOptions()).corpus) == "/env/corpus"


def test_the_question_comes_from_the_argument_or_from_standard_input():
    assert read_question(" why? ", io.StringIO("unread")) == "why?"
    assert read_question("-", io.StringIO("piped\n")) == "piped"
    assert read_question(None, io.StringIO("piped\n")) == "piped"


@pytest.mark.parametrize(("given", "stdin"), [(None, _Terminal()), ("  ", _Terminal()), ("-", io.StringIO(" \n"))])
def test_no_question_is_said_and_nothing_waits_for_a_terminal(given, stdin):
    with pytest.raises(ConfigError, match="QUESTION"):
        read_question(given, stdin)
