"""Errors are sentences that say what to do."""

from __future__ import annotations

import asyncio

import pytest
from page_house import QUESTION, House
from page_sheet import tab
from playwright.async_api import expect

from fusion_graph import Resources
from fusion_graph.server.database import opened
from fusion_graph.server.keys import Keys
from fusion_graph.testing import Text, Usage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def a_key(house: House) -> str:
    """Make a key, after which the server asks for one."""
    async with opened(house.settings) as database:
        return (await Keys(database).add("me"))[1]


async def test_a_server_that_asks_for_a_key_gets_it(own_sheet):
    sheet = own_sheet
    sheet.expected.append("status of 401")
    secret = await a_key(sheet.house)
    await sheet.open()
    await expect(sheet.page.get_by_role("alert").first).to_contain_text("This server asks for a key.")
    await sheet.button("Enter a key").first.click()
    await sheet.page.get_by_role("textbox", name="Key").fill(secret)
    await sheet.button("Use this key").click()
    await expect(sheet.page.locator(".panel-bar .chips li")).to_have_count(3)
    await sheet.ask()
    await sheet.stage("Finished")
    assert secret not in sheet.page.url
    kept = await sheet.page.evaluate(
        "() => [localStorage.getItem('fusion-graph:key'), sessionStorage.getItem('fusion-graph:key')]"
    )
    assert kept == [None, f'"{secret}"']


async def test_a_cap_that_is_reached_is_told(sheet):
    sheet.house.models.on("acme/alpha", Text("A draft.", usage=Usage(1000, 1000, cost=5.0)))
    await sheet.open()
    await sheet.button("Change the panel").click()
    await sheet.page.get_by_label("Money cap (US dollars)").fill("0.5")
    await sheet.page.get_by_label("Money cap (US dollars)").press("Tab")
    await sheet.ask()
    await expect(sheet.page.locator(".notice")).to_contain_text("The cap of $0.50 was reached.")


async def test_a_server_that_is_gone_is_told_and_the_question_stays(own_sheet):
    sheet = own_sheet
    sheet.expected += ["Failed to load resource", "net::ERR"]
    await sheet.open()
    await expect(sheet.page.locator(".outlook")).to_be_visible()
    await asyncio.to_thread(sheet.house.stop)
    await sheet.ask()
    await expect(sheet.page.get_by_role("alert")).to_contain_text("The server does not answer.")
    await sheet.button("Try again").click()
    await expect(sheet.page.get_by_label("Your question")).to_have_value(QUESTION)


async def test_without_any_key_the_page_says_what_to_set_and_offers_the_seats_that_need_none(context, house, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "tax.md").write_text(
        "# Carbon tax\n\nA carbon tax of 120 euros a tonne lowered transport emissions in Sweden.\n"
    )
    bare = House(tmp_path, house.models, preset=None)
    bare.resources = Resources(corpus=None)
    bare.start()
    async with tab(context, bare) as sheet:
        await sheet.open()
        alert = sheet.page.get_by_role("alert")
        await expect(alert).to_contain_text("No model is configured.")
        await expect(alert).to_contain_text("OPENROUTER_API_KEY")
        await sheet.button("Use the preset offline").click()
        await expect(sheet.page.locator(".panel-bar .chips li")).to_have_text(
            ["question seat", "terms seat", "figures seat"]
        )
        bare.stop()
        bare.resources = Resources(corpus=folder)
        bare.start()
        await sheet.ask(QUESTION)
        await sheet.stage("Finished")
        await expect(sheet.page.locator(".notice")).to_contain_text("No language model was called")
    bare.close()


async def test_a_run_that_is_not_there_is_told(sheet):
    sheet.expected.append("status of 404")
    await sheet.open("#/run/resp_nothing")
    await expect(sheet.page.get_by_role("alert")).to_contain_text("There is no such run.")
