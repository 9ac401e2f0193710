"""What a request says about fusion, gathered from the places where it may say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_graph.server.plan import Surface
from fusion_graph.server.requests.faults import bad
from fusion_graph.server.requests.fusion import FusionPlugin, FusionSettings, FusionTool

_ALIASES = {"analysis_models": "panel", "judge": "model"}
_OF_THE_PLUGIN = frozenset({"id", "enabled"})


@dataclass(slots=True)
class Asked:
    """Fusion's settings as the client gave them.

    Attributes:
        surface: How fusion was asked for, the model's name aside; `None` if it was not.
        enabled: `False` where the plugin turns it off.
        fields: The settings that were given, `None` included.
        where: The path of each.
    """

    surface: Surface | None = None
    enabled: bool = True
    fields: dict[str, Any] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Return a setting, or `None`."""
        return self.fields.get(name)

    def at(self, name: str) -> str:
        """Return a setting's path, for messages."""
        return self.where.get(name, name)

    def add(self, settings: FusionSettings, prefix: str) -> None:
        """Take in the settings of one place.

        Args:
            settings: What it says.
            prefix: Its path.

        Raises:
            ApiError: 400: another place said otherwise.
        """
        for name in sorted(settings.model_fields_set - _OF_THE_PLUGIN):
            self._set(name, getattr(settings, name), f"{prefix}.{name}")

    def _set(self, name: str, value: Any, path: str) -> None:
        for other in (name, *(alias for pair in _ALIASES.items() if name in pair for alias in pair)):
            if other in self.fields and (other != name or self.fields[other] != value):
                raise bad(f"{self.where[other]} and {path} say different things; give one of them", path)
        self.fields[name] = value
        self.where[name] = path


def gather(
    plugins: Sequence[FusionPlugin] | None, tool: tuple[FusionTool, str] | None, settings: FusionSettings | None
) -> Asked:
    """Gather what is said in the plugin, in the server tool and under `fusion`.

    Args:
        plugins: The request's `plugins`.
        tool: The server tool among its `tools`, and its path.
        settings: Its `fusion`.

    Returns:
        The settings; they may stand in several places as long as they agree.

    Raises:
        ApiError: 400: two places disagree, or there are two plugins.
    """
    asked = Asked()
    for at, plugin in enumerate(plugins or []):
        if at:
            raise bad("plugins: fusion is named twice; name it once", f"plugins[{at}]")
        asked.surface, asked.enabled = "plugin", plugin.enabled
        asked.add(plugin, f"plugins[{at}]")
    if tool is not None:
        entry, path = tool
        asked.surface = asked.surface or "server_tool"
        asked.add(entry.parameters or FusionSettings(), f"{path}.parameters")
    if settings is not None:
        asked.surface = asked.surface or "plugin"
        asked.add(settings, "fusion")
    return asked
