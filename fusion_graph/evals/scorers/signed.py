"""The one formula for weights of both signs, by DRACO (arXiv:2602.11685): errors subtract, and the end is clipped."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def normalised(weighted: Sequence[tuple[float, bool]]) -> float:
    """Turn what is there and what it weighs into a score.

    Args:
        weighted: Weight, and whether what it is for is there; at least one weight is not 0.

    Returns:
        `100 * clip(sum of what is there / sum of positive weights, 0, 1)`; without positive weights
        `100 * clip(1 + sum of what is there / sum of |weights|, 0, 1)`.
    """
    raw = fsum(weight for weight, there in weighted if there)
    best = fsum(weight for weight, _ in weighted if weight > 0)
    share = raw / best if best else 1 + raw / fsum(abs(weight) for weight, _ in weighted)
    return 100 * min(1.0, max(0.0, share))
