"""With the keyboard alone, with a screen reader, on a phone, in the dark."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from page_house import ALPHA, GAMMA, QUESTION
from page_sheet import Sheet
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`);
}"""


def axe() -> str:
    """The source of axe-core."""
    spec = importlib.util.find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(spec.origin).parent / "axe.min.js").read_text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
async def test_axe_finds_no_violation_in_any_state(sheet, scheme, width):
    await sheet.page.emulate_media(color_scheme=scheme)
    await sheet.page.set_viewport_size({"width": width, "height": 844})
    await sheet.page.add_init_script(axe())
    found: dict[str, list[str]] = {}

    async def look(state: str) -> None:
        found[state] = await sheet.page.evaluate(_RUN)

    await sheet.open("#/runs")
    await sheet.button("Key", exact=True).click()
    await look("key")
    await sheet.page.keyboard.press("Escape")
    await sheet.open()
    await expect(sheet.page.locator(".outlook")).to_be_visible()
    await sheet.button("Change the panel").click()
    await look("question and form")
    gamma = sheet.house.hold(GAMMA)
    await sheet.ask()
    await sheet.stage("2 of 3 seats done")
    await look("live")
    gamma.open()
    await sheet.stage("Finished")
    await sheet.page.get_by_role("tab", name="Partial coverage").click()
    await sheet.button("British Columbia's tax").click()
    await sheet.page.get_by_text("Other judge or writer").click()
    await look("finished, with marks and a menu")
    await sheet.page.locator("button.cite").first.click()
    await look("citation")
    await sheet.page.keyboard.press("Escape")
    await sheet.open("#/runs")
    await expect(sheet.page.get_by_role("link", name=QUESTION).last).to_be_visible()
    await look("runs")
    assert {state: list_ for state, list_ in found.items() if list_} == {}


async def reach(sheet: Sheet, name: str, most: int = 60) -> None:
    """Press Tab until something of this name has the focus."""
    for _ in range(most):
        await sheet.page.keyboard.press("Tab")
        focused = sheet.page.locator(":is(button, a, select, input, textarea, summary):focus")
        if await focused.count() and name in (await focused.get_attribute("aria-label") or await focused.inner_text()):
            return
    pytest.fail(f"Tab never reached {name!r}")


async def test_a_whole_run_by_keyboard_alone(sheet):
    await sheet.open()
    await sheet.page.keyboard.type(QUESTION)
    await sheet.page.keyboard.press("Enter")
    await sheet.stage("Finished")
    await reach(sheet, "Contradictions")
    await sheet.page.keyboard.press("ArrowRight")
    await expect(sheet.page.get_by_role("tab", name="Partial coverage")).to_be_focused()
    await reach(sheet, "British Columbia's tax")
    await sheet.page.keyboard.press("Enter")
    await expect(sheet.page.locator(".column.marked")).to_have_count(2)
    await reach(sheet, "Source 1")
    await sheet.page.keyboard.press("Enter")
    card = sheet.page.get_by_role("dialog", name="Source")
    await expect(card.get_by_role("link")).to_be_focused()
    await sheet.page.keyboard.press("Escape")
    await expect(card).to_be_hidden()
    await expect(sheet.page.locator("button.cite").first).to_be_focused()


async def test_a_screen_reader_is_told_the_turns_of_a_run(sheet):
    await sheet.open()
    await sheet.page.evaluate(
        """() => { window.said = [];
        new MutationObserver(() => said.push(document.getElementById("announcer").textContent))
          .observe(document.getElementById("announcer"), { childList: true, characterData: true, subtree: true }); }"""
    )
    door = sheet.house.hold(ALPHA)
    await sheet.ask()
    await sheet.page.wait_for_function("() => said.length")
    door.open()
    await sheet.stage("Finished")
    await expect(sheet.page.locator("#announcer")).to_contain_text("the answer is complete")
    said = await sheet.page.evaluate("() => said")
    assert "3 seats at work." in said[0]
    assert len(said) < 10
    assert any("The judge compares the drafts." in line for line in said)


async def test_the_colours_can_be_chosen_and_stay(sheet):
    await sheet.open()
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = await sheet.page.evaluate(ground)
    await sheet.page.get_by_label("Colours").select_option("dark")
    dark = await sheet.page.evaluate(ground)
    assert dark != light
    await sheet.page.reload()
    await sheet.page.locator("header.top").wait_for()
    assert await sheet.page.evaluate(ground) == dark
