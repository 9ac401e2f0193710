"""What a scorer raises where it cannot give a score."""

from __future__ import annotations

from fusion_graph.errors import FusionError


class ScoringError(FusionError):
    """An answer could not be scored; the message names the task, what stood in the way and the fix."""
