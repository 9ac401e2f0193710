"""One `langgraph dev` for all tests of this folder, its models, and its log where a test fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_dev import CORPUS, LangGraphDev, langgraph_dev
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from scripted_panel import PAGE_HOST, Panel, web_page

from fusion_graph.testing import ScriptedServer

_SERVER = pytest.StashKey[LangGraphDev]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): tests that share one worker")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("langgraph"))


@pytest.fixture(scope="session")
def models() -> Iterator[ScriptedServer]:
    """The gateway of the server under test, for the whole session: its address is fixed when the server starts."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture(scope="session")
def langgraph(
    models: ScriptedServer, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[LangGraphDev]:
    """The running server."""
    variables = {
        "FUSION_GATEWAY_URL": models.base_url,
        "FUSION_CORPUS": str(CORPUS),
        "FUSION_ALLOW_ADDRESSES": PAGE_HOST,
    }
    with langgraph_dev(tmp_path_factory.mktemp("langgraph"), **variables) as running:
        pytestconfig.stash[_SERVER] = running
        yield running


@pytest.fixture(autouse=True)
def _nothing_blocks(langgraph: LangGraphDev) -> Iterator[None]:
    """The server reports synchronous calls on its event loop; no test of this folder may cause one."""
    before = len(langgraph.logged())
    yield
    assert "blocking call" not in langgraph.logged()[before:]


@pytest.fixture
async def client(langgraph: LangGraphDev) -> AsyncIterator[LangGraphClient]:
    """A client of the server."""
    async with get_client(url=langgraph.url) as connected:
        yield connected


@pytest.fixture
def panel(models: ScriptedServer) -> Panel:
    """A scripted panel of models that no other test uses."""
    return Panel(models)


@pytest.fixture
def page() -> Iterator[str]:
    """Address of a web page on loopback."""
    with web_page() as address:
        yield address


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    server = item.config.stash.get(_SERVER, None)
    if report.failed and server is not None:
        report.sections.append(("langgraph dev (end of its log)", server.logged()[-6_000:]))
    return report
