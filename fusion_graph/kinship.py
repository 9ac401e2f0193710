"""Who is of whose family: a judge tends to like what its own family writes, so the receipt says where that may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fusion_graph.config import FusionConfig
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.presets import Catalog
from fusion_graph.receipt import Kinship
from fusion_graph.seats import judge_of, writer_of


def kinships(
    catalog: Catalog, config: FusionConfig, outcomes: Sequence[PanelistOutcome], *, writes: bool
) -> list[Kinship]:
    """List where judge or writer share a family with a seat.

    Args:
        catalog: Knows families.
        config: The run's settings.
        outcomes: The seats' outcomes; a served model tells more than a requested one.
        writes: Whether there is a writer.

    Returns:
        One entry per pair; none for models whose family nobody knows.
    """
    parts: list[tuple[Literal["judge", "writer"], str]] = [("judge", judge_of(config))]
    if writes:
        parts.append(("writer", writer_of(config)))
    families = {o.seat_id: {catalog.family(o.model), catalog.family(o.served_model or "")} for o in outcomes}
    return [
        Kinship(part=part, seat_id=outcome.seat_id, family=family)
        for part, model in parts
        if (family := catalog.family(model)) is not None and family != "offline"
        for outcome in outcomes
        if family in families[outcome.seat_id]
    ]
