"""DRACO: where it is, which version, whom it is from, and which places hold its answers.

It is never shipped: its rubrics are the answer key of a benchmark whose participants search the web.
"""

from __future__ import annotations

import os
from pathlib import Path

from fusion_graph.evals.datasets.downloads import cache_folder, fetch

DRACO = "draco"
DRACO_REVISION = "ce076749809027649ebd331bcb70f42bf720d387"
DRACO_SHA256 = "e35bfe78cd827fa1d541b79fbc7bc7b91966d3227d8742c83e99d26d4ac4679a"
DRACO_ATTRIBUTION = (
    "DRACO: a Cross-Domain Benchmark for Deep Research Accuracy, Completeness, and Objectivity. "
    "Perplexity AI, arXiv:2602.11685, https://huggingface.co/datasets/perplexity-ai/draco, MIT licence."
)
_HOME = "https://huggingface.co"
_PAPER = "2602.11685"
_PAPER_FORMS = tuple(
    f"{form}/{_PAPER}{version}{end}"
    for form, end in (("abs", ""), ("html", ""), ("pdf", ""), ("pdf", ".pdf"))
    for version in ("", "v1", "v2", "v3")
)
_REPOSITORIES = (
    "harnyx/harnyx",
    "valyuAI/valyu-benchmarks",
    "Lore-Hex/TrustedRouter-Fusion-Draco",
    "OpenRouterTeam/benchmark-harness",
)
"""Public repositories with copies of the rubrics or of parts of them."""

DRACO_BLOCKLIST = (
    *(f"{host}/datasets/perplexity-ai/draco" for host in ("huggingface.co", "hf.co", "hf-mirror.com")),
    *(f"{host}/api/datasets/perplexity-ai/draco" for host in ("huggingface.co", "hf-mirror.com")),
    "huggingface.co/datasets/maxkru92/draco",
    "datasets-server.huggingface.co",
    "r2cdn.perplexity.ai/pplx-draco.pdf",
    *(f"arxiv.org/{form}" for form in _PAPER_FORMS),
    *(f"alphaxiv.org/{form}" for form in _PAPER_FORMS),
    *(f"{host}/papers/{_PAPER}" for host in ("huggingface.co", "emergentmind.com")),
    "hyper.ai/datasets/50101",
    "hyper.ai/en/datasets/50101",
    "hyper.ai/cn/datasets/50101",
    "selectdataset.com/dataset/97679a7ee1a8bae3c6b6a49c219245cb",
    *(f"{host}/{repository}" for repository in _REPOSITORIES for host in ("github.com", "raw.githubusercontent.com")),
)
"""What OpenRouter's harness blocks, plus mirrors of the data and of the paper; hosts, or hosts with a path."""

DRACO_MARKERS = ("perplexity-ai/draco", "pplx-draco", _PAPER, "draco benchmark", "draco rubric")
"""Words that nothing but the benchmark itself, or talk of it, holds; compared without regard to case."""


def draco_path(cache: Path | None = None) -> Path:
    """Return DRACO's file, downloaded at its pinned revision if it is not in the cache.

    `HF_ENDPOINT` names another server of the same files, as it does for Hugging Face's own tools.

    Args:
        cache: The folder for downloads; the user's cache folder when unset.

    Returns:
        The file; its digest is checked.

    Raises:
        DatasetError: The download failed, or brought something else.
    """
    home = (os.environ.get("HF_ENDPOINT") or _HOME).rstrip("/")
    url = f"{home}/datasets/perplexity-ai/draco/resolve/{DRACO_REVISION}/test.jsonl"
    kept = (cache or cache_folder()) / f"draco-{DRACO_REVISION[:12]}.jsonl"
    return fetch(url, DRACO_SHA256, kept, hint="download test.jsonl by other means and give its path")
