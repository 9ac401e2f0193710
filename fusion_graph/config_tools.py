"""What a run may say about tools: which, and how they search and fetch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from fusion_graph.config_base import Settings

Engine = Literal["auto", "exa", "tavily", "parallel", "searxng", "duckduckgo", "corpus"]


class SearchSettings(Settings):
    """How `web_search` behaves; the same for the panel and the judge unless a tool entry says otherwise."""

    engine: Engine = Field(
        "auto", description="`auto` takes the corpus if there is one, else the first engine that has a key."
    )
    mode: str | None = Field(None, max_length=40, description="Exa or Parallel search mode; ignored by other engines.")
    max_results: int = Field(5, ge=1, le=25, description="Results per search.")
    max_total_results: int | None = Field(50, ge=1, description="Results per seat over the whole run.")
    max_uses: int | None = Field(None, ge=1, description="Searches per seat over the whole run.")
    search_context_size: Literal["low", "medium", "high"] | None = Field(
        None, description="5,000, 15,000 or 30,000 characters a result; `max_characters` wins."
    )
    max_characters: int | None = Field(None, ge=1, le=100_000, description="Characters per result.")
    allowed_domains: list[str] = Field(
        default_factory=list, max_length=200, description="Only these hosts, subdomains or host/paths."
    )
    excluded_domains: list[str] = Field(
        default_factory=list, max_length=200, description="Never these hosts, subdomains or host/paths."
    )


class FetchSettings(Settings):
    """How `web_fetch` behaves."""

    max_uses: int | None = Field(None, ge=1, le=50, description="Pages per seat over the whole run.")
    max_content_tokens: int | None = Field(
        8000, ge=1, description="Tokens of a page shown to the model, estimated; the rest is cut."
    )
    max_bytes: int = Field(10_000_000, ge=1, le=50_000_000, description="Bytes read of a page, after decompression.")
    timeout: float = Field(20.0, gt=0, le=300, description="Seconds for one page, redirects included.")
    max_redirects: int = Field(5, ge=0, le=20, description="Redirects followed.")
    allowed_domains: list[str] = Field(
        default_factory=list, max_length=200, description="Only these hosts, subdomains or host/paths."
    )
    blocked_domains: list[str] = Field(
        default_factory=list, max_length=200, description="Never these hosts, subdomains or host/paths."
    )


class ToolSpec(Settings):
    """One inner tool: ours (`web_search`, `web_fetch`), a gateway's (`openrouter:...`) or one given in Python."""

    type: str = Field(min_length=1, max_length=100, description="The tool's name.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="Settings of this tool; they beat `search` and `fetch`."
    )
