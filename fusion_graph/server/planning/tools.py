"""From the tools of a request to those of the graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from fusion_graph.config import ClientTool, ToolSpec
from fusion_graph.resources import Resources
from fusion_graph.server.requests.faults import bad, refusal, shown
from fusion_graph.server.requests.fusion import FusionTool
from fusion_graph.server.requests.web import OperatorTool, ShellTool, WebFetchTool, WebSearchTool
from fusion_graph.shell.settings import SHELL

_PREFIX = "openrouter:"
_WITHOUT_EFFECT = {"user_location", "x_search", "environment", "sleep_after_seconds"}


@dataclass(slots=True)
class OuterTools:
    """What the calling model may use.

    Attributes:
        client: The client's functions.
        server: Search and fetch, run here.
        fusion: The entry of fusion and its path.
    """

    client: list[ClientTool] = field(default_factory=list)
    server: list[ToolSpec] = field(default_factory=list)
    fusion: tuple[FusionTool, str] | None = None

    @property
    def any(self) -> bool:
        """Whether there are tools beside fusion."""
        return bool(self.client or self.server)


def outer_tools(tools: Sequence[Any] | None) -> OuterTools:
    """Sort the entries of a request's `tools`.

    Args:
        tools: The entries; whatever is none of ours has `as_tool`.

    Returns:
        The tools.

    Raises:
        ApiError: 400: one is there twice, or has a name that means something else.
    """
    found = OuterTools()
    names: set[str] = set()
    for at, entry in enumerate(tools or []):
        path = f"tools[{at}]"
        if isinstance(entry, FusionTool):
            found.fusion = (entry, path)
            name: str = entry.type
        elif isinstance(entry, WebSearchTool | WebFetchTool):
            found.server.append(spec := _spec(entry))
            name = spec.type
        else:
            found.client.append(tool := _client(entry.as_tool, at))
            name = tool.name
        if name in names:
            raise bad(f"{path}: {shown(name)} is there twice; name it once", path)
        names.add(name)
    return found


def inner_tools(entries: Sequence[Any] | None, resources: Resources, path: str) -> list[ToolSpec] | None:
    """Read the tools of the panel, or of one seat.

    Args:
        entries: The entries; a text is an entry without parameters.
        resources: Says whether there is a shell, and which tools the operator gave.
        path: The field's path.

    Returns:
        The tools, or `None` for the default.

    Raises:
        ApiError: 400: there is no such tool here.
    """
    if entries is None:
        return None
    specs = [_inner(entry, resources, f"{path}[{at}]") for at, entry in enumerate(entries)]
    names = [spec.type for spec in specs]
    twice = next((at for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise bad(f"{path}[{twice}]: {shown(names[twice])} is there twice; name it once", f"{path}[{twice}]")
    return specs


def _inner(entry: Any, resources: Resources, path: str) -> ToolSpec:
    own = sorted(tool.name for tool in resources.tools)
    if isinstance(entry, str | OperatorTool):
        given = entry if isinstance(entry, str) else entry.type
        spec = ToolSpec(type=given if given in own else given.removeprefix(_PREFIX))
    else:
        spec = _spec(entry)
    shell = [SHELL] if resources.shell != "off" else []
    known = ["web_search", "web_fetch", *shell, *own]
    if spec.type in known:
        return spec
    if spec.type == SHELL:
        raise bad(f"{path}: the operator of this server has not allowed a shell; leave it out", path)
    listed = ", ".join(f"{_PREFIX}{name}" if name not in own else name for name in known)
    raise bad(f"{path}: there is no tool {shown(spec.type)} for the panel; there are {listed}", path)


def _spec(entry: WebSearchTool | WebFetchTool | ShellTool) -> ToolSpec:
    given = entry.parameters
    settings = {} if given is None else given.model_dump(mode="json", exclude_unset=True, exclude=_WITHOUT_EFFECT)
    engine = settings.pop("engine", "auto")
    if isinstance(entry, WebSearchTool) and engine not in ("auto", "native"):
        settings["engine"] = engine
    return ToolSpec(type=entry.type.removeprefix(_PREFIX), parameters=settings)


def _client(make: Callable[[], ClientTool], at: int) -> ClientTool:
    try:
        return make()
    except ValidationError as error:
        raise refusal(error, ["tools", at]) from error
