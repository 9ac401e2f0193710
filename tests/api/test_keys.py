"""Keys of the HTTP app, in real database files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusion_graph.cli import app
from fusion_graph.errors import ConfigError
from fusion_graph.redaction import redact
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.server.settings import ServerSettings


@pytest.fixture
async def keys(tmp_path: Path):
    async with opened(ServerSettings(database=str(tmp_path / "keys.sqlite"))) as database:
        yield Keys(database)


async def test_a_secret_opens_its_own_key_and_no_other(keys: Keys):
    first, secret = await keys.add("laptop")
    second, other = await keys.add("phone")
    assert (await keys.find(secret)) == first
    assert (await keys.find(other)) == second
    mixed = f"fg-{first.id}-{other.split('-', 2)[2]}"
    assert await keys.find(mixed) is None
    for wrong in ("", "fg", "fg-", secret[:-1], secret + "x", secret.upper(), f"fg-{first.id}-", "fg-\ud800-\ud800"):
        assert await keys.find(wrong) is None


async def test_the_secret_is_nowhere_in_the_database_file(keys: Keys, tmp_path: Path):
    _, secret = await keys.add("laptop")
    hidden = secret.split("-", 2)[2].encode()
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240 - small, and nothing waits
    assert b"laptop" in held
    assert hidden not in held


async def test_a_revoked_key_opens_nothing_and_stays_in_the_list(keys: Keys):
    key, secret = await keys.add("laptop")
    await keys.revoke("laptop")
    assert await keys.find(secret) is None
    assert [(each.id, each.revoked) for each in await keys.all()] == [(key.id, True)]
    assert await keys.any()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a", "limit_usd": 0}, "limit"),
        ({"name": "a", "limit_usd": float("nan")}, "limit"),
        ({"name": "a", "period": "week"}, "per"),
        ({"name": "a", "per_minute": 0}, "per-minute"),
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused_by_its_name(keys: Keys, given: dict, field: str):
    with pytest.raises(ConfigError, match=f"^{field}: "):
        await keys.add(**given)
    assert await keys.all() == []


async def test_a_name_is_given_once(keys: Keys):
    await keys.add("laptop")
    with pytest.raises(ConfigError, match="'laptop' exists already"):
        await keys.add("laptop")
    with pytest.raises(ConfigError, match="there is no key 'desk'"):
        await keys.revoke("desk")
    await keys.revoke("laptop")
    with pytest.raises(ConfigError, match="choose another name, as a revoked one keeps its own"):
        await keys.add("laptop")


async def test_what_a_key_spent_adds_up_to_the_last_digit(keys: Keys):
    key, _ = await keys.add("laptop", limit_usd=1.0)
    for _ in range(10):
        await keys.book(key.id, 0.1, at_least=False)
    await keys.book("somebody-else", 5.0, at_least=False)
    assert await keys.spent(key) == 1.0


async def test_spending_before_the_period_does_not_count(keys: Keys, tmp_path: Path):
    total, _ = await keys.add("total", limit_usd=1.0)
    day, _ = await keys.add("day", limit_usd=1.0, period="day")
    for key in (total, day):
        await keys.book(key.id, 0.25, at_least=False)
    with sqlite3.connect(tmp_path / "keys.sqlite") as connection:
        connection.execute("UPDATE fusion_spending SET at = at - 90000")
    connection.close()
    assert await keys.spent(total) == 0.25
    assert await keys.spent(day) == 0.0


async def test_presets_and_limits_come_back_as_they_were_given(keys: Keys):
    made, secret = await keys.add("a", limit_usd=2.5, period="month", per_minute=7, presets=("offline", "mine"))
    assert await keys.find(secret) == made
    assert made.presets == ("offline", "mine")
    assert (await keys.by_id(made.id)) == made


def test_the_command_prints_a_key_once_and_lists_it_without(tmp_path: Path):
    file = str(tmp_path / "k" / "keys.sqlite")
    runner = CliRunner()
    added = runner.invoke(app, ["keys", "add", "laptop", "--limit", "2", "--per", "day", "--database", file])
    assert added.exit_code == 0, added.output
    secret = added.stdout.strip()
    assert secret.startswith("fg-")
    listed = runner.invoke(app, ["keys", "list", "--database", file])
    assert "laptop" in listed.stdout
    assert "of 2.0 (day)" in listed.stdout
    assert secret.split("-", 2)[2] not in listed.output
    assert runner.invoke(app, ["keys", "revoke", "laptop", "--database", file]).exit_code == 0
    assert "revoked" in runner.invoke(app, ["keys", "list", "--database", file]).stdout


def test_a_wrong_database_address_is_an_error_in_a_sentence(tmp_path: Path):
    refused = CliRunner().invoke(app, ["keys", "list", "--database", "mysql://root:geheim@host/x"])
    assert refused.exit_code == 2
    assert "'mysql://...' is not known" in refused.output
    assert "geheim" not in refused.output


def test_a_key_in_a_text_is_redacted():
    assert "abcdef" not in redact("the header was fg-0011223344556677-abcdefghijklmnop")
