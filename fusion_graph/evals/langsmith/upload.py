"""Send finished evaluations to LangSmith."""

from __future__ import annotations

import json
from dataclasses import dataclass

from langsmith import Client
from langsmith.utils import LangSmithError

from fusion_graph.errors import FusionError, MissingKeyError
from fusion_graph.evals.langsmith.payload import payload
from fusion_graph.evals.results import Experiment
from fusion_graph.evals.schema import Dataset
from fusion_graph.redaction import redact

_ATTEMPTS = 3


class UploadError(FusionError):
    """LangSmith did not take an experiment; those before it are there."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One experiment in LangSmith.

    Attributes:
        configuration: The configuration's name.
        experiment_id: The experiment's id, if LangSmith said it.
        dataset_id: The dataset's id, if LangSmith said it.
        rows: Rows sent.
    """

    configuration: str
    experiment_id: str | None
    dataset_id: str | None
    rows: int


def upload(
    experiment: Experiment,
    dataset: Dataset,
    *,
    client: Client | None = None,
    dataset_name: str | None = None,
    rubrics: bool = False,
) -> list[Uploaded]:
    """Upload an evaluation: one experiment per configuration, all on the same dataset.

    Args:
        experiment: What was found.
        dataset: The tasks that were answered; its sha256 must be the experiment's.
        client: LangSmith's client; one from `LANGSMITH_...` variables when unset.
        dataset_name: What LangSmith shall call the dataset; it must not be one made there by hand. The dataset's own
            name and the begin of its sha256 when unset.
        rubrics: Whether rubrics and expected answers are sent too.

    Returns:
        One entry per configuration that has rows.

    Raises:
        ValueError: The dataset is not the one that was answered.
        MissingKeyError: There is no key for LangSmith.
        UploadError: LangSmith refused an experiment or could not be reached.
    """
    if dataset.sha256 != experiment.sha256:
        raise ValueError(
            f"dataset: {dataset.name!r} has sha256 {dataset.sha256[:12]}, the experiment was run on "
            f"{experiment.sha256[:12]}; give the file that was answered"
        )
    langsmith = client or Client(auto_batch_tracing=False)  # it uploads, and traces nothing
    if not langsmith.api_key:
        raise MissingKeyError("LangSmith needs a key: set LANGSMITH_API_KEY, or give a client")
    name = dataset_name or f"{dataset.name} {dataset.sha256[:12]}"
    answered = {row.configuration for row in experiment.rows}
    sent = []
    for configuration in experiment.configurations:
        if configuration.name in answered:
            body = payload(experiment, configuration, dataset, dataset_name=name, rubrics=rubrics)
            sent.append(_send(langsmith, configuration.name, body))
    return sent


def _send(client: Client, configuration: str, body: dict[str, object]) -> Uploaded:
    try:
        answered = client.request_with_retries(
            "POST",
            "/datasets/upload-experiment",
            request_kwargs={
                "data": json.dumps(body, ensure_ascii=True, allow_nan=False).encode(),
                "headers": {"Content-Type": "application/json"},
            },
            stop_after_attempt=_ATTEMPTS,
        )
    except LangSmithError as error:
        raise UploadError(
            f"LangSmith did not take the configuration {configuration!r}: {redact(str(error))}"
        ) from error
    told = answered.json() if answered.content else {}
    results = body["results"]
    return Uploaded(
        configuration=configuration,
        experiment_id=(told.get("experiment") or {}).get("id"),
        dataset_id=(told.get("dataset") or {}).get("id"),
        rows=len(results) if isinstance(results, list) else 0,
    )
