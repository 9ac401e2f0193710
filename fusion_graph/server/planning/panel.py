"""Who sits at the table: preset, panel, judge and writer of a request, and the settings of the fusion."""

from __future__ import annotations

from typing import Any

from fusion_graph.config import Mode
from fusion_graph.kit import Kit
from fusion_graph.server.errors import ApiError
from fusion_graph.server.planning.asked import Asked
from fusion_graph.server.planning.names import Names
from fusion_graph.server.planning.tools import inner_tools
from fusion_graph.server.requests.faults import bad, shown
from fusion_graph.server.requests.fusion import OWN
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.slugs import Slug

QUALITY = "general-high"
_TAKEN_OVER = (
    "max_tool_calls",
    "max_completion_tokens",
    "max_total_tokens",
    "context_window",
    "temperature",
    *(name for name in OWN if name not in ("judge", "writer", "prompts")),
)


def mode_of(slug: Slug | None, asked: Asked) -> Mode | None:
    """Say how a request is worked on.

    Args:
        slug: What its `model` means, `None` for a model.
        asked: What it says about fusion.

    Returns:
        The mode, or `None` for a plain call of a model.
    """
    if not asked.enabled or (slug is None and asked.surface is None):
        return None
    given: Mode | None = asked.get("mode")
    return given or ("auto" if slug is None or slug.decides else "fuse")


def fusion_fields(
    model: str | None, slug: Slug | None, asked: Asked, names: Names, settings: ServerSettings, kit: Kit
) -> dict[str, Any]:
    """Bring what a request says about fusion into fields of `FusionConfig`.

    Args:
        model: Its `model`.
        slug: What that means, `None` for a model.
        asked: What it says about fusion.
        names: What the client may name.
        settings: The operator's settings.
        kit: The operator's side of the graphs.

    Returns:
        The fields that were given, or follow from what was.

    Raises:
        ApiError: 400 or 403: a name that the client may not use, or settings that contradict each other.
    """
    if asked.get("prompts") and not settings.client_prompts:
        at = asked.at("prompts")
        raise bad(f"{at}: the operator of this server has not allowed prompts of clients; leave it out", at)
    fields: dict[str, Any] = {name: asked.fields[name] for name in (*_TAKEN_OVER, "prompts") if name in asked.fields}
    if "reasoning" in asked.fields:
        given = asked.get("reasoning")
        fields["reasoning"] = None if given is None else given.model_dump(exclude_unset=True)
    if "tools" in asked.fields:
        fields["tools"] = inner_tools(asked.get("tools"), kit.resources, asked.at("tools"))
    fields["preset"] = _preset(slug, asked, names, settings, kit)
    panel = _panel(asked, names, kit)
    readers = _judge_and_writer(model, slug, asked, names)
    return {**fields, **({} if panel is None else {"panel": panel}), **readers}


def _preset(slug: Slug | None, asked: Asked, names: Names, settings: ServerSettings, kit: Kit) -> str | None:
    given, at = asked.get("preset"), asked.at("preset")
    if given is None:
        if slug is None or slug.preset is None:
            named = asked.get("panel") is not None or asked.get("analysis_models") is not None
            return default_preset(named, names, settings, kit)
        given, at = slug.preset, "model"
    elif slug is not None and slug.binding and given != slug.preset:
        raise bad(f"{at}: {shown(given)} is not the preset of model {slug.name}; name one of them", at)
    names.check_preset(given, at)
    return str(given)


def default_preset(named: bool, names: Names, settings: ServerSettings, kit: Kit) -> str | None:
    """Return the preset of a request that names none.

    Args:
        named: Whether it names its panel.
        names: What the client may name.
        settings: The operator's settings.
        kit: The operator's side of the graphs.

    Returns:
        The preset; `None` leaves the choice of models to the graph.

    Raises:
        ApiError: 403: the client's key may use no preset that there is.
    """
    preset = settings.preset
    gateway = kit.resources.gateway
    if preset is None and kit.defaults.preset is None and kit.defaults.panel is None:
        keyed = bool(not gateway.api_key_env or kit.models.environ.get(gateway.api_key_env))
        # Quality is OpenRouter's default; on another gateway its judge may be unknown where a panel is named.
        preset = QUALITY if keyed and (gateway.is_openrouter or not named) else None
    if not names.limited or preset in names.presets:
        return preset
    if not names.presets:
        raise ApiError(
            403, "model: this key may use no preset of this server", code="preset_not_allowed", param="model"
        )
    return names.presets[0]


def _panel(asked: Asked, names: Names, kit: Kit) -> list[Any] | None:
    name = "panel" if asked.get("panel") is not None else "analysis_models"
    entries = asked.get(name)
    return (
        None
        if entries is None
        else [_seat(entry, f"{asked.at(name)}[{at}]", names, kit) for at, entry in enumerate(entries)]
    )


def _seat(entry: Any, path: str, names: Names, kit: Kit) -> Any:
    if isinstance(entry, str):
        names.check_model(entry, path)
        return entry
    names.check_model(entry.model, f"{path}.model")
    for at, model in enumerate(entry.fallbacks):
        names.check_model(model, f"{path}.fallbacks[{at}]")
    fields: dict[str, Any] = entry.model_dump(exclude_unset=True)
    if "tools" in fields:
        fields["tools"] = inner_tools(entry.tools, kit.resources, f"{path}.tools")
    return fields


def _judge_and_writer(model: str | None, slug: Slug | None, asked: Asked, names: Names) -> dict[str, Any]:
    said = {name: asked.get(name) for name in ("model", "judge", "writer") if asked.get(name) is not None}
    for name, value in said.items():
        names.check_model(value, asked.at(name))
    judge = said.get("model") or said.get("judge")
    if slug is not None:
        both = {} if judge is None else {"judge": judge, **({"writer": judge} if "model" in said else {})}
        return {**both, **({"writer": said["writer"]} if "writer" in said else {})}
    names.check_model(str(model), "model")
    if said.get("writer", model) != model:
        at = asked.at("writer")
        raise bad(f"{at}: the writer is the request's model, {shown(model)}; leave one of them out", at)
    if judge is None and asked.get("preset") is None:
        judge = model
    return {"writer": model, **({} if judge is None else {"judge": judge})}
