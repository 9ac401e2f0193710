"""Builds experiments of known truth: what the statistics and reports are tested on."""

from __future__ import annotations

import numpy as np

from fusion_graph.evals.results import Configuration, Experiment, Grading, Row, Score

GRADING = Grading(scorer="rubric", protocol="openrouter", judge="synthetic/judge", runs=1, temperature=0.2)
TWELVE = (
    ("Fable 5 + GPT-5.5", "panel", 69.0, 4.9), ("Opus 4.8 + GPT-5.5 + Gemini 3.1 Pro", "panel", 68.3, 3.6),
    ("Opus 4.8 + GPT-5.5", "panel", 67.6, 3.1), ("Opus 4.8 + Opus 4.8", "control", 65.5, 3.4),
    ("Fable 5", "solo", 65.3, 2.9), ("budget panel, Opus 4.8 writes", "panel", 64.7, 0.9),
    ("DeepSeek V4 Pro", "solo", 60.3, 0.11), ("GPT-5.5", "solo", 60.0, 0.93), ("Opus 4.8", "solo", 58.8, 1.25),
    ("Kimi K2.6", "solo", 53.7, 0.17), ("Gemini 3.1 Pro", "solo", 45.4, 0.35), ("Gemini 3 Flash", "solo", 43.1, 0.06),
)  # fmt: skip
"""Label, kind, and the score and cost that the simulation is built on; the costs are invented."""


def row(configuration, task, *values, **facts):
    """One answer with a score for each judge run; without values it has no score."""
    facts = {"outcome": "ok", **facts}
    scores = [Score(run=run, raw=value, value=value, pass_rate=value) for run, value in enumerate(values)]
    return Row(configuration=configuration, task_id=task, scores=scores, **facts)


def experiment(rows, *, configurations=None, tasks=None, **facts):
    """An experiment of the rows; configurations are solo models unless they are given."""
    names = list(dict.fromkeys(r.configuration for r in rows))
    given = configurations or [Configuration(name=name, kind="solo") for name in names]
    wanted = tasks if tasks is not None else len({r.task_id for r in rows})
    base = {"name": "synthetic", "dataset": "synthetic", "sha256": "0" * 64, "grading": GRADING}
    return Experiment(**{**base, "tasks": wanted, "configurations": given, "rows": rows, **facts})


def simulated(specifications=TWELVE, *, tasks=40, runs=1, seed=0):
    """Configurations of known means and costs, on tasks whose difficulty they share."""
    random = np.random.default_rng(seed)
    difficulty = random.normal(0, 15, tasks)
    rows = []
    for label, kind, mean, cost in specifications:
        for t in range(tasks):
            level = mean + difficulty[t] + random.normal(0, 7)
            values = np.clip(level + random.normal(0, 3, runs), 0, 100).tolist()
            rows.append(
                Row(
                    configuration=label,
                    task_id=f"t{t}",
                    domain=("Law", "Finance", "Medicine")[t % 3],
                    outcome="ok",
                    scores=[
                        Score(
                            run=j, raw=v, value=v, pass_rate=v, axes={"factual-accuracy": v, "citation-quality": v / 2}
                        )
                        for j, v in enumerate(values)
                    ],
                    coverage=1.0,
                    cost_usd=None if cost is None else float(cost * random.lognormal(0, 0.4)),
                    seconds=float(random.gamma(3, 40)),
                    seats_used={"a": int(random.integers(0, 5)), "b": 1} if kind == "panel" else {},
                )
            )
    configurations = [Configuration(name=label, kind=kind) for label, kind, _, _ in specifications]
    return experiment(rows, configurations=configurations, grading=GRADING.model_copy(update={"runs": runs}))
