"""A Chromium without a window, and a reader in it: one page with a theme, and all that went wrong while it was read."""

import os
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager

import pdf
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

# Things are where they will be at once, so that none is looked at on its way.
_STILL = """addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent = '*, *::before, *::after { transition: none !important; animation: none !important; }';
  document.head.append(style);
})"""
PHONE, DESKTOP = 390, 1280  # CSS pixels
SCREENSHOTS = pathlib.Path(__file__).resolve().parent.parent.parent / "_build" / "screenshots"


def program() -> str:
    """The path of the browser: that of the environment variable CHROMIUM, or the first that is installed."""
    found = pdf.browser()
    if not found:
        names = os.environ.get("CHROMIUM") or " or ".join(pdf.BROWSERS)
        pytest.fail(
            f"These tests read the book in Chromium, and {names} is not there: "
            "apt-get install chromium, or let the environment variable CHROMIUM name one.",
            pytrace=False,
        )
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program())
        yield browser
        browser.close()


class Reader:
    """A page of a browser, in a theme.

    Attributes:
        page: Playwright's page.
        theme: "light" or "dark".
        troubles: what the page has complained of, and what it has asked other hosts for, since it was opened.
    """

    def __init__(self, browser: Browser, theme: str = "light", **options):
        viewport = {"width": PHONE, "height": 844}
        self.theme = theme
        self.context = browser.new_context(color_scheme=theme, viewport=viewport, **options)
        self.page: Page = self.context.new_page()
        self.page.add_init_script(_STILL)
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("requestfailed", lambda request: self.troubles.append(f"not found: {request.url}"))
        self.page.on("request", self._asked)

    def _heard(self, message) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _asked(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:", "about:")):
            self.troubles.append(f"asks another host: {request.url}")

    def open(self, file: pathlib.Path, width: int = PHONE) -> Page:
        """Open a page of the book and wait until its equations are set."""
        self.troubles.clear()
        self.resize(width)
        self.page.goto(file.as_uri())
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        return self.page

    def turn(self, theme: str) -> None:
        """Let the system be light or dark, under the page that is open too."""
        self.theme = theme
        self.page.emulate_media(color_scheme=theme)

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 844})

    def expect_nothing(self, found: list[str], name: str) -> None:
        """Fail if something was found, with a picture of the page."""
        if not found:
            return
        width = self.page.viewport_size["width"]
        picture = SCREENSHOTS / f"{name.replace('/', '-')}-{self.theme}-{width}.png"
        self.page.screenshot(path=picture, full_page=True)
        listed = "\n  ".join(found)
        pytest.fail(f"{name}, {self.theme}, {width} pixels wide:\n  {listed}\nA picture: {picture}", pytrace=False)

    def close(self) -> None:
        self.context.close()
