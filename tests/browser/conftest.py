"""A real Chromium in front of a really running server, whose models and search engine are scripted."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from page_house import House
from page_sheet import Sheet
from tenacity import wait_none

from fusion_graph.middleware import retry
from fusion_graph.testing import ScriptedServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests where there is no browser; in CI that is an error."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and CHROMIUM is None and not IN_CI:
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed (apt install chromium)"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[object]:
    """The browser, one for all tests."""
    from playwright.async_api import async_playwright

    if CHROMIUM is None:
        pytest.fail("Chromium is not installed, and in CI these tests must run (apt install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The running server."""
    monkeypatch.setattr(retry, "_BACKOFF", wait_none())
    with ScriptedServer() as models:
        built = House(tmp_path, models).start()
        yield built
        built.stop()
        built.search.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def sheet(browser, house: House) -> AsyncIterator[Sheet]:
    """The page in a tab of its own; whatever it says on the console fails the test, unless the test expects it."""
    context = await browser.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
    opened = Sheet(await context.new_page(), house)
    yield opened
    await context.close()
    assert opened.unexpected() == []
