"""Fast: the first paint, and eight seats that write at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from page_house import ALPHA, JUDGE, WRITER, House
from page_sheet import tab
from playwright.async_api import Browser, expect

from fusion_graph.testing import Text

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTHING = {name: [] for name in ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")}


def long_draft(words: int) -> str:
    """Headings, lists and long paragraphs."""
    part = (
        "## A heading\n\n"
        + "A sentence about carbon with **some** `code` in it. " * 12
        + "\n\n- one\n- two\n- three\n\n"
    )
    return part * (words // 110)


async def test_the_first_paint_comes_within_a_second(browser, house):
    paints = [await first_paint(browser, house)]
    while min(paints) >= 1000 and len(paints) < 3:  # a busy machine may need more than one try
        paints.append(await first_paint(browser, house))
    assert min(paints) < 1000


async def first_paint(browser: Browser, house: House) -> float:
    """Milliseconds from the request to the first paint, with nothing in the browser's cache."""
    context = await browser.new_context()
    async with tab(context, house) as sheet:
        await sheet.open()
        await expect(sheet.page.locator(".outlook")).to_be_visible()
        paints = await sheet.page.evaluate("() => performance.getEntriesByType('paint').map((one) => one.startTime)")
    await context.close()
    return float(min(paints))


async def test_eight_seats_that_write_together_block_nothing_for_long(sheet, browser):
    house = sheet.house
    house.models.on(ALPHA, Text(long_draft(700), chunk_delay=0.002))
    house.models.on(JUDGE, json.dumps(NOTHING))
    house.models.on(WRITER, Text(long_draft(200), chunk_delay=0.002))
    settings = {"panel": [{"model": ALPHA, "label": f"Seat {at}"} for at in range(1, 9)], "tools": []}
    await sheet.page.add_init_script(
        f"localStorage.setItem('fusion-graph:settings', {json.dumps(json.dumps(settings))})"
    )
    await sheet.open()
    await expect(sheet.page.locator(".panel-bar .chips li")).to_have_count(8)
    await browser.start_tracing(page=sheet.page, categories=["toplevel"])
    await sheet.ask()
    await expect(sheet.page.locator(".stage")).to_contain_text("Finished", timeout=60_000)
    tasks = main_thread_tasks(json.loads(await browser.stop_tracing())["traceEvents"])
    assert len(tasks) > 300
    assert max(tasks) < 100


def main_thread_tasks(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds of processor time of each task of the page's main thread.

    Wall time says how busy the machine is with other things, so that it fails where the page is not to blame.
    """
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    mains = {thread for thread, name in named.items() if name == "CrRendererMain"}
    return [e["tdur"] / 1000 for e in events if (e["pid"], e["tid"]) in mains and e.get("ph") == "X" and "tdur" in e]


async def test_a_column_that_one_reads_stays_where_it_is_while_the_draft_grows(sheet):
    sheet.house.models.on(ALPHA, Text(long_draft(2500), chunk_delay=0.004))
    await sheet.open()
    await sheet.ask()
    body = sheet.column("Alpha").locator(".body")
    await body.wait_for()
    taller = "(by) => document.querySelector('.column .body').scrollHeight > by"
    await sheet.page.wait_for_function(taller, arg=await body.evaluate("(box) => box.clientHeight") + 300)
    await body.evaluate("(box) => (box.scrollTop = 120)")
    before = await body.evaluate("(box) => [box.scrollTop, box.scrollHeight]")
    await sheet.page.wait_for_function(taller, arg=before[1] + 300)
    assert await body.evaluate("(box) => box.scrollTop") == before[0]
    await sheet.button("Stop", exact=True).click()
    await sheet.house.models_idle()
