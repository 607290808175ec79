"""Every part of the paper has its place in the book, and every place that is named exists."""

import ast
import importlib
import inspect
import pathlib
import re

import jupytext
import pytest
from reference import chapters, docstrings, objects, paper_map
from reference.citations import cited

import urfb_tf

ROOT = pathlib.Path(__file__).resolve().parent.parent
ITEMS = paper_map.load()
CHAPTERS = chapters.chapters()

# What the paper has: it numbers 33 equations, two theorems, six figures and three tables in thirteen sections.
PAPER = [
    *(
        ("section", number)
        for number in ["1", "2", "2.1", "2.2", "2.3", "3", "3.1", "3.2", "3.3", "4", "4.1", "5", "6"]
    ),
    *(("equation", str(number)) for number in range(1, 34)),
    *(("theorem", str(number)) for number in range(1, 3)),
    *(("figure", str(number)) for number in range(1, 7)),
    *(("table", str(number)) for number in range(1, 4)),
]


def name(value) -> str | None:
    return " ".join(value.part) if isinstance(value, paper_map.Item) else None


def functions_of(test_file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / f"{test_file}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_part_of_the_paper_has_one_row():
    assert [item.part for item in ITEMS] == PAPER
    assert {item.section for item in ITEMS} <= {number for kind, number in PAPER if kind == "section"}


@pytest.mark.parametrize("item", ITEMS, ids=name)
def test_every_part_stands_in_a_chapter(item):
    assert item.places


@pytest.mark.parametrize("item", [item for item in ITEMS if item.part[0] != "section"], ids=name)
def test_every_part_is_implemented_or_checked_and_its_tests_exist(item):
    assert item.functions or item.derived or item.tests
    assert item.derived == (item.part[0] == "equation" and not item.functions), "the docstrings decide"
    for file, tests in item.tests.items():
        assert set(tests) <= functions_of(file)


@pytest.mark.parametrize("item", [item for item in ITEMS if item.experiments], ids=name)
def test_a_part_made_of_runs_has_verdicts(item):
    assert item.verdicts.total() > 0
    assert item.status(ITEMS) == [f"{count} {verdict}" for verdict, count in sorted_verdicts(item)]


def sorted_verdicts(item):
    return [(verdict, item.verdicts[verdict]) for verdict in paper_map.reproduction.VERDICTS if item.verdicts[verdict]]


@pytest.mark.parametrize("item", [item for item in ITEMS if item.part[0] == "equation"], ids=name)
def test_corrected_equations_are_those_of_the_errata_with_a_prime_wherever_they_stand(item):
    primes = {c.equations[int(item.part[1])] for c in CHAPTERS.values() if int(item.part[1]) in c.equations}
    assert len(primes) == 1, "with a prime on one page and without on another"
    assert item.erratum or not primes.pop()
    assert item.status(ITEMS)[0] in paper_map.WORDS


def test_recorded_results_are_read_once_for_all_parts(monkeypatch):
    read, numbers = [], paper_map.reproduction.numbers
    paper_map._all_numbers.cache_clear()
    monkeypatch.setattr(paper_map.reproduction, "numbers", lambda: read.append(1) or numbers())
    for item in ITEMS:
        assert item.status(ITEMS)
        assert item.records >= bool(item.experiments)
    assert len(read) == 1


def test_what_became_of_some_parts():
    status = {item.part: item.status(ITEMS) for item in ITEMS}
    assert status["equation", "2"] == ["context corrected"]
    assert status["equation", "3"] == ["holds"]
    assert status["equation", "6"] == ["corrected"]
    assert [status["theorem", number] for number in "12"] == [["holds"], ["corrected"]]
    assert status["section", "2.2"] == ["1 holds", "1 corrected"]
    assert status["section", "5"] == ["text"]


@pytest.mark.parametrize(("part", "numbers"), [(("section", "4"), 48), (("section", "4.1"), 18), (("figure", "5"), 24)])
def test_the_papers_numbers_count_where_they_stand(part, numbers):
    (status,) = (item.status(ITEMS) for item in ITEMS if item.part == part)
    assert (
        sum(int(words.split()[0]) for words in status if words.split(" ", 1)[1] in paper_map.reproduction.VERDICTS)
        == numbers
    )


@pytest.mark.parametrize("chapter", [c for c in CHAPTERS.values() if c.name != "errata"], ids=lambda c: c.name)
def test_a_subtitle_names_the_equations_that_are_shown(chapter):
    named = {int(number) for kind, number in chapter.parts if kind == "equation"}
    assert not named or named == set(chapter.equations)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Section 2.1 of the paper, equations (1) to (3).", ["section 2.1", "equation 1", "equation 2", "equation 3"]),
        ("equations (6) and (7)", ["equation 6", "equation 7"]),
        ("Tables 1, 2 and 3; the paper's Figure 5.", ["figure 5", "table 1", "table 2", "table 3"]),
        ("equations (15′) to (17), Theorem 1", ["equation 15", "equation 16", "equation 17", "theorem 1"]),
        ("at the end of section 3.2, (4)", ["section 3.2"]),
        ("the figure above; 3 tables", []),
    ],
)
def test_citations_are_read(text, parts):
    assert [" ".join(part) for part in cited(text)] == parts


def test_every_work_in_the_bibliography_is_cited():
    listed = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))
    texts = [(ROOT / "book" / f"{name}.md").read_text() for name in CHAPTERS]
    cited_works = {
        key.strip()
        for text in texts
        for keys in re.findall(r"\{cite[:\w]*\}`([^`]+)`", text)
        for key in keys.split(",")
    }
    assert cited_works == listed


PUBLIC_MODULES = [
    "urfb_tf", "urfb_tf.circuit", "urfb_tf.data", "urfb_tf.environment", "urfb_tf.errors", "urfb_tf.experiments",
    "urfb_tf.export", "urfb_tf.layers", "urfb_tf.layers.untied", "urfb_tf.linear", "urfb_tf.losses", "urfb_tf.metrics",
    "urfb_tf.networks", "urfb_tf.plots", "urfb_tf.plots.circuit", "urfb_tf.plots.interactive", "urfb_tf.readings",
    "urfb_tf.analysis.report", "urfb_tf.analysis.reproduction", "urfb_tf.results", "urfb_tf.rules", "urfb_tf.training",
]  # fmt: skip
UNLISTED = {
    "is_finite",
    "is_number_of",
    "is_positive",
    "is_share",
    "is_whole",
    "like_one_of",
    "nan_unless",
    "one_of",
}  # helpers of the package's own checks


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_everything_public_has_an_entry_in_the_reference(module):
    known = list(objects.documented().values())
    for key in dir(importlib.import_module(module)):
        member = getattr(importlib.import_module(module), key)
        if key.startswith("_") or key in UNLISTED or not (inspect.isclass(member) or inspect.isfunction(member)):
            continue
        if member.__module__.startswith("urfb_tf"):
            assert any(member is each for each in known), f"{module}.{key} is on no page of book/api"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_page_calls_of_the_package_has_an_entry_in_the_reference(chapter):
    known = {id(each) for each in objects.documented().values()}
    missing = {each.__qualname__ for each in called(chapters.BOOK / f"{chapter}.md") if id(each) not in known}
    assert not missing, f"on no page of book/api: {', '.join(sorted(missing))}"


def called(page: pathlib.Path) -> list:
    """The functions and classes of the package that the cells of a page name."""
    code = "\n".join(cell.source for cell in jupytext.read(page).cells if cell.cell_type == "code")
    nodes, known = list(ast.walk(ast.parse(code))), {"urfb_tf": urfb_tf}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("urfb_tf"):
            owner = importlib.import_module(node.module)
            known |= {alias.asname or alias.name: inside(owner, alias.name) for alias in node.names}
    named = [found for node in nodes if (found := resolved(node, known)) is not None]
    kinds = (inspect.isclass, inspect.isfunction)
    return [each for each in named if any(kind(each) for kind in kinds) and each.__module__.startswith("urfb_tf")]


def inside(owner, name: str):
    return getattr(owner, name, None) or importlib.import_module(f"{owner.__name__}.{name}")


def resolved(node, known: dict):
    """What a dotted name stands for; None if it does not begin in the package."""
    if isinstance(node, ast.Attribute):
        return getattr(resolved(node.value, known), node.attr, None)
    return known.get(node.id) if isinstance(node, ast.Name) else None


def test_nothing_has_two_entries():
    known = list(objects.documented().values())
    assert len({id(each) for each in known}) == len(known)


def test_markup_of_docstrings_becomes_rst():
    lines = [
        "|A| of `mu` and `Circuit`, **not** W_.",
        "",
        "    x = 2 ** 3",
        "",
        "Raises:",
        "    ArgumentError: if `mu` is 0.",
    ]
    assert docstrings.to_rst(lines, "urfb_tf.circuit.signal") == [
        r"\|A\| of ``mu`` and :py:obj:`Circuit <urfb_tf.circuit.Circuit>`, \*\*not\*\* W\_.",
        "",
        ".. code-block:: python",
        "",
        "    x = 2 ** 3",
        "",
        "Raises:",
        "    ~urfb_tf.errors.ArgumentError: if ``mu`` is 0.",
    ]


def test_attributes_that_share_a_line_are_told_apart():
    lines = ["A row.", "", "Attributes:", "    network, layer: which,", "        of all.", "    batch: images."]
    assert docstrings.to_rst(lines, "urfb_tf.x")[3:] == [
        "    network: which,", "        of all.", "    layer: which,", "        of all.", "    batch: images.",
    ]  # fmt: skip


def test_a_method_is_not_linked_to_a_function_of_its_name():
    assert docstrings.to_rst(["Calls `build`."], "urfb_tf.FeedbackLayer") == ["Calls ``build``."]
    assert docstrings.to_rst(["Calls `build`."], "urfb_tf.simpnet") == ["Calls :py:obj:`build <urfb_tf.build>`."]


def test_an_entry_leads_to_the_chapters_of_what_its_docstring_names():
    assert docstrings.chapter_links("The loss, equation (3).") == "A loss whose error is local: :ref:`(3) <loss-eq-3>`"
    assert docstrings.chapter_links("Section 2.2.\n\nEquation (3).") == (
        ":ref:`How the error travels down <feedback-how-the-error-travels-down>`"
    )
    figure = docstrings.chapter_links("Figure 3 of section 3.3.")
    assert figure == "The linear simulations: :ref:`Figure 3 <linear_figures-figure-3>`"
    assert docstrings.chapter_links("Nothing of the paper's.") == ""
