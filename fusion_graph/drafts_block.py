"""What judge and writer read in common: question, sources, drafts, under neutral labels.

The block is the same bytes for both and in every run on the same drafts, and it comes first in their prompts,
so that a provider's prompt cache pays for the second reading.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_uppercase

from langchain_core.messages import AnyMessage, HumanMessage

from fusion_graph.fence import fence
from fusion_graph.outcomes import PanelistOutcome
from fusion_graph.packing import pack, tokens
from fusion_graph.sources import Registry
from fusion_graph.visible import visible

RESERVED = 4_000
"""Tokens kept free for instructions, schema and a repair; the output cap is kept free besides."""
MINIMUM = 500
"""Tokens that the drafts get in any case, however long the question is."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A usable draft under the letter that the judge sees."""

    label: str
    outcome: PanelistOutcome


@dataclass(frozen=True, slots=True)
class Block:
    """The rendered block.

    Attributes:
        text: What judge and writer read.
        cut: Ids of the seats whose drafts were cut to fit the window.
    """

    text: str
    cut: list[str]


def default_seed(question: str) -> int:
    """Derive the seed of the shown order from the question, so that the same run renders the same prompt."""
    return int.from_bytes(sha256(question.encode("utf-8", "surrogatepass")).digest()[:4], "big")


def shuffled(outcomes: Sequence[PanelistOutcome], seed: int) -> list[Labelled]:
    """Put usable drafts into the order in which they are shown, and letter them.

    Args:
        outcomes: Usable outcomes, in the panel's order.
        seed: The recorded seed.

    Returns:
        The drafts as A, B, C, ...
    """
    order = list(outcomes)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order to be reproduced, not a secret
    return [Labelled(label, outcome) for label, outcome in zip(ascii_uppercase, order, strict=False)]


def drafts_block(
    question: str, earlier: str, drafts: Sequence[Labelled], registry: Registry, *, window: int, blind: bool
) -> Block:
    """Render the block, to the same bytes for the same arguments.

    Args:
        question: The user's question.
        earlier: The conversation before it, or empty.
        drafts: The drafts in shown order.
        registry: The source registry; addresses in drafts become its ids.
        window: Tokens that the smaller of the two windows has for the whole block.
        blind: Whether labels alone are shown; else each draft's fence names its seat and model too.

    Returns:
        The fenced question, conversation, sources and drafts, and whose draft had to be cut.
    """
    texts = [registry.with_ids(draft.outcome.content) for draft in drafts]
    front = [fence("question", question), *([fence("conversation", earlier)] if earlier else [])]
    listed = fence("sources", _source_lines(texts, registry))
    room = max(MINIMUM, window - tokens("\n".join([*front, listed])))
    packed = pack(texts, room)
    cut = [draft.outcome.seat_id for draft, text, left in zip(drafts, texts, packed, strict=True) if left != text]
    shown = [_draft(draft, text, blind) for draft, text in zip(drafts, packed, strict=True)]
    return Block("\n\n".join([*front, listed, *shown]), cut)


def _draft(draft: Labelled, text: str, blind: bool) -> str:
    facts = {} if blind else {"seat": draft.outcome.label, "model": draft.outcome.model}
    if draft.outcome.role:
        facts["role"] = draft.outcome.role
    if draft.outcome.outcome == "truncated" and draft.outcome.review is None:
        facts["note"] = "cut off by the model's output limit"
    return fence("draft", text, label=draft.label, **facts)


def _source_lines(texts: Sequence[str], registry: Registry) -> str:
    cited = {one for text in texts for one in re.findall(r"\[(S[0-9]+)\]", text)}
    lines = [
        f"[{source.id}] {_plain(source.title)} — {' '.join(visible(source.url).split())}"
        for source in registry.sources
        if source.id in cited
    ]
    return "\n".join(lines) or "(the drafts cite none)"


def _plain(title: str) -> str:
    return " ".join(visible(title).replace("[", "(").replace("]", ")").split())[:200]


def split_question(messages: Sequence[AnyMessage]) -> tuple[str, list[AnyMessage]]:
    """Split a conversation into its question and what came before.

    Args:
        messages: The conversation; its last human message is the question.

    Returns:
        The question's text, and the messages before it.

    Raises:
        ValueError: There is no human message with text.
    """
    for at in range(len(messages) - 1, -1, -1):
        if isinstance(messages[at], HumanMessage):
            text = str(messages[at].text).strip()
            if text:
                return text, list(messages[:at])
            break
    raise ValueError("messages: the last human message has no text; send the question as a HumanMessage")


def transcript(messages: Sequence[AnyMessage], *, system: bool = False) -> str:
    """Write earlier turns as plain text: who said what, without tool traffic."""
    names = {"human": "User", "ai": "Assistant"} | ({"system": "System"} if system else {})
    spoken = [(names[message.type], str(message.text).strip()) for message in messages if message.type in names]
    return "\n\n".join(f"{name}: {text}" for name, text in spoken if text)
