"""The buttons above each page of the built book lead to the release, and suggested changes to the source."""

import pathlib
import re

import pytest
from notebooks.pages import Book

BOOK = Book(pathlib.Path(__file__).resolve().parent.parent)
PAGES = sorted(BOOK.pages)


def buttons(book: pathlib.Path, page: str) -> list[str]:
    html = (book / page).with_suffix(".html").read_text()
    return re.findall(r'href="(https://[^"]*)"', html.partition("article-header-buttons")[2].partition("</article")[0])


@pytest.mark.parametrize("page", PAGES)
def test_colab_opens_the_notebook_of_the_release(book, page):
    found = [address for address in buttons(book, page) if address.startswith(BOOK.repository.colab_url)]
    notebook = BOOK.notebook_path(page)
    assert found[:1] == ([BOOK.repository.colab(notebook)] if page in BOOK.code_pages else [])
    assert (BOOK.root / notebook).exists() == bool(found)


@pytest.mark.parametrize("page", PAGES)
def test_changes_are_suggested_to_the_source_on_the_main_branch(book, page):
    found = buttons(book, page)
    assert BOOK.repository.url in found
    assert f"{BOOK.repository.url}/edit/main/{page}" in found
    assert any(address.startswith(f"{BOOK.repository.url}/issues/new?") for address in found)
