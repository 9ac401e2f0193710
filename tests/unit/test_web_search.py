from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool as make_tool
from langchain_core.utils.function_calling import convert_to_openai_tool

from fusion_graph.config import FetchSettings, SearchSettings, ToolSpec
from fusion_graph.errors import ConfigError, MissingKeyError, MissingPackageError
from fusion_graph.fence import unfence
from fusion_graph.resources import Resources
from fusion_graph.tools import (
    Corpus,
    PageCache,
    build_tools,
    check_search,
    check_tools,
    resolve_engine,
    web_search_tool,
)
from fusion_graph.tools.engines.community import query_with_sites
from fusion_graph.tools.engines.duckduckgo import DuckDuckGoEngine
from fusion_graph.tools.engines.exa import ExaEngine
from fusion_graph.tools.engines.parallel import ParallelEngine
from fusion_graph.tools.engines.searxng import SearxngEngine
from fusion_graph.tools.engines.tavily import TavilyEngine
from fusion_graph.tools.search_engine import SearchHit

GOLDEN = Path(__file__).parent / "golden" / "tools"
SECRET = "sk-very-secret"
LISTS = SearchSettings(max_results=3, allowed_domains=["good.org", "fine.org/docs"], excluded_domains=["bad.good.org"])
URLS = [
    "https://good.org/a",
    "https://evil.com/b",
    "https://fine.org/docs/c",
    "https://fine.org/d",
    "https://bad.good.org/e",
]
KEPT = ["https://good.org/a", "https://fine.org/docs/c"]


class Vendor:
    """A search vendor on loopback: one answer for every request, and what it was asked."""

    def __init__(self) -> None:
        self.answer: object = {}
        self.status = 200
        self.wait = 0.0
        self.targets: list[str] = []
        self.heads: list[str] = []
        self.bodies: list[dict] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(
            (int(line.partition(":")[2]) for line in head.split("\r\n") if line.startswith("content-length:")), 0
        )
        body = await reader.readexactly(length)
        self.targets.append(head.split(" ")[1])
        self.heads.append(head)
        self.bodies.append(json.loads(body) if body else {})
        await asyncio.sleep(self.wait)
        data = json.dumps(self.answer).encode()
        writer.write(
            f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
        )
        writer.write(data)
        await writer.drain()
        writer.close()


@pytest.fixture
async def vendor():
    site = Vendor()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield site
    server.close()
    await server.wait_closed()


class Fixed:
    """An engine with fixed results."""

    name = "fixed"
    secret = SECRET

    def __init__(self, hits: list[SearchHit] | None = None, error: Exception | None = None) -> None:
        self.hits = (
            hits if hits is not None else [SearchHit(f"https://a.org/{n}", f"T{n}", f"text {n}") for n in range(9)]
        )
        self.error = error
        self.limits: list[int] = []

    async def search(self, query: str, *, limit: int, settings: SearchSettings) -> list[SearchHit]:
        self.limits.append(limit)
        if self.error:
            raise self.error
        return self.hits


async def call(search, query: str = "carbon tax") -> ToolMessage:
    return await search.ainvoke({"type": "tool_call", "id": "1", "name": "web_search", "args": {"query": query}})


async def ask(engine, settings: SearchSettings = LISTS) -> ToolMessage:
    return await call(web_search_tool(settings, engine=engine))


def urls(message: ToolMessage) -> list[str]:
    shown = [hit.attributes["url"] for hit in unfence(message.content, "search_result")]
    assert shown == [source["url"] for source in message.artifact["sources"]]
    return shown


async def test_results_are_numbered_and_fenced_with_their_sources():
    hits = [SearchHit("https://a.org/1", 'Say "hi"', "One.", "2026-01-02"), SearchHit("https://a.org/2", "", "Two.")]
    message = await ask(Fixed(hits), SearchSettings())
    first, second = unfence(message.content, "search_result")
    assert message.content.startswith("1.\n<search_result ")
    assert "\n2.\n<search_result " in message.content
    assert first.attributes == {"url": "https://a.org/1", "title": 'Say "hi"', "published": "2026-01-02"}
    assert (first.text, second.text) == ("One.", "Two.")
    assert message.artifact == {
        "sources": [{"url": "https://a.org/1", "title": 'Say "hi"'}, {"url": "https://a.org/2", "title": ""}],
        "engine": "fixed",
        "fee_usd": None,
    }


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (SearchSettings(), 2000),
        (SearchSettings(search_context_size="low"), 5000),
        (SearchSettings(search_context_size="high"), 30_000),
        (SearchSettings(search_context_size="high", max_characters=7), 7),
    ],
)
async def test_each_result_is_cut_to_its_characters(settings, shown):
    message = await ask(Fixed([SearchHit("https://a.org", "", "x" * 40_000)]), settings)
    [hit] = unfence(message.content, "search_result")
    assert hit.text == "x" * shown + " ..."


async def test_max_results_holds_for_engines_that_give_more():
    assert len(urls(await ask(Fixed(), SearchSettings(max_results=4)))) == 4


async def test_max_total_results_counts_over_calls_and_then_says_so():
    engine = Fixed()
    search = web_search_tool(SearchSettings(max_results=3, max_total_results=5), engine=engine)
    assert [len(urls(await call(search))) for _ in range(2)] == [3, 2]
    message = await call(search)
    assert "limit reached" in message.content
    assert (message.status, message.artifact["sources"]) == ("error", [])
    assert engine.limits == [3, 2]


async def test_searches_at_once_do_not_exceed_the_total():
    search = web_search_tool(SearchSettings(max_results=3, max_total_results=4), engine=Fixed())
    messages = await asyncio.gather(*(call(search) for _ in range(3)))
    assert sum(len(urls(message)) for message in messages) == 4


async def test_max_uses_counts_per_tool_and_then_says_so():
    settings = SearchSettings(max_uses=1)
    search = web_search_tool(settings, engine=Fixed())
    assert urls(await call(search))
    assert "web_search may be used 1 times" in (await call(search)).content
    assert urls(await call(web_search_tool(settings, engine=Fixed())))


async def test_an_engine_that_fails_gives_an_error_text_without_its_key():
    message = await ask(Fixed(error=ValueError(f"401 for key {SECRET} at https://x")))
    facts = json.loads(message.content)
    assert facts["status"] == "failed"
    assert "401 for key [key]" in facts["error"]
    assert SECRET not in message.content
    assert SECRET not in json.dumps(message.artifact)
    assert (message.status, message.artifact["sources"]) == ("error", [])


async def test_a_slow_engine_is_given_up(monkeypatch):
    class Slow(Fixed):
        async def search(self, query, *, limit, settings):
            await asyncio.sleep(60)

    monkeypatch.setattr("fusion_graph.tools.web_search.ENGINE_SECONDS", 0.05)
    assert "no answer within 0.05 seconds" in (await ask(Slow())).content


async def test_no_results_is_not_an_error():
    message = await ask(Fixed([]))
    assert message.content.startswith("No results")
    assert (message.status, message.artifact) == ("success", {"sources": [], "engine": "fixed", "fee_usd": None})


async def test_results_without_a_web_address_are_dropped():
    hits = [SearchHit("corpus:secret.md", "", "x"), SearchHit("javascript:alert(1)", "", "x"), SearchHit("", "", "x")]
    assert urls(await ask(Fixed(hits), SearchSettings())) == []


async def test_exa_is_asked_with_mode_and_domains_and_filtered_again(vendor):
    vendor.answer = {"results": [{"url": url, "id": url, "title": "T", "publishedDate": "2026-01-01"} for url in URLS]}
    vendor.answer["results"][0]["text"] = "An excerpt."
    message = await ask(ExaEngine(SECRET, vendor.url), LISTS.model_copy(update={"mode": "fast"}))
    assert urls(message) == KEPT
    assert unfence(message.content, "search_result")[0].text == "An excerpt."
    [body] = vendor.bodies
    assert (body["query"], body["type"], body["numResults"]) == ("carbon tax", "fast", 3)
    assert body["includeDomains"] == ["good.org", "fine.org"]
    assert "excludeDomains" not in body
    assert body["contents"]["text"] == {"maxCharacters": 2000}
    assert f"x-api-key: {SECRET}" in vendor.heads[0]


async def test_exa_is_told_what_to_exclude(vendor):
    vendor.answer = {"results": []}
    await ask(ExaEngine(SECRET, vendor.url), SearchSettings(excluded_domains=["bad.org", "half.org/path"]))
    assert vendor.bodies[0]["excludeDomains"] == ["bad.org"]
    assert vendor.bodies[0]["type"] == "auto"


async def test_tavily_is_asked_with_domains_and_filtered_again(vendor):
    vendor.answer = {"results": [{"url": url, "title": "T", "content": "An excerpt."} for url in URLS]}
    message = await ask(TavilyEngine(SECRET, vendor.url))
    assert urls(message) == KEPT
    [body] = vendor.bodies
    assert body == {
        "query": "carbon tax",
        "max_results": 3,
        "search_depth": "basic",
        "include_domains": ["good.org", "fine.org"],
        "exclude_domains": ["bad.good.org"],
    }
    assert vendor.targets == ["/search"]


async def test_parallel_is_asked_with_mode_and_domains_and_filtered_again(vendor):
    vendor.answer = {
        "results": [{"url": url, "title": "T", "excerpts": ["One.", "Two."], "publish_date": None} for url in URLS],
        "search_id": "s",
        "session_id": "s",
    }
    message = await ask(ParallelEngine(SECRET, vendor.url))
    assert urls(message) == KEPT
    assert unfence(message.content, "search_result")[0].text == "One.\n\nTwo."
    [body] = vendor.bodies
    assert (body["objective"], body["mode"]) == ("carbon tax", "basic")
    assert body["advanced_settings"] == {
        "max_results": 3,
        "excerpt_settings": {"max_chars_per_result": 1500},
        "source_policy": {"include_domains": ["good.org", "fine.org"], "exclude_domains": ["bad.good.org"]},
    }


async def test_searxng_is_asked_with_site_operators_and_filtered_again(vendor):
    vendor.answer = {
        "results": [
            {"url": url, "title": "T", "content": "An excerpt.", "engines": [], "category": "g"} for url in URLS
        ]
    }
    message = await ask(SearxngEngine(vendor.url))
    assert urls(message) == KEPT
    target = urlsplit(vendor.targets[0])
    asked = parse_qs(target.query)
    assert target.path == "/search"
    assert asked["format"] == ["json"]
    assert asked["q"] == ["carbon tax (site:good.org or site:fine.org) -site:bad.good.org"]


async def test_searxng_without_results_or_without_json_says_so(vendor):
    vendor.answer = {"results": []}
    assert (await ask(SearxngEngine(vendor.url))).content.startswith("No results")
    vendor.status = 403
    assert "must allow the format json" in (await ask(SearxngEngine(vendor.url))).content


@pytest.mark.parametrize("engine", [ExaEngine, TavilyEngine, ParallelEngine])
@pytest.mark.parametrize("status", [401, 500])
async def test_a_vendors_error_is_told_without_the_key(vendor, engine, status):
    vendor.status = status
    vendor.answer = {"error": f"bad key {SECRET}", "detail": {"error": f"bad key {SECRET}"}}
    message = await ask(engine(SECRET, vendor.url))
    assert str(status) in message.content
    assert SECRET not in message.content
    assert message.artifact["sources"] == []


async def test_duckduckgo_is_asked_for_all_years_and_filtered_again(monkeypatch):
    asked: list[tuple[str, dict]] = []

    class FakeClient:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def text(self, query, **options):
            asked.append((query, options))
            return [{"href": url, "title": "T", "body": "An excerpt."} for url in URLS]

    monkeypatch.setattr("ddgs.DDGS", FakeClient)
    assert urls(await ask(DuckDuckGoEngine())) == KEPT
    [(query, options)] = asked
    assert query == "carbon tax (site:good.org OR site:fine.org) -site:bad.good.org"
    assert (options["timelimit"], options["backend"], options["max_results"]) == (None, "duckduckgo", 9)


def test_long_domain_lists_stay_out_of_the_query():
    settings = SearchSettings(allowed_domains=[f"a{n}.org" for n in range(11)], excluded_domains=["b.org"])
    assert query_with_sites("q", settings) == "q -site:b.org"
    assert query_with_sites("q", SearchSettings(allowed_domains=["a.org"])) == "q site:a.org"


def test_the_notice_of_langchain_community_reaches_nobody():
    code = (
        "import fusion_graph.tools, sys; assert 'langchain_community' not in sys.modules\n"
        "from fusion_graph.tools.engines.community import load_wrapper\n"
        "load_wrapper('searx_search', 'SearxSearchWrapper')\n"
        "load_wrapper('duckduckgo_search', 'DuckDuckGoSearchAPIWrapper')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


async def test_the_corpus_engine_gives_passages_whatever_the_domain_lists_say(tmp_path):
    (tmp_path / "tax.md").write_text(
        "# Tax\n\n## Revenue\n\nRevenues go to households.\n\n## Rates\n\nRevenue rates rise.\n"
    )
    message = await call(web_search_tool(LISTS, corpus=Corpus(tmp_path)), "revenue")
    hits = unfence(message.content, "search_result")
    assert {hit.attributes["heading"] for hit in hits} == {"Tax > Revenue", "Tax > Rates"}
    assert {hit.text for hit in hits} == {"Revenues go to households.", "Revenue rates rise."}
    assert message.artifact == {
        "sources": [{"url": "corpus:tax.md", "title": "Tax"}],
        "engine": "corpus",
        "fee_usd": 0.0,
    }


@pytest.mark.parametrize(
    ("environ", "with_corpus", "searxng", "chosen"),
    [
        ({"EXA_API_KEY": "x"}, True, "http://s", "corpus"),
        ({"EXA_API_KEY": "x", "TAVILY_API_KEY": "x", "PARALLEL_API_KEY": "x"}, False, "http://s", "exa"),
        ({"TAVILY_API_KEY": "x", "PARALLEL_API_KEY": "x"}, False, "http://s", "tavily"),
        ({"EXA_API_KEY": "", "PARALLEL_API_KEY": "x"}, False, "http://s", "parallel"),
        ({}, False, "http://s", "searxng"),
        ({}, False, None, "duckduckgo"),
    ],
)
def test_auto_takes_the_corpus_then_the_first_key_then_what_needs_none(tmp_path, environ, with_corpus, searxng, chosen):
    corpus = Corpus(tmp_path) if with_corpus else None
    assert resolve_engine(SearchSettings(), environ, corpus, searxng) == chosen


@pytest.fixture
def bare(monkeypatch):
    """No optional package is installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_auto_without_any_engine_lists_the_ways_on(bare):
    with pytest.raises(ConfigError, match=r"FUSION_CORPUS.*EXA_API_KEY.*FUSION_SEARXNG_URL.*fusion-graph\[community\]"):
        check_search(SearchSettings(), environ={})


@pytest.mark.parametrize(
    ("engine", "variable"), [("exa", "EXA_API_KEY"), ("tavily", "TAVILY_API_KEY"), ("parallel", "PARALLEL_API_KEY")]
)
def test_a_missing_key_names_its_variable(engine, variable):
    with pytest.raises(MissingKeyError, match=f"set {variable}"):
        check_search(SearchSettings(engine=engine), environ={})


@pytest.mark.parametrize(
    ("engine", "extra"), [("exa", "exa"), ("tavily", "tavily"), ("parallel", "parallel"), ("duckduckgo", "community")]
)
def test_a_missing_package_names_its_command(bare, engine, extra):
    environ = {f"{engine.upper()}_API_KEY": "x"}
    with pytest.raises(MissingPackageError, match=rf"pip install 'fusion-graph\[{extra}\]'"):
        check_search(SearchSettings(engine=engine), environ=environ)


def test_engines_without_their_folder_or_address_are_config_errors(tmp_path):
    with pytest.raises(ConfigError, match="FUSION_CORPUS"):
        check_search(SearchSettings(engine="corpus"), environ={})
    with pytest.raises(ConfigError, match="FUSION_SEARXNG_URL"):
        check_search(SearchSettings(engine="searxng"), environ={})
    with pytest.raises(ConfigError, match="holds no"):
        check_search(SearchSettings(), environ={}, corpus=Corpus(tmp_path))


def test_a_mode_of_another_engine_is_a_config_error():
    with pytest.raises(ConfigError, match="'turbo' is none of exa's: instant"):
        check_search(SearchSettings(engine="exa", mode="turbo"), environ={"EXA_API_KEY": "x"})
    assert check_search(SearchSettings(mode="turbo"), environ={}, searxng_url="http://s") == "searxng"


def test_an_engine_does_not_show_its_key():
    assert SECRET not in repr([ExaEngine(SECRET), TavilyEngine(SECRET), ParallelEngine(SECRET)])


@make_tool
def ledger(account: str) -> str:
    """Look an account up."""
    return account


def build(specs, **more):
    options = {
        "search": SearchSettings(),
        "fetch": FetchSettings(),
        "resources": Resources(tools=[ledger]),
        "environ": {},
    }
    check_tools(specs, **{**options, **more})
    return build_tools(specs, cache=PageCache(), **{**options, **more})


def names(tools) -> list[str]:
    return [tool["type"] if isinstance(tool, dict) else tool.name for tool in tools]


def test_unset_tools_are_search_and_fetch_and_an_empty_list_is_none():
    assert names(build(None)) == ["web_search", "web_fetch"]
    assert build([]) == []


def test_entries_name_own_tools_and_server_side_ones_in_their_order():
    specs = [
        "ledger",
        ToolSpec(type="openrouter:web_search", parameters={"max_results": 2}),
        "gateway:shell",
        "web_fetch",
    ]
    tools = build(specs)
    assert names(tools) == ["ledger", "openrouter:web_search", "gateway:shell", "web_fetch"]
    assert tools[0] is ledger
    assert tools[1:3] == [
        {"type": "openrouter:web_search", "parameters": {"max_results": 2}},
        {"type": "gateway:shell"},
    ]


async def test_an_entrys_parameters_beat_the_settings_and_keep_the_rest(tmp_path):
    (tmp_path / "a.md").write_text("wind one\n\n# H\n\nwind two\n\n# I\n\nwind three")
    spec = ToolSpec(type="web_search", parameters={"max_results": 1, "blocked_domains": ["x.org"]})
    [search] = build([spec], search=SearchSettings(max_uses=1, max_results=9), corpus=Corpus(tmp_path))
    assert len(unfence((await call(search, "wind")).content, "search_result")) == 1
    assert "limit reached" in (await call(search, "wind")).content


async def test_fetch_takes_either_name_of_its_block_list():
    for name in ("blocked_domains", "excluded_domains"):
        [fetch] = build([ToolSpec(type="web_fetch", parameters={name: ["bad.org"]})])
        assert "blocked" in await fetch.ainvoke({"url": "https://bad.org/x"})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (ToolSpec(type="web_search", parameters={"max_result": 1}), "web_search has no parameter 'max_result'"),
        (ToolSpec(type="web_search", parameters={"max_results": 26}), r"web_search\.max_results"),
        (ToolSpec(type="web_fetch", parameters={"user_location": {}}), "web_fetch has no parameter 'user_location'"),
        (ToolSpec(type="web_fetch", parameters={"blocked_domains": ["/"]}), "names no host"),
        (ToolSpec(type="ledger", parameters={"a": 1}), "takes no parameters"),
        ("bash", "there is no tool 'bash'; known are ledger, shell, web_fetch, web_search"),
        (ToolSpec(type="web_search", parameters={"engine": "tavily"}), "TAVILY_API_KEY"),
    ],
)
def test_entries_that_cannot_work_are_config_errors_before_and_at_building(spec, said):
    options = {
        "search": SearchSettings(),
        "fetch": FetchSettings(),
        "resources": Resources(tools=[ledger]),
        "environ": {},
    }
    with pytest.raises(ConfigError, match=said):
        check_tools([spec], **options)
    with pytest.raises(ConfigError, match=said):
        build_tools([spec], **options)


def test_a_tool_listed_twice_is_a_config_error():
    with pytest.raises(ConfigError, match="'web_fetch' is listed twice"):
        build(["web_fetch", "web_fetch"])


def test_a_bad_exception_of_the_address_guard_is_found_before_a_run():
    with pytest.raises(ConfigError, match="allow_addresses"):
        build(["web_fetch"], resources=Resources(allow_addresses=("10.0.0.0/99",)))


def test_importing_the_tools_loads_no_vendor_and_no_parser():
    code = (
        "import sys, fusion_graph.tools\n"
        "heavy = 'trafilatura pypdf tantivy langchain_exa langchain_tavily parallel langchain_community ddgs openai'\n"
        "print(sorted(set(heavy.split()) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_models_view_of_the_tool_is_as_recorded():
    shown = json.dumps(convert_to_openai_tool(web_search_tool(SearchSettings(), engine=Fixed())), indent=2) + "\n"
    path = GOLDEN / "web_search.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown)
    assert shown == path.read_text()
