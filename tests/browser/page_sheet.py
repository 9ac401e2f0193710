"""What a person does with the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from page_house import QUESTION, House
from playwright.async_api import BrowserContext, Locator, Page

SECONDS = 20_000


class Sheet:
    """The open page.

    Attributes:
        page: Playwright's page.
        house: The server behind it.
        expected: Parts of console messages that the test provokes.
    """

    def __init__(self, page: Page, house: House) -> None:
        self.page = page
        self.house = house
        self.expected: list[str] = []
        self._said: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(SECONDS)
        page.on("console", lambda message: self._said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self._said.append(f"error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: self._said.append(f"dialog: {dialog.message}"))

    def unexpected(self) -> list[str]:
        """What the console said that no test expected."""
        return [line for line in self._said if not any(part in line for part in self.expected)]

    async def open(self, fragment: str = "") -> None:
        """Open the page, by its start or by a fragment such as `#/run/...`."""
        await self.page.goto(self.house.url + fragment)
        await self.page.locator("header.top").wait_for()

    async def ask(self, question: str = QUESTION) -> None:
        """Type a question and press Enter."""
        box = self.page.get_by_label("Your question")
        await box.fill(question)
        await box.press("Enter")

    async def asked(self, question: str = QUESTION) -> None:
        """Open the page, ask, and wait for the end."""
        await self.open()
        await self.ask(question)
        await self.stage("Finished")

    async def stage(self, text: str) -> None:
        """Wait until the run stands at a stage; asked for at every frame, which is sooner than `expect` looks again."""
        seen = "(text) => document.querySelector('.stage')?.textContent.includes(text)"
        await self.page.wait_for_function(seen, arg=text, timeout=SECONDS)

    def column(self, label: str) -> Locator:
        """A seat's column."""
        return self.page.locator(".column", has=self.page.locator("h4", has_text=label))

    def button(self, name: str, **more: Any) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, **more)

    @property
    def answer(self) -> Locator:
        """The answer's text."""
        return self.page.locator(".answer-text")

    @property
    def run_id(self) -> str:
        """The id of the run that is shown."""
        return self.page.url.rpartition("/")[2]


@asynccontextmanager
async def tab(context: BrowserContext, house: House) -> AsyncIterator[Sheet]:
    """Open a tab that remembers nothing of those before it, and close it."""
    page = await context.new_page()
    try:
        yield Sheet(page, house)
    finally:
        if page.url.startswith(house.url):
            await page.evaluate("() => localStorage.clear()")
        await page.close()
