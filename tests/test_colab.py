"""Every notebook runs as in Colab: with the wheel and what Colab has installed; no repository, dataset or network.

The book that all tests share is built by that environment (see `book` in conftest.py), so its outputs are those of the
notebooks: their cells are the pages', but for the first one.
"""

import ast
import json
import os
import pathlib
import subprocess
import zipfile

import nbformat
import pytest
from building.pages import notebooks
from IPython.core.inputtransformer2 import TransformerManager
from release import ROOT

SOURCES = notebooks(ROOT)
PAGES = [page for page in SOURCES if (ROOT / page).with_suffix(".ipynb").exists()]


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def structure(cell: nbformat.NotebookNode) -> str:
    """What a cell does, whatever the words in its strings: links to other pages lead elsewhere in a notebook."""
    tree = ast.parse(cell.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@pytest.fixture(scope="module")
def ran(book) -> dict[str, nbformat.NotebookNode]:
    """The notebooks with the outputs that the book has, by page."""
    with zipfile.ZipFile(book / "_downloads" / "notebooks.zip") as archive:
        names = {page: f"notebooks/{pathlib.Path(page).stem}.ipynb" for page in PAGES}
        return {page: nbformat.reads(archive.read(name).decode(), as_version=4) for page, name in names.items()}


@pytest.mark.parametrize("page", PAGES)
def test_a_notebook_runs_with_the_release_alone(page, ran, book, release):
    committed = nbformat.read((ROOT / page).with_suffix(".ipynb"), as_version=4)
    _, *others = code(ran[page])  # the first is not the page's: see below
    assert [cell.source for cell in code(ran[page])] == [cell.source for cell in code(committed)]
    assert [structure(cell) for cell in others] == [structure(cell) for cell in code(SOURCES[page])]
    assert [cell.execution_count for cell in others] == list(range(1, len(others) + 1))
    assert not [output for cell in others for output in cell.outputs if output.output_type == "error"]
    used = json.loads((book.parent / "kernels" / f"{page}.json").read_text())
    assert "urfb_tf" in used["modules"]
    assert not [name for name in used["files"] if name.startswith("urfb_tf/")], "the package is the wheel's"


def test_no_notebook_asks_for_another_machine_or_for_a_file_of_the_repository(book, release):
    assert not release.log.exists(), release.log.read_text()
    assert not (book.parent.parent / "no-datasets").exists(), "one began to download a dataset"


def test_the_first_cells_do_nothing_outside_colab(release, tmp_path):
    firsts = {code(nbformat.read((ROOT / page).with_suffix(".ipynb"), as_version=4))[0].source for page in PAGES}
    assert len(firsts) == 2, "of pages that can train for long and of others"
    for source in firsts:
        program = TransformerManager().transform_cell(source)
        done = subprocess.run([release.python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")


def test_the_environment_has_only_what_colab_has_and_the_wheel_declares(release):
    for name in ("pytest", "hypothesis", "jupytext", "myst_nb", "sphinx", "jax"):
        assert not (release.site / name).exists()


def test_whatever_belongs_to_the_package_is_in_the_wheel(release):
    listed = subprocess.run(["git", "ls-files", "urfb_tf"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = listed.stdout.split()
    assert {pathlib.Path(name).suffix for name in names} == {".py", ".json", ".typed"}
    assert [name for name in names if not (release.site / name).is_file()] == []


@pytest.mark.parametrize(
    ("program", "refused"),
    [
        ("import socket; socket.create_connection(('example.org', 80), timeout=1)", "example.org"),
        (f"open({str(ROOT / 'README.md')!r})", str(ROOT / "README.md")),
    ],
    ids=["network", "repository"],
)
def test_what_is_not_to_be_had_is_refused_and_written_down(program, refused, release, tmp_path):
    log = tmp_path / "log"
    variables = {**os.environ, "REFUSED_LOG": str(log)}
    done = subprocess.run([release.python, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert f"OSError: not to be had here: {refused}" in done.stderr
    assert log.read_text() == f"no page {refused}\n"
