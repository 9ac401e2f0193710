"""Under which key a stage is kept: the digest of everything that determines it, and of nothing else.

What a stage is run with is exactly what its key is made of: settings that do not concern it are taken away first. So a
change of the writer leaves the keys of panel answers and analyses as they are. Setting a field to its default changes
no key. The day's date, which panelists are told, is left out: a run may go on after midnight.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from fusion_graph.config import FusionConfig, PromptName, Seat
from fusion_graph.ladder import schema_text
from fusion_graph.seats import judge_of, resolved, writer_of

VERSION = 1
"""Raise it when what a stage does changes in a way that its settings and prompts do not show."""
_OF_CALLERS = {"tool_choice", "may_deliberate", "client_tools", "caller_tools"}
_OF_RUNS = {"preset", "quorum", "grace", "deadline", "review", "max_cost_usd", "max_total_tokens", *_OF_CALLERS}
_OF_SEATS = {"temperature", "seat_timeout", "seat_idle_timeout"}
_OF_READERS = {"blind", "seed", "context_window", "history"}
_OF_RESEARCH = {"tools", "search", "fetch", "max_tool_calls", "reasoning"}
_SEAT_PROMPTS: tuple[PromptName, ...] = ("panelist", "last_turn")
_JUDGE_PROMPTS: tuple[PromptName, ...] = ("deliberation", "judge", "repair", "last_turn")
_WRITER_PROMPTS: tuple[PromptName, ...] = ("deliberation", "writer")
SEAT = "seat-1"
"""The id of the one seat of a panel answer's run; a panel gives it the id it has there."""


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON.

    Args:
        value: Plain data.

    Returns:
        Hexadecimal.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seat_settings(config: FusionConfig, seat: Seat) -> FusionConfig:
    """Reduce a configuration to what concerns one seat's answer.

    Args:
        config: The configuration.
        seat: The seat.

    Returns:
        Settings of a panel of this seat alone; its own settings stand in place of the run's.
    """
    own = seat.model_copy(update={"id": SEAT, "label": ""})
    kept = _without(config, {"judge", "writer", "writer_options"} | _OF_READERS, _SEAT_PROMPTS)
    replaced = {"max_tool_calls", "max_completion_tokens", "temperature", "reasoning", "tools"}
    for name in replaced:
        if getattr(own, name) is not None:
            kept.pop(name, None)
    return FusionConfig.model_validate({**kept, "panel": [own.model_dump(exclude_defaults=True)]})


def analysis_settings(config: FusionConfig) -> FusionConfig:
    """Reduce a configuration to what concerns its analysis; the window is the judge's own, whoever writes."""
    kept = _without(config, {"writer", "writer_options"} | _OF_SEATS, _JUDGE_PROMPTS)
    return FusionConfig.model_validate({**kept, **_panel(config), "judge": judge_of(config)})


def final_settings(config: FusionConfig, *, judged: bool) -> FusionConfig:
    """Reduce a configuration to what concerns its writer.

    Args:
        config: The configuration.
        judged: Whether there is a judge, whose window then counts too.
    """
    kept = _without(config, _OF_SEATS | _OF_RESEARCH, _WRITER_PROMPTS)
    judge = judge_of(config) if judged else writer_of(config)
    return FusionConfig.model_validate({**kept, **_panel(config), "judge": judge, "writer": writer_of(config)})


def seat_base(settings: FusionConfig, place: Mapping[str, Any]) -> str:
    """Digest what all answers of a seat have in common.

    Args:
        settings: What `seat_settings` gave.
        place: Where stages run.
    """
    return digest(_base("seat", settings, _SEAT_PROMPTS, place))


def analysis_base(settings: FusionConfig, place: Mapping[str, Any]) -> str:
    """Digest what all analyses of a configuration have in common."""
    base = _base("analysis", settings, _JUDGE_PROMPTS, place)
    return digest({**base, "schema": schema_text()})


def final_base(settings: FusionConfig, place: Mapping[str, Any]) -> str:
    """Digest what all final answers of a configuration have in common."""
    return digest(_base("final", settings, _WRITER_PROMPTS, place))


def upstream(seats: Sequence[Seat], keys: Sequence[str], lost: Mapping[str, str]) -> list[list[str]]:
    """Say what judge and writer were given: which drafts, and which seats gave none.

    Args:
        seats: The panel.
        keys: The keys of its answers.
        lost: How the seats without a draft ended, by seat id.
    """
    return [
        [seat.id, seat.label, "lost", lost[seat.id]] if seat.id in lost else [seat.id, seat.label, "draft", key]
        for seat, key in zip(seats, keys, strict=True)
    ]


def _base(
    stage: str, settings: FusionConfig, prompts: Sequence[PromptName], place: Mapping[str, Any]
) -> dict[str, Any]:
    plain = settings.model_dump(mode="json", exclude_defaults=True)
    if stage != "seat":
        plain.pop("panel", None)  # its answers count, and they are named by their own keys
    return {
        "stage": stage,
        "version": VERSION,
        "place": place,
        "settings": plain,
        "prompts": {name: hashlib.sha256(_prompt(name).encode()).hexdigest() for name in prompts},
    }


def _without(config: FusionConfig, names: set[str], prompts: Sequence[PromptName]) -> dict[str, Any]:
    kept = config.model_dump(exclude=names | _OF_RUNS | {"panel"}, exclude_defaults=True)
    own = {name: text for name, text in config.prompts.items() if name in prompts}
    return {**{key: value for key, value in kept.items() if key != "prompts"}, **({"prompts": own} if own else {})}


def _panel(config: FusionConfig) -> dict[str, Any]:
    return {"panel": [seat.model_dump(exclude_defaults=True) for seat in resolved(config)]}


def _prompt(name: PromptName) -> str:
    return resources.files("fusion_graph").joinpath("prompts", f"{name}.md").read_text("utf-8")
