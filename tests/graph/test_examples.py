"""The examples, run as they are: their `main()` against a scripted gateway, or offline."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripted_house import analysis

from fusion_graph import ConfigError, FusionConfig, Gateway, Resources
from fusion_graph.fence import unfence
from fusion_graph.presets import load_catalog
from fusion_graph.testing import ReceivedCall, Reply, ScriptedServer, Text, ToolCall, ToolCalls

EXAMPLES = Path(__file__).parents[2] / "examples"
LINE = re.compile(r"^  (.+?) \| (\d+) x ([\d.]+)", re.MULTILINE)


def example(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load an example as `python examples/name.py` does: with its folder on the path."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gateway(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """The scripted server as the environment's gateway."""
    monkeypatch.setenv("FUSION_GATEWAY_URL", server.base_url)
    return server


def script_the_default_panel(server: ScriptedServer, *judge: str) -> None:
    """Script what a gateway is asked for when nobody named models; the first seat's model judges and writes too."""
    catalog = load_catalog()
    for seat in catalog.preset("general-high").seats():
        server.on(catalog.aliases[seat.model], f"A report of {seat.model}.")
    server.on(catalog.aliases[catalog.preset("general-high").judge or ""], "A report.", *judge)


async def test_subgraph_offline_ends_with_the_hosts_own_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await example("subgraph", monkeypatch).main()
    out = capsys.readouterr().out
    assert out.startswith("*No language model was called")
    assert "For the morning meeting: 3 seats were asked. Unsettled: Possible disagreement" in out


async def test_subgraph_passes_its_field_fusion_to_the_panel(
    gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stances = [{"draft": "A", "stance": "yes"}, {"draft": "B", "stance": "no"}]
    found = analysis(contradictions=[{"topic": "the rate", "stances": stances}])
    script_the_default_panel(gateway, found, "The answer.")

    await example("subgraph", monkeypatch).main("Why?")

    out = capsys.readouterr().out
    assert out == "The answer.\n\nFor the morning meeting: 3 seats were asked. Unsettled: the rate.\n\n"
    assert "You have 3 tool steps" in gateway.calls[0].prompt


@pytest.mark.parametrize("fusion", [FusionConfig(max_tool_calls=2), {"max_tool_calls": 2}])
async def test_a_hosts_field_fusion_may_be_plain_data(
    fusion: Any, gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    script_the_default_panel(gateway, analysis(), "The answer.")
    resources = Resources(gateway=Gateway(gateway.base_url, ""), corpus=EXAMPLES / "corpus")
    desk = example("subgraph", monkeypatch).build_desk(resources)

    await desk.ainvoke({"messages": [("user", "Why?")]}, context={"reader": "you", "fusion": fusion})

    assert "You have 2 tool steps" in gateway.calls[0].prompt


async def test_a_hosts_bad_field_is_named(gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = example("subgraph", monkeypatch).build_desk(Resources(gateway=Gateway(gateway.base_url, "")))
    with pytest.raises(ConfigError, match="max_tool_calls"):
        await desk.ainvoke({"messages": [("user", "Why?")]}, context={"fusion": {"max_tool_calls": 99}})
    assert gateway.calls == []


async def test_fusion_as_tool_convenes_the_panel_beside_the_agents_own_tool(
    gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    monkeypatch.setenv("FUSION_CORPUS", str(EXAMPLES / "corpus"))
    script_the_default_panel(gateway, analysis(blind_spots=["Luggage."]))
    journey = {"means": "train", "people": 400, "kilometres": 2400}
    steps = [ToolCall("emissions_of", journey), ToolCall("fusion", {"question": "Fly?"}), Text("Take the train.")]
    gateway.on("adviser", *steps)

    await example("fusion_as_tool", monkeypatch).main("Fly?", "openai:adviser")

    out = capsys.readouterr().out
    assert "[emissions_of] 28.8 t" in out
    assert "Luggage." in gateway.calls_of("adviser")[-1].tool_results[-1]
    assert out.endswith("Take the train.\n")


async def test_self_fusion_keeps_two_seats_of_one_model_apart(
    gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUSION_CORPUS", str(EXAMPLES / "corpus"))
    stances = [{"draft": "A", "stance": "yes"}, {"draft": "B", "stance": "no"}]
    found = analysis(contradictions=[{"topic": "who pays", "stances": stances}])
    gateway.on("acme/solo", "Yes.", "No.", found, "It is disputed.")

    await example("self_fusion", monkeypatch).main("acme/solo", "Is it?")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("steady: ok")
    assert lines[1].startswith("bold: ok")
    assert lines[2:] == ["in dispute: who pays", "", "It is disputed."]
    assert {call.body["temperature"] for call in gateway.calls[:2]} == {0.2, 1.0}


def test_mcp_tools_are_called_by_the_panel(gateway: ScriptedServer) -> None:
    def seat(call: ReceivedCall) -> Reply:
        if call.tool_results:
            return Text(f"It says {unfence(call.tool_results[0], 'tool_result')[0].text}.")
        return ToolCall("yearly_tax", {"plant": "south", "dollars_per_tonne": 55})

    script_the_default_panel(gateway, analysis(), "South, at 44,000.")
    gateway.on(load_catalog().aliases["~openai/gpt-latest"], seat)

    command = [sys.executable, str(EXAMPLES / "mcp_tools.py")]
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env["FUSION_GATEWAY_URL"] = gateway.base_url
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("South, at 44,000.\n")
    assert "'~openai/gpt-latest': 1" in done.stdout
    assert "It says south: 44,000 dollars a year." in gateway.calls[-1].prompt


class Clerk:
    """Scripted models that do the jobs of the invoice example by reading what they are sent."""

    def __init__(self) -> None:
        self.sums_taken = 0

    def extract(self, call: ReceivedCall) -> Reply:
        return Text("\n".join(f"{number}: order {order}" for number, order, _, _ in invoices(call)))

    def validate(self, call: ReceivedCall) -> Reply:
        found = invoices(call)
        if not call.tool_results:
            keys = ("quantity", "unit_price")
            calls = [[dict(zip(keys, line[1:], strict=True)) for line in lines] for _, _, lines, _ in found]
            return ToolCalls([ToolCall("total_of", {"lines": lines}) for lines in calls])
        self.sums_taken = len(call.tool_results)
        totals = [re.findall(r"total: ([\d.]+)", result)[0] for result in call.tool_results]
        off = [number for (number, _, _, stated), total in zip(found, totals, strict=True) if stated != total]
        return Text("\n".join(f"FOUND - {number} | wrong_total | the lines do not add up" for number in off))

    def match(self, call: ReceivedCall) -> Reply:
        prices = dict(re.findall(r"^  (.+?) \| ([\d.]+)$", call.prompt, re.MULTILINE))
        orders = {name: ordered(block) for name, block in blocks(call.prompt, r"PURCHASE ORDER (PO-\d+)")}
        seen: Counter[str] = Counter()
        said = []
        for number, order, lines, _ in invoices(call):
            seen[order] += 1
            if seen[order] > 1:
                said.append(f"FOUND - {number} | duplicate_invoice | {order} was invoiced before")
            for item, quantity, price in lines:
                if Decimal(price) > Decimal(prices[item]):
                    said.append(f"FOUND - {number} | price_above_contract | {item}")
                if quantity != orders[order][item]:
                    said.append(f"FOUND - {number} | quantity_mismatch | {item}")
        return Text("\n".join(said))

    def judge(self, call: ReceivedCall) -> Reply:
        points = [{"point": line, "drafts": ["A", "B"], "sources": []} for line in findings(call)]
        return Text(analysis(consensus=points))

    def write(self, call: ReceivedCall) -> Reply:
        return Text("\n".join(findings(call)))


def findings(call: ReceivedCall) -> list[str]:
    """The findings that stand in the drafts."""
    reports = "\n".join(draft.text for draft in unfence(call.prompt, "draft"))
    return re.findall(r"^FOUND (- .*)$", reports, re.MULTILINE)


def blocks(text: str, heading: str) -> list[tuple[str, str]]:
    return [(m[1], m[2]) for m in re.finditer(rf"^{heading}[^\n]*\n((?:(?!\n\n).)*)", text, re.MULTILINE | re.DOTALL)]


def ordered(block: str) -> dict[str, int]:
    return {item: int(count) for item, count, _ in LINE.findall(block)}


def invoices(call: ReceivedCall) -> list[tuple[str, str, list[tuple[str, int, str]], str]]:
    """Number, order, lines and stated total of every invoice in the prompt."""
    read = []
    for number, block in blocks(call.prompt, r"INVOICE (INV-\d+) from"):
        order = re.findall(r"Order: (PO-\d+)", block)[0]
        lines = [(item, int(count), price) for item, count, price in LINE.findall(block)]
        read.append((number, order, lines, re.findall(r"Total: ([\d.]+)", block)[0]))
    return read


@pytest.mark.parametrize("seed", [7, 8])
async def test_invoice_reconciliation_finds_every_planted_error(
    seed: int, gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reconciliation = example("invoice_reconciliation", monkeypatch)
    clerk = Clerk()
    gateway.on("acme/extract", clerk.extract, clerk.judge, clerk.write)
    gateway.on("acme/validate", clerk.validate)
    gateway.on("acme/match", clerk.match)

    await reconciliation.main(["acme/extract", "acme/validate", "acme/match"], seed)

    out = capsys.readouterr().out
    assert "4 of 4 planted errors found, 0 others" in out
    assert "validate: ok, 7 tool calls" in out
    assert clerk.sums_taken == 7
    tools = {call.model: call.tool_names for call in gateway.calls}
    assert tools["acme/validate"] == ["total_of"]
    assert tools["acme/match"] == []


def test_the_invoice_case_depends_on_its_seed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_data = example("invoices/make_data", monkeypatch)
    assert make_data.make_case(3) == make_data.make_case(3)
    assert make_data.make_case(3) != make_data.make_case(4)
    assert {kind for _, kind in make_data.make_case(3).planted} == {
        "wrong_total", "price_above_contract", "quantity_mismatch", "duplicate_invoice",
    }  # fmt: skip
    make_data.main(tmp_path, 3)
    assert len(list(tmp_path.iterdir())) == 14
    assert "planted" in capsys.readouterr().out
