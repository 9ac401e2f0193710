"""Grading: a judge model's verdict on one criterion of one answer, by a named protocol."""

from fusion_graph.evals.grading.errors import GradingError, NoVerdict
from fusion_graph.evals.grading.model import EFFORT, JUDGE_MODEL, MAX_TOKENS, TEMPERATURE, Graded, GradingModel
from fusion_graph.evals.grading.protocols import Protocol, ProtocolName, protocol_of

__all__ = [
    "EFFORT",
    "JUDGE_MODEL",
    "MAX_TOKENS",
    "TEMPERATURE",
    "Graded",
    "GradingError",
    "GradingModel",
    "NoVerdict",
    "Protocol",
    "ProtocolName",
    "protocol_of",
]
