"""What goes wrong at the edges: narrow screens, other scripts, two tabs, refusals, paper."""

from __future__ import annotations

import asyncio
import json

import pytest
from page_house import ALPHA, BETA, JUDGE, QUESTION, WRITER
from page_sheet import Sheet, tab
from playwright.async_api import expect
from test_page_errors import a_key

from fusion_graph.testing import Text

pytestmark = pytest.mark.asyncio(loop_scope="session")
ARABIC = "هل تخفض ضريبة الكربون الانبعاثات؟"


async def chosen(sheet: Sheet, **settings) -> None:
    """Open the page with settings that the browser remembers."""
    kept = json.dumps(json.dumps(settings))
    await sheet.page.add_init_script(f"localStorage.setItem('fusion-graph:settings', {kept})")
    await sheet.open()


async def eight_seats(sheet: Sheet) -> None:
    """Open the page, as wide as a phone, with a full panel."""
    await sheet.page.set_viewport_size({"width": 390, "height": 844})
    panel = [{"model": ALPHA, "label": f"Seat {at}"} for at in range(1, 8)] + [{"model": BETA, "label": "Beta"}]
    await chosen(sheet, panel=panel, judge=JUDGE, writer=WRITER)


async def test_on_a_phone_nothing_scrolls_sideways_but_tables_and_marked_drafts_come_into_sight(sheet):
    await eight_seats(sheet)
    name = sheet.page.locator(".panel-bar dt").first
    assert await name.evaluate("(dt) => dt.getClientRects().length === 1 && dt.offsetHeight < 40")
    sheet.house.models.on(JUDGE, json.dumps(point_of_the_last_seat()))
    await sheet.ask()
    await sheet.stage("Finished")
    await sheet.page.get_by_role("tab", name="Partial coverage").click()
    await expect(sheet.page.locator(".matrix tbody td")).to_have_count(8)
    assert await sheet.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await sheet.button("A point of all drafts but none.").click()
    await expect(sheet.page.locator(".marked-note")).to_be_in_viewport()
    await expect(sheet.page.locator(".column.marked header").first).to_be_in_viewport(ratio=0.5)


def point_of_the_last_seat() -> dict[str, object]:
    """An analysis with one point, made by the draft shown last."""
    point = {"point": "A point of all drafts but none.", "drafts": ["H"], "sources": []}
    empty = {name: [] for name in ("consensus", "contradictions", "unique_insights", "blind_spots")}
    return {**empty, "partial_coverage": [point]}


async def test_a_text_reads_in_the_direction_of_its_script(sheet):
    sheet.house.models.on(WRITER, Text("نعم، حيث يكون السعر مرتفعًا.\n\n- السويد\n\nAnd in English."))
    await sheet.asked(ARABIC)
    await expect(sheet.answer.locator("p").last).to_have_text("And in English.")
    directions = "(all) => all.map((one) => getComputedStyle(one).direction)"
    assert await sheet.answer.locator("p, li").evaluate_all(directions) == ["rtl", "rtl", "ltr"]
    asked = sheet.page.locator("h2.question, .run-entry:first-child .title")
    assert await asked.evaluate_all(directions) == ["rtl", "rtl"]


async def test_a_link_that_names_a_host_must_lead_to_it_or_below_it(sheet):
    links = ("[bank.example](https://bank.example/a)", "[bank.example](https://my.bank.example)", "me@bank.example")
    sheet.house.models.on(WRITER, Text("\n\n".join([*links, "[bank.example](https://evilbank.example)"])))
    await sheet.asked()
    shown = await sheet.answer.locator("a").all_inner_texts()
    assert shown == ["bank.example", "bank.example", "me@bank.example", "bank.example (leads to evilbank.example)"]


async def test_a_draft_cannot_reach_into_the_other_parts_of_an_export(sheet, context, tmp_path):
    sheet.house.models.on(ALPHA, Text("A draft.\n\n[S1]: https://evil.example/x\n\n```python\nprint(1)"))
    await sheet.asked()
    made = {}
    for name in ("HTML page", "Markdown"):
        await sheet.page.locator("details.menu", has_text="Export").evaluate("(menu) => (menu.open = true)")
        async with sheet.page.expect_download() as download:
            await sheet.button(name, exact=True).click()
        made[name] = tmp_path / name.replace("HTML page", "run.html")
        await (await download.value).save_as(made[name])
    page = await context.new_page()
    await page.goto(made["HTML page"].as_uri())
    assert await page.locator("a[href*=evil]").count() == 0
    assert await page.locator("pre").all_inner_texts() == ["print(1)\n"]
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    await page.close()
    assert "```python\nprint(1)\n```\n\n### Beta" in made["Markdown"].read_text()


async def test_a_cap_that_cannot_hold_stops_the_question_from_being_sent(sheet):
    await sheet.open()
    await sheet.button("Change the panel").click()
    cap = sheet.page.get_by_label("Money cap (US dollars)")
    await sheet.page.get_by_label("Your question").fill(QUESTION)
    await cap.press_sequentially("0")
    await sheet.button("Ask", exact=True).click()
    await sheet.page.get_by_label("Your question").press("Enter")
    await expect(cap).to_be_focused()
    await expect(cap).to_have_value("0")
    await expect(sheet.page.get_by_label("Your question")).to_have_value(QUESTION)
    assert not [url for url in sheet.requests if url.endswith("/responses")]


async def test_two_tabs_keep_each_others_panels(sheet, context):
    async with tab(context, sheet.house) as other:
        for one in (sheet, other):
            await one.open()
            await one.button("Change the panel").click()
        for one, name in ((sheet, "first"), (other, "second")):
            await one.page.bring_to_front()
            await one.page.get_by_label("Save this panel as").fill(name)
            await one.button("Save", exact=True).click()
            await expect(one.page.locator(".keeping")).to_contain_text(f"Saved as {name}.")
        kept = await sheet.page.evaluate("() => Object.keys(JSON.parse(localStorage.getItem('fusion-graph:panels')))")
        assert kept == ["first", "second"]


async def test_the_list_hears_of_runs_that_were_started_and_deleted_elsewhere(sheet):
    sheet.expected.append("status of 404")
    await sheet.asked("Deleted elsewhere?")
    await sheet.page.request.delete(f"{sheet.house.url}v1/responses/{sheet.run_id}")
    await sheet.asked("Is this shown?")
    entry = sheet.page.locator(".run-entry", has_text="Deleted elsewhere?")
    await expect(entry).to_have_count(0)
    body = {"model": "fusion/small", "input": "Started elsewhere?", "background": True}
    made = await (await sheet.page.request.post(f"{sheet.house.url}v1/responses", data=body)).json()
    await sheet.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    assert made["id"], made
    other = sheet.page.locator(".run-entry", has_text="Started elsewhere?")
    await expect(other).to_have_count(1)
    await sheet.page.request.delete(f"{sheet.house.url}v1/responses/{made['id']}")
    await delete(sheet, "Started elsewhere?")
    await expect(sheet.page.locator(".side h2")).to_be_focused()
    await delete(sheet, "Is this shown?")
    await expect(sheet.page.get_by_label("Your question")).to_be_focused()


async def delete(sheet: Sheet, question: str) -> None:
    """Delete a run of the list."""
    entry = sheet.page.locator(".run-entry", has_text=question)
    await entry.get_by_role("button", name="Delete").click()
    await entry.get_by_role("button", name="Really delete").click()
    await expect(entry).to_have_count(0)


async def test_older_runs_are_reached_from_the_list(sheet):
    await sheet.page.route("**/responses?limit=40*", lambda route: route.continue_(url=fewer(route.request.url)))
    for question in ("The first?", "The second?"):
        await sheet.asked(question)
    await expect(sheet.page.locator(".run-entry", has_text="The second?")).to_have_count(1)
    await expect(sheet.page.locator(".run-entry")).to_have_count(1)
    await sheet.button("Older runs").click()
    await expect(sheet.page.locator(".run-entry .title")).to_have_text(["The second?", "The first?"])
    await sheet.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    await sheet.page.locator(".run-entry a", has_text="The first?").click()
    await sheet.stage("Finished")
    await sheet.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    await sheet.page.locator(".run-entry a", has_text="The second?").click()
    await expect(sheet.page.locator("h2.question")).to_have_text("The second?")
    await expect(sheet.page.locator("h2.question")).to_be_in_viewport()


def fewer(url: str) -> str:
    """The same list in pages of one run."""
    return url.replace("limit=40", "limit=1")


async def test_a_refused_question_is_kept_while_a_key_is_entered(own_sheet):
    sheet = own_sheet
    sheet.expected.append("status of 401")
    await sheet.open()
    await expect(sheet.page.locator(".outlook")).to_be_visible()
    secret = await a_key(sheet.house)
    async with tab(sheet.page.context, sheet.house) as other:
        await other.open()
        await expect(other.page.locator(".side .runs")).to_contain_text("This server asks for a key.")
        await other.page.wait_for_load_state("networkidle")
        await expect(other.page.get_by_role("alert")).to_have_count(1)  # it is said once
    await sheet.ask("Is this lost?")
    await expect(sheet.page.get_by_role("alert")).to_contain_text("This server asks for a key.")
    await expect(sheet.page.locator(".run-bar")).to_have_count(0)
    await sheet.button("Enter a key").click()
    await sheet.page.get_by_role("textbox", name="Key").fill(secret)
    await sheet.button("Use this key").click()
    await sheet.button("Try again").click()
    await expect(sheet.page.get_by_label("Your question")).to_have_value("Is this lost?")


async def test_a_follow_up_and_a_second_panel_that_find_no_server_can_be_asked_again_where_they_belong(own_sheet):
    sheet = own_sheet
    sheet.expected += ["Failed to load resource", "net::ERR"]
    await sheet.asked()
    first = sheet.run_id
    await asyncio.to_thread(sheet.house.stop)
    box = sheet.page.get_by_label("Ask a follow-up in this thread")
    await box.fill("And further?")
    await box.press("Enter")
    await expect(sheet.page.get_by_role("alert")).to_contain_text("The server does not answer.")
    await asyncio.to_thread(sheet.house.start)
    async with sheet.page.expect_request("**/v1/responses") as sent:
        await sheet.button("Try again").click()
    assert (await sent.value).post_data_json["previous_response_id"] == first
    await sheet.stage("Finished")
    await sheet.button("Ask another panel").click()
    await asyncio.to_thread(sheet.house.stop)
    await sheet.button("Ask", exact=True).click()
    await sheet.button("Try again").click()
    await expect(sheet.page.get_by_role("note")).to_contain_text("The answer will stand beside")
    await expect(sheet.page.get_by_label("Your question")).to_have_value("And further?")


async def test_seats_have_the_same_names_in_the_receipt_as_in_their_columns(sheet):
    await chosen(sheet, preset="small")
    await sheet.ask()
    await sheet.stage("Finished")
    receipt = sheet.page.locator(".receipt")
    await expect(receipt.locator("tbody th").first).to_have_text("beta")
    await expect(receipt.locator(".notes")).to_contain_text("A = beta")


async def test_a_menu_closes_by_escape_and_by_turning_elsewhere(sheet):
    await sheet.asked()
    menu = sheet.page.locator("details.menu", has_text="Export")
    summary = menu.locator("summary")
    await summary.click()
    await sheet.page.keyboard.press("Tab")
    await sheet.page.keyboard.press("Escape")
    await expect(menu).not_to_have_attribute("open")
    await expect(summary).to_be_focused()
    await summary.click()
    await sheet.page.locator("h2.question").click()
    await expect(menu).not_to_have_attribute("open")


async def test_on_paper_a_run_stands_alone_with_its_drafts_in_full(sheet):
    sheet.house.models.on(ALPHA, Text("A long draft.\n\n" * 60))
    await sheet.asked()
    body = sheet.column("Alpha").locator(".body")
    assert await body.evaluate("(box) => box.scrollHeight > box.clientHeight + 100")
    await sheet.page.emulate_media(media="print")
    assert await body.evaluate("(box) => box.scrollHeight <= box.clientHeight + 1")
    for hidden in (".side", "header.top", ".follow-up"):
        await expect(sheet.page.locator(hidden)).to_be_hidden()


async def test_a_judge_that_writes_no_comparison_is_told_in_a_sentence(sheet):
    sheet.house.models.on(JUDGE, "Nothing to compare.")
    await sheet.asked()
    told = "There is no comparison: the judge wrote no valid comparison. The writer worked from the drafts alone."
    await expect(sheet.page.locator(".analysis")).to_contain_text(told)


async def test_beside_another_run_an_item_leads_to_its_drafts_too(sheet):
    await sheet.asked()
    first = sheet.run_id
    await sheet.asked("Once more?")
    await sheet.open(f"#/compare/{first}/{sheet.run_id}")
    side = sheet.page.get_by_role("region", name="Panel B", exact=True)
    await side.get_by_role("tab", name="Unique insights").click()
    await side.get_by_role("button", name="Fuel purchases leak across the border.").click()
    await expect(side.locator(".column.marked .hit")).to_be_in_viewport()
    await expect(side.locator(".marked-note")).to_be_in_viewport()


@pytest.mark.parametrize(("width", "height"), [(1360, 900), (820, 1100), (700, 420), (390, 844)])
async def test_a_part_that_one_jumps_to_is_not_hidden_by_the_bar(sheet, width, height):
    await sheet.page.emulate_media(reduced_motion="reduce")
    await sheet.page.set_viewport_size({"width": width, "height": height})
    await sheet.asked()
    await sheet.page.get_by_role("navigation", name="Parts of the run").get_by_role("link", name="Comparison").click()
    heading = sheet.page.locator(".analysis h3")
    await expect(heading).to_be_in_viewport(ratio=1)
    top = "(one) => one.getBoundingClientRect().top"
    bar = await sheet.page.locator(".run-bar").evaluate("(bar) => bar.getBoundingClientRect().bottom")
    assert bar <= await heading.evaluate(top) < height / 2
