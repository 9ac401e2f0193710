"""What to try next in a space too large to try whole: Optuna's tree-structured Parzen estimator proposes."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fusion_graph.errors import missing_package
from fusion_graph.evals.optimize.space import Candidate, Space

if TYPE_CHECKING:
    from optuna import Study

TRIES = 20
"""Proposals asked for each candidate that is wanted, since many were seen before."""
LEAST_COST = 1e-9
"""What stands for a cost of nothing under a logarithm."""


class Proposer:
    """Proposes candidates that were not tried, and learns how those that were turned out.

    The same seed and the same results give the same proposals, so that a search that was killed finds the way it had
    gone. A candidate is described to Optuna by who is on the panel, who judges and who writes; one that cannot be -
    nobody on the panel, too many - is made to fit before it is tried and learnt from.

    Args:
        space: What is searched.
        seed: Of all choices.

    Raises:
        MissingPackageError: Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int) -> None:
        try:
            import optuna  # noqa: PLC0415 - optional, and slow to import
        except ImportError as error:
            raise missing_package("optuna", "optimize", "a search of more candidates than can all be tried") from error
        self._optuna: Any = optuna
        self._space, self._chance = space, random.Random(seed)  # noqa: S311 - a search, not a secret
        self._places = {f"panel/{at}": model for at, model in enumerate(space.models)}
        self._kinds = self._distributions()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # `multivariate`
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
        self._study: Study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        self._seen: set[Candidate] = set()

    def ask(self, count: int) -> list[Candidate]:
        """Propose candidates.

        Args:
            count: How many are wanted.

        Returns:
            As many that were never told of or proposed; fewer where they cannot be found any more.
        """
        found: list[Candidate] = []
        for draw in (self._proposed, lambda: self._space.draw(self._chance)):
            for _ in range(TRIES * count):
                if len(found) == count:
                    return found
                candidate = draw()
                if candidate not in self._seen:
                    self._seen.add(candidate)
                    found.append(candidate)
        return found

    def tell(self, candidate: Candidate, score: float, cost: float) -> None:
        """Say how a candidate turned out.

        Args:
            candidate: The candidate.
            score: Its mean score.
            cost: Its mean cost, 0 or more.
        """
        self._seen.add(candidate)
        if candidate.solo:
            return  # it has no judge and no writer to learn from
        values = [score, math.log(max(cost, LEAST_COST))]
        trial = self._optuna.trial.create_trial(
            params=self._described(candidate), distributions=self._kinds, values=values
        )
        self._study.add_trial(trial)

    def _distributions(self) -> dict[str, Any]:
        choice = self._optuna.distributions.CategoricalDistribution
        return {
            **{place: choice((False, True)) for place in self._places},
            "copies": choice(tuple(sorted(self._space.panel_sizes))),
            "judge": choice(tuple(dict.fromkeys([*(self._space.judges or []), *self._space.models]))),
            "writer": choice(tuple(dict.fromkeys([*(self._space.writers or [""]), *self._space.models]))),
        }

    def _described(self, candidate: Candidate) -> dict[str, Any]:
        size = len(candidate.panel)
        return {
            **{place: model in candidate.panel for place, model in self._places.items()},
            "copies": size if len(set(candidate.panel)) == 1 else min(self._space.panel_sizes),
            "judge": candidate.judge,
            "writer": candidate.writer if self._space.writers or candidate.writer != candidate.judge else "",
        }

    def _proposed(self) -> Candidate:
        trial = self._study.ask(self._kinds)
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # what is learnt from is what was tried
        return self._fitted(trial.params)

    def _fitted(self, params: Mapping[str, Any]) -> Candidate:
        panel = self._panel([model for place, model in self._places.items() if params[place]], params["copies"])
        readers = self._space.readers
        judge, writer = params["judge"], params["writer"] or params["judge"]
        if (judge, writer) not in readers:
            same = [pair for pair in readers if pair[0] == judge]
            judge, writer = self._chance.choice(same or readers)
        return Candidate(panel, judge, writer)

    def _panel(self, chosen: list[str], copies: int) -> tuple[str, ...]:
        sizes = [1, *(size for size in self._space.panel_sizes if size <= len(self._space.models))]
        size = min(sizes, key=lambda one: (abs(one - len(chosen)), one))
        if size > len(chosen):
            others = [model for model in self._space.models if model not in chosen]
            chosen = [*chosen, *self._chance.sample(others, size - len(chosen))]
        kept = set(self._chance.sample(chosen, size))
        panel = tuple(model for model in self._space.models if model in kept)
        return panel * copies if size == 1 else panel
