"""Amounts of US dollars that add up to the last digit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

_UNIT = Decimal("1e-12")
"""A millionth of a millionth: below any price per token; amounts up to thousands of dollars stay exact in a float."""


def decimal_of(amount: float) -> Decimal:
    """Read an amount as it is written."""
    return Decimal(str(amount))


def exact(amount: float | Decimal) -> float:
    """Round an amount to twelve digits behind the point, so that sums of such amounts are exact."""
    return float(Decimal(str(amount)).quantize(_UNIT))


def summed(amounts: Iterable[float | None]) -> float | None:
    """Add up what is known.

    Args:
        amounts: Amounts; `None` is unknown.

    Returns:
        The sum of the known ones, or `None` if there are none.
    """
    known = [decimal_of(amount) for amount in amounts if amount is not None]
    return float(sum(known)) if known else None
