"""Which presets and models a client may name: never an address, a folder or a key that its operator did not give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from fusion_graph.config import FUSION_ID, FusionConfig
from fusion_graph.kit import Kit
from fusion_graph.server.errors import ApiError
from fusion_graph.server.principal import Principal
from fusion_graph.server.requests.faults import bad, shown
from fusion_graph.server.settings import ServerSettings

_GATEWAY_NAME = re.compile(r"~?\w[\w.-]*(?:/[\w@][\w.:@+-]*)+", re.ASCII)
_NOT_ALLOWED = "model_not_allowed"


class Names:
    """What one client may name.

    Args:
        principal: Who asks.
        settings: The operator's settings.
        kit: Knows presets, providers and keys.
    """

    def __init__(self, principal: Principal, settings: ServerSettings, kit: Kit) -> None:
        self._principal = principal
        self._settings = settings
        self._models = kit.models
        self._catalog = kit.models.catalog

    @property
    def presets(self) -> list[str]:
        """The presets that the client may use, sorted."""
        own = self._principal.presets
        return sorted(name for name in self._catalog.presets if own is None or name in own)

    @property
    def limited(self) -> bool:
        """Whether the client's key is limited to some presets."""
        return self._principal.presets is not None

    def check_preset(self, name: str, param: str) -> None:
        """Refuse a preset that there is not, or that is not the client's.

        Raises:
            ApiError: 400 or 403.
        """
        if name not in self._catalog.presets:
            raise bad(f"{param}: there is no preset {shown(name)}; there are {', '.join(self.presets)}", param)
        if name not in self.presets:
            told = f"{param}: this key may not use {shown(name)}; it may use {', '.join(self.presets) or 'none'}"
            raise ApiError(403, told, code="preset_not_allowed", param=param)

    def may(self, name: str) -> bool:
        """Whether the client may name a model."""
        return self._why_not(name) is None

    def check_model(self, name: str, param: str) -> None:
        """Refuse a model that the client may not name.

        Args:
            name: The model.
            param: The request's field.

        Raises:
            ApiError: 403 where the key is limited to presets that do not hold it, else 400.
        """
        why = self._why_not(name)
        if why is None:
            return
        if self._principal.presets is not None and not FUSION_ID.match(name):
            raise ApiError(403, f"{param}: {why}", code=_NOT_ALLOWED, param=param)
        raise bad(f"{param}: {why}", param, code=_NOT_ALLOWED)

    def _why_not(self, name: str) -> str | None:
        quoted = shown(name)
        if FUSION_ID.match(name):
            return f"{quoted} is a fusion, not a model; name the models themselves"
        held = {model for preset in self.presets for model in models_of(self._catalog.presets[preset])}
        if self._principal.presets is not None:
            known = ", ".join(self.presets) or "none"
            return (
                None if name in held else f"this key may not name {quoted}; it may name models of its presets: {known}"
            )
        allowed = self._settings.allowed_models
        if allowed is not None:
            if any(fnmatchcase(name, pattern) for pattern in allowed):
                return None
            return f"this server does not offer {quoted}; it offers {', '.join(allowed) or 'presets only'}"
        return None if name in held else self._unreachable(name)

    def _unreachable(self, name: str) -> str | None:
        quoted = shown(name)
        if name in self._models.resources.models:
            return f"{quoted} is for the operator of this server to use, in a preset or as an allowed model"
        provider, colon, rest = name.partition(":")
        if colon and "/" not in provider:
            return self._provider(provider, rest, quoted)
        if not _GATEWAY_NAME.fullmatch(name):
            return f"{quoted} names no model; write author/model, provider:model, or one of /v1/models"
        gateway = self._models.resources.gateway
        if gateway.api_key_env and not self._models.environ.get(gateway.api_key_env):
            return f"{quoted} needs a gateway, and this server has no key for one ({gateway.api_key_env} is not set)"
        return None

    def _provider(self, provider: str, model: str, quoted: str) -> str | None:
        known = self._catalog.providers.get(provider)
        reachable = {name for name, one in self._catalog.providers.items() if self._has_key(one.keys)}
        if known is not None and model and self._has_key(known.keys):
            return None
        listed = ", ".join(sorted(reachable)) or "none"
        return f"{quoted} is not a model of a provider that this server has a key for (those are: {listed})"

    def _has_key(self, keys: Iterable[str]) -> bool:
        return any(self._models.environ.get(key) for key in keys)


def models_of(config: FusionConfig) -> list[str]:
    """Return the models that settings name, each once, in order: seats and their fallbacks, judge, writer."""
    seats = [model for seat in config.seats() for model in (seat.model, *seat.fallbacks)]
    return list(dict.fromkeys([*seats, *(one for one in (config.judge, config.writer) if one)]))
