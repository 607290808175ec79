"""Sortable tables of the book in a browser: by the press of a header, forwards and backwards, with the keyboard too."""

import pathlib

import pytest
from browser.reader import Reader, chromium

from urfb_tf.table import Table

SCRIPT = pathlib.Path(__file__).parent.parent / "book" / "_static" / "book.js"
TABLE = Table(
    ["run", "error", "spread"],
    [["URFB", "0.48", "0.010"], ["BP", "0.5", ""], ["dfa", "0.461", "0.002"]],
    sortable=True,
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, tmp_path):
    def opened(table):
        file = tmp_path / "page.html"
        script = f"<script>{SCRIPT.read_text()}</script>"
        file.write_text(f"<!doctype html><meta charset=utf-8><title>t</title>{table._repr_html_()}{script}")
        return reader.open(file)

    reader = Reader(browser)
    yield opened
    reader.close()


def column(page, number):
    return page.locator(f"tbody tr > :nth-child({number})").all_text_contents()


def press(page, name):
    page.get_by_role("button", name=name).click()


def sorted_by(page):
    return {h.text_content(): s for h in page.locator("th[aria-sort]").all() if (s := h.get_attribute("aria-sort"))}


def test_numbers_are_sorted_by_size_and_back(page):
    page = page(TABLE)
    press(page, "error")
    assert column(page, 2) == ["0.461", "0.48", "0.5"]
    assert column(page, 1) == ["dfa", "URFB", "BP"]  # whole rows move
    assert sorted_by(page) == {"error": "ascending"}
    press(page, "error")
    assert column(page, 2) == ["0.5", "0.48", "0.461"]
    assert sorted_by(page) == {"error": "descending"}


def test_what_is_empty_stands_last_in_both_directions(page):
    page = page(TABLE)
    press(page, "spread")
    assert column(page, 3) == ["0.002", "0.010", ""]
    press(page, "spread")
    assert column(page, 3) == ["0.010", "0.002", ""]


def test_text_is_sorted_by_the_alphabet_and_only_one_column_says_that_it_is(page):
    page = page(TABLE)
    press(page, "error")
    page.get_by_role("button", name="run").focus()
    page.keyboard.press("Enter")
    assert column(page, 1) == ["BP", "dfa", "URFB"]
    assert sorted_by(page) == {"run": "ascending"}


def test_other_tables_have_no_buttons(page):
    assert page(Table(TABLE.header, TABLE.rows)).get_by_role("button").count() == 0
