"""The app's settings inside LangGraph Server, where a database and a first page to let in are known already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from fusion_graph.server.settings import ServerSettings

STUDIO = (
    "https://smith.langchain.com",
    "https://eu.smith.langchain.com",
    "https://apac.smith.langchain.com",
    "https://aws.smith.langchain.com",
)
"""Where Studio lives, which calls LangGraph Server from a page; `http.cors` of `langgraph.json` names them too."""
_DATABASES = ("DATABASE_URI", "POSTGRES_URI")
"""LangGraph Server's own names for its PostgreSQL; `langgraph dev` has none, and says `:memory:`."""


def langgraph_settings(environ: Mapping[str, str] | None = None) -> ServerSettings:
    """Read the settings: `FUSION_SERVER_...` variables, with LangGraph Server's database where they name none.

    So all replicas have the same keys. The tables are this package's own, beside LangGraph's.

    Args:
        environ: The variables; `os.environ` when unset.

    Returns:
        The settings; Studio's pages are let in besides those that are named.

    Raises:
        ConfigError: A value cannot be read or is out of range.
    """
    env = os.environ if environ is None else environ
    own = ServerSettings.from_env(env)
    shared = next((env[name] for name in _DATABASES if env.get(name, "").startswith("postgres")), None)
    return replace(own, database=own.database or shared, cors_origins=(*own.cors_origins, *STUDIO))
