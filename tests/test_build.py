"""A page of the book runs again when something that it depends on has changed, and only then: on a toy book."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import cores
import nbformat
import pytest
from building import execution
from building.downloads import executed
from building.execution import run_stale_pages
from building.kernels import prepare
from building.pages import notebooks
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient

BUILD = pathlib.Path(__file__).resolve().parent.parent / "book" / "build.py"

FRONT = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
{metadata}---

# {title}

"""
CELL = """```{{code-cell}} ipython3
{code}
```

"""
PAGES = {
    "number": "import toy.number\ntry:\n    open(toy.number.__file__.replace('number.py', 'records/d.json'))\n"
    "except FileNotFoundError:\n    print('Not recorded yet.')",
    "record": "from toy import store\nprint(store.load('a'))",
    "listing": "from toy import store\nprint(store.names())",
    "apart": "import importlib.metadata\nimport yaml\nimportlib.metadata.version('PyYAML')",
}
LOCK = "PyYAML==6.0.0  # as it was\npytest==1.0\n"
FILES = {
    "_config.yml": "title: Toy\nonly_build_toc_files: true\n"
    "execute: {execute_notebooks: cache, raise_on_error: true, stderr_output: remove-warn}\n"
    f"sphinx: {{local_extensions: {{building.downloads: '{BUILD.parent}'}}}}\n",
    "_toc.yml": "format: jb-book\nroot: pages/number.md\nchapters:\n"
    + "".join(f"- file: pages/{name}\n" for name in PAGES if name != "number"),
    "requirements.txt": LOCK,
    "toy/__init__.py": "",
    "toy/number.py": "NUMBER = 1\n",
    "toy/unused.py": "",
    "toy/store.py": "import pathlib\n\nFOLDER = pathlib.Path(__file__).parent / 'records'\n\n"
    "def load(name):\n    return (FOLDER / f'{name}.json').read_text()\n\n"
    "def names():\n    return sorted(path.stem for path in FOLDER.glob('*.json'))\n",
    "toy/records/a.json": "1",
    "toy/records/b.json": "2",
}


class Toy:
    """A book of four pages on a package of two modules and two records."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.build = folder, folder / "_build"

    @classmethod
    def create(cls, folder: pathlib.Path):
        toy = cls(folder)
        for name, text in FILES.items():
            toy.write(name, text)
        for name, code in PAGES.items():
            toy.write_page(name, code)
        return toy

    def copy(self, folder: pathlib.Path):
        """The same book with all that has been built, elsewhere."""
        shutil.copytree(self.folder, folder)
        return Toy(folder)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def write_page(self, name: str, code: str, title: str = "A page", metadata: str = "") -> None:
        # The first cell counts the runs.
        count = (
            f"import sys\nsys.path.insert(0, '..')\nwith open('../.ran', 'a') as ran:\n    print('{name}', file=ran)"
        )
        cells = "".join(CELL.format(code=part) for part in (count, code)) + "```{notebooks-link} All pages\n```\n"
        self.write(f"pages/{name}.md", FRONT.format(title=title, metadata=metadata) + cells)

    def ran(self) -> set[str]:
        """The pages that ran since this was last asked, each once."""
        path = self.folder / ".ran"
        names = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        assert len(names) == len(set(names)), "a page ran twice"
        return set(names)

    def run_pages(self) -> set[str]:
        """The pages that a build runs, without the rest of it."""
        assert run_stale_pages(self.folder, self.build, prepare(self.build), jobs=2) == {}
        return self.ran()

    def make(self) -> subprocess.CompletedProcess:
        """A whole build."""
        command = [sys.executable, str(BUILD), "--root", str(self.folder), "--jobs", "2"]
        return subprocess.run(command, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Toy:
    """The book, built once."""
    toy = Toy.create(tmp_path_factory.mktemp("toy"))
    done = toy.make()
    assert done.returncode == 0, done.stdout + done.stderr
    assert toy.ran() == set(PAGES), "each page runs, and Sphinx finds the outputs"
    return toy


@pytest.fixture
def toy(built, tmp_path) -> Toy:
    """A copy of the built book, to be changed."""
    return built.copy(tmp_path / "toy")


# what changes: (file, its new text or None to delete it, pages that depend on it)
CHANGES = {
    "nothing": (".unrelated", "", set()),
    "a module": ("toy/number.py", "NUMBER = 2\n", {"number"}),
    "a module that two pages import": ("toy/store.py", FILES["toy/store.py"] + "\n", {"record", "listing"}),
    "a module that none imports": ("toy/unused.py", "X = 1\n", set()),
    "a new module": ("toy/new.py", "", set()),
    "a record that a page loads": ("toy/records/a.json", "3", {"record"}),
    "a record that no page loads": ("toy/records/b.json", "3", set()),
    "a new file where pages run": ("pages/new.md", "", set()),
    "a new record": ("toy/records/c.json", "3", {"listing"}),
    "a record that a page looked for in vain": ("toy/records/d.json", "3", {"number", "listing"}),
    "a record less": ("toy/records/b.json", None, {"listing"}),
    "a version": ("requirements.txt", LOCK.replace("6.0.0", "6.0.1"), {"apart"}),
    "a comment in the lock file": ("requirements.txt", LOCK.replace("as it was", "another"), set()),
    "the version of what no page imports": ("requirements.txt", LOCK.replace("1.0", "2.0"), set()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_runs_exactly_the_pages_that_depend_on_it(toy, what):
    name, text, dependent = CHANGES[what]
    if text is None:
        (toy.folder / name).unlink()
    else:
        toy.write(name, text)
    assert toy.run_pages() == dependent
    assert toy.run_pages() == set(), "what has run again is up to date"


@pytest.mark.parametrize("losses", [1, 3])
def test_a_kernel_that_finds_its_port_taken_is_started_again(losses, toy, monkeypatch):
    started = []

    class Unlucky(NotebookClient):
        async def async_execute(self, *args, **options):
            started.append(self)
            if len(started) <= losses:
                raise RuntimeError("Kernel died before replying to kernel_info")
            return await super().async_execute(*args, **options)

    monkeypatch.setattr(execution, "NotebookClient", Unlucky)
    toy.write("toy/number.py", "NUMBER = 2\n")
    if losses == 3:
        with pytest.raises(RuntimeError, match="died before replying"):
            toy.run_pages()
        return
    assert toy.run_pages() == {"number"}
    assert len(started) == 2


def test_a_page_runs_again_when_its_cells_change_and_not_when_its_text_does(toy):
    toy.write_page("number", PAGES["number"], title="Another title")
    toy.write_page("apart", "import toy.number")
    assert toy.run_pages() == {"apart"}
    toy.write("toy/number.py", "NUMBER = 2\n")
    assert toy.run_pages() == {"number", "apart"}, "the dependencies are those of the new cells"


def printed(cell):
    """What a cell printed: the kernel may send it in pieces."""
    return "".join(output.text for output in cell.outputs)


def test_readers_can_take_all_pages_away_with_their_outputs(built):
    with zipfile.ZipFile(built.build / "html" / "_downloads" / "notebooks.zip") as archive:
        pages = {name: nbformat.reads(archive.read(name).decode(), as_version=4) for name in archive.namelist()}
    assert set(pages) == {f"notebooks/{name}.ipynb" for name in PAGES}
    *_, last = (cell for cell in pages["notebooks/record.ipynb"].cells if cell.cell_type == "code")
    assert printed(last) == FILES["toy/records/a.json"] + "\n"


def test_the_link_to_them_resolves(built):
    page = built.build / "html" / "pages" / "number.html"
    (address,) = re.findall(r'href="([^"]*notebooks\.zip)"', page.read_text())
    assert (page.parent / address).resolve() == built.build / "html" / "_downloads" / "notebooks.zip"


def test_outputs_go_into_the_plain_notebook_of_a_page_where_there_is_one(toy):
    page, plain = notebooks(toy.folder)["pages/record.md"], toy.folder / "pages" / "record.ipynb"
    sources = ["%pip install toy", "the first cell, rewritten", "the second"]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), plain)
    found = executed(get_cache(toy.build / ".jupyter_cache"), page, plain)
    assert [cell.source for cell in found.cells] == sources
    assert [cell.execution_count for cell in found.cells] == [None, 1, 2]
    assert printed(found.cells[2]) == "1\n"


def test_a_change_taken_back_before_the_build_runs_nothing(toy):
    text = FILES["toy/number.py"]
    toy.write("toy/number.py", text + "#")
    toy.write("toy/number.py", text)
    assert toy.run_pages() == set()


def test_outputs_from_a_build_without_this_program_are_not_trusted(toy):
    cache = get_cache(toy.build / ".jupyter_cache")
    toy.write_page("apart", "import json")
    page = toy.folder / "pages" / "apart.md"
    cache.cache_notebook_bundle(CacheBundleIn(notebooks(toy.folder)["pages/apart.md"], str(page)), check_validity=False)
    assert toy.run_pages() == {"apart"}


def test_a_book_that_is_up_to_date_is_left_as_it_is(toy):
    toy.write_page("number", PAGES["number"], title="Another title")
    page = toy.build / "html" / "pages" / "number.html"
    assert "The book is built." in toy.make().stdout
    assert "Another title" in page.read_text()
    page.write_text("as it was")
    done = toy.make()
    assert done.returncode == 0
    assert "Nothing has changed." in done.stdout
    assert page.read_text() == "as it was"
    assert toy.ran() == set()


def test_a_folder_without_a_book_is_told_in_a_sentence(tmp_path):
    (tmp_path / "_toc.yml").touch()
    command = [sys.executable, str(BUILD), "--root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path} has no _config.yml: give --root the folder of a book.\n"


def test_a_page_that_fails_fails_each_build_and_leaves_no_page_to_read(toy):
    toy.write_page("number", "1 / 0")
    for _ in range(2):
        done = toy.make()
        assert done.returncode == 1
        assert "ZeroDivisionError" in done.stderr
        assert "pages/number.md failed, see above" in done.stderr
        assert toy.ran() == {"number"}
        assert not (toy.build / "html").exists()


def test_a_page_that_warns_fails_each_build_and_runs_once(toy):
    toy.write_page("number", "sys.stderr.write('careful')")
    for expected in ({"number"}, set()):
        done = toy.make()
        assert done.returncode != 0
        assert "stderr was found in the cell outputs" in done.stderr
        assert toy.ran() == expected


def test_a_kernel_that_dies_fails_the_page(toy):
    toy.write_page("number", "import os\nos._exit(1)")
    failures = run_stale_pages(toy.folder, toy.build, prepare(toy.build), jobs=2)
    assert list(failures) == ["pages/number.md"]
    assert "Kernel died" in failures["pages/number.md"]


def test_pages_that_measure_times_run_after_all_others(toy):
    toy.write_page("number", "measured = 1", metadata="execution:\n  alone: true\n")
    for name in ("record", "listing", "apart"):
        toy.write_page(name, "others = 1")
    order = toy.folder / ".ran"
    assert run_stale_pages(toy.folder, toy.build, prepare(toy.build), jobs=3) == {}
    assert order.read_text().split()[3:] == ["number"]


def test_pages_side_by_side_divide_the_cores(toy, monkeypatch):
    for name in cores.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    code = (
        f"import os\nfound = [os.environ.get(name) for name in {cores.VARIABLES}]\n"
        "with open('../.threads', 'a') as file:\n    print(found, file=file)"
    )
    toy.write_page("number", code, metadata="execution:\n  alone: true\n")
    for name in ("record", "listing", "apart"):
        toy.write_page(name, code)
    assert run_stale_pages(toy.folder, toy.build, prepare(toy.build), jobs=3) == {}
    written = toy.folder / ".threads"
    assert written.read_text().splitlines() == [str(["2", "2"])] * 3 + [str([None, None])]
    monkeypatch.setenv(cores.VARIABLES[0], "5")
    written.unlink()
    for name in ("record", "apart"):
        toy.write_page(name, code + "\n")
    assert run_stale_pages(toy.folder, toy.build, prepare(toy.build), jobs=3) == {}
    assert written.read_text().splitlines() == [str(["5", "3"])] * 2, "what is set already stays"
    written.unlink()
    toy.write_page("record", code + "\n\n")
    assert run_stale_pages(toy.folder, toy.build, prepare(toy.build), jobs=3) == {}
    assert written.read_text().splitlines() == [str(["5", None])], "one page alone has them all"
