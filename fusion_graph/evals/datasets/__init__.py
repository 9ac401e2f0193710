"""Datasets: the neutral JSONL form, DRACO and two other public forms, and two small ones of our own."""

from fusion_graph.evals.datasets.draco import (
    DRACO_ATTRIBUTION,
    DRACO_BLOCKLIST,
    DRACO_MARKERS,
    DRACO_REVISION,
    DRACO_SHA256,
)
from fusion_graph.evals.datasets.errors import DatasetError, Fault
from fusion_graph.evals.datasets.loading import BUNDLED, load_dataset
from fusion_graph.evals.datasets.sampling import stratified
from fusion_graph.evals.datasets.tasks import read_tasks

__all__ = [
    "BUNDLED",
    "DRACO_ATTRIBUTION",
    "DRACO_BLOCKLIST",
    "DRACO_MARKERS",
    "DRACO_REVISION",
    "DRACO_SHA256",
    "DatasetError",
    "Fault",
    "load_dataset",
    "read_tasks",
    "stratified",
]
