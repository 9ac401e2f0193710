"""The tools of a panelist and of the judge: search, fetch, the corpus, and whatever the operator adds."""

from fusion_graph.tools.build import DEFAULT_TOOLS, build_tools, check_tools, shell_settings
from fusion_graph.tools.corpus import Corpus, Document, Passage
from fusion_graph.tools.engine_choice import check_search, resolve_engine
from fusion_graph.tools.page_cache import PageCache
from fusion_graph.tools.web_fetch import web_fetch_tool
from fusion_graph.tools.web_search import web_search_tool

__all__ = [
    "DEFAULT_TOOLS",
    "Corpus",
    "Document",
    "PageCache",
    "Passage",
    "build_tools",
    "check_search",
    "check_tools",
    "resolve_engine",
    "shell_settings",
    "web_fetch_tool",
    "web_search_tool",
]
