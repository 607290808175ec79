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


def accessibility(page: Page, rules: tuple[str, ...] = (), but: tuple[str, ...] = ()) -> list[str]:
    """What axe-core finds at every impact, by these rules or by all of its, those of best practice too.

    The rules of `but` are not asked. Those of colour are asked of one of all elements that look alike.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text())
    of_colour = tuple(rule for rule in OF_COLOUR if rule not in but and (not rules or rule in rules))
    others = {"runOnly": kept} if (kept := [rule for rule in rules if rule not in OF_COLOUR]) else {}
    found = []
    if others or not rules:
        found += _axe(page, {"rules": {rule: {"enabled": False} for rule in (*but, *OF_COLOUR)}, **others})
    if of_colour:
        page.evaluate(script("alike.js"), True)
        found += _axe(page, {"runOnly": list(of_colour)})
        page.evaluate(script("alike.js"), False)
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
        # It does not count the MathML of a formula as text, which screen readers read.
        if not (rule["id"] == "empty-table-header" and page.locator(node["target"][0]).locator("mjx-container").count())
    ]


def _axe(page: Page, options: dict) -> list[dict]:
    """The rules that are broken, in axe's own form."""
    # What MathJax draws, an element or more per letter, is hidden from screen readers: they read the MathML beside it.
    where = {"exclude": [["mjx-math"]]}
    # Style sheets beside a page that was opened as a file cannot be fetched: no preload.
    options = {"preload": False, "resultTypes": ["violations"], **options}
    return page.evaluate("([where, options]) => axe.run(where, options)", [where, options])["violations"]
