"""What synthesis, diversity and the structured judge each contribute: five arms, compared task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fusion_graph.evals.results import Configuration
from fusion_graph.evals.statistics.intervals import Record
from fusion_graph.evals.statistics.observations import Floats, Observations
from fusion_graph.evals.statistics.pairs import Pair, compare
from fusion_graph.evals.statistics.resampling import Resampling, resample

ARMS = ("solo", "homo-freeform", "homo-structured", "hetero-freeform", "hetero-structured")
"""What `Configuration.control` says of an arm: one model; its drafts fused freely; with a structured judge; different
models' drafts fused freely; with a structured judge."""

CONTRASTS = {
    "synthesis": (("homo-freeform", "solo"),),
    "diversity": (("hetero-freeform", "homo-freeform"), ("hetero-structured", "homo-structured")),
    "structured judge": (("homo-structured", "homo-freeform"), ("hetero-structured", "hetero-freeform")),
    "all together": (("hetero-structured", "solo"),),
}


class Contribution(Record):
    """What one part of fusion adds.

    Attributes:
        part: Which part.
        pair: Its mean over the contrasts that show it, in points; `a` names the arms with it and `b` those without.
        contrasts: The single contrasts, by arm.
    """

    part: str
    pair: Pair
    contrasts: list[Pair]


class Ablation(Record):
    """The five-arm ablation as far as its arms were measured.

    Attributes:
        arms: The configuration of each arm.
        contributions: One for each part that at least one contrast shows.
        problem: Why there is none, or not all of it, in words; empty if it is complete.
    """

    arms: dict[str, str]
    contributions: list[Contribution]
    problem: str = ""


def ablate(configurations: Sequence[Configuration], observed: Observations, resampling: Resampling) -> Ablation | None:
    """Take the contributions apart, over the tasks that all arms were scored on.

    Args:
        configurations: What was measured; `control` names the arm.
        observed: Their scores.
        resampling: How intervals are made.

    Returns:
        The ablation; `None` if no configuration is an arm.
    """
    found: dict[str, list[int]] = {}
    for i, configuration in enumerate(configurations):
        if configuration.control in ARMS:
            found.setdefault(configuration.control, []).append(i)
    if not found:
        return None
    arms = {arm: held[0] for arm, held in found.items() if len(held) == 1}
    common = observed.only(np.flatnonzero(observed.known()[list(arms.values())].all(axis=0)))
    scores = common.scores()
    resampled = resample(common, np.full(scores.shape, np.nan), resampling)
    contributions = []
    for part, contrasts in CONTRASTS.items():
        there = [(a, b) for a, b in contrasts if a in arms and b in arms]
        if there:
            contributions.append(_contribution(part, there, arms, (scores, resampled.means), resampling))
    names = {arm: configurations[i].name for arm, i in arms.items()}
    return Ablation(arms=names, contributions=contributions, problem=_problem(found))


def _contribution(
    part: str,
    contrasts: Sequence[tuple[str, str]],
    arms: Mapping[str, int],
    measured: tuple[Floats, Floats],
    resampling: Resampling,
) -> Contribution:
    scores, means = measured
    differences = [scores[arms[a]] - scores[arms[b]] for a, b in contrasts]
    drawn = [means[arms[a]] - means[arms[b]] for a, b in contrasts]
    single = [compare(*contrasts[i], differences[i], drawn[i], resampling) for i in range(len(contrasts))]
    named = " and ".join(a for a, _ in contrasts), " and ".join(b for _, b in contrasts)
    both = compare(*named, np.mean(differences, axis=0), np.mean(drawn, axis=0), resampling)
    return Contribution(part=part, pair=both, contrasts=single)


def _problem(found: Mapping[str, list[int]]) -> str:
    twice = [arm for arm, held in found.items() if len(held) > 1]
    missing = [arm for arm in ARMS if arm not in found]
    parts = [f"more than one configuration is the arm {', '.join(twice)}"] if twice else []
    parts += [f"no configuration is the arm {', '.join(missing)}"] if missing else []
    return "; ".join(parts)
