"""A real Chromium in front of a really running server, whose models and search engine are scripted."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from page_house import House
from page_sheet import Sheet, tab
from playwright.async_api import Browser, BrowserContext, async_playwright
from tenacity import wait_none

from fusion_graph.middleware import retry
from fusion_graph.testing import ScriptedServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_OUTSIDE = ("FUSION_", "LANGSMITH_", "LANGCHAIN_")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests where there is no browser; in CI that is an error."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and CHROMIUM is None and not IN_CI:
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed (apt install chromium)"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser, one for all tests of a worker."""
    if CHROMIUM is None:
        pytest.fail("Chromium is not installed, and in CI these tests must run (apt install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest.fixture(scope="module")
def running_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server of a module's tests."""
    with pytest.MonkeyPatch.context() as patched, ScriptedServer() as models:
        for name in [name for name in os.environ if "API_KEY" in name or name.startswith(_OUTSIDE)]:
            patched.delenv(name)
        patched.setattr(retry, "_BACKOFF", wait_none())
        built = House(tmp_path_factory.mktemp("house"), models).start()
        yield built
        built.close()


@pytest.fixture
def house(running_house: House) -> Iterator[House]:
    """The running server, with every model doing its part again."""
    running_house.fresh()
    yield running_house
    running_house.fresh()


@pytest.fixture
def own_house(tmp_path: Path, running_house: House) -> Iterator[House]:
    """A server of one test alone, which may take it down or give it keys."""
    running_house.fresh()
    built = House(tmp_path, running_house.models).start()
    yield built
    built.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """What the tabs of a module's tests share: the browser's cache, so that files are compiled once."""
    opened = await browser.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sheet(context: BrowserContext, house: House) -> AsyncIterator[Sheet]:
    """The page in a tab of its own; whatever it says on the console fails the test, unless the test expects it."""
    async with tab(context, house) as opened:
        yield opened
    assert opened.unexpected() == []


@pytest_asyncio.fixture(loop_scope="session")
async def own_sheet(context: BrowserContext, own_house: House) -> AsyncIterator[Sheet]:
    """The same in front of a server of its own."""
    async with tab(context, own_house) as opened:
        yield opened
    assert opened.unexpected() == []
