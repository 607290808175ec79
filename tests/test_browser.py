"""Every page of the book, read in a browser: on a phone and on a desk, in the light and in the dark, by keyboard."""

import re

import pytest
from browser import checks, keyboard
from browser.reader import DESKTOP, PHONE, Reader, chromium, program
from reference.chapters import pages as listed

PAGES = [f"book/{name}" for name in listed()]
PAPER = 720  # CSS pixels: A4 between its margins
# Elements whose content can be scrolled; the MathML of equations is for screen readers and never drawn.
CUT = """() => [...document.querySelectorAll('article *')].filter((each) => each.scrollWidth > each.clientWidth + 1
  && each.clientWidth && getComputedStyle(each).overflowX !== 'visible' && !each.closest('mjx-container, span.math')
).map((each) => each.outerHTML)"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def one_reader(browser):
    made = Reader(browser)
    yield made
    made.close()


@pytest.fixture
def reader(one_reader) -> Reader:
    """A reader whom all tests share: windows are slow to open. It is light at first."""
    one_reader.turn("light")
    return one_reader


@pytest.fixture
def fresh(browser):
    """Makes a reader with a window of its own."""
    made = []

    def make(**options) -> Reader:
        made.append(Reader(browser, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_accessible_on_a_phone_and_on_a_desk(book, reader, name):
    page = reader.open(book / f"{name}.html")
    # A phone shows no other colours than a desk, and a desk no other structure than a phone, but for the buttons and
    # sidebars of each, which are the same on every page: see below.
    reader.expect_nothing(checks.layout(page) + checks.structure(page), name)
    reader.resize(DESKTOP)
    reader.expect_nothing(checks.layout(page) + checks.colours(page), name)
    reader.turn("dark")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    reader.expect_nothing(checks.layout(page) + checks.colours(page), name)
    reader.resize(PHONE)
    reader.expect_nothing(checks.layout(page) + reader.troubles, name)


@pytest.mark.parametrize("name", ["book/circuit", "search", "genindex"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_opened_in_either_theme_is_whole_and_accessible(book, reader, theme, name):
    reader.turn(theme)
    page = reader.open(book / f"{name}.html")
    assert page.evaluate("() => document.documentElement.dataset.theme") == theme
    for width in (PHONE, DESKTOP):
        reader.resize(width)
        found = checks.layout(page) + checks.accessibility(page)
        reader.expect_nothing(reader.troubles + found, name)


def test_interactive_figures_answer_to_the_keyboard(book, fresh):
    reader = fresh()
    names = [name for name in PAGES if "data-interactive=" in (book / f"{name}.html").read_text()]
    assert "book/circuit" in names
    for name in names:
        page = reader.open(book / f"{name}.html", DESKTOP)
        reader.expect_nothing(keyboard.figures(page) + reader.troubles, name)


@pytest.mark.parametrize("name", ["book/preface", "book/circuit"])
def test_every_stop_of_the_tab_key_is_seen(book, fresh, name):
    reader = fresh()
    page = reader.open(book / f"{name}.html", DESKTOP)
    reader.expect_nothing(keyboard.stops(page), name)


def test_the_first_stop_of_the_tab_key_skips_to_the_text(book, fresh):
    page = fresh().open(book / "book/loss.html", DESKTOP)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent").strip() == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('main') !== null")


def test_the_button_for_the_theme_makes_a_light_page_dark(book, fresh):
    page = fresh().open(book / "book/loss.html", DESKTOP)
    themes = []
    for _ in range(3):
        page.locator(".theme-switch-button:visible").first.press("Enter")
        themes.append(page.evaluate("() => document.documentElement.dataset.theme"))
    assert sorted(themes) == ["dark", "light", "light"], "of light, dark and the system's, which is light"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_javascript_a_page_still_has_its_content(book, fresh, theme):
    reader = fresh(theme=theme, java_script_enabled=False)
    reader.page.goto((book / "book/circuit.html").as_uri())
    assert "A gate without memory" in reader.page.inner_text("article")
    assert reader.page.locator("article img").first.is_visible()
    figures = reader.page.locator("[data-interactive]")
    assert figures.count() > 0
    for figure in figures.all():
        assert figure.locator("table").first.is_visible(), "the figure's numbers"
        assert not any(button.is_visible() for button in figure.locator("button").all()), "buttons that do nothing"


def test_on_paper_a_table_that_can_be_sorted_keeps_its_heads(book, fresh):
    page = fresh().open(book / "book/leaderboard.html", PAPER)
    page.emulate_media(media="print")
    heads = page.locator("table.sortable thead tr").first.locator("th")
    assert heads.count() > 2
    assert [text.strip() for text in heads.all_inner_texts()] == [text.strip() for text in heads.all_text_contents()]
    assert "test error" in heads.all_inner_texts()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_paper_a_page_is_its_text_in_black(book, fresh, theme):
    reader = fresh(theme=theme)
    page = reader.open(book / "book/circuit.html", PAPER)
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("() => getComputedStyle(document.querySelector('article p')).color") == "rgb(34, 40, 50)"
    for screen_only in ("#pst-primary-sidebar", "#pst-secondary-sidebar", ".bd-header-article", "button"):
        assert not any(each.is_visible() for each in page.locator(screen_only).all()), screen_only
    assert page.evaluate(CUT) == [], "nothing can be scrolled on paper"
    page.emulate_media(media="screen")
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("() => document.documentElement.dataset.theme") == theme


TICKS = "setInterval(() => document.querySelector('div').append('tick'), 50)"
BROKEN = {
    "a wide table": ("<main><table style='width: 900px'><td>1</td></table></main>", checks.layout, "the page itself"),
    "a formula beyond the left edge": (
        "<main style='overflow-x: auto'><p style='margin-left: -80px; width: 40px'>E = mc²</p></main>",
        checks.layout,
        '"E = mc²" reaches from -',
    ),
    "a picture that is cut": (
        "<main style='overflow: hidden'><svg style='width: 900px'></svg></main>",
        checks.layout,
        "<svg> .* nothing scrolls to it",
    ),
    "pale text": ("<main><h1>Title</h1><p style='color: #bbb'>Text</p></main>", checks.accessibility, "color-contrast"),
    "a pale word among words that look alike": (
        "<main><h1>Code</h1><pre><i>one</i> <i>two</i> <i>three</i> <i style='color: #bbb'>four</i></pre></main>",
        checks.accessibility,
        "color-contrast",
    ),
    "a picture without a text": ("<main><h1>a</h1><img src='data:,'></main>", checks.accessibility, "image-alt"),
    "a focus that is not seen": (
        "<button style='outline: none'>go</button>",
        lambda page: keyboard.stops(page, 3),
        'no visible focus on <button> "go"',
    ),
    "a button that does nothing": (
        "<div data-interactive='dead'><button>go</button></div>",
        keyboard.figures,
        r'figure 1 \(dead\): nothing changes with <button> "go"',
    ),
    "a figure that moves by itself": (
        f"<div data-interactive='clock'><button>go</button><script>{TICKS}</script></div>",
        keyboard.figures,
        "nothing changes",
    ),
    "a control that Tab passes by": (
        "<div data-interactive='hidden'><input type='range' tabindex='-1' oninput='this.after(this.value)'></div>",
        keyboard.figures,
        "does not reach <input>",
    ),
    "a figure without controls": ("<div data-interactive='none'></div>", keyboard.figures, "has no control"),
}


@pytest.mark.parametrize(("markup", "check", "said"), BROKEN.values(), ids=BROKEN)
def test_the_checks_find_what_is_broken(fresh, tmp_path, markup, check, said):
    file = tmp_path / "broken.html"
    file.write_text(f"<!doctype html><html lang=en><title>Broken</title><meta charset=utf-8>{markup}")
    assert re.search(said, "\n".join(check(fresh().open(file))))


def test_what_looks_alike_is_shown_again_after_its_colours_were_checked(fresh, tmp_path):
    file = tmp_path / "alike.html"
    file.write_text("<!doctype html><html lang=en><title>a</title><main><h1>a</h1><i>one</i> <i>two</i></main>")
    page = fresh().open(file)
    page.evaluate(checks.script("alike.js"), True)
    assert [page.locator("i").nth(number).is_visible() for number in range(2)] == [True, False]
    assert checks.accessibility(page) == []
    assert [page.locator("i").nth(number).is_visible() for number in range(2)] == [True, True]


def test_trouble_is_heard(fresh, tmp_path):
    file = tmp_path / "broken.html"
    file.write_text(
        "<img src=missing.png><script>console.warn('hm'); undefined.x</script><img src='http://[::1]:1/x.png'>"
    )
    reader = fresh()
    reader.open(file)
    heard = "\n".join(reader.troubles)
    for kind in ("not found: file:", "console warning: hm", "script error", "asks another host: http://"):
        assert kind in heard


def test_without_a_browser_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(pytest.fail.Exception, match="no-such-browser is not there: apt-get install chromium"):
        program()
