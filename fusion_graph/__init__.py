"""fusion-graph: a panel of researching models, a judge that compares, a writer that answers, as a LangGraph package.

The public names are loaded when they are first used, so that `import fusion_graph` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusion_graph.agent import build_fusion_agent
    from fusion_graph.analysis import Analysis
    from fusion_graph.config import (
        ClientTool,
        FetchSettings,
        FusionConfig,
        Reasoning,
        SearchSettings,
        Seat,
        ToolSpec,
        WriterOptions,
    )
    from fusion_graph.errors import (
        ConfigError,
        FusionDepthError,
        FusionError,
        MissingKeyError,
        MissingPackageError,
        RunError,
    )
    from fusion_graph.graph import build_deliberation_graph, build_fusion_graph
    from fusion_graph.outcomes import PanelistOutcome
    from fusion_graph.receipt import Receipt
    from fusion_graph.resources import Gateway, Resources
    from fusion_graph.runs import fork_before_judge, fork_before_writer, retry_failed
    from fusion_graph.tool import fusion_tool

__version__ = "0.1.0"

_HOMES = {
    "agent": ["build_fusion_agent"],
    "analysis": ["Analysis"],
    "config": [
        "ClientTool",
        "FetchSettings",
        "FusionConfig",
        "Reasoning",
        "SearchSettings",
        "Seat",
        "ToolSpec",
        "WriterOptions",
    ],
    "errors": ["ConfigError", "FusionDepthError", "FusionError", "MissingKeyError", "MissingPackageError", "RunError"],
    "graph": ["build_deliberation_graph", "build_fusion_graph"],
    "outcomes": ["PanelistOutcome"],
    "receipt": ["Receipt"],
    "resources": ["Gateway", "Resources"],
    "runs": ["fork_before_judge", "fork_before_writer", "retry_failed"],
    "tool": ["fusion_tool"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Analysis",
    "ClientTool",
    "ConfigError",
    "FetchSettings",
    "FusionConfig",
    "FusionDepthError",
    "FusionError",
    "Gateway",
    "MissingKeyError",
    "MissingPackageError",
    "PanelistOutcome",
    "Reasoning",
    "Receipt",
    "Resources",
    "RunError",
    "SearchSettings",
    "Seat",
    "ToolSpec",
    "WriterOptions",
    "__version__",
    "build_deliberation_graph",
    "build_fusion_agent",
    "build_fusion_graph",
    "fork_before_judge",
    "fork_before_writer",
    "fusion_tool",
    "retry_failed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'fusion_graph' has no attribute {name!r}")
    return getattr(import_module(f"fusion_graph.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
