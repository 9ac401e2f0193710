"""Twelve invoices to be checked against order, receipt and what was paid before: the bundled dataset `invoices`.

Everything in it is made up. The same seed gives the same file, which `UPDATE_GOLDEN=1 make test` writes anew. Answers
are scored field by field; to approve an invoice that should have been rejected costs all that the other fields earn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Fault = Literal["price", "quantity", "total", "duplicate"]

INVOICE_WEIGHTS: Mapping[str, float] = {"decision": 4, "reasons": 3, "overcharge": 3, "decision=approve": -10}
"""What each field counts; approving a bad invoice subtracts."""
_SEED = 7
_PLAN: tuple[tuple[Fault, ...], ...] = (
    ("price",),
    (),
    ("quantity",),
    ("total",),
    (),
    ("duplicate",),
    ("price", "total"),
    (),
    ("quantity",),
    ("price",),
    ("quantity", "total"),
    ("duplicate",),
)
_GOODS = {
    "office": {"paper, box": "24.50", "toner": "89.00", "desk lamp": "41.20", "chair": "175.00"},
    "workshop": {"drill bit set": "36.75", "work gloves, pair": "8.40", "steel sheet": "62.00", "clamp": "19.90"},
    "kitchen": {"flour, sack": "18.60", "olive oil, can": "52.30", "apron": "14.25", "baking tray": "11.80"},
}
_TASK = """Decide whether this invoice may be paid.

Approve it only if all of this holds; otherwise reject it, with the code of every rule that it breaks:
- price: no unit price is above the order's.
- quantity: no quantity is above what was received. Less than was ordered is no fault if no more is invoiced.
- total: the total is the sum of the lines.
- duplicate: the order has not been paid before.

The overcharge is what the total asks for beyond what is owed, in dollars: nothing is owed for an order that was paid
before, for pieces that were not received, or for a price above the order's.

Answer with one JSON object: {"decision": "approve" or "reject", "reasons": [codes], "overcharge": dollars}"""


@dataclass
class _Papers:
    """One order and what followed from it: lines of item, pieces, unit price."""

    order: list[tuple[str, int, Decimal]]
    received: list[int] = field(default_factory=list)
    invoiced: list[tuple[str, int, Decimal]] = field(default_factory=list)
    total: Decimal = Decimal(0)
    overcharge: Decimal = Decimal(0)


def make_invoices(seed: int = _SEED) -> Iterator[dict[str, Any]]:
    """Make the tasks, in the neutral form.

    Args:
        seed: The same seed gives the same tasks.

    Yields:
        The fields of each `Task`; what is expected has the decision, the codes in any order and the overcharge.
    """
    chance = random.Random(seed)  # noqa: S311 - made-up data, not a secret
    domains = list(_GOODS)
    for at, faults in enumerate(_PLAN):
        domain = domains[at % len(domains)]
        papers = _papers(chance, _GOODS[domain], faults)
        yield {
            "id": f"invoice-{at + 1:02}",
            "domain": domain,
            "input": _text(at, papers, paid="duplicate" in faults),
            "expected": {
                "decision": "reject" if faults else "approve",
                "reasons": sorted(faults),
                "overcharge": float(papers.overcharge),
            },
        }


def _papers(chance: random.Random, goods: Mapping[str, str], faults: tuple[Fault, ...]) -> _Papers:
    items = chance.sample(list(goods), 3)
    papers = _Papers([(item, chance.randint(4, 30), Decimal(goods[item])) for item in items])
    papers.received = [pieces for _, pieces, _ in papers.order]
    if chance.random() < 0.5:  # a delivery that came short, and is invoiced as it came
        papers.received[2] -= chance.randint(1, 3)
    papers.invoiced = [(item, papers.received[at], price) for at, (item, _, price) in enumerate(papers.order)]
    if "quantity" in faults:
        item, pieces, price = papers.invoiced[0]
        extra = chance.randint(2, 5)
        papers.invoiced[0] = (item, pieces + extra, price)
        papers.overcharge += extra * price
    if "price" in faults:
        item, pieces, price = papers.invoiced[1]
        more = Decimal(chance.randint(4, 15)) / 10
        papers.invoiced[1] = (item, pieces, price + more)
        papers.overcharge += pieces * more
    papers.total = sum((pieces * price for _, pieces, price in papers.invoiced), Decimal(0))
    if "total" in faults:
        slip = Decimal(chance.randint(2, 9) * 10)
        papers.total += slip
        papers.overcharge += slip
    if "duplicate" in faults:
        papers.overcharge = papers.total
    return papers


def _text(at: int, papers: _Papers, *, paid: bool) -> str:
    order, invoice = f"PO-{701 + at}", f"INV-{3001 + at}"
    ordered = [f"  {item} | {pieces} pieces at {price}" for item, pieces, price in papers.order]
    received = [f"  {line[0]} | {pieces} pieces" for line, pieces in zip(papers.order, papers.received, strict=True)]
    invoiced = [f"  {item} | {pieces} x {price} = {pieces * price}" for item, pieces, price in papers.invoiced]
    payments = [f"  INV-{2901 + at} for {order}"] if paid else [f"  INV-{2901 + at} for PO-{601 + at}"]
    parts = [
        [f"ORDER {order}", *ordered],
        [f"RECEIPT for {order}", *received],
        [f"INVOICE {invoice} for {order}", *invoiced, f"  Total: {papers.total}"],
        ["PAID BEFORE", *payments],
    ]
    return "\n\n".join([_TASK, *("\n".join(part) for part in parts)])
