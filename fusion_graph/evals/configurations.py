"""Configurations: what one entry of an eval file says, checked, with presets and defaults resolved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from fusion_graph.config import FusionConfig
from fusion_graph.errors import ConfigError
from fusion_graph.evals.contamination import with_blocklist
from fusion_graph.evals.results import Configuration
from fusion_graph.presets import explain
from fusion_graph.seats import judge_of, resolved, writer_of

Way = Literal["solo", "fused", "freeform", "best-of-n", "self-consistency"]
"""How an answer comes about: one model; panel, judge and writer; panel and writer; the draft that the judge finds
best supported; the draft that most others repeat."""
Control = Literal[
    "solo",
    "homo-freeform",
    "homo-structured",
    "hetero-freeform",
    "hetero-structured",
    "best-of-n",
    "self-consistency",
    "longer-solo",
]
"""The five arms of the ablation, and controls that spend what a panel costs in another way."""
WAYS: dict[str | None, Way] = {
    "solo": "solo",
    "longer-solo": "solo",
    "homo-freeform": "freeform",
    "hetero-freeform": "freeform",
    "homo-structured": "fused",
    "hetero-structured": "fused",
    "best-of-n": "best-of-n",
    "self-consistency": "self-consistency",
}
TIED = ("quorum", "grace", "deadline", "max_cost_usd", "max_total_tokens", "review")
"""Settings that tie the parts of one run together; parts that are kept and reused are not tied."""
CALLERS = ("tool_choice", "may_deliberate", "client_tools", "caller_tools")
"""Settings of a calling model, which no configuration has."""
_FAULT = re.compile(r"(^|; )(?=[a-z_]+(?:\.[A-Za-z0-9_]+)*: )")
"""Where a fault begins: before the field's path."""
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")
"""What configurations and experiments may be called: experiments name folders too."""


@dataclass(frozen=True)
class Plan:
    """One configuration, ready to be run.

    Attributes:
        name: Its name in the file.
        way: How its answers come about.
        config: Its settings, presets resolved.
        control: Which arm or control it is, if it is one.
        label: What people see.
    """

    name: str
    way: Way
    config: FusionConfig
    control: Control | None = None
    label: str = ""

    @cached_property
    def described(self) -> Configuration:
        """The configuration as reports name it."""
        judged, written = self.way in ("fused", "best-of-n"), self.way in ("fused", "freeform")
        changed = self.way in ("freeform", "best-of-n", "self-consistency") or self.control == "longer-solo"
        return Configuration(
            name=self.name,
            kind="control" if changed else "solo" if self.way == "solo" else "panel",
            label=self.label or self.name,
            seats=[seat.model for seat in resolved(self.config)],
            judge=judge_of(self.config) if judged else None,
            writer=writer_of(self.config) if written else None,
            control=self.control,
            settings=self.config.model_dump(mode="json", exclude_unset=True),
        )

    def away_from(self, places: Sequence[str]) -> Plan:
        """Return the same plan with searches and fetches kept away from more places."""
        return replace(self, config=with_blocklist(self.config, places)) if places else self


def plan_of(name: str, entry: dict[str, Any], defaults: dict[str, Any], presets: Path | None) -> Plan:
    """Read one entry.

    Args:
        name: Its name.
        entry: What it says: `solo` or `panel`, perhaps `control` and `label`, and fields of `FusionConfig`.
        defaults: Fields of `FusionConfig` below those of all entries.
        presets: The user's own presets.

    Returns:
        The configuration.

    Raises:
        ConfigError: It cannot work; the message names entry, field, value and fix.
    """
    where = f"configurations.{name}"
    if not NAME.match(str(name)):
        raise ConfigError(f"{where}: use letters, digits and . _ + - in a name")
    fields = dict(entry)
    control, label, solo = fields.pop("control", None), str(fields.pop("label", "") or ""), fields.pop("solo", None)
    if control not in [None, *WAYS]:
        raise ConfigError(f"{where}.control: {control!r} is none of {', '.join(str(way) for way in WAYS)}")
    if (solo is None) == (fields.get("panel") is None and fields.get("preset") is None):
        raise ConfigError(f"{where}: give `solo` (one model) or `panel` (1 to 8 models or seats), one of the two")
    if solo is not None:
        fields["panel"] = [solo]
    config = _settled(where, fields, defaults, presets)
    way = WAYS[control] if control else "solo" if solo is not None else "fused"
    _check(where, way, control, config, solo=solo is not None)
    return Plan(str(name), way, config, control, label)


def _settled(where: str, fields: dict[str, Any], defaults: dict[str, Any], presets: Path | None) -> FusionConfig:
    from fusion_graph.kit import Kit  # noqa: PLC0415 - slow to import, and a file at fault needs none
    from fusion_graph.resources import Resources  # noqa: PLC0415 - as above

    above, below = _settings(where, fields), _settings("defaults", defaults)
    try:
        return Kit(below, Resources(presets=presets)).settle(above).model_copy(update={"preset": None})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _settings(where: str, fields: dict[str, Any]) -> FusionConfig:
    tied = [field for field in TIED if fields.get(field)]
    if tied:
        raise ConfigError(
            f"{where}.{tied[0]} (got {fields[tied[0]]!r}): drafts are made one by one and reused, so nothing ties the "
            "parts of a run together; leave it out, and use seat_timeout and limits.max_cost_usd"
        )
    if callers := [field for field in CALLERS if field in fields]:
        raise ConfigError(f"{where}.{callers[0]}: only a calling model has it, and none is measured; leave it out")
    try:
        return FusionConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(_FAULT.sub(lambda match: f"{match[1]}{where}.", explain(error))) from error


def _check(where: str, way: Way, control: str | None, config: FusionConfig, *, solo: bool) -> None:
    models = [seat.model for seat in config.seats()]
    if not models:
        raise ConfigError(f"{where}.panel: no models; name them here or in a preset")
    if solo != (way == "solo"):
        wanted = "`solo`, one model" if way == "solo" else "`panel`"
        raise ConfigError(f"{where}.control: {control!r} needs {wanted}")
    if way in ("best-of-n", "self-consistency") and len(models) < 2:
        raise ConfigError(f"{where}.panel: {control!r} chooses among drafts; give two or more seats")
    kinds = len(set(models))
    if control and control.startswith("homo-") and (kinds > 1 or len(models) < 2):
        raise ConfigError(f"{where}.panel: {control!r} is one model two or more times (got {models})")
    if control and control.startswith("hetero-") and kinds < 2:
        raise ConfigError(f"{where}.panel: {control!r} needs two or more different models (got {models})")
