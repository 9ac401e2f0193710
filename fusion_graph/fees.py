"""What search engines charge per call: list prices from `fees.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources as package_files

from pydantic import BaseModel, ConfigDict

from fusion_graph.money import exact


class Tariff(BaseModel):
    """What one engine charges.

    Attributes:
        source: Where the prices stand.
        read: When they were read there, as a date.
        default: The mode of a call that names none.
        included: Results that the price of a call covers.
        each_more: US dollars for each further result.
        modes: US dollars per call, by mode; an engine without modes charges nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    read: str
    default: str = ""
    included: int = 0
    each_more: float = 0.0
    modes: dict[str, float] = {}


@cache
def tariffs() -> dict[str, Tariff]:
    """Read the price list: one tariff per engine."""
    text = package_files.files("fusion_graph").joinpath("fees.toml").read_text("utf-8")
    return {engine: Tariff.model_validate(entry) for engine, entry in tomllib.loads(text).items()}


def search_fee(engine: str, mode: str | None, results: int) -> float | None:
    """Say what a successful search costs by the list.

    Args:
        engine: The engine's name.
        mode: The mode that was asked for; the engine's default when unset.
        results: Results that it returned.

    Returns:
        US dollars: 0 where nobody bills, `None` where no price is known.
    """
    tariff = tariffs().get(engine)
    if tariff is None:
        return None
    if not tariff.modes:
        return 0.0
    price = tariff.modes.get(mode or tariff.default)
    return None if price is None else exact(price + tariff.each_more * max(0, results - tariff.included))
