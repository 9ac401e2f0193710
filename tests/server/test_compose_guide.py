"""The Python blocks of the guide to composing run as they stand, one after the other."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from types import ModuleType
from typing import Any

import pytest
from langgraph_dev import CORPUS, REPOSITORY, LangGraphDev
from scripted_panel import comparison

from fusion_graph.presets import load_catalog
from fusion_graph.testing import ReceivedCall, Reply, ScriptedServer, Text, ToolCall

GUIDE = REPOSITORY / "docs" / "compose.md"


def anyone(call: ReceivedCall) -> Reply:
    """A model for every part: it compares where a schema is asked for, and uses the tool it is given, once."""
    if "weather" in call.tool_names and not call.tool_results:
        return ToolCall("weather", {"place": "Rome"})
    if "fusion" in call.tool_names and not call.tool_results:
        return ToolCall("fusion", {"question": "Is a carbon tax regressive?"})
    if "tonnes_of" in call.tool_names and not call.tool_results:
        return ToolCall("tonnes_of", {"plant": "north"})
    return Text(comparison() if call.asks("response_format") else "It is, says somebody.")


async def test_the_blocks_of_the_guide_run(
    langgraph: LangGraphDev,
    models: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    catalog = load_catalog()
    for model in {*catalog.aliases.values(), "openai/gpt-5.5", "gpt-5.5"}:
        models.on(model, anyone)
    monkeypatch.setenv("FUSION_GATEWAY_URL", models.base_url)
    monkeypatch.setenv("FUSION_CORPUS", str(CORPUS))
    monkeypatch.setenv("OPENAI_BASE_URL", models.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    text = GUIDE.read_text("utf-8").replace("http://127.0.0.1:2024", langgraph.url)
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7

    guide = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", guide)
    names: dict[str, Any] = vars(guide)
    receipts = []
    for block in blocks:
        code = compile(block, GUIDE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if inspect.iscoroutine(running := eval(code, names)):
            await running
        receipts.append(names["output"]["receipt"])

    assert [seat["seat_id"] for seat in receipts[0]["seats"]] == ["one", "two"]
    assert names["state"]["messages"][-1].text == "It is, says somebody."
    assert names["receipt"]["status"] == "ok"
    assert all(seat["tool_calls"] == 1 for seat in receipts[3]["seats"])
    assert receipts[4]["writer"]["finish_reason"] == "stop"
    assert [m.type for m in names["messages"]] == ["human", "ai", "tool"]
    out = capsys.readouterr().out
    assert "fusion.completed" in out
    assert "writer It" in out
