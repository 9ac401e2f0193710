"""What the panel's own tools have in common: text for the model, sources for the registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool

Artifact = dict[str, Any]


def sources_artifact(sources: Iterable[tuple[str, str]]) -> Artifact:
    """Build the artifact of a call that worked.

    Args:
        sources: URL and title of what was shown to the model.

    Returns:
        `{"sources": [{"url", "title"}]}`, each URL once.
    """
    titles: dict[str, str] = {}
    for url, title in sources:
        titles[url] = titles.get(url) or title
    return {"sources": [{"url": url, "title": title} for url, title in titles.items()]}


def failed_artifact(error: str) -> Artifact:
    """Build the artifact of a call that gave the model an error text.

    Args:
        error: What went wrong, in a phrase.

    Returns:
        `{"sources": [], "error": error}`.
    """
    return {"sources": [], "error": error}


class SourcedTool(StructuredTool):
    """A tool that returns text and an artifact; a failed call is marked as such in its tool message."""

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Run the tool.

        Args:
            input: Its arguments, or a tool call.
            config: The run's config.
            **kwargs: Passed on.

        Returns:
            The text, or for a tool call a `ToolMessage`; status `error` if the artifact holds an error.
        """
        result = await super().ainvoke(input, config, **kwargs)
        if isinstance(result, ToolMessage) and isinstance(result.artifact, dict) and "error" in result.artifact:
            return result.model_copy(update={"status": "error"})
        return result
