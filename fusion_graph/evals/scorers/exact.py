"""The scorer `exact`: all or nothing."""

from __future__ import annotations

import re
from typing import Any

from fusion_graph.evals.results import Score
from fusion_graph.evals.scorers.comparing import same

_ANSWER = re.compile(r"^[\W_]*(?:final )?answer[\W_]*:[ \t*_]*(?P<answer>\S.*)$", re.IGNORECASE | re.MULTILINE)


def score_exact(answer: str, expected: Any) -> Score:
    """Score an answer that must be one value.

    If the answer has lines of the form `Answer: ...` (or `Final answer: ...`), what the last of them says is compared,
    else the whole text. `comparing` says what counts as the same.

    Args:
        answer: The answer's text.
        expected: The value; of a list, any entry will do.

    Returns:
        100 or 0.
    """
    named = [match["answer"] for match in _ANSWER.finditer(answer)]
    given = named[-1] if named else answer
    wanted = expected if isinstance(expected, list) else [expected]
    right = bool(given.strip()) and any(same(given, one) for one in wanted)
    return Score(run=0, raw=float(right), value=100.0 * right, pass_rate=100.0 * right)
