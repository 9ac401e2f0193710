"""The server tools that are run here, as OpenRouter writes them: search, fetch, shell."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from fusion_graph.server.requests.base import Body, Unsupported, Without, kind_of, tag, text_or_object
from fusion_graph.shell.settings import ShellSettings

Domains = Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=200)]


class WebSearchParameters(Body):
    """`openrouter:web_search`: OpenRouter's parameters, and this server's own engines."""

    engine: Literal["auto", "native", "exa", "tavily", "parallel", "searxng", "duckduckgo", "corpus"] = Field(
        "auto", description="`native` means `auto`: the search is made here, not by the model's provider."
    )
    mode: str | None = Field(None, max_length=40, description="Exa or Parallel search mode; ignored by other engines.")
    max_results: int = Field(5, ge=1, le=25, description="Results per search.")
    max_total_results: int | None = Field(50, ge=1, lt=2**31, description="Results per seat over the whole run.")
    max_uses: int | None = Field(None, ge=1, lt=2**31, description="Searches per seat over the whole run.")
    search_context_size: Literal["low", "medium", "high"] | None = Field(
        None, description="5,000, 15,000 or 30,000 characters a result; `max_characters` wins."
    )
    max_characters: int | None = Field(None, ge=1, le=100_000, description="Characters per result.")
    allowed_domains: Domains = Field(default_factory=list, description="Only these hosts, subdomains or host/paths.")
    excluded_domains: Domains = Field(default_factory=list, description="Never these hosts, subdomains or host/paths.")
    user_location: Annotated[dict[str, Any] | None, Without("only engines of model providers know places")] = None
    x_search: Annotated[Any, Unsupported(why="searches X, which this server cannot")] = None


class WebFetchParameters(Body):
    """`openrouter:web_fetch`: OpenRouter's parameters, and this server's own limits."""

    engine: Literal["auto", "native", "openrouter"] = Field(
        "auto", description="All mean the same: pages are fetched here."
    )
    max_uses: int | None = Field(None, ge=1, le=50, description="Pages per seat over the whole run.")
    max_content_tokens: int | None = Field(
        8000, ge=1, lt=2**31, description="Tokens of a page shown to the model, estimated; the rest is cut."
    )
    allowed_domains: Domains = Field(default_factory=list, description="Only these hosts, subdomains or host/paths.")
    blocked_domains: Domains = Field(default_factory=list, description="Never these hosts, subdomains or host/paths.")
    max_bytes: int = Field(10_000_000, ge=1, le=50_000_000, description="Bytes read of a page.")
    timeout: float = Field(20.0, gt=0, le=300, description="Seconds for one page, redirects included.")
    max_redirects: int = Field(5, ge=0, le=20, description="Redirects followed.")


class ShellEnvironment(Body):
    """Where the shell runs: always in a sandbox made for its seat."""

    type: Literal["container_auto"]


class ShellParameters(ShellSettings):
    """`openrouter:shell`: only where the operator allows it."""

    engine: Literal["auto", "openrouter"] = Field("auto", description="Both mean this server's sandbox.")
    environment: ShellEnvironment | None = Field(
        None, description="A sandbox made for the seat; the only one there is."
    )
    sleep_after_seconds: Annotated[int | None, Field(ge=1, le=2_592_000), Without("a sandbox ends with its seat")] = (
        None
    )


class WebSearchTool(Body):
    """Web search."""

    type: Literal["openrouter:web_search", "web_search"]
    parameters: WebSearchParameters | None = None


class WebFetchTool(Body):
    """Fetching pages."""

    type: Literal["openrouter:web_fetch", "web_fetch"]
    parameters: WebFetchParameters | None = None


class ShellTool(Body):
    """A sandboxed shell, for the panel only."""

    type: Literal["openrouter:shell", "shell"]
    parameters: ShellParameters | None = None


class OperatorTool(Body):
    """A tool that the operator of this server gave in Python; it takes no parameters."""

    type: str = Field(min_length=1, max_length=100, description="Its name.")


def _tool_kind(value: Any) -> str | None:
    kind = (kind_of(value, "type") or "").removeprefix("=").removeprefix("openrouter:")
    return (f"={kind}" if kind in ("web_search", "web_fetch", "shell") else "=other") if kind else None


InnerTool = Annotated[
    Annotated[WebSearchTool, tag("web_search")]
    | Annotated[WebFetchTool, tag("web_fetch")]
    | Annotated[ShellTool, tag("shell")]
    | Annotated[OperatorTool, tag("other")],
    Discriminator(
        _tool_kind,
        custom_error_type="unknown_kind",
        custom_error_message="a tool needs a `type`: openrouter:web_search, openrouter:web_fetch or openrouter:shell",
    ),
]
"""A tool of the panel and the judge."""
InnerTools = Annotated[
    list[
        Annotated[
            Annotated[str, tag("text"), Field(min_length=1, max_length=100)] | Annotated[InnerTool, tag("object")],
            text_or_object,
        ]
    ],
    Field(max_length=8),
]
"""Up to 8 tools; a text is the same as an entry without parameters."""
