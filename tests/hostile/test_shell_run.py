"""A whole run whose panelist has a shell."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from scripted_house import ALPHA, BETA, JUDGE, WRITER, House, asked, config_of, seat, system_text
from test_shell_sandbox import gone, nap, running

from fusion_graph import Resources, build_fusion_graph
from fusion_graph.graph import Graph
from fusion_graph.testing import Text, ToolCall, ToolCalls


def graph_of(house: House, with_bubblewrap: Resources, **settings) -> Graph:
    resources = replace(with_bubblewrap, gateway=house.resources.gateway)
    return build_fusion_graph(config_of((), {"tools": ["shell"], **settings}), resources=resources)


async def test_a_panelist_computes_in_its_shell_and_the_judge_and_the_writer_have_none(house, with_bubblewrap):
    house.server.on(
        ALPHA,
        ToolCall("shell", {"command": "echo $((6 * 7)) > n; echo see https://evil.example/x"}),
        ToolCall("shell", {"command": "cat n"}),
        lambda call: f"It is {call.tool_results[1].split(chr(10))[1]}, says https://evil.example/x",
    )
    output = await graph_of(house, with_bubblewrap).ainvoke(asked())
    assert output["status"] == "ok"
    assert output["responses"][0]["content"] == "It is 42, says https://evil.example/x"
    assert seat(output, "seat-1")["tool_calls"] == 2
    assert output["sources"] == []
    assert house.calls(ALPHA)[0].tool_names == ["shell"]
    assert house.calls(JUDGE)[0].tool_names == []
    assert house.calls(WRITER)[0].tool_names == []
    await gone()


async def test_one_seat_may_have_a_shell_and_the_others_not(house, with_bubblewrap):
    panel = [{"model": ALPHA, "tools": [{"type": "shell", "parameters": {"timeout": 7}}]}, {"model": BETA}]
    await graph_of(house, with_bubblewrap, tools=[], panel=panel).ainvoke(asked())
    (call,) = house.calls(ALPHA)
    assert call.tool_names == ["shell"]
    assert "7 seconds" in call.body["tools"][0]["function"]["description"]
    assert "shell" not in system_text(call)
    assert house.calls(BETA)[0].tool_names == []


async def test_a_command_that_fails_is_told_to_the_model_which_goes_on(house, with_bubblewrap):
    broken = ToolCalls([ToolCall("shell", raw_arguments="{oops"), ToolCall("shell", {"command": "exit 3"})])
    house.server.on(ALPHA, broken, "It does.")
    output = await graph_of(house, with_bubblewrap).ainvoke(asked())
    assert seat(output, "seat-1")["outcome"] == "ok"
    assert any("[exit status 3]" in result for result in house.calls(ALPHA)[1].tool_results)


async def test_a_seat_that_runs_out_of_time_takes_its_sandbox_with_it(house, with_bubblewrap):
    house.server.on(ALPHA, ToolCall("shell", {"command": nap(5)}))
    output = await graph_of(house, with_bubblewrap, seat_timeout=1.0).ainvoke(asked())
    assert seat(output, "seat-1")["outcome"] == "timed_out"
    await gone(nap(5))


@pytest.mark.parametrize("at", ["command", "model"])
async def test_a_cancelled_run_kills_the_sandbox_whether_it_works_or_waits(house, with_bubblewrap, at):
    first = nap(6) if at == "command" else "echo ready"
    house.server.on(ALPHA, ToolCall("shell", {"command": first}), Text("late", delay=30))
    run = asyncio.create_task(graph_of(house, with_bubblewrap).ainvoke(asked()))
    await house.server.until(lambda: running(first) if at == "command" else len(house.calls(ALPHA)) == 2)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await gone()
    await gone(nap(6))
