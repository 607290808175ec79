"""The book builds where there is no dataset, and its pages are what a reader should get."""

import collections
import html.parser
import pathlib
import re

import pytest
from reference.chapters import pages as listed

ROOT = pathlib.Path(__file__).resolve().parent.parent


def chapters() -> list[str]:
    return [f"book/{name}.md" for name in listed()]


@pytest.fixture(scope="module")
def pages(book) -> dict[str, str]:
    """The HTML of each page, by source file."""
    return {name: (book / name).with_suffix(".html").read_text() for name in chapters()}


class Article(html.parser.HTMLParser):
    """The pictures of a page's article, and its text outside code and equations."""

    def __init__(self, page: str):
        super().__init__()
        self.pictures: list[dict] = []
        self.text = ""
        self._inside = 0
        self._code = 0
        self._equation = False  # the theme puts no element inside one
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self._inside += tag == "article"
        self._code += tag in ("pre", "code", "script", "style")
        self._equation = "math" in (dict(attributes).get("class") or "").split()
        if tag == "img" and self._inside:
            self.pictures.append(dict(attributes))

    def handle_endtag(self, tag):
        self._inside -= tag == "article"
        self._code -= tag in ("pre", "code", "script", "style")
        self._equation = False

    def handle_data(self, data):
        if self._inside and not self._code and not self._equation:
            self.text += data


@pytest.mark.parametrize("name", chapters())
def test_a_page_shows_no_traceback_no_unresolved_role_and_no_bare_object(pages, name):
    article = Article(pages[name])
    assert len(article.text) > 100
    assert "Traceback" not in pages[name]
    assert not re.search("&lt;(IPython|Figure|matplotlib)", pages[name]), "an object is shown by its name"
    assert not re.search(r"\{[a-z:]+\}`", article.text), "a role of the source is still there"
    assert "$" not in article.text, "an equation was not recognised"
    assert 'class="problematic"' not in pages[name]


@pytest.mark.parametrize("name", chapters())
def test_every_figure_has_alternative_text(pages, name):
    for picture in Article(pages[name]).pictures:
        alt = picture.get("alt") or ""
        assert len(alt) > 30, f"no alternative text for {picture.get('src')}"
        assert "_images/" not in alt


def test_chapters_with_figures_show_them(pages):
    counts = {name: len(Article(page).pictures) for name, page in pages.items()}
    for name in chapters():
        assert counts[name] == (ROOT / name).read_text().count("    alt: >-"), "a figure is missing"


def test_without_a_dataset_the_page_says_that_it_trained_on_generated_images(pages):
    assert "generated images, because CIFAR-10 was not at hand" in pages["book/simpnet_cifar10.md"]


def test_pages_need_no_other_host_to_be_read(pages):
    for name, page in pages.items():
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="(https?:[^"]*)"', page)
        loaded += re.findall(r'<link[^>]*rel="stylesheet"[^>]*href="(https?:[^"]*)"', page)
        assert not loaded, name


def test_every_source_of_the_book_is_in_its_table_of_contents():
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "book").rglob("*.md")}
    assert sources == set(chapters())


@pytest.mark.parametrize("name", chapters())
def test_no_name_of_a_place_is_given_twice_on_a_page(pages, name):
    given = collections.Counter(re.findall(r'\sid="([^"]*)"', pages[name]))
    assert not [place for place, times in given.items() if times > 1]


@pytest.mark.parametrize("name", chapters())
def test_every_link_within_the_book_leads_to_a_page_and_a_place_on_it(book, pages, name):
    folder = (book / name).parent
    article = pages[name].partition("<article")[2].partition("</article")[0]
    links = set(re.findall(r'href="([^":]*)"', article))
    assert not [link for link in links if not _exists(folder, (book / name).with_suffix(".html"), link)]


def _exists(folder: pathlib.Path, page: pathlib.Path, link: str) -> bool:
    path, _, place = html.unescape(link).partition("#")
    target = (folder / path) if path else page
    return target.is_file() and (not place or re.search(rf'\sid="{re.escape(place)}"', target.read_text()) is not None)
