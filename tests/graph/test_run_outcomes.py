"""Every way a seat can end is a typed outcome, and the run goes on with whoever is left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted_house import ALPHA, ANSWER, BETA, GAMMA, JUDGE, WRITER, House, asked, draft_of, reasons, seat

from fusion_graph.models import CallSettings, Models
from fusion_graph.testing import Fault, Malformed, Reply, Text

SLOW_STREAM = Text("word " * 200, chunk_delay=0.05)


@pytest.mark.parametrize(
    ("reply", "outcome", "kind", "status"),
    [
        (Fault(401), "failed", "authentication", 401),
        (Fault(402), "failed", "insufficient_credits", 402),
        (Fault(403), "failed", "authentication", 403),
        (Fault(404), "failed", "invalid_model", 404),
        (Fault(400), "failed", "invalid_request", 400),
        (Fault(429, retry_after=0), "failed", "rate_limited", 429),
        (Fault(500), "failed", "upstream", 500),
        (Fault(503), "failed", "upstream", 503),
        (Fault.context_length(), "failed", "context_overflow", 400),
        (Malformed(), "failed", "upstream", None),
        (Text("a", cut_after=0), "failed", "connection", None),
        (Text("", finish_reason="content_filter"), "refused", "content_filter", None),
        (Text("I cannot", finish_reason="content_filter"), "refused", "content_filter", None),
        (Text(refusal="I will not help with that."), "refused", "content_filter", None),
        (Text(""), "empty", "empty", None),
        (Text("  \n "), "empty", "empty", None),
        (Text("", finish_reason="length"), "empty", "empty", None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_seat_without_a_draft_is_typed_and_the_survivor_is_judged(
    house: House, reply: Reply, outcome: str, kind: str, status: int | None
) -> None:
    house.server.on(ALPHA, reply)
    output = await house.ask()
    (failed,) = output["failed_models"]
    assert (failed["model"], failed["seat_id"], failed["outcome"]) == (ALPHA, "seat-1", outcome)
    assert failed.get("status_code") == status
    assert failed["error"]
    assert seat(output, "seat-1")["outcome"] == outcome
    assert seat(output, "seat-1")["failure"]["kind"] == kind
    assert reasons(output) == [("seat-1", f"seat_{outcome}")]
    assert output["status"] == "ok"
    assert [entry["seat_id"] for entry in output["responses"]] == ["seat-2"]
    assert output["messages"][-1].text == ANSWER
    assert [shown["seat_id"] for shown in output["receipt"]["shown_order"]] == ["seat-2"]


@pytest.mark.parametrize(
    "reply",
    [Fault(500), Malformed(), Text("half a draft", cut_after=2), Text("half", cut_after=1, cut_with=Fault(502))],
    ids=["500", "malformed", "cut", "error in the stream"],
)
async def test_a_stream_that_never_ends_well_is_a_failed_seat(house: House, reply: Reply) -> None:
    house.server.on(ALPHA, reply)
    output = await house.stream()
    assert seat(output, "seat-1")["outcome"] == "failed"
    assert seat(output, "seat-1")["failure"]["kind"] in ("upstream", "connection")
    assert seat(output, "seat-1")["calls"] == 3
    assert [entry["seat_id"] for entry in output["responses"]] == ["seat-2"]
    assert output["messages"][-1].text == ANSWER


@pytest.mark.parametrize("how", ["ask", "stream"])
@pytest.mark.parametrize("reply", [Text("", finish_reason="content_filter"), Text(refusal="No."), Text("")])
async def test_refusals_and_empty_drafts_are_typed_streamed_or_not(house: House, how: str, reply: Text) -> None:
    house.server.on(ALPHA, reply)
    output = await getattr(house, how)()
    expected = "empty" if reply == Text("") else "refused"
    assert seat(output, "seat-1")["outcome"] == expected


async def test_a_truncated_draft_is_used_and_said_to_be_cut(house: House) -> None:
    house.server.on(ALPHA, Text("It does, but", finish_reason="length"))
    output = await house.ask()
    assert seat(output, "seat-1")["outcome"] == "truncated"
    assert seat(output, "seat-1")["finish_reason"] == "length"
    assert output["failed_models"] == []
    assert ("seat-1", "seat_truncated") in reasons(output)
    assert "It does, but" in house.calls(JUDGE)[0].prompt
    assert "cut off by the model" in house.calls(JUDGE)[0].prompt


async def test_a_survivor_of_each_kind_leaves_the_others_in_the_panel_order(house: House) -> None:
    house.server.on(ALPHA, Fault(401)).on(GAMMA, Text(""))
    output = await house.ask(panel=[ALPHA, BETA, GAMMA, BETA])
    assert [entry["seat_id"] for entry in output["failed_models"]] == ["seat-1", "seat-3"]
    assert [entry["seat_id"] for entry in output["responses"]] == ["seat-2", "seat-4"]
    judged = house.calls(JUDGE)[0].prompt
    assert judged.count('<draft label="') == 2 + judged.count('like `<draft label="A"')


@pytest.mark.parametrize("reply", [Text("late", delay=30), SLOW_STREAM], ids=["slow first byte", "slow stream"])
@pytest.mark.parametrize("how", ["ask", "stream"])
async def test_a_seat_over_its_time_is_timed_out_and_its_request_is_dropped(
    house: House, reply: Text, how: str
) -> None:
    if reply is SLOW_STREAM and how == "ask":
        reply = Text("late", delay=5)
    house.server.on(ALPHA, reply)
    output = await getattr(house, how)(seat_timeout=2.0)
    entry = seat(output, "seat-1")
    assert (entry["outcome"], entry["failure"]["kind"]) == ("timed_out", "timeout")
    assert "seat_timeout=2" in entry["failure"]["message"]
    assert 1.9 < entry["latency"] < 8
    assert output["messages"][-1].text == ANSWER
    await house.server.until(lambda: house.calls(ALPHA)[0].disconnected)


async def test_a_cancelled_run_drops_every_open_request(house: House) -> None:
    for model in (ALPHA, BETA):
        house.server.on(model, Text("late", delay=30))
    task = asyncio.create_task(house.ask())
    await house.server.until(lambda: house.server.open_requests == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await house.server.until(lambda: house.server.open_requests == 0)
    assert all(call.disconnected for call in house.server.calls)


@pytest.mark.parametrize("slow", [JUDGE, WRITER])
async def test_a_run_cancelled_in_judge_or_writer_drops_their_request(house: House, slow: str) -> None:
    house.server.on(slow, SLOW_STREAM)
    task = asyncio.create_task(house.stream())
    await house.server.until(lambda: house.calls(slow))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await house.server.until(lambda: house.server.open_requests == 0)
    assert house.calls(slow)[0].disconnected


async def test_a_cancellation_that_meets_a_token_is_not_lost(house: House) -> None:
    house.server.on(ALPHA, Text("word " * 400, chunk_delay=0.001))
    model = Models(house.resources).get(ALPHA, CallSettings(), asked_by="a test")

    async def read() -> None:
        async for _ in model.astream("Why?"):
            pass

    for attempt in range(30):
        task = asyncio.create_task(read())
        await house.server.until(lambda: len(house.calls(ALPHA)) > attempt)  # noqa: B023
        await asyncio.sleep(attempt / 2000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await house.server.until(lambda: house.server.open_requests == 0)
    assert not any(call.completed for call in house.calls(ALPHA))


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ((Fault(500), Fault(500)), "all_panels_failed"),
        ((Fault(500), Fault(402)), "insufficient_credits"),
        ((Fault(404), Fault(429, retry_after=100)), "rate_limited"),
        ((Fault(404), Fault(404)), "invalid_model"),
        ((Fault(404), Fault(500)), "all_panels_failed"),
        ((Text(""), Text(refusal="No.")), "all_panels_failed"),
        ((Fault(429, retry_after=100), Fault(402)), "insufficient_credits"),
    ],
)
async def test_a_panel_that_failed_altogether_ends_with_a_typed_error_and_no_answer(
    house: House, replies: tuple[Reply, Reply], reason: str
) -> None:
    house.server.on(ALPHA, replies[0]).on(BETA, replies[1])
    events: list[dict[str, Any]] = []
    output: dict[str, Any] = {}
    async for mode, data in house.fusion().astream(asked(), stream_mode=["custom", "values"]):
        if mode == "custom":
            events.append(data)
        else:
            output = data
    assert (output["status"], output["failure_reason"]) == ("error", reason)
    assert (output["receipt"]["status"], output["receipt"]["failure_reason"]) == ("error", reason)
    assert [type(message).__name__ for message in output["messages"]] == ["HumanMessage"]
    assert output["analysis"] is None
    assert output["responses"] == []
    assert [entry["model"] for entry in output["failed_models"]] == [ALPHA, BETA]
    assert house.calls(JUDGE) == house.calls(WRITER) == []
    assert events[-1] == {"type": "fusion.completed", "status": "error", "failure_reason": reason}


async def test_an_outcome_keeps_what_was_spent_before_the_seat_failed(house: House) -> None:
    house.server.on(ALPHA, Fault(500), Text(""))
    output = await house.ask()
    assert seat(output, "seat-1")["calls"] == 2
    assert seat(output, "seat-1")["usage"]["tokens_at_least"] is True
    assert seat(output, "seat-1")["usage"]["input_tokens"] > 0


async def test_secrets_in_a_provider_error_never_reach_state(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "very-secret-value")
    house.server.on(ALPHA, Fault(401, "Bad key very-secret-value or sk-abcdefghijkl"))
    output = await house.ask()
    assert "very-secret-value" not in str(output)
    assert "sk-abcdefghijkl" not in str(output)
    assert draft_of(BETA) in output["responses"][0]["content"]
