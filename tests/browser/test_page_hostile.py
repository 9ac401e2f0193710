"""Models and pages that want to act in the browser of the person who reads them."""

from __future__ import annotations

import pytest
from page_house import ALPHA, WRITER
from playwright.async_api import Page, expect

from fusion_graph.testing import Text

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = """# <script>window.broken = 1; alert(1)</script>

<img src="https://evil.example/pixel" onerror="window.broken = 1"> ![p](https://evil.example/picture.png)
![d](data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=)
<svg onload="window.broken=1"><a href="javascript:window.broken=1">x</a></svg>
<style>body { display: none } .prose { background: url(https://evil.example/css) }</style>
<iframe src="https://evil.example/frame"></iframe> <form action="https://evil.example/form"><button>send</button></form>
<p style="position:fixed;inset:0;z-index:99" class="notice" id="page">covered</p>

[run](javascript:window.broken=1) [data](data:text/html,<script>window.broken=1</script>) [vb](vbscript:x)
[https://bank.example/login](https://evil.example/phish) <https://evil.example/plain>
[x](https://evil.example/"onmouseover="window.broken=1) [S1](javascript:window.broken=1)
"""
HUGE = "W" * 20_000


async def checked(sheet) -> None:
    """Nothing acted, nothing was asked of a stranger, nothing covers the page."""
    assert await sheet.page.evaluate("() => window.broken") is None
    assert [url for url in sheet.requests if not url.startswith((sheet.house.url, "blob:"))] == []
    assert (
        await sheet.page.locator(".prose :is(script, style, img, svg, iframe, form, button:not(.cite), input)").count()
        == 0
    )
    assert await sheet.page.locator(".prose [style], .prose [onerror], .prose [id]").count() == 0
    links = await sheet.page.locator(".prose a").evaluate_all("(all) => all.map((a) => [a.protocol, a.target, a.rel])")
    assert {tuple(link) for link in links} <= {("https:", "_blank", "noopener noreferrer nofollow")}
    width = await sheet.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


async def test_a_hostile_answer_and_a_hostile_draft_do_nothing_on_the_page_or_in_its_export(sheet, context, tmp_path):
    sheet.house.models.on(WRITER, Text(EVIL + HUGE))
    sheet.house.models.on(ALPHA, Text(EVIL + HUGE))
    await sheet.asked()
    await expect(sheet.answer).to_contain_text("<script>window.broken = 1; alert(1)</script>")
    await expect(sheet.answer.locator("a", has_text="bank.example")).to_contain_text("(leads to evil.example)")
    await checked(sheet)
    await sheet.page.locator("details.menu", has_text="Export").evaluate("(menu) => (menu.open = true)")
    async with sheet.page.expect_download() as download:
        await sheet.button("HTML page", exact=True).click()
    await (await download.value).save_as(tmp_path / "run.html")
    await exported(await context.new_page(), (tmp_path / "run.html").as_uri())


async def exported(page: Page, address: str) -> None:
    """The exported page holds nothing that acts, and asks nobody for anything."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(address)
    assert asked == [address]
    assert await page.locator("script, img, iframe, form, [onerror], [href^=javascript]").count() == 0
    assert await page.evaluate("() => window.broken") is None
    await page.close()


async def test_hostile_questions_titles_and_addresses_are_shown_as_text(sheet):
    evil = "<img src=x onerror=window.broken=1>"
    sheet.house.search.found = [
        ("https://example.org/a", evil + HUGE[:3000]),
        ("javascript:window.broken=1", "a trap"),
        ("data:text/html,<script>1</script>", "another"),
    ]
    await sheet.asked(f"{evil} {HUGE}")
    await expect(sheet.page.locator("h2.question")).to_contain_text(evil)
    await expect(sheet.page.locator(".sources")).to_contain_text(evil)
    links = await sheet.page.locator("main a").evaluate_all("(all) => all.map((link) => link.getAttribute('href'))")
    assert all(link.startswith(("https://", "#/")) for link in links)
    await checked(sheet)


async def test_the_page_is_served_locked_down(sheet):
    answer = await sheet.page.request.get(sheet.house.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    again = await sheet.page.request.get(sheet.house.url, headers={"if-none-match": answer.headers["etag"]})
    assert again.status == 304
    for path in ("assets/../server/app.py", "assets/%2e%2e/server/app.py", "assets/app/", "assets/none.js"):
        assert (await sheet.page.request.get(sheet.house.url + path)).status == 404
