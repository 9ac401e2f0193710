"""The demo corpus through seats, judge and writer, on the corpus's own search."""

import json
import re
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import StructuredTool

from fusion_graph.fence import fence
from fusion_graph.offline import offline_model
from fusion_graph.outcomes import FoundSource
from fusion_graph.sources import Registry
from fusion_graph.tools.corpus import Corpus

FOLDER = Path(__file__).parents[2] / "examples" / "corpus"
QUESTION = "What are the strongest arguments for and against carbon taxes?"


@pytest.fixture(scope="module")
def corpus():
    return Corpus(FOLDER)


def tools(corpus, registry):
    async def web_search(query: str) -> str:
        hits = await corpus.search(query, 5)
        registry.add("seat", [FoundSource(url=hit.url, title=hit.title) for hit in hits])
        return "\n\n".join(fence("search_result", hit.text, url=hit.url, title=hit.title) for hit in hits)

    async def web_fetch(url: str) -> str:
        page = await corpus.read(url)
        return fence("web_page", page.text, url=page.url, title=page.title)

    return [
        StructuredTool.from_function(coroutine=web_search, name="web_search", description="Search."),
        StructuredTool.from_function(coroutine=web_fetch, name="web_fetch", description="Fetch."),
    ]


async def panel(corpus, question):
    registry = Registry()
    drafts = []
    for seat in ("question", "terms", "figures"):
        agent = create_agent(offline_model(seat), tools=tools(corpus, registry))
        result = await agent.ainvoke({"messages": [HumanMessage(question)]})
        drafts.append(str(result["messages"][-1].text))
    listed = "\n".join(f"[{source.id}] {source.title} — {source.url}" for source in registry.sources)
    shown = [fence("draft", registry.with_ids(draft), label=label) for label, draft in zip("ABC", drafts, strict=True)]
    prompt = "\n\n".join([fence("question", question), fence("sources", listed), *shown])
    analysis = str((await offline_model("judge").ainvoke([HumanMessage(prompt)])).text)
    answer = await offline_model("writer").ainvoke([HumanMessage(f"{prompt}\n\n{fence('analysis', analysis)}")])
    return registry, json.loads(analysis), str(answer.text)


async def test_the_demo_finds_what_the_notes_agree_and_disagree_on(corpus):
    registry, analysis, answer = await panel(corpus, QUESTION)
    topics = " ".join(stance["stance"] for item in analysis["contradictions"] for stance in item["stances"])
    assert len(analysis["contradictions"]) == 3
    for words in ("regressive", "progressive", "leakage is small", "leakage is not small", "12 percent", "3 percent"):
        assert words in topics
    assert analysis["consensus"]
    assert analysis["partial_coverage"]
    assert analysis["unique_insights"]
    assert analysis["blind_spots"] == []
    check = registry.check(answer)
    assert check.unregistered == []
    assert len(check.cited) >= 8


async def test_every_quote_of_the_demo_stands_in_the_note_it_cites(corpus):
    registry, _, answer = await panel(corpus, QUESTION)
    urls = {source.id: source.url for source in registry.sources}
    quoted = re.findall(r'^ *- "(.*)" \[(S\d+)\]', answer, re.MULTILINE)
    assert len(quoted) > 10
    for sentence, source in quoted:
        assert sentence in " ".join((await corpus.read(urls[source])).text.split())


async def test_a_question_beyond_the_notes_is_named_as_not_covered(corpus):
    _, analysis, _ = await panel(corpus, "Do carbon taxes help reforestation?")
    assert analysis["blind_spots"] == ["No draft quotes anything on “reforestation”."]


async def test_every_note_is_marked_as_made_for_the_demo_and_has_a_readable_format(corpus):
    notes = await corpus.documents()
    assert corpus.skipped == {}
    assert {Path(note.path).suffix for note in notes} == {".md", ".txt", ".html", ".pdf"}
    for note in notes:
        assert "not a source of facts" in note.text, note.path
        assert (FOLDER / note.path).stat().st_size < 30_000
