"""The scorer `json_fields`: the answer holds a JSON object, and each of its fields is right or wrong.

Weights say what the fields count; a field without one counts 1. Three forms:

- `"decision": 4` earns 4 where the field is right.
- `"decision": -4` subtracts 4 where the field is there and wrong.
- `"decision=approve": -10` subtracts 10 where the answer says `approve` and something else is expected: so one kind of
  error, such as paying a bad invoice, weighs more than its opposite. Nothing is subtracted for what is not said.

The value is `100 * clip(sum / sum of positive weights, 0, 1)`, as with a rubric. Fields that the task does not expect
are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import fsum
from typing import Any

from fusion_graph.evals.json_in_text import object_in
from fusion_graph.evals.results import Score
from fusion_graph.evals.scorers.comparing import same
from fusion_graph.evals.scorers.signed import normalised


def score_json_fields(answer: str, expected: Mapping[str, Any], weights: Mapping[str, float]) -> Score:
    """Score an answer field by field.

    Args:
        answer: The answer's text; prose around its JSON object is tolerated. Without an object nothing is right.
        expected: What each field must be.
        weights: What each field counts, in the forms above.

    Returns:
        The score; `axes` holds 100 or 0 for each field, and the pass rate is the share of fields that are right.
    """
    try:
        given = object_in(answer, expected.keys())
    except ValueError:
        given = {}
    right = {field: field in given and same(given[field], value) for field, value in expected.items()}
    counted = list(_counted(given, expected, right, weights))
    return Score(
        run=0,
        raw=fsum(weight for weight, there in counted if there),
        value=normalised(counted),
        pass_rate=100 * sum(right.values()) / len(right),
        axes={field: 100.0 * good for field, good in right.items()},
    )


def _counted(
    given: Mapping[str, Any], expected: Mapping[str, Any], right: Mapping[str, bool], weights: Mapping[str, float]
) -> Iterator[tuple[float, bool]]:
    for field in expected:
        weight = weights.get(field, 1.0)
        yield weight, right[field] if weight > 0 else field in given and not right[field]
    for name, weight in weights.items():
        field, named, value = name.partition("=")
        if named and field in expected:
            said = field in given and same(given[field], value)
            yield weight, said and right[field] if weight > 0 else said and not right[field]
