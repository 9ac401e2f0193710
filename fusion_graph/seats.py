"""From a panel as it was written to seats that can be sent: ids, labels, and checks before any money is spent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from fusion_graph.config import FusionConfig, Seat
from fusion_graph.errors import ConfigError
from fusion_graph.kit import Kit
from fusion_graph.prompting import check as check_prompts
from fusion_graph.writer_options import writer_model

RESERVED = frozenset({"judge", "writer", "caller", "run"})
"""Ids that receipt, source registry and traces give to other parts of a run."""


def resolved(config: FusionConfig) -> list[Seat]:
    """Give every seat an id and a label of its own.

    Args:
        config: Settings with a panel.

    Returns:
        The seats, in order; `seat-1`, `seat-2`, ... where no id was given, the model as label where none was.

    Raises:
        ConfigError: A seat goes by the name of another part of the run.
    """
    seats = config.seats()
    taken = {seat.id for seat in seats}
    if reserved := sorted(taken & RESERVED):
        raise ConfigError(f"panel: seat id {reserved[0]!r} is the name of a part of the run; give the seat another")
    labels = [(seat.label or seat.model)[:100] for seat in seats]
    finished: list[Seat] = []
    for at, seat in enumerate(seats):
        seat_id = seat.id or _free(f"seat-{at + 1}", taken)
        many = labels.count(labels[at]) > 1
        label = f"{labels[at][:95]} #{labels[: at + 1].count(labels[at])}" if many else labels[at]
        finished.append(seat.model_copy(update={"id": seat_id, "label": label}))
    return finished


def _free(wish: str, taken: set[str]) -> str:
    name = wish
    while name in taken:
        name += "x"
    taken.add(name)
    return name


def judge_of(config: FusionConfig) -> str:
    """Return the judge's model: the config's, else the first seat's."""
    return config.judge or config.seats()[0].model


def writer_of(config: FusionConfig) -> str:
    """Return the writer's model: the config's, else the judge's."""
    return config.writer or judge_of(config)


async def check(kit: Kit, config: FusionConfig, seats: Sequence[Seat], *, writes: bool) -> None:
    """Build every model and look at every tool once, so that what is missing is said before any money is spent.

    Args:
        kit: The graph's kit.
        config: The run's settings.
        seats: The resolved panel.
        writes: Whether this graph has a writer.

    Raises:
        ConfigError: A model, key, package, engine or tool is missing, or a prompt of the user's cannot be filled;
            the message names it and who needs it.
    """
    check_prompts(config.prompts)
    for seat in seats:
        for model in (seat.model, *seat.fallbacks):
            kit.models.get(model, kit.seat_settings(config, seat), asked_by=f"seat {seat.id!r}")
    kit.models.get(judge_of(config), kit.judge_settings(config), asked_by="judge")
    equipped = [seat for seat in (*seats, None) if kit.specs(config, seat) != []]
    if equipped:
        await asyncio.to_thread(_check_tools, kit, config, equipped)
    if writes:
        check_writer(kit, config)


def check_writer(kit: Kit, config: FusionConfig) -> None:
    """Build the writer's model and look at its options, for a run that needs no more than that.

    Args:
        kit: The graph's kit.
        config: The run's settings.

    Raises:
        ConfigError: The model, its key or its package is missing, it cannot be told one of `writer_options`, or a
            prompt of the user's cannot be filled.
    """
    check_prompts(config.prompts)
    writer_model(kit, writer_of(config), config)


def _check_tools(kit: Kit, config: FusionConfig, equipped: Sequence[Seat | None]) -> None:
    for seat in equipped:
        try:
            kit.check_tools(config, seat)
        except ConfigError as error:
            raise type(error)(f"{f'seat {seat.id!r}' if seat else 'judge'}: {error}") from error


def visible(
    messages: Sequence[AnyMessage], question: str, earlier: Sequence[AnyMessage], config: FusionConfig
) -> list[AnyMessage]:
    """Return what a panelist sees of a conversation.

    Args:
        messages: The whole conversation.
        question: Its question.
        earlier: The turns before it.
        config: Its `history` says how much: the question alone, what user and assistant said, or system messages too.

    Returns:
        The panelist's messages, the question last, the user's with their pictures and files; tool traffic is never
        among them.
    """
    asked = next((m for m in reversed(messages) if isinstance(m, HumanMessage)), HumanMessage(question))
    if config.history == "question":
        return [asked]
    kinds = {"human", "ai"} | ({"system"} if config.history == "full" else set())
    kept = [m for m in earlier if m.type in kinds and _says_something(m)]
    return [*[AIMessage(str(m.text)) if isinstance(m, AIMessage) else m for m in kept], asked]


def _says_something(message: AnyMessage) -> bool:
    pictures = isinstance(message, HumanMessage) and isinstance(message.content, list) and bool(message.content)
    return pictures or bool(str(message.text).strip())
