"""`fusion doctor` says whether the HTTP server's packages, database and keys work, and makes none of them."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from fusion_graph.doctor_server import server_checks
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.server.settings import ServerSettings


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServerSettings:
    file = tmp_path / "server.sqlite"
    monkeypatch.setenv("FUSION_SERVER_DATABASE", str(file))
    return ServerSettings(database=str(file))


async def states() -> dict[str, str]:
    return {check.name: check.state for check in await server_checks()}


async def test_a_server_that_never_ran_is_off_and_stays_so(database: ServerSettings) -> None:
    assert await states() == {"extra serve": "ok", "database": "off", "keys": "off"}
    assert not os.path.exists(str(database.database))  # noqa: ASYNC240, PTH110 - the test waits for nothing else


async def test_keys_are_counted_and_never_shown(database: ServerSettings) -> None:
    async with opened(database) as held:
        keys = Keys(held)
        _, secret = await keys.add("laptop")
        await keys.add("phone")
        await keys.revoke("phone")
    checks = await server_checks()
    assert {check.name: check.detail for check in checks}["keys"] == "1 valid, 1 revoked"
    assert secret not in json.dumps([check.as_dict() for check in checks])
    async with opened(database) as held:
        await Keys(held).revoke("laptop")
    assert (await states())["keys"] == "problem"


async def test_a_database_that_does_not_answer_is_a_problem_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("FUSION_SERVER_DATABASE", f"postgresql://fusion:planted-secret@127.0.0.1:{port}/fusion")
    [_, check] = await server_checks()
    assert (check.name, check.state) == ("database", "problem")
    assert "127.0.0.1" in check.detail
    assert "planted-secret" not in check.detail


@pytest.mark.parametrize(
    ("name", "value", "told"), [("DATABASE", "mysql://x/y", "mysql://"), ("MAX_RUNS", "many", "FUSION_SERVER_MAX_RUNS")]
)
async def test_a_setting_that_cannot_be_read_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"FUSION_SERVER_{name}", value)
    [_, check] = await server_checks()
    assert check.state == "problem"
    assert told in check.detail
