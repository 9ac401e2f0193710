"""Find the panel that checks invoices best for its price: exact fields, and a bad invoice approved costs all.

    python examples/invoice_optimize.py                      # scripted clerks: no key, no network, no bill
    OPENROUTER_API_KEY=... python examples/invoice_optimize.py MODEL [MODEL ...] --max-cost 5

It makes five times twelve invoices, writes them and a search file into a folder, and does what `fusion optimize run`
does. The clerks err by chance: two of three are cheap, and no clerk fused with another is as careless as one alone.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fusion_graph import Gateway, Resources
from fusion_graph.evals.datasets.invoices import INVOICE_WEIGHTS, make_invoices
from fusion_graph.evals.optimize.session import Options, work
from fusion_graph.terminal.consoles import Screen
from fusion_graph.testing import ReceivedCall, ScriptedServer, Text, Usage

SEARCH = Path(__file__).with_suffix(".yaml")
CLERKS: Mapping[str, tuple[float, float]] = {
    "clerks/quick": (0.6, 0.001),
    "clerks/steady": (0.72, 0.004),
    "clerks/senior": (0.85, 0.02),
}
"""How often each is right, and US dollars for a call."""
COMPARED = json.dumps(
    {"consensus": [], "contradictions": [], "partial_coverage": [], "unique_insights": [], "blind_spots": []}
)


def tasks(copies: int) -> Iterator[dict[str, Any]]:
    """Twelve invoices for each seed."""
    for seed in range(copies):
        for task in make_invoices(seed):
            yield {**task, "id": f"{task['id']}-{seed}"}


def clerk(expected: Mapping[str, Any]) -> Callable[[ReceivedCall], Text]:
    """A model that looks the right answer up, and misses it now and then; less often with drafts before it."""

    def answer(call: ReceivedCall) -> Text:
        skill, price = CLERKS[call.model]
        usage = Usage(900, 60, cost=price)
        if "response_format" in call.body:
            return Text(COMPARED, usage=usage)
        said = json.dumps(call.body, ensure_ascii=False)
        question = next(order for order in expected if order in said)
        drafts = said.count("<draft label")
        drawn = hashlib.sha256(f"{call.model} {question} {drafts}".encode()).digest()[0] / 256
        right = drawn < min(0.97, skill + 0.06 * drafts)
        return Text(json.dumps(expected[question] if right else {"decision": "approve", "reasons": []}), usage=usage)

    return answer


def prepare(folder: Path, models: Sequence[str], copies: int) -> tuple[Path, list[dict[str, Any]]]:
    """Write the tasks, and the search file that names them and the models."""
    folder.mkdir(parents=True, exist_ok=True)
    made = list(tasks(copies))
    (folder / "invoices.jsonl").write_text("".join(json.dumps(task) + "\n" for task in made), "utf-8")
    search = yaml.safe_load(SEARCH.read_text("utf-8"))
    search["dataset"] = {
        "path": "invoices.jsonl",
        "scorer": {"kind": "json_fields", "weights": dict(INVOICE_WEIGHTS)},
    }
    search["space"] = {"models": list(models), "panel_sizes": [2]}
    search["search"] |= {"first_block": 8, "margin": 10}
    path = folder / "search.json"
    path.write_text(json.dumps(search, indent=1), "utf-8")
    return path, made


async def main(models: Sequence[str], copies: int, out: Path, max_cost: float | None) -> int:
    path, made = prepare(out, models or list(CLERKS), copies)
    screen = Screen.open(color=True)
    if models:
        return await work("run", Options(path, out, max_cost=max_cost), screen)
    order = {task["input"].partition("ORDER ")[2].replace("\n", "\\n"): task["expected"] for task in made}
    with ScriptedServer() as server:
        for name in CLERKS:
            server.on(name, clerk(order))
        resources = Resources(gateway=Gateway(server.base_url, ""))
        return await work("run", Options(path, out, yes=True, max_cost=max_cost, resources=resources), screen)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="models to combine; scripted clerks when left out")
    parser.add_argument("--copies", type=int, default=5, help="times twelve invoices")
    parser.add_argument("--out", type=Path, default=Path("results/invoice-example"))
    parser.add_argument("--max-cost", type=float, metavar="USD")
    raise SystemExit(asyncio.run(main(**vars(parser.parse_args()))))
