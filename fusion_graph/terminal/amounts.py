"""Amounts of money as people read them."""

from __future__ import annotations


def dollars(amount: float) -> str:
    """Write an amount in US dollars: cents for what is large, four digits for what is small."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"
