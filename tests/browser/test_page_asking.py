"""Ask, watch, leave, come back."""

from __future__ import annotations

import pytest
from page_house import ALPHA, BETA, GAMMA, WRITER
from playwright.async_api import expect

from fusion_graph.testing import Fault

pytestmark = pytest.mark.asyncio(loop_scope="session")
SPENT = "3,000 tokens · $0.0080"  # of one seat: a search and a draft


async def test_the_page_opens_on_a_question_box_with_the_panel_its_cost_and_its_time(sheet):
    await sheet.open()
    await expect(sheet.page.get_by_label("Your question")).to_be_focused()
    await expect(sheet.page.locator(".panel-bar")).to_contain_text("Beta sceptic")
    await expect(sheet.page.locator(".outlook")).to_contain_text(
        "Expected cost unknown (the prices of 5 models are not known)"
    )
    await expect(sheet.page.locator(".outlook")).to_contain_text("Expected time not known before a first run")


async def test_enter_sends_and_the_run_is_watched_to_its_answer(sheet):
    gamma, writer = sheet.house.hold(GAMMA), sheet.house.hold(WRITER)
    await sheet.open()
    await sheet.ask()
    await sheet.stage("2 of 3 seats done")
    await expect(sheet.column("Gamma").locator(".tools")).to_contain_text("Searches carbon tax emissions")
    await expect(sheet.column("Gamma")).to_contain_text("at work")
    await expect(sheet.column("Alpha").locator(".body")).to_contain_text("What the studies say")
    gamma.open()
    await sheet.stage("The answer is being written")
    writer.open()
    await sheet.stage("Finished")
    await expect(sheet.answer).to_contain_text("Yes, where the price is high enough.")
    await expect(sheet.answer.locator("strong").first).to_have_text("Yes, where the price is high enough.")
    await expect(sheet.column("Beta")).to_contain_text("finished")
    await expect(sheet.column("Beta")).to_contain_text(SPENT)


async def test_a_failing_seat_says_why_and_is_asked_again_alone(sheet):
    sheet.house.models.on(BETA, Fault(401))
    await sheet.asked()
    await expect(sheet.column("Beta")).to_contain_text("failed (401)")
    sheet.house.script()
    before = len(sheet.house.calls_of(ALPHA))
    await sheet.button("Ask the failed seat again").click()
    await expect(sheet.column("Beta")).to_contain_text("The evidence is thinner than it looks.")
    await sheet.stage("Finished")
    assert len(sheet.house.calls_of(ALPHA)) == before


async def test_another_writer_answers_from_the_same_drafts(sheet):
    await sheet.asked()
    await sheet.page.get_by_text("Other judge or writer").click()
    await sheet.page.get_by_role("combobox", name="Writer", exact=True).select_option(GAMMA)
    await sheet.button("Only write again").click()
    await expect(sheet.page.locator(".side-run")).to_have_count(2)
    await expect(sheet.page.locator(".figures-table tr", has_text="Writer")).to_contain_text("gamma")
    await expect(sheet.page.locator(".answer-text").nth(1)).to_contain_text("74 percent")
    assert len(sheet.house.calls_of(ALPHA)) == 2  # one search, one draft


async def test_all_seats_failing_is_told_in_a_sentence(sheet):
    for model in ("acme/alpha", "bolt/beta", "core/gamma"):
        sheet.house.models.on(model, Fault(401))
    await sheet.open()
    await sheet.ask()
    await sheet.stage("Failed")
    await expect(sheet.page.get_by_role("alert")).to_contain_text("All seats failed. Each column says why.")


async def test_a_reload_in_mid_run_goes_on_where_it_was_and_the_list_finds_it_later(sheet):
    question = "Does a reload lose anything?"
    gamma = sheet.house.hold(GAMMA)
    await sheet.open()
    await sheet.ask(question)
    await sheet.stage("2 of 3 seats done")
    await sheet.page.reload()
    await sheet.stage("2 of 3 seats done")
    await expect(sheet.page.get_by_role("heading", name=question)).to_be_visible()
    gamma.open()
    await sheet.stage("Finished")
    assert len(sheet.house.calls_of(ALPHA)) == 2  # one search, one draft: nothing was asked twice
    await sheet.open()
    await sheet.page.get_by_role("link", name=question).click()
    await sheet.stage("Finished")
    await sheet.button("Show the drafts").click()
    await expect(sheet.column("Alpha").locator(".tools")).to_contain_text("carbon tax emissions")


async def test_a_server_that_goes_and_comes_back_loses_nothing(own_sheet):
    sheet = own_sheet
    sheet.expected += ["Failed to load resource", "net::ERR"]
    sheet.house.hold(GAMMA)
    await sheet.open()
    await sheet.ask()
    await sheet.stage("2 of 3 seats done")
    sheet.house.stop()
    await expect(sheet.page.locator(".run-bar")).to_contain_text("The server does not answer; connecting again.")
    sheet.house.fresh()
    sheet.house.start()
    await sheet.stage("Finished")
    await expect(sheet.answer).to_contain_text("Yes, where the price is high enough.")


async def test_a_stopped_run_says_what_was_spent_then_and_after_a_reload(sheet):
    sheet.house.hold(GAMMA)
    await sheet.open()
    await sheet.ask()
    await sheet.stage("2 of 3 seats done")
    await expect(sheet.column("Alpha").locator(".figures")).to_contain_text(SPENT)
    await expect(sheet.page.locator(".run-bar .figures")).to_contain_text("≥ 6,000 tokens · at least $0.016")
    await sheet.button("Stop", exact=True).click()
    await sheet.stage("Stopped")
    await sheet.house.models_idle()
    for _ in ("at once", "after a reload"):
        await expect(sheet.page.locator(".run-bar .figures")).to_contain_text("≥ 6,000 tokens · ≥ $0.016")
        await expect(sheet.column("Alpha").locator(".figures")).to_contain_text(SPENT)
        await expect(sheet.column("Gamma").locator(".figures")).to_contain_text("stopped")
        await sheet.page.reload()
    await expect(sheet.button("Go on with the run")).to_be_visible()


async def test_a_follow_up_goes_on_in_the_thread_and_outlives_the_turn_before_it(sheet):
    sheet.expected.append("status of 404")
    question, further = "Is there a first turn?", "And in poor countries?"
    await sheet.open()
    await sheet.ask(question)
    await sheet.stage("Finished")
    first = sheet.run_id
    box = sheet.page.get_by_label("Ask a follow-up in this thread")
    await box.fill(further)
    await box.press("Enter")
    await expect(sheet.page.locator("h2.question")).to_have_text(further)
    await sheet.stage("Finished")
    await expect(sheet.page.locator(".turn.earlier")).to_contain_text(question)
    assert "Yes, where the price is high enough." in sheet.house.calls_of(ALPHA)[-1].prompt
    entry = sheet.page.locator(".run-entry", has_text=question)
    await entry.get_by_role("button", name="Delete").click()
    await entry.get_by_role("button", name="Really delete").click()
    await expect(entry).to_have_count(0)
    await sheet.page.reload()
    await expect(sheet.page.locator(".turn.earlier")).to_contain_text("There is no such run.")
    await sheet.stage("Finished")
    await sheet.page.wait_for_load_state("networkidle")
    assert len([url for url in sheet.requests if url.endswith(first)]) <= 3  # deleted, and looked for once a visit


async def test_another_panel_stands_beside_the_first(sheet):
    await sheet.asked()
    await sheet.button("Ask another panel").click()
    await sheet.page.locator("select.preset").select_option("small")
    await sheet.button("Ask", exact=True).click()
    await expect(sheet.page.locator(".side-run")).to_have_count(2)
    await expect(sheet.page.locator(".figures-table tr", has_text="Cost")).to_contain_text("$0.026")
    await expect(sheet.page.locator(".answer-text")).to_have_count(2)
