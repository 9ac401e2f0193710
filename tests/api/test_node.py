"""OpenAI's npm package, on a server that stores."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_house import ANSWER, script
from keeping_house import Keeper, keeping_app

from fusion_graph.testing import ScriptedServer

FOLDER = Path(__file__).parent / "node"
INSTALL = "npm ci --prefix tests/api/node"


@pytest.fixture
def keeper(server: ScriptedServer, tmp_path: Path) -> Iterator[Keeper]:
    script(server)
    with keeping_app(server, tmp_path / "server.sqlite") as running:
        yield running


def _node() -> str:
    node = shutil.which("node")
    missing = "node is not installed" if node is None else None
    if node is not None and not (FOLDER / "node_modules" / "openai").is_dir():
        missing = f"OpenAI's npm package is not installed: {INSTALL}"
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing)
    if node is None or missing:
        pytest.skip(missing or "")
    return node


async def test_openai_s_npm_package_does_all_of_it(keeper: Keeper) -> None:
    process = await asyncio.create_subprocess_exec(
        _node(),
        str(FOLDER / "client.mjs"),
        f"{keeper.url}/v1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    assert "openrouter/fusion" in told["models"]
    assert told["chat"] == {"content": ANSWER, "deliberated": True}
    assert told["stream"]["text"] == told["helper"] == ANSWER
    assert told["stream"]["total"] > 0
    assert told["response"] == {"text": ANSWER, "types": ["openrouter:fusion", "message"], "status": "completed"}
    assert told["responseStream"]["text"] == told["next"] == ANSWER
    assert "response.fusion_call.panel.delta" in told["responseStream"]["events"]
    assert told["background"] == {"text": ANSWER, "status": "completed"}
    assert told["gone"] == {"name": "NotFoundError", "status": 404, "code": told["gone"]["code"]}
    assert told["refused"] == {"name": "BadRequestError", "status": 400, "param": "plugins[0].max_tool_calls"}
