"""Make a case for invoice reconciliation: a contract, purchase orders and invoices as text, with planted errors.

    python examples/invoices/make_data.py FOLDER --seed 7

The same seed gives the same case. Everything in it is made up.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args

Kind = Literal["wrong_total", "price_above_contract", "quantity_mismatch", "duplicate_invoice"]

SUPPLIER = "Harbour & Pine Supplies"
CATALOG = {
    "A4 paper, box": Decimal("24.50"),
    "Toner, black": Decimal("89.00"),
    "Desk lamp": Decimal("41.20"),
    "Office chair": Decimal("175.00"),
    "Cable, 2 m": Decimal("6.80"),
    "Whiteboard": Decimal("132.00"),
}


@dataclass(frozen=True)
class Line:
    """One line of an order or an invoice; prices in dollars."""

    item: str
    quantity: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """Quantity times unit price."""
        return self.quantity * self.price

    def __str__(self) -> str:
        return f"  {self.item} | {self.quantity} x {self.price} = {self.amount}"


@dataclass(frozen=True)
class Case:
    """The documents by name, and what is wrong with them: pairs of invoice number and kind of error."""

    documents: dict[str, str]
    planted: frozenset[tuple[str, Kind]]


def make_case(seed: int = 7) -> Case:
    """Make a case of six orders and seven invoices, four of them wrong, each in another way.

    Args:
        seed: The same seed gives the same case.

    Returns:
        The case.
    """
    chance = random.Random(seed)
    orders = {f"PO-{at}": _order(chance) for at in range(501, 507)}
    numbers = {order: f"INV-{1001 + at}" for at, order in enumerate(orders)}
    wrong = dict(zip(chance.sample(list(orders), 4), get_args(Kind), strict=True))
    documents = {"contract": _contract()}
    documents |= {order: f"PURCHASE ORDER {order}\n{_table(lines)}" for order, lines in orders.items()}
    planted: set[tuple[str, Kind]] = set()
    for order, lines in orders.items():
        number, kind = numbers[order], wrong.get(order)
        documents[number] = _invoice(number, order, lines, kind)
        if kind == "duplicate_invoice":
            number = "INV-1007"
            documents[number] = _invoice(number, order, lines, None)
        if kind is not None:
            planted.add((number, kind))
    return Case(documents, frozenset(planted))


def _order(chance: random.Random) -> list[Line]:
    items = chance.sample(list(CATALOG), chance.randint(2, 3))
    return [Line(item, chance.randint(2, 40), CATALOG[item]) for item in items]


def _contract() -> str:
    prices = "\n".join(f"  {item} | {price}" for item, price in CATALOG.items())
    rules = "Invoices state the order, only what was ordered, at these prices at most. An order is invoiced once."
    return f"CONTRACT with {SUPPLIER}\nUnit prices in dollars:\n{prices}\n{rules}"


def _invoice(number: str, order: str, lines: list[Line], kind: Kind | None) -> str:
    first, rest = lines[0], lines[1:]
    if kind == "price_above_contract":
        first = Line(first.item, first.quantity, first.price + Decimal("3.50"))
    if kind == "quantity_mismatch":
        first = Line(first.item, first.quantity + 5, first.price)
    lines = [first, *rest]
    total = sum((line.amount for line in lines), Decimal(0))
    if kind == "wrong_total":
        total += Decimal("90.00")
    return f"INVOICE {number} from {SUPPLIER}\nOrder: {order}\n{_table(lines)}\nTotal: {total}"


def _table(lines: list[Line]) -> str:
    return "\n".join(map(str, lines))


def main(folder: Path, seed: int) -> None:
    case = make_case(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in case.documents.items():
        (folder / f"{name}.txt").write_text(f"{text}\n", "utf-8")
    print(f"{len(case.documents)} documents in {folder}; planted: {sorted(case.planted)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    main(**vars(parser.parse_args()))
