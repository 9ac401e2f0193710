"""The stages of an answer: panel answers, analysis, final answer, verdicts; each keyed by what determines it."""
