"""Real tokens through the whole graph: a GGUF file as panel, judge and writer. Its answers prove plumbing only."""

import os
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from fusion_graph import FusionConfig, Resources, Seat, build_fusion_graph

pytest.importorskip("xllamacpp")
GGUF = os.environ.get("FUSION_TEST_GGUF")
pytestmark = pytest.mark.skipif(
    not GGUF, reason="set FUSION_TEST_GGUF to a .gguf file; .ci/fetch-test-model gets a small one"
)

SHORT = {
    "panelist": "Answer in a few words. {{role}}{{instructions}}",
    "deliberation": "You compare drafts.",
    "judge": "Compare the drafts as JSON.",
    "repair": "Again, as JSON.",
    "writer": "Answer the question in a few words.",
}
"""A small model on two cores reads some hundred tokens a second."""


async def test_a_gguf_file_sits_on_the_panel_searches_judges_and_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("FUSION_LOCAL_CONTEXT", "4096")
    (tmp_path / "note.md").write_text("# Tea\n\nTea is made of leaves and hot water. It is drunk warm.\n")
    file = Path(str(GGUF))
    name = f"local:{file.name}"
    config = FusionConfig(
        panel=[Seat(model=name, id="one", tools=["web_search"]), Seat(model=name, id="two", tools=[])],
        judge=name,
        writer=name,
        tools=[],
        max_tool_calls=1,
        max_completion_tokens=24,
        prompts=SHORT,
    )
    graph = build_fusion_graph(config, resources=Resources(local_models=file.parent, corpus=tmp_path))
    output = await graph.ainvoke({"messages": [HumanMessage("What is tea made of?")]})
    receipt = output["receipt"]
    assert output["status"] == "ok"
    assert all(seat["outcome"] in ("ok", "truncated") for seat in receipt["seats"])
    assert all(seat["served_model"] == name for seat in receipt["seats"])
    assert all(seat["usage"]["output_tokens"] > 0 for seat in receipt["seats"])
    assert receipt["judge"]["usage"]["output_tokens"] > 0
    assert receipt["writer"]["usage"]["output_tokens"] > 0
    assert output["messages"][-1].text
