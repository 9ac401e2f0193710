"""What a graph was built with: defaults, models, tools, and what the seats of one run share."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from fusion_graph.budget import SURROUNDING, Ledger
from fusion_graph.config import FusionConfig, Seat, ToolSpec
from fusion_graph.errors import ConfigError, FusionDepthError
from fusion_graph.handlers import heard_first
from fusion_graph.loop import Loops
from fusion_graph.models import CallSettings, Models
from fusion_graph.presets import explain
from fusion_graph.prices import Prices
from fusion_graph.race import Race
from fusion_graph.resources import Resources
from fusion_graph.resume import this_process
from fusion_graph.shell.tool import shell_tool
from fusion_graph.tools import PageCache, build_tools, check_tools, shell_settings
from fusion_graph.tools.corpus import Corpus
from fusion_graph.traced_costs import with_costs
from fusion_graph.tracing import note_part

DEPTH = "fusion_depth"
_UNSET = FusionConfig()
_read = lru_cache(maxsize=256)(FusionConfig.model_validate_json)  # every node of a run reads the same settings
RUNS_HELD = 1024
"""Runs whose shared things are held in a process; the oldest are let go, and made anew if they are asked for."""


@dataclass(slots=True)
class _Shared:
    """What the seats of one run share while they run in this process."""

    pages: PageCache = field(default_factory=PageCache)
    race: Race | None = None
    ledger: Ledger | None = None
    begun: set[str] = field(default_factory=set)


class Kit:
    """Shared by the nodes of one compiled graph.

    Args:
        defaults: Settings below those of each run.
        resources: The operator's side; from `FUSION_...` variables when unset.
    """

    def __init__(self, defaults: FusionConfig | None = None, resources: Resources | None = None) -> None:
        self.defaults = defaults or FusionConfig()
        self.resources = resources if resources is not None else Resources.from_env()
        self.models = Models(self.resources)
        self.prices = Prices(self.resources, self.models.environ)
        self.loops = Loops()
        self._runs: OrderedDict[str, _Shared] = OrderedDict()

    @cached_property
    def corpus(self) -> Corpus | None:
        """The operator's folder, if there is one."""
        return Corpus(self.resources.corpus) if self.resources.corpus else None

    def pages(self, run_key: str) -> PageCache:
        """Return the pages that one run has fetched."""
        return self._shared(run_key).pages

    def race(self, run_key: str, config: FusionConfig) -> Race:
        """Return what ties the seats of one run together; made anew where a run is resumed in another process."""
        shared = self._shared(run_key)
        if shared.race is None:
            shared.race = Race(config.quorum, config.grace, config.deadline)
        return shared.race

    def ledger(self, run_key: str, config: FusionConfig) -> Ledger:
        """Return what one run may spend and has spent; of a fusion that a calling model started, the caller's."""
        shared = self._shared(run_key)
        if shared.ledger is None:
            shared.ledger = SURROUNDING.get() or Ledger(config.max_cost_usd, config.max_total_tokens)
        return shared.ledger

    def began_before(self, run_key: str, part: str, process: str) -> bool:
        """Note that a part of a run begins, and say whether it may have been begun before.

        Args:
            run_key: The run.
            part: Seat id, `judge` or `writer`.
            process: The process that did what came before, as the run's state names it.

        Returns:
            Whether another process may have begun it, or this one in an earlier attempt.
        """
        begun = self._shared(run_key).begun
        before = part in begun or process != this_process()
        begun.add(part)
        return before

    def forget(self, run_key: str) -> None:
        """Let go of what the seats of a run shared, once it has ended."""
        self._runs.pop(run_key, None)

    def _shared(self, run_key: str) -> _Shared:
        shared = self._runs.setdefault(run_key, _Shared())
        self._runs.move_to_end(run_key)
        while len(self._runs) > RUNS_HELD:
            self._runs.popitem(last=False)
        return shared

    def settle(self, context: Any, began_with: Sequence[Mapping[str, Any]] = ()) -> FusionConfig:
        """Resolve a run's settings: the run over its preset, over the graph's defaults over theirs.

        Args:
            context: The run's `context`. A graph that holds this one as a subgraph passes its own context down:
                its `fusion` field counts if it has one, and nothing of it otherwise.
            began_with: What a run that is under way began with, as its state holds it: its settings, then those of
                each fork. They stand in place of the graph's defaults, so that a resumed run keeps its models.

        Returns:
            The settings.

        Raises:
            ConfigError: A field is unknown or out of range, or a preset does not exist.
        """
        layers = [_read(json.dumps(layer)) for layer in began_with]
        settled = layers[0] if layers else self._layer(self.defaults, _UNSET)
        for layer in (*layers[1:], config_of(context)):
            settled = self._layer(layer, settled)
        return settled

    def _layer(self, top: FusionConfig, below: FusionConfig) -> FusionConfig:
        if not top.model_fields_set:
            return below
        if top.preset is not None:
            below = _over(self.models.catalog.preset(top.preset), below)
        return _over(top, below)

    def tools(self, config: FusionConfig, seat: Seat | None, run_key: str) -> list[BaseTool | dict[str, Any]]:
        """Build the tools of a seat, or of the judge when there is no seat."""
        return build_tools(
            self.specs(config, seat),
            search=config.search,
            fetch=config.fetch,
            resources=self.resources,
            cache=self.pages(run_key),
            corpus=self.corpus,
        )

    @asynccontextmanager
    async def shell(self, config: FusionConfig, seat: Seat) -> AsyncIterator[list[BaseTool]]:
        """Open the tool `shell` of a seat; what runs in it ends with the block.

        Args:
            config: The run's settings.
            seat: The seat; the judge has no shell.

        Yields:
            The tool, or nothing if the seat's tools do not name it.
        """
        settings = shell_settings(self.specs(config, seat), self.resources)
        if settings is None:
            yield []
            return
        async with shell_tool(settings, self.resources) as tool:
            yield [tool]

    def check_tools(self, config: FusionConfig, seat: Seat | None) -> None:
        """Check the same tools without building them; it lists the folder, so call it in a thread.

        Raises:
            ConfigError: A tool is unknown, or its engine, key, package or folder is missing.
        """
        check_tools(
            self.specs(config, seat),
            search=config.search,
            fetch=config.fetch,
            resources=self.resources,
            corpus=self.corpus,
        )

    @staticmethod
    def specs(config: FusionConfig, seat: Seat | None) -> list[ToolSpec | str] | None:
        """Return the tools that a seat, or the judge when there is no seat, is to have; `None` means the usual ones."""
        return seat.tools if seat is not None and seat.tools is not None else config.tools

    @staticmethod
    def seat_settings(config: FusionConfig, seat: Seat) -> CallSettings:
        """What a seat asks of its model: its own settings, else the run's."""
        return CallSettings(
            max_tokens=seat.max_completion_tokens or config.max_completion_tokens,
            temperature=seat.temperature if seat.temperature is not None else config.temperature,
            reasoning=seat.reasoning or config.reasoning,
            streaming=config.seat_idle_timeout is not None,
        )

    @staticmethod
    def judge_settings(config: FusionConfig) -> CallSettings:
        """What the judge asks of its model: temperature 0 always."""
        return CallSettings(max_tokens=_reader_tokens(config), temperature=0.0, reasoning=config.reasoning)

    @staticmethod
    def writer_settings(config: FusionConfig) -> CallSettings:
        """What the writer asks of its model: the provider's defaults, and the output cap."""
        return CallSettings(max_tokens=_reader_tokens(config))


def _over(top: FusionConfig, below: FusionConfig) -> FusionConfig:
    try:
        return top.over(below)
    except ValidationError as error:  # each is valid alone, the two together are not
        raise ConfigError(explain(error)) from error


def _reader_tokens(config: FusionConfig) -> int:
    """Output tokens of judge and writer: servers refuse a call whose prompt and output cap overrun the window."""
    window = config.context_window
    return config.max_completion_tokens if window is None else min(config.max_completion_tokens, window // 4)


def config_of(context: Any) -> FusionConfig:
    """Read the settings in a run's `context`.

    Args:
        context: A `FusionConfig`, its fields, or a host graph's own context, whose `fusion` field counts.

    Returns:
        The settings; none at all where the context is a host's and has no such field.

    Raises:
        ConfigError: A field is unknown or out of range.
    """
    if isinstance(context, FusionConfig):
        return context
    own = context.get("fusion", context) if isinstance(context, Mapping) else getattr(context, "fusion", None)
    if isinstance(own, FusionConfig):
        return own
    if not isinstance(own, Mapping):
        return _UNSET
    try:
        return FusionConfig.model_validate(own)
    except ValidationError as error:
        raise ConfigError(explain(error)) from error


def part_config(
    config: RunnableConfig, part: str, *handlers: BaseCallbackHandler, deeper: bool = True, **metadata: Any
) -> RunnableConfig:
    """Make the config for one part's own run: attributable, metered, one level deeper.

    Args:
        config: The node's config.
        part: Seat id, `judge`, `writer` or `caller`.
        *handlers: What counts its calls, and what else listens to them; heard before tracers are.
        deeper: Whether no fusion may start inside it; the calling model alone may start one.
        **metadata: More that streams and traces shall carry, where it is not `None`.

    Returns:
        A config for the nested run.
    """
    facts = {"fusion_part": part, **{key: value for key, value in metadata.items() if value is not None}}
    note_part(config, facts)
    own: RunnableConfig = {
        "metadata": facts,
        "tags": [f"fusion:{part}"],
        "run_name": part,
        "configurable": {DEPTH: depth(config) + int(deeper)},
    }
    merged = merge_configs(config, own)
    merged["callbacks"] = config.get("callbacks")  # the merge would bring the surrounding run's in again, in any order
    return with_costs(heard_first(merged, *handlers))


def depth(config: RunnableConfig) -> int:
    """Return how many fusions a run is inside of."""
    return int((config.get("configurable") or {}).get(DEPTH, 0) or 0)


def guard_depth(config: RunnableConfig) -> None:
    """Refuse to start a fusion inside a fusion.

    Raises:
        FusionDepthError: This run belongs to a panelist, a judge or a writer.
    """
    if depth(config) > 0:
        raise FusionDepthError(
            "a fusion was started from inside a fusion; panelists, judge and writer cannot convene a panel"
        )
