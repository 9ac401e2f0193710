"""What `/v1/models` tells: the slugs, and the models that a client may name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fusion_graph.config import FusionConfig
from fusion_graph.kit import Kit
from fusion_graph.prices import _LISTED as LISTED
from fusion_graph.prices import OPENROUTER
from fusion_graph.seats import judge_of, resolved, writer_of
from fusion_graph.server.errors import ApiError
from fusion_graph.server.planning.names import Names, models_of
from fusion_graph.server.planning.panel import default_preset
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.faults import shown
from fusion_graph.server.settings import ServerSettings
from fusion_graph.server.slugs import FLASH, FLASH_PRESET, OWN, ROUTER

SUPPORTED = (
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "structured_outputs",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "verbosity",
)
_SINCE = int(time.time())
"""When this server began to offer what it lists."""
_TOKENS = 1000
"""Priced at once: few, so that the price of long prompts is not taken for the price."""
NO_PRICE = "-1"
"""OpenRouter's mark where a model has no price of its own; its clients refuse a list with anything but text there."""
_DECIDES = "The calling model decides whether to convene the panel, and writes the answer."
_ALWAYS = "Always deliberates: panel, judge, writer."


class ModelList:
    """What one client is shown.

    Args:
        principal: Who asks.
        settings: The operator's settings.
        kit: Knows presets, prices and keys.
    """

    def __init__(self, principal: Principal, settings: ServerSettings, kit: Kit) -> None:
        self._names = Names(principal, settings, kit)
        self._settings = settings
        self._kit = kit
        self._catalog = kit.models.catalog

    def entries(self) -> list[dict[str, Any]]:
        """Return the slugs, then the models, each once.

        Returns:
            Entries in the shape of OpenAI's list with OpenRouter's fields; what is not known is `None`, and `-1` where
            it is a price.
        """
        listed = {entry["id"]: entry for entry in self._slugs()}
        for name in self._models():
            listed.setdefault(name, self._model(name))
        return list(listed.values())

    def entry(self, name: str) -> dict[str, Any]:
        """Return one of them, or any other model that the client may name.

        Raises:
            ApiError: 404.
        """
        known = next((entry for entry in self._slugs() if entry["id"] == name), None)
        if known is None and not self._names.may(name):
            raise ApiError(404, f"there is no model {shown(name)} for you here", code="model_not_found", param="model")
        return known or self._model(name)

    def _of(self, preset: str) -> list[str]:
        return models_of(self._catalog.presets[preset])

    def _slugs(self) -> Iterator[dict[str, Any]]:
        default = default_preset(False, self._names, self._settings, self._kit) if self._offers else None
        yield self._slug(ROUTER, default, _DECIDES)
        if FLASH_PRESET in self._names.presets:
            yield self._slug(FLASH, FLASH_PRESET, _DECIDES)
        for preset in self._names.presets:
            yield self._slug(f"{OWN}{preset}", preset, _ALWAYS)

    @property
    def _offers(self) -> bool:
        return bool(self._names.presets)

    def _models(self) -> list[str]:
        presets = [model for preset in self._names.presets for model in self._of(preset)]
        defaults = [provider.default for provider in self._catalog.providers.values() if provider.default]
        allowed = [name for name in self._settings.allowed_models or () if not set(name) & set("*?[")]
        candidates = dict.fromkeys([*presets, *defaults, *allowed])
        return [name for name in candidates if not name.startswith("offline:") and self._names.may(name)]

    def _slug(self, name: str, preset: str | None, what: str) -> dict[str, Any]:
        config = self._catalog.presets.get(preset) if preset else None
        told = self._catalog.descriptions.get(preset or "", "") or "The best models that this server finds."
        table = _table(config) if config is not None and config.panel is not None else {}
        readers = [self._window(table[part]) for part in ("judge", "writer") if part in table]
        known = [window for window in readers if window is not None]
        window = min(known) if known and len(known) == len(readers) else None
        facts = {"preset": preset, "mode": "auto" if what is _DECIDES else "fuse", "description": told, **table}
        # The price of a fusion is that of its parts: see `fusion` for them, and POST /v1/estimate.
        entry = _entry(name, "fusion-graph", f"{told} {what}", window, NO_PRICE, NO_PRICE)
        return {**entry, "fusion": facts}

    def _model(self, name: str) -> dict[str, Any]:
        prompt, completion = (self._price(name, *tokens) for tokens in ((_TOKENS, 0), (0, _TOKENS)))
        owner = self._catalog.family(name) or name.partition(":")[0]
        return _entry(name, owner, None, self._window(name), prompt, completion)

    def _price(self, name: str, sent: int, written: int) -> str:
        cost = self._kit.prices.at_most(name, sent, written)
        return NO_PRICE if cost is None else _plain(cost / _TOKENS)

    def _window(self, name: str) -> int | None:
        """Return the tokens that a model reads, by the list of genai-prices."""
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - slow to import

        provider, colon, model = name.partition(":")
        direct = bool(colon) and "/" not in provider
        listed = LISTED.get(provider if direct else OPENROUTER)
        if listed is None or (not direct and not self._kit.resources.gateway.is_openrouter):
            return None
        asked = model if direct else self._catalog.aliases.get(name, name)
        try:
            _, found = get_snapshot().find_provider_model(asked, None, listed, None)
        except LookupError:
            return None
        return found.context_window


def _table(config: FusionConfig) -> dict[str, Any]:
    seats = [seat.model_dump(include={"id", "model", "label", "role"}) for seat in resolved(config)]
    return {"panel": seats, "judge": judge_of(config), "writer": writer_of(config)}


def _plain(cost: Decimal) -> str:
    return format(cost.normalize(), "f")


def _entry(
    name: str, owner: str, description: str | None, window: int | None, prompt: str, completion: str
) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": _SINCE,
        "owned_by": owner,
        "canonical_slug": name,
        "name": name,
        "description": description or "",
        "context_length": window,
        "architecture": {
            "modality": "text+image->text",
            "input_modalities": ["text", "image"],
            "output_modalities": ["text"],
        },
        "pricing": {"prompt": prompt, "completion": completion},
        "supported_parameters": list(SUPPORTED),
        "top_provider": {"is_moderated": False, "context_length": window, "max_completion_tokens": None},
        "per_request_limits": None,
        "default_parameters": None,
        "supported_voices": None,
        "links": {"details": f"/v1/models/{name}"},
    }
