"""A panel with roles: one seat extracts, one checks the sums with a tool, one matches orders and contract.

    OPENROUTER_API_KEY=... python examples/invoice_reconciliation.py deepseek/deepseek-v4-pro
    FUSION_GATEWAY_URL=http://127.0.0.1:4000/v1 python examples/invoice_reconciliation.py MODEL [MODEL MODEL]

The case comes from invoices/make_data.py, which plants four errors; at the end the findings are held against them.
One model may take all three seats; the first one also judges and writes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from invoices.make_data import Case, make_case
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from fusion_graph import FusionConfig, Resources, Seat, build_fusion_graph

TASK = "Reconcile these invoices with the purchase orders and the contract. Which are wrong, and how?"
KINDS = """- wrong_total: the stated total is not the sum of the lines
- price_above_contract: a unit price is above the contract's
- quantity_mismatch: a quantity is not the ordered one
- duplicate_invoice: an order was invoiced before; name the later invoice"""
WRITER = f"""Write the findings for the accounts department, from the reports above.

{{{{analysis}}}}
One line per error and nothing else, in this form, the kind being one of these words:
- INV-0000 | kind | what is wrong, in one sentence

{KINDS}

Leave out what no report supports. If nothing is wrong, write: none"""
FINDING = re.compile(r"^[-*] *(INV-\d+) *\| *(\w+) *\|", re.MULTILINE)


class InvoiceLine(BaseModel):
    """A line as the tool takes it."""

    quantity: int = Field(description="Pieces.")
    unit_price: Decimal = Field(description="Dollars for one piece.")


@tool
def total_of(lines: list[InvoiceLine]) -> str:
    """Multiply and add exactly: the amount of each line of one invoice, and their total, in dollars."""
    amounts = [line.quantity * line.unit_price for line in lines]
    return f"amounts: {', '.join(map(str, amounts))}; total: {sum(amounts, Decimal(0))}"


def panel_of(models: Sequence[str]) -> FusionConfig:
    """Three roles for one or three models; only the one who checks sums has a tool."""
    extract, validate, match = [*models] if len(models) == 3 else [models[0]] * 3
    seats = [
        Seat(
            id="extract",
            model=extract,
            role="extract",
            tools=[],
            instructions="List every invoice: number, order, each line with quantity and price, stated total.",
        ),
        Seat(
            id="validate",
            model=validate,
            role="validate",
            tools=["total_of"],
            instructions="Check every invoice's total with total_of, once per invoice, and report those that are off.",
        ),
        Seat(
            id="match",
            model=match,
            role="match",
            tools=[],
            instructions="Hold every line against its order and the contract, and look for orders invoiced twice.",
        ),
    ]
    return FusionConfig(panel=list(seats), judge=models[0], writer=models[0], tools=[], prompts={"writer": WRITER})


def question_of(case: Case) -> str:
    """The task and all documents in one message."""
    return "\n\n".join([TASK, *case.documents.values()])


async def main(models: Sequence[str], seed: int) -> None:
    case = make_case(seed)
    graph = build_fusion_graph(panel_of(models), resources=replace(Resources.from_env(), tools=[total_of]))
    output: dict[str, Any] = await graph.ainvoke({"messages": [HumanMessage(question_of(case))]})
    if output["status"] != "ok":
        raise SystemExit(f"no findings: {output['failure_reason']}: {output['failed_models']}")
    answer = output["messages"][-1].text
    found = set(FINDING.findall(answer))
    print(answer)
    for seat in output["receipt"]["seats"]:
        print(f"{seat['role']}: {seat['outcome']}, {seat['tool_calls']} tool calls")
    hits, others = len(found & case.planted), len(found - case.planted)
    print(f"{hits} of {len(case.planted)} planted errors found, {others} others")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="one model for all seats, or three")
    parser.add_argument("--seed", type=int, default=7)
    asyncio.run(main(**vars(parser.parse_args())))
