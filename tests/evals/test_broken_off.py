"""Ctrl-C twice, as people press it: both commands end at once, say so in a sentence, and go on afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest
from eval_house import COMPARED, FUSED, JUDGE, NEVER, EvalHouse, graded_tasks
from optimize_house import CHEAP, DEAR, SearchHouse

from fusion_graph.terminal.exits import BAD_INPUT, INTERRUPTED
from fusion_graph.testing import ScriptedServer, Text

CTRL_C, CTRL_D = b"\x03", b"\x04"


async def begun(command: str, file: Path, server: ScriptedServer) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fusion_graph.cli", command, "run", str(file), "--yes",
        "--gateway-url", server.base_url, "--out", str(file.parent / "results"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )  # fmt: skip


async def interrupted_twice(process: Process) -> str:
    """Send the second Ctrl-C once the first one was answered; gives what was said from then on."""
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        while b"Ctrl-C again" not in (line := await process.stderr.readline()):
            assert line, "it ended at the first one"
        process.send_signal(signal.SIGINT)
        _, rest = await process.communicate()
    return rest.decode()


async def test_an_evaluation_is_broken_off_by_a_second_ctrl_c_and_goes_on_afterwards(house: EvalHouse) -> None:
    path = house.file({"it": FUSED}, graded_tasks())
    house.server.on(JUDGE, NEVER, COMPARED)
    process = await begun("eval", path, house.server)
    await house.server.until(lambda: bool(house.calls(JUDGE)), timeout=60)
    said = await interrupted_twice(process)
    assert process.returncode == INTERRUPTED, said
    assert "broken off; what had finished is kept" in said
    assert "Traceback" not in said

    before = house.counts
    assert (await house.row(path)).outcome == "ok"
    after = house.counts
    assert {model: after[model] - before[model] for model in before} == dict.fromkeys(before, 0) | {JUDGE: 1}


def left(asking: subprocess.Popen[bytes], *, again: bool) -> int:
    """Wait for the end; a Ctrl-C in the instant before Python reads the terminal is not heard, so it is given again."""
    for _ in range(3):
        if again:
            asking.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return asking.wait(15)
    raise AssertionError("it still asks")


@pytest.mark.parametrize(("key", "code"), [(CTRL_C, INTERRUPTED), (CTRL_D, BAD_INPUT)], ids=["Ctrl-C", "Ctrl-D"])
def test_the_question_before_money_is_spent_can_be_left_by_a_key(house: EvalHouse, key: bytes, code: int) -> None:
    path = house.file({"it": FUSED}, graded_tasks())
    ours, theirs = pty.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-m", "fusion_graph.cli", "eval", "run", str(path), "--gateway-url", house.server.base_url,
         "--out", str(path.parent / "results")],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        while b"[y/N]" not in said:
            said += os.read(ours, 4096)
        if key == CTRL_D:
            os.write(ours, key)
        assert left(asking, again=key == CTRL_C) == code, said
    finally:
        asking.kill()
        asking.wait()
        os.close(ours)
    assert house.counts == {}


@pytest.mark.parametrize("times", [1, 2])
async def test_a_search_can_be_stopped_before_everybody_was_asked_once(
    server: ScriptedServer, tmp_path: Path, times: int
) -> None:
    search = SearchHouse(server, tmp_path)
    path = search.file(space={"models": [CHEAP, DEAR], "panel_sizes": [2]}, limits={"rows": 1})
    search.server.on(DEAR, NEVER if times == 2 else Text("42", delay=1.0))
    process = await begun("optimize", path, server)
    await server.until(lambda: bool(server.calls_of(DEAR)), timeout=60)
    if times == 1:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            said = (await process.communicate())[1].decode()
        assert "The search is not complete." in said
    else:
        said = await interrupted_twice(process)
        assert "broken off; what had finished is kept" in said
    assert process.returncode == INTERRUPTED, said
    assert "Traceback" not in said
