"""What an import or a build loads, seen from a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

VENDORS = ("openai", "anthropic", "google", "langchain_openai", "langchain_anthropic", "langchain_community")
SERVERS = ("uvicorn", "starlette", "fastapi", "langgraph_api")
HEAVY = ("langgraph", "langchain", "langchain_core", "rich", "httpx", "tantivy", "trafilatura", "pypdf", "xllamacpp")

BUILD = """
from pathlib import Path
from fusion_graph import FusionConfig, Resources, build_deliberation_graph, build_fusion_agent, build_fusion_graph
config = FusionConfig(panel=["openai:gpt-5.5", "a/b"], judge="anthropic:claude-opus-4-8")
for build in (build_fusion_graph, build_deliberation_graph, build_fusion_agent):
    build(config, resources=Resources(corpus=Path("no-such-folder"), searxng_url="http://127.0.0.1:9"))
"""


def loaded_by(code: str, **variables: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after running some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH", "TMPDIR")}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:langchain_community", "-c", script],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_no_vendor_no_server_and_nothing_heavy():
    assert loaded_by("import fusion_graph").isdisjoint({*VENDORS, *SERVERS, *HEAVY})


def test_settings_can_be_read_without_loading_a_vendor_a_server_or_the_graph_library():
    loaded = loaded_by("from fusion_graph import FusionConfig, Seat; FusionConfig(panel=[Seat(model='a/b')])")
    assert loaded.isdisjoint({*VENDORS, *SERVERS, "langgraph", "langchain", "rich"})


def test_building_every_graph_needs_no_key_and_loads_no_vendor_and_no_server():
    loaded = loaded_by(BUILD)
    assert loaded.isdisjoint({*VENDORS, *SERVERS, "tantivy", "trafilatura", "pypdf", "xllamacpp"})


@pytest.mark.parametrize("engine", ["corpus", "auto"])
def test_the_community_package_is_not_imported_for_an_engine_that_does_not_need_it(engine):
    code = f"""
from pathlib import Path
import asyncio, tempfile
folder = Path(tempfile.mkdtemp()); (folder / "note.md").write_text("# Note\\n\\nA tax is a tax.")
from fusion_graph import FusionConfig, Resources
from fusion_graph.kit import Kit
kit = Kit(FusionConfig(panel=["offline:question"], search={{"engine": {engine!r}}}), Resources(corpus=folder))
tools = kit.tools(kit.settle(None), None, "run")
search = next(tool for tool in tools if tool.name == "web_search")
assert "A tax is a tax" in str(asyncio.run(search.ainvoke({{"query": "tax"}})))
"""
    assert "langchain_community" not in loaded_by(code)


def test_served_graphs_can_be_imported_without_any_key():
    loaded = loaded_by("import fusion_graph.served")
    assert loaded.isdisjoint({*SERVERS, "openai", "langchain_community"})
