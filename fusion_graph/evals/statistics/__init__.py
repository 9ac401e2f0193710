"""Statistics of evaluations: means with intervals, paired comparisons, the score-cost frontier, judges' agreement."""

from fusion_graph.evals.statistics.findings import Findings, Standing, find
from fusion_graph.evals.statistics.intervals import Mean
from fusion_graph.evals.statistics.pairs import Pair, holm
from fusion_graph.evals.statistics.pareto import membership, on_frontier
from fusion_graph.evals.statistics.resampling import Resampling

__all__ = ["Findings", "Mean", "Pair", "Resampling", "Standing", "find", "holm", "membership", "on_frontier"]
