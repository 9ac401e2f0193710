"""`kill -9` in the race and at its end: the next run goes the same way, and repeats only what was under way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from optimize_house import CHEAP, DEAR, MortalSearch, SearchHouse, answer, question_of

from fusion_graph.testing import ScriptedServer

SPACE = {"models": [CHEAP, DEAR], "panel_sizes": [2], "judges": [DEAR]}
ONE_AT_A_TIME = {"concurrency": 1, "rows": 1}


async def test_a_search_killed_again_and_again_repeats_the_calls_under_way_and_no_other(
    server: ScriptedServer, tmp_path: Path
) -> None:
    for folder in ("straight", "killed"):
        (tmp_path / folder).mkdir()
    straight, killed = SearchHouse(server, tmp_path / "straight"), SearchHouse(server, tmp_path / "killed")
    code, said = await straight.run(straight.file(10, space=SPACE))
    assert code == 0, said
    wanted = straight.counts

    path = killed.file(10, space=SPACE, limits=ONE_AT_A_TIME)
    for more in (5, 20, wanted[DEAR] - 26):  # in the first block, in the last one, on the tasks held out
        before = len(server.calls_of(DEAR))
        killed.hang(DEAR, more)
        life = MortalSearch(killed, path)
        await server.until(lambda: len(server.calls_of(DEAR)) - before > more, timeout=60)  # noqa: B023
        life.kill()
    assert question_of(server.calls_of(DEAR)[-1]) in [f"Question {one[1:]}?" for one in straight.found.held_out]
    server.on(DEAR, answer)

    code, said = await killed.run(path)
    assert code == 0, said
    assert killed.counts - wanted - wanted == Counter({DEAR: 3}), "nothing but the calls that were under way"
    assert killed.found.standings == straight.found.standings
    code, said = await killed.run(path)
    assert code == 0, said
    assert sum(killed.counts.values()) == 2 * sum(wanted.values()) + 3
