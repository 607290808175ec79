"""The Colab notebooks are those that the chapters give, and hold nothing that Colab would show as source."""

import ast
import pathlib
import re
import subprocess
import sys
import tomllib

import nbformat
import pytest
import tensorflow as tf
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from notebooks import cells, parser
from notebooks.pages import Book
from packaging.requirements import Requirement

from urfb_tf.version import VERSION

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOOK = Book(ROOT)
COMMITTED = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / "book").rglob("*.ipynb"))}
NAMES = [BOOK.notebook_path(page) for page in BOOK.code_pages]
MATH = r"(?s)\$\$.+?\$\$|(?<!\\)\$[^$]+\$"


def committed(name: str) -> nbformat.NotebookNode:
    return nbformat.reads(COMMITTED[name].read_text(encoding="utf-8"), as_version=4)


def test_each_page_with_code_has_its_notebook_and_no_other_exists():
    assert set(COMMITTED) == set(NAMES), "run `make notebooks` and commit what it changes"
    assert len(NAMES) > 10


@pytest.mark.parametrize("page", BOOK.code_pages)
def test_a_notebook_is_what_its_page_gives(page):
    # read_bytes: line ends count.
    made = cells.notebook(BOOK, page).encode()
    assert COMMITTED[BOOK.notebook_path(page)].read_bytes() == made, "run `make notebooks` and commit what it changes"


@pytest.mark.parametrize("name", NAMES)
def test_code_that_a_page_shows_fits_its_column(name):
    _, *given = [cell for cell in committed(name).cells if cell.cell_type == "code"]  # the first is Colab's
    shown = [cell.source for cell in given if "hide-input" not in cell.metadata.get("tags", [])]
    assert shown
    # The column holds 79 characters at its widest; beyond, a reader would have to scroll to the side.
    assert not [line for source in shown for line in source.splitlines() if len(line) > 78]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_valid_and_asks_for_a_gpu_if_it_can_train_for_long(name):
    notebook = committed(name)
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    trains = any("run_in_full(" in cell.source or "data.load(DATASET)" in cell.source for cell in notebook.cells)
    assert ("accelerator" in notebook.metadata) == ("gpuType" in notebook.metadata.colab) == trains
    assert notebook.metadata.colab.name == pathlib.Path(name).name
    assert notebook.metadata.kernelspec.name == "python3"
    assert "jupytext" not in notebook.metadata, "Jupyter would pair the notebook with its source"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("name", NAMES)
def test_no_role_directive_or_relative_link_is_left(name):
    for cell in committed(name).cells:
        if cell.cell_type == "code":
            assert not re.search(r"\]\([\w/.-]+\.md", cell.source), "a link in an output leads nowhere"
            assert "{cite" not in cell.source
            continue
        assert not re.search(r"(?m)^\s*(```+|:::+)\{", cell.source), "a directive"
        text = re.sub(r"(?ms)^\s*```.*?^\s*```", "", cell.source)
        assert not re.search(r"\{[a-z:+-]+\}`", text), "a role"
        text = re.sub(r"`[^`]+`", "", text)
        assert ":::" not in text
        assert not re.search(r"(?m)^\([\w-]+\)=$|^\+\+\+", text), "a target or a break between cells"
        for target in re.findall(r"\]\(([^)]*)\)", re.sub(MATH, "", text)):
            assert re.match(r"https://|#", target), target
        assert "[](" not in text, "a link without words"


@pytest.mark.parametrize("name", NAMES)
def test_all_mathematics_stands_between_dollars(name):
    for cell in committed(name).cells:
        if cell.cell_type != "markdown":
            continue
        outside = re.sub(MATH, "", cell.source)
        assert not re.search(r"\\(begin|end|tag|frac|lambda|epsilon)\b", outside)
        for formula in re.findall(MATH, cell.source):
            assert "\n\n" not in formula, "an empty line ends a formula"
            assert "\n>" not in formula, "the mark of a quotation would become part of the formula"
            assert formula.count("\\begin{") == formula.count("\\end{")
            assert "$" not in formula.strip("$"), "a dollar within a formula ends it"


@pytest.mark.parametrize("name", NAMES)
def test_links_within_a_notebook_lead_somewhere(name):
    text = "\n".join(cell.source for cell in committed(name).cells if cell.cell_type == "markdown")
    anchors = re.findall(r'<a name="([\w-]+)"></a>', text)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= set(anchors)


@pytest.mark.parametrize("name", NAMES)
def test_code_is_the_page_s_own(name):
    page = name.replace(".ipynb", ".md")
    first, *others = (cell for cell in committed(name).cells if cell.cell_type == "code")
    assert "google.colab" in first.source
    for cell in others:
        ast.parse(cell.source)
        hidden = bool(cells.HIDDEN & set(cell.metadata.get("tags", [])))
        assert (cell.metadata.get("cellView") == "form") == hidden
    assert len(others) == BOOK.pages[page].count("```{code-cell}")


@pytest.mark.parametrize("in_colab", [True, False])
@pytest.mark.parametrize("gpus", [["/device:GPU:0"], []])
@pytest.mark.parametrize("text", ['FULL_RUN, FOLDER = "", "runs"', "A page that speaks of a GPU, and needs none."])
def test_the_first_cell_installs_the_release_in_colab_only(in_colab, gpus, text, monkeypatch, capsys):
    commands = []

    class Shell:
        @staticmethod
        def run_line_magic(name, line):
            commands.append((name, line))

    if in_colab:
        monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    source = TransformerManager().transform_cell(cells.install_cell(BOOK, text))
    exec(source, {"get_ipython": Shell})
    assert commands == ([("pip", f'install --quiet "{BOOK.repository.requirement}"')] if in_colab else [])
    advice = in_colab and not gpus and "FULL_RUN" in text
    assert ("Runtime > Change runtime type" in capsys.readouterr().out) == advice


def test_the_release_is_the_package_s_version():
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert configuration["repository"]["branch"] == f"v{VERSION}"
    requirement = Requirement(BOOK.repository.requirement)
    assert requirement.name == "urfb-tf"
    assert requirement.url == f"git+{configuration['repository']['url']}@v{VERSION}"


def test_the_address_of_the_repository_is_the_same_wherever_it_has_to_stand():
    owner_and_name = BOOK.repository.url.removeprefix("https://github.com/")
    listed = subprocess.run(
        ["git", "grep", "-lF", owner_and_name], cwd=ROOT, capture_output=True, text=True, check=True
    )
    holders = [name for name in listed.stdout.split() if not name.endswith(".ipynb")]
    assert holders == ["CITATION.cff", "_config.yml", "pyproject.toml"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["repository-code"] == BOOK.repository.url
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"] == BOOK.repository.url


def test_pages_are_parsed_as_the_book_parses_them():
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert list(parser.EXTENSIONS) == configuration["parse"]["myst_enable_extensions"]
