"""What waits between a run and a slow reader stays small and in order."""

from __future__ import annotations

import asyncio

import pytest

from fusion_graph.server.errors import ApiError
from fusion_graph.server.event_buffer import EventBuffer
from fusion_graph.server.run_events import AnswerDelta, RunEvent, SeatAdded, SeatCompleted, SeatDelta, SeatReasoning


async def heard(buffer: EventBuffer) -> list[RunEvent]:
    return [event async for event in buffer]


async def test_text_that_waits_is_joined_speaker_by_speaker() -> None:
    buffer = EventBuffer()
    for _ in range(10_000):
        buffer.put(SeatDelta("a", "x"))
        buffer.put(SeatDelta("b", "y"))
    assert len(buffer) == 2
    buffer.close()
    assert await heard(buffer) == [SeatDelta("a", "x" * 10_000), SeatDelta("b", "y" * 10_000)]


async def test_the_events_of_one_speaker_keep_their_order() -> None:
    buffer = EventBuffer()
    events: list[RunEvent] = [
        SeatAdded("a", "A", "m"),
        SeatReasoning("a", "hm"),
        SeatDelta("a", "one"),
        SeatCompleted("a", "ok", "one", 0.1),
        SeatDelta("a", "two"),
        AnswerDelta("x", 0),
        AnswerDelta("y", 1),
    ]
    for event in events:
        buffer.put(event)
    buffer.close()
    assert await heard(buffer) == events


async def test_a_reader_that_keeps_up_hears_every_piece_as_it_comes() -> None:
    buffer, pieces = EventBuffer(), []

    async def read() -> None:
        pieces.extend(await heard(buffer))

    reader = asyncio.create_task(read())
    for text in "abc":
        buffer.put(AnswerDelta(text))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    buffer.close()
    await reader
    assert pieces == [AnswerDelta("a"), AnswerDelta("b"), AnswerDelta("c")]


async def test_what_ended_the_run_is_raised_after_what_waits() -> None:
    buffer = EventBuffer()
    buffer.put(AnswerDelta("x"))
    buffer.close(ApiError(400, "no"))
    reader = aiter(buffer)
    assert await anext(reader) == AnswerDelta("x")
    with pytest.raises(ApiError, match="no"):
        await anext(reader)
