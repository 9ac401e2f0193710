"""The race: all candidates on a block of tasks, those beaten are dropped, the others go on to twice as many tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fusion_graph.evals.optimize.dominance import Rule, beaten
from fusion_graph.evals.optimize.readings import Readings, Table

NO_COST = "no cost is known of it"
"""Why a candidate without any cost is dropped: it could stand on no frontier."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """How a candidate left the race.

    Attributes:
        tasks: How many tasks it was asked by then.
        by: Who beat it; empty if nobody did.
        why: In words, where nobody beat it.
    """

    tasks: int
    by: str = ""
    why: str = ""


@dataclass(slots=True)
class Race:
    """A race of candidates over growing blocks of tasks.

    Attributes:
        blocks: Ids of the tasks, block by block.
        readings: What is known, and how more is found out.
        rule: When one candidate beats another.
        standing: Candidates not dropped, in the order in which they entered.
        dropped: The others.
        block: The block under way.
        done: The last block that was raced on to its end; -1 before the first.
    """

    blocks: Sequence[Sequence[str]]
    readings: Readings
    rule: Rule = field(default_factory=Rule)
    standing: list[str] = field(default_factory=list)
    dropped: dict[str, Dropped] = field(default_factory=dict)
    block: int = 0
    done: int = -1

    async def run(self, names: Sequence[str] = (), until: int | None = None) -> None:
        """Let candidates enter, and race all that stand.

        Args:
            names: Who enters; who entered before is left as it is.
            until: The last block to race on; all of them when unset.
        """
        self.standing += [name for name in dict.fromkeys(names) if name not in {*self.standing, *self.dropped}]
        last = len(self.blocks) - 1 if until is None else min(until, len(self.blocks) - 1)
        for self.block in range(last + 1):
            await self.readings.take(self.standing, self.tasks(self.block))
            if self.readings.stopped:
                return
            await asyncio.to_thread(self._drop)
            self.done = max(self.done, self.block)

    def tasks(self, until: int) -> list[str]:
        """Return the tasks of all blocks up to one."""
        return [task for block in self.blocks[: until + 1] for task in block]

    @property
    def entered(self) -> int:
        """Candidates that entered so far."""
        return len(self.standing) + len(self.dropped)

    @property
    def over(self) -> bool:
        """Whether all blocks were raced on."""
        return self.done == len(self.blocks) - 1

    def table(self) -> Table:
        """Arrange what the standing candidates did on the tasks that all of them were asked.

        Who had entered just before the readings stopped, and has not all blocks behind it that others have, is left
        out.
        """
        if self.done < 0:
            return self.readings.table(self.standing, [])
        held, least = self.readings.held, self.tasks(self.done)
        there = [name for name in self.standing if all(task in held.get(name, {}) for task in least)]
        shared = [task for task in self.tasks(len(self.blocks)) if all(task in held[name] for name in there)]
        return self.readings.table(there, shared)

    def _drop(self) -> None:
        table = self.readings.table(self.standing, self.tasks(self.block))
        for name, cost in zip(table.names, table.mean_costs, strict=True):
            if np.isnan(cost):
                self.dropped[name] = Dropped(len(self.readings.held[name]), why=NO_COST)
        for loser, winner in beaten(table, self.rule).items():
            self.dropped.setdefault(loser, Dropped(len(self.readings.held[loser]), by=winner))
        self.standing = [name for name in self.standing if name not in self.dropped]
