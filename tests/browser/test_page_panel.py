"""Build a panel, keep it, hand it on."""

from __future__ import annotations

import pytest
from page_house import ALPHA, BETA, GAMMA, JUDGE, WRITER
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def models_of(sheet) -> list[str]:
    """The models that the form shows, seat by seat."""
    rows = sheet.page.locator(".seat-row select")
    return [await rows.nth(at).input_value() for at in range(await rows.count())]


async def opened(sheet) -> None:
    await sheet.open()
    await sheet.button("Change the panel").click()
    await expect(sheet.page.locator(".seat-row")).to_have_count(3)


async def test_seats_are_added_moved_removed_and_given_roles(sheet):
    await opened(sheet)
    await sheet.button("Add a seat").click()
    await sheet.page.get_by_label("Model of seat 4").select_option(ALPHA)
    await sheet.page.get_by_label("Role of seat 4").fill("historian")
    await sheet.page.get_by_label("Role of seat 4").press("Tab")
    await sheet.button("Move seat 4 up").click()
    await sheet.button("Remove seat 1").click()
    assert await models_of(sheet) == [BETA, ALPHA, GAMMA]
    await sheet.ask()
    await sheet.stage("Finished")
    assert "historian" in sheet.house.calls_of(ALPHA)[0].prompt
    assert all(sheet.house.calls_of(model) for model in (ALPHA, BETA, GAMMA, JUDGE, WRITER))


async def test_a_panel_has_one_to_eight_seats(sheet):
    await opened(sheet)
    for _ in range(5):
        await sheet.button("Add a seat").click()
    await expect(sheet.page.locator(".seat-row")).to_have_count(8)
    await expect(sheet.button("Add a seat")).to_be_disabled()
    for _ in range(7):
        await sheet.button("Remove seat 1").click()
    await expect(sheet.button("Remove seat 1")).to_be_disabled()


async def test_judge_writer_tools_and_caps_reach_the_server(sheet):
    await opened(sheet)
    await sheet.page.get_by_role("combobox", name="Judge", exact=True).select_option(GAMMA)
    await sheet.page.get_by_label("web search").uncheck()
    await sheet.page.get_by_label("fetching pages").uncheck()
    await sheet.page.get_by_label("Token cap for the whole run").fill("500000")
    await sheet.page.get_by_label("Token cap for the whole run").press("Tab")
    async with sheet.page.expect_request("**/v1/responses") as sent:
        await sheet.ask()
    fusion = (await sent.value).post_data_json["fusion"]
    assert fusion == {"mode": "fuse", "judge": GAMMA, "writer": WRITER, "tools": [], "max_total_tokens": 500_000}
    await sheet.stage("Finished")


async def test_a_saved_panel_is_there_after_a_reload(sheet):
    await opened(sheet)
    await sheet.button("Remove seat 1").click()
    await sheet.page.get_by_label("Save this panel as").fill("two of them")
    await sheet.button("Save", exact=True).click()
    await sheet.page.locator("select.preset").select_option("small")
    await sheet.page.reload()
    await sheet.page.locator("select.preset").select_option("saved:two of them")
    await expect(sheet.page.locator(".panel-bar .chips li")).to_have_text(["Beta sceptic", "Gamma"])


async def test_a_panel_travels_as_a_link_without_the_key(sheet):
    await opened(sheet)
    await sheet.page.evaluate("() => sessionStorage.setItem('fusion-graph:key', '\"fg-secret-key\"')")
    await sheet.button("Remove seat 1").click()
    await sheet.button("Share as a link").click()
    link = await sheet.page.get_by_label("Link", exact=True).input_value()
    assert "#/panel/" in link
    await sheet.page.evaluate("() => localStorage.clear()")
    await sheet.page.goto("about:blank")
    await sheet.page.goto(link)
    await expect(sheet.page.locator(".panel-bar .chips li")).to_have_text(["Beta sceptic", "Gamma"])
    assert "secret" not in link
    code = link.partition("#/panel/")[2]
    assert not [url for url in sheet.requests if code in url.partition("#")[0]]


async def test_a_link_with_nonsense_is_told_and_changes_nothing(sheet):
    await sheet.open("#/panel/%7Bnonsense")
    await expect(sheet.page.get_by_role("alert")).to_contain_text("The link holds no panel.")
    await expect(sheet.page.locator(".panel-bar .chips li")).to_have_count(3)
