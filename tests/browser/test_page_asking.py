"""Ask, watch, read, leave, come back."""

from __future__ import annotations

import json

import pytest
from page_house import ALPHA, ANSWER, BETA, QUESTION
from playwright.async_api import expect

from fusion_graph.testing import Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_page_opens_on_a_question_box_with_the_panel_its_cost_and_its_time(sheet):
    await sheet.open()
    await expect(sheet.page.get_by_label("Your question")).to_be_focused()
    await expect(sheet.page.locator(".panel-bar")).to_contain_text("Beta sceptic")
    await expect(sheet.page.locator(".outlook")).to_contain_text(
        "Expected cost unknown (the prices of 5 models are not known)"
    )
    await expect(sheet.page.locator(".outlook")).to_contain_text("Expected time not known before a first run")


async def test_enter_sends_and_the_run_is_watched_to_its_answer(sheet):
    sheet.house.script(pace=0.02)
    await sheet.open()
    await sheet.ask()
    await sheet.stage("of 3 seats done")
    await expect(sheet.column("Alpha").locator(".tools")).to_contain_text("Searches carbon tax emissions")
    await expect(sheet.column("Alpha").locator(".body")).to_contain_text("What the studies say")
    await sheet.stage("The answer is being written")
    await sheet.stage("Finished")
    await expect(sheet.answer).to_contain_text("Yes, where the price is high enough.")
    await expect(sheet.answer.locator("strong").first).to_have_text("Yes, where the price is high enough.")
    await expect(sheet.column("Beta")).to_contain_text("finished")
    await expect(sheet.column("Beta")).to_contain_text("3,000 tokens · $0.0080")


async def test_a_citation_shows_its_source_and_the_seats_that_found_it(sheet):
    await sheet.asked()
    await sheet.button("Source 2: Leakage in British Columbia").click()
    card = sheet.page.get_by_role("dialog", name="Source")
    await expect(card).to_contain_text("Found by Alpha, Beta, Gamma.")
    link = card.get_by_role("link")
    await expect(link).to_have_attribute("href", "https://example.com/leakage")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


async def test_an_item_of_the_analysis_leads_to_the_drafts_it_came_from(sheet):
    await sheet.asked()
    await sheet.page.get_by_role("tab", name="Unique insights").click()
    await sheet.button("Fuel purchases leak across the border.").click()
    await expect(sheet.page.locator(".column.marked")).to_have_count(1)
    await expect(sheet.column("Beta").locator(".hit")).to_contain_text("leakage of fuel purchases")


async def test_the_five_sections_are_readable(sheet):
    await sheet.asked()
    await expect(sheet.page.locator(".stances tbody td")).to_have_count(3)
    await expect(sheet.page.locator(".stances")).to_contain_text("Zero to two percent a year")
    await sheet.page.get_by_role("tab", name="Partial coverage").click()
    row = sheet.page.locator(".matrix tbody tr", has_text="British Columbia")
    assert [cell.strip() for cell in await row.locator("td").all_inner_texts()] == [
        "\N{EN DASH}\nleaves it out",
        "●\nmakes it",
        "●\nmakes it",
    ]
    for name, told in (("Consensus", "high enough lowers emissions"), ("Blind spots", "poor countries in any detail")):
        await sheet.page.get_by_role("tab", name=name).click()
        await expect(sheet.page.get_by_role("tabpanel")).to_contain_text(told)


async def test_the_receipt_is_a_table_and_a_picture(sheet):
    await sheet.asked()
    receipt = sheet.page.locator(".receipt")
    await expect(receipt.locator("tbody tr")).to_have_count(5)
    await expect(receipt.locator("tfoot")).to_contain_text("$0.046")
    await expect(receipt.locator("rect")).to_have_count(5)


async def test_a_failing_seat_says_why_and_is_asked_again_alone(sheet):
    sheet.house.models.on(BETA, Fault(401))
    await sheet.asked()
    await expect(sheet.column("Beta")).to_contain_text("failed (401)")
    sheet.house.script()
    before = len(sheet.house.models.calls_of(ALPHA))
    await sheet.button("Ask the failed seat again").click()
    await expect(sheet.column("Beta")).to_contain_text("The evidence is thinner than it looks.")
    await sheet.stage("Finished")
    assert len(sheet.house.models.calls_of(ALPHA)) == before


async def test_all_seats_failing_is_told_in_a_sentence(sheet):
    for model in ("acme/alpha", "bolt/beta", "core/gamma"):
        sheet.house.models.on(model, Fault(401))
    await sheet.open()
    await sheet.ask()
    await sheet.stage("Failed")
    await expect(sheet.page.get_by_role("alert")).to_contain_text("All seats failed. Each column says why.")


async def test_a_reload_in_mid_run_goes_on_where_it_was(sheet):
    sheet.house.script(pace=0.03)
    await sheet.open()
    await sheet.ask()
    await expect(sheet.column("Alpha").locator(".body")).to_contain_text("What the studies say")
    await sheet.page.reload()
    await sheet.stage("of 3 seats done")
    await expect(sheet.page.get_by_role("heading", name=QUESTION)).to_be_visible()
    await sheet.stage("Finished")
    assert len(sheet.house.models.calls_of(ALPHA)) == 2  # one search, one draft: nothing was asked twice


async def test_a_run_is_found_in_the_list_after_a_reload(sheet):
    await sheet.asked()
    await sheet.open()
    await sheet.page.get_by_role("link", name=QUESTION).click()
    await sheet.stage("Finished")
    await sheet.button("Show the drafts").click()
    await expect(sheet.column("Alpha").locator(".tools")).to_contain_text("carbon tax emissions")


async def test_a_server_that_goes_and_comes_back_loses_nothing(sheet):
    sheet.expected.append("Failed to load resource")
    sheet.expected.append("net::ERR")
    sheet.house.script(pace=0.05)
    await sheet.open()
    await sheet.ask()
    await expect(sheet.column("Alpha").locator(".body")).to_contain_text("What the studies say")
    sheet.house.stop()
    await expect(sheet.page.locator(".run-bar")).to_contain_text("The server does not answer; connecting again.")
    sheet.house.script()
    sheet.house.start()
    await sheet.stage("Finished")
    await expect(sheet.answer).to_contain_text("Yes, where the price is high enough.")


async def test_stopping_a_run_says_so(sheet):
    sheet.house.script(pace=0.05)
    await sheet.open()
    await sheet.ask()
    await expect(sheet.column("Alpha").locator(".body")).to_contain_text("What the studies say")
    await sheet.button("Stop", exact=True).click()
    await sheet.stage("Stopped")
    await expect(sheet.page.locator(".run-bar")).to_contain_text("tokens written")
    await sheet.house.models_idle()


async def test_a_follow_up_goes_on_in_the_thread(sheet):
    await sheet.asked()
    await sheet.page.get_by_label("Ask a follow-up in this thread").fill("And in poor countries?")
    await sheet.page.get_by_label("Ask a follow-up in this thread").press("Enter")
    await expect(sheet.page.locator("h2.question")).to_have_text("And in poor countries?")
    await sheet.stage("Finished")
    await expect(sheet.page.locator(".turn.earlier")).to_contain_text(QUESTION)
    assert ANSWER[:30] in sheet.house.models.calls_of(ALPHA)[-1].prompt


async def test_a_thread_whose_first_turn_was_deleted_says_so_and_shows_the_rest(sheet):
    sheet.expected.append("status of 404")
    await sheet.asked()
    first = sheet.run_id
    await sheet.page.get_by_label("Ask a follow-up in this thread").fill("And in poor countries?")
    await sheet.page.get_by_label("Ask a follow-up in this thread").press("Enter")
    await expect(sheet.page.locator("h2.question")).to_have_text("And in poor countries?")
    await sheet.stage("Finished")
    entry = sheet.page.locator(".run-entry", has_text=QUESTION)
    await entry.get_by_role("button", name="Delete").click()
    await entry.get_by_role("button", name="Really delete").click()
    await expect(entry).to_have_count(0)
    await sheet.page.reload()
    await expect(sheet.page.locator(".turn.earlier")).to_contain_text("There is no such run.")
    await sheet.stage("Finished")
    await sheet.page.wait_for_timeout(500)
    assert len([url for url in sheet.requests if url.endswith(first)]) <= 3  # deleted, and looked for once a visit


async def test_another_panel_stands_beside_the_first(sheet):
    await sheet.asked()
    await sheet.button("Ask another panel").click()
    await sheet.page.locator("select.preset").select_option("small")
    await sheet.button("Ask", exact=True).click()
    await expect(sheet.page.locator(".side-run")).to_have_count(2)
    await expect(sheet.page.locator(".figures-table tr", has_text="Cost")).to_contain_text("$0.026")
    await expect(sheet.page.locator(".answer-text")).to_have_count(2)


async def test_a_run_is_exported_in_three_forms(sheet, tmp_path):
    await sheet.asked()
    made = {}
    for name in ("Markdown", "JSON", "HTML page"):
        await sheet.page.locator("details.menu").evaluate("(menu) => (menu.open = true)")
        async with sheet.page.expect_download() as download:
            await sheet.button(name, exact=True).click()
        path = tmp_path / name
        await (await download.value).save_as(path)
        made[name] = path.read_text()
    assert "| Sweden | 6 to 11 % |" in made["Markdown"]
    assert json.loads(made["JSON"])["answer"] == ANSWER
    assert "<script" not in made["HTML page"]
    assert "Sweden" in made["HTML page"]
