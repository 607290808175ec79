"""What may be wrong with an open page, each check as a list of sentences."""

import functools
import pathlib

import axe_playwright_python
from playwright.sync_api import Page

AXE = pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js"
HERE = pathlib.Path(__file__).parent


# Of axe's rules those whose answer depends on the theme, which the others' does not. No other takes as long.
OF_COLOUR = ("color-contrast", "link-in-text-block")


@functools.cache
def script(name: str) -> str:
    return (HERE / name).read_text()


def layout(page: Page) -> list[str]:
    """What is wider than the page."""
    return page.evaluate(script("layout.js"))


def accessibility(page: Page) -> list[str]:
    """What axe-core finds at every impact, by all of its rules, those of best practice too."""
    return structure(page) + colours(page)


def structure(page: Page) -> list[str]:
    """What it finds by all rules but those of colour."""
    return _axe(page, {"rules": {rule: {"enabled": False} for rule in OF_COLOUR}})


def colours(page: Page) -> list[str]:
    """What it finds by the rules of colour, which are asked of one of all elements that look alike."""
    page.evaluate(script("alike.js"), True)
    found = _axe(page, {"runOnly": list(OF_COLOUR)})
    page.evaluate(script("alike.js"), False)
    return found


def _axe(page: Page, options: dict) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    # Style sheets beside a page that was opened as a file cannot be fetched: no preload.
    options = {"preload": False, "resultTypes": ["violations"], **options}
    # What MathJax draws, an element or more per letter, is hidden from screen readers: they read the MathML beside it.
    where = {"exclude": [["mjx-math"]]}
    found = page.evaluate("([where, options]) => axe.run(where, options)", [where, options])["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
        # It does not count the MathML of a formula as text, which screen readers read.
        if not (rule["id"] == "empty-table-header" and page.locator(node["target"][0]).locator("mjx-container").count())
    ]
