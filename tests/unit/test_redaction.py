from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_graph.redaction import redact

KEY = "abcDEF123456ghiJKL7890"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Incorrect API key provided: sk-proj-{KEY}. Find yours at", f"sk-proj-{KEY}"),
        ("Incorrect API key provided: sk-abcd********wxyz", "sk-abcd********wxyz"),
        (f"Incorrect API key provided: {KEY}", KEY),
        (f"sk-ant-api03-{KEY}_x-y", f"sk-ant-api03-{KEY}_x-y"),
        (f"sk-or-v1-{KEY}", KEY),
        (f"sk_live_{KEY}", KEY),
        (f"Authorization: Bearer {KEY}", KEY),
        (f"{{'authorization': 'bearer {KEY}'}}", KEY),
        (f"Authorization: Basic {KEY}==", KEY),
        (f"x-api-key: {KEY}", KEY),
        (f'{{"api_key": "{KEY}", "model": "m"}}', KEY),
        (f"API-Key={KEY}", KEY),
        (f"apikey='{KEY}'", KEY),
        (f"GET https://host/v1/search?q=tax&api_key={KEY}&page=2", KEY),
        (f"https://host/v1?key={KEY}", KEY),
        (f"https://host/v1?a=1&access_token={KEY}", KEY),
        (f"proxy http://user:{KEY}@proxy:3128 refused", KEY),
        ("AIzaSyA1234567890abcdefgh_-XYZ is not valid", "AIzaSyA1234567890abcdefgh_-XYZ"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        (f"tvly-{KEY}", KEY),
        (f"gsk_{KEY}", KEY),
        (f"hf_{KEY}", KEY),
        (f"xai-{KEY}", KEY),
        (f"pplx-{KEY}", KEY),
        (f"lsv2_pt_{KEY}", KEY),
        (f"ghp_{KEY} gho_{KEY} github_pat_{KEY}", KEY),
        (f"xoxb-123456-{KEY}", KEY),
        (f"nvapi-{KEY}", KEY),
        (f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{KEY}", KEY),
    ],
)
def test_secrets_of_known_shapes_are_taken_out(text, secret):
    cleaned = redact(text)
    assert secret not in cleaned
    assert "[redacted]" in cleaned


def test_what_stands_around_a_secret_stays_readable():
    assert redact(f"GET https://h/s?q=tax&api_key={KEY}&page=2 failed") == (
        "GET https://h/s?q=tax&api_key=[redacted]&page=2 failed"
    )
    assert redact(f"Authorization: Bearer {KEY}, 401") == "Authorization: Bearer [redacted], 401"
    assert redact(f"http://user:{KEY}@proxy:3128/") == "http://[redacted]@proxy:3128/"


@pytest.mark.parametrize(
    "name", ["MY_API_KEY", "SERVICE_APIKEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "HUB_TOKEN", "APP_SECRET", "X_PAT"]
)
def test_the_value_of_a_secret_named_variable_is_taken_out_wherever_it_stands(monkeypatch, name):
    monkeypatch.setenv(name, "plain words 42")
    assert redact("upstream said: plain words 42!") == "upstream said: [redacted]!"


def test_of_two_values_where_one_holds_the_other_nothing_is_left(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "longsecret")
    monkeypatch.setenv("B_TOKEN", "longsecret-tail-9")
    assert redact("x longsecret-tail-9 y longsecret z") == "x [redacted] y [redacted] z"


def test_white_space_around_a_variable_does_not_hide_its_value(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "  longsecret\n")
    assert redact("got longsecret") == "got [redacted]"


def test_short_values_and_other_variables_are_left_alone(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "unused")
    monkeypatch.setenv("FUSION_TEST_COLOUR", "turquoise")
    assert redact("an unused turquoise thing") == "an unused turquoise thing"


@pytest.mark.parametrize(
    "text",
    [
        "Rate limit reached for gpt-5.5 in organization org-1 on tokens per min: Limit 30000, Used 29000.",
        "This model's maximum context length is 8192 tokens, but 9000 tokens were requested.",
        "https://example.org/risk-assessment?page=2#sec-3",
        "model 'openrouter/auto' not found at https://openrouter.ai/api/v1",
        "12:30:45 task-manager failed with KeyError: 'choices'",
        "",
    ],
)
def test_ordinary_error_messages_stay_as_they_are(text):
    assert redact(text) == text


@given(st.text(st.characters(exclude_categories=()), max_size=400))
@settings(deadline=None)
def test_no_text_makes_it_fail_and_a_second_pass_finds_nothing_more_of_the_secret(text):
    planted = redact(f"{text} Bearer {KEY} {text}")
    assert KEY not in planted


@given(st.recursive(st.text(max_size=20), lambda inner: st.dictionaries(st.text(max_size=8), inner, max_size=3)))
@settings(deadline=None, max_examples=50)
def test_a_secret_inside_any_json_is_taken_out(value):
    assert KEY not in redact(json.dumps({"error": value, "api_key": KEY}))
