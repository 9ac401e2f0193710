"""Judging protocols: what a grading model is told and shown of one criterion, and how its reply is read.

`draco-paper`: the published prompt of the DRACO paper, unchanged (see `prompts/draco_paper.LICENSE.txt`). The model is
told whether the criterion is a wanted or an unwanted thing, never its weight; the criterion comes before task and
answer.

`openrouter`: our own wording of the rules that OpenRouter's benchmark harness states. Of the criterion the model sees
the text alone. Task and answer come first and are the same bytes for all criteria and runs of an answer, so that a
provider's prompt cache reads them once.

In both, task, answer and criterion stand in fences, and the last line names the judge run: a cache of whole requests
cannot then make independent runs the same, and the beginnings that runs have in common stay in common.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, Field

from fusion_graph.errors import ConfigError
from fusion_graph.evals.schema import Criterion
from fusion_graph.fence import fence

ProtocolName = Literal["draco-paper", "openrouter"]


class PaperReply(BaseModel):
    """The verdict on the criterion."""

    criterion_status: Literal["MET", "UNMET"] = Field(description="Whether what the criterion describes is present.")
    explanation: str = Field(description="Why, in brief.")

    @property
    def met(self) -> bool:
        """Whether it is there."""
        return self.criterion_status == "MET"

    @property
    def why(self) -> str:
        """Why."""
        return self.explanation


class PlainReply(BaseModel):
    """The verdict on the criterion."""

    verdict: Literal["MET", "UNMET"] = Field(description="Whether the criterion is true of the answer.")
    justification: str = Field(description="The evidence, in one or two sentences.")

    @property
    def met(self) -> bool:
        """Whether it is there."""
        return self.verdict == "MET"

    @property
    def why(self) -> str:
        """Why."""
        return self.justification


Reply = PaperReply | PlainReply


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way of asking for a verdict.

    Attributes:
        name: Its name.
        reply: The form of the reply.
        show: Renders task, answer and criterion.
    """

    name: ProtocolName
    reply: type[PaperReply] | type[PlainReply]
    show: Callable[[str, str, Criterion], str]

    @property
    def system(self) -> str:
        """The system prompt."""
        return _prompt(self.name.replace("-", "_"))

    def messages(self, task_input: str, answer: str, criterion: Criterion, run: int) -> list[BaseMessage]:
        """Ask for one verdict.

        Args:
            task_input: What was asked.
            answer: The answer to be graded.
            criterion: The criterion.
            run: Which independent judge run, from 0.

        Returns:
            The messages.
        """
        shown = self.show(task_input, answer, criterion)
        return [SystemMessage(self.system), HumanMessage(f"{shown}\n\nJudge run {run + 1}.")]

    @property
    def fingerprint(self) -> str:
        """A digest of everything a verdict depends on but task, answer, criterion and model; 16 hex digits."""
        sample = self.show("task", "answer", Criterion(id="id", weight=-1, requirement="criterion"))
        schema = json.dumps(self.reply.model_json_schema(), sort_keys=True)
        return hashlib.sha256("\x00".join([self.name, self.system, sample, schema]).encode()).hexdigest()[:16]


def protocol_of(name: str) -> Protocol:
    """Look a protocol up.

    Args:
        name: `draco-paper` or `openrouter`.

    Returns:
        The protocol.

    Raises:
        ConfigError: There is none of that name.
    """
    for protocol in (_PAPER, _OPENROUTER):
        if protocol.name == name:
            return protocol
    raise ConfigError(f"grading.protocol: there is no {name!r}; there are draco-paper and openrouter")


def _as_in_the_paper(task_input: str, answer: str, criterion: Criterion) -> str:
    kind = "negative" if criterion.weight < 0 else "positive"
    return "\n\n".join(
        [
            f"<criterion_type>\n{kind}\n</criterion_type>",
            fence("criterion", criterion.requirement),
            fence("query", task_input),
            fence("response", answer),
        ]
    )


def _criterion_last(task_input: str, answer: str, criterion: Criterion) -> str:
    parts = [fence("task", task_input), fence("answer", answer), fence("criterion", criterion.requirement)]
    return "\n\n".join(parts)


@cache
def _prompt(name: str) -> str:
    return files("fusion_graph.evals.grading").joinpath("prompts", f"{name}.md").read_text("utf-8").strip()


_PAPER = Protocol("draco-paper", PaperReply, _as_in_the_paper)
_OPENROUTER = Protocol("openrouter", PlainReply, _criterion_last)
