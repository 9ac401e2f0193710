"""Read a finished run: answer, sources, comparison, receipt; and take it along."""

from __future__ import annotations

import json

import pytest
import pytest_asyncio
from page_house import ANSWER
from page_sheet import tab
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def run_id(context, running_house):
    """A finished run, the same for all tests: they only look at it."""
    async with tab(context, running_house) as sheet:
        await sheet.asked()
        return sheet.run_id


@pytest_asyncio.fixture(loop_scope="session")
async def run(sheet, run_id):
    """The run, opened by its address."""
    await sheet.open(f"#/run/{run_id}")
    await sheet.stage("Finished")
    return sheet


async def test_a_citation_shows_its_source_and_the_seats_that_found_it(run):
    await run.button("Source 2: Leakage in British Columbia").click()
    card = run.page.get_by_role("dialog", name="Source")
    await expect(card).to_contain_text("Found by Alpha, Beta, Gamma.")
    link = card.get_by_role("link")
    await expect(link).to_have_attribute("href", "https://example.com/leakage")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


async def test_an_item_of_the_analysis_leads_to_the_drafts_it_came_from(run):
    await run.page.get_by_role("tab", name="Unique insights").click()
    await run.button("Fuel purchases leak across the border.").click()
    await expect(run.page.locator(".column.marked")).to_have_count(1)
    await expect(run.column("Beta").locator(".hit")).to_contain_text("leakage of fuel purchases")


async def test_the_five_sections_are_readable(run):
    await expect(run.page.locator(".stances tbody td")).to_have_count(3)
    await expect(run.page.locator(".stances")).to_contain_text("Zero to two percent a year")
    await run.page.get_by_role("tab", name="Partial coverage").click()
    row = run.page.locator(".matrix tbody tr", has_text="British Columbia")
    assert [cell.strip() for cell in await row.locator("td").all_inner_texts()] == [
        "\N{EN DASH}\nleaves it out",
        "●\nmakes it",
        "●\nmakes it",
    ]
    for name, told in (("Consensus", "high enough lowers emissions"), ("Blind spots", "poor countries in any detail")):
        await run.page.get_by_role("tab", name=name).click()
        await expect(run.page.get_by_role("tabpanel")).to_contain_text(told)


async def test_the_receipt_is_a_table_and_a_picture(run):
    receipt = run.page.locator(".receipt")
    await expect(receipt.locator("tbody tr")).to_have_count(5)
    await expect(receipt.locator("tfoot")).to_contain_text("$0.046")
    await expect(receipt.locator("rect")).to_have_count(5)


async def test_a_run_is_exported_in_three_forms(run, tmp_path):
    made = {}
    for name in ("Markdown", "JSON", "HTML page"):
        await run.page.locator("details.menu", has_text="Export").evaluate("(menu) => (menu.open = true)")
        async with run.page.expect_download() as download:
            await run.button(name, exact=True).click()
        path = tmp_path / name
        await (await download.value).save_as(path)
        made[name] = path.read_text()
    assert "| Sweden | 6 to 11 % |" in made["Markdown"]
    assert json.loads(made["JSON"])["answer"] == ANSWER
    assert "<script" not in made["HTML page"]
    assert "Sweden" in made["HTML page"]
