"""Who sent a request."""

from __future__ import annotations

from dataclasses import dataclass

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of what a request makes; one owner never sees another's runs, responses or costs.

    Attributes:
        id: The key's id; `anonymous` where the server asks for no key.
        name: What the operator called the key.
        presets: Presets that it may use; `None` for all.
        limit_usd: US dollars that the key may spend; `None` for no limit. The gate keeps it.
    """

    id: str = ANONYMOUS
    name: str = ANONYMOUS
    presets: tuple[str, ...] | None = None
    limit_usd: float | None = None
