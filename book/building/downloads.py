"""Sphinx extension: the executed notebooks of all pages as one file to take away, _downloads/notebooks.zip.

The directive {notebooks-link} leads there; its argument is the text of the link.
"""

import copy
import pathlib
import zipfile

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from building.pages import notebooks

NAME = "_downloads/notebooks.zip"
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format can hold: the same notebooks make the same file


def executed(cache: JupyterCacheAbstract, page: nbformat.NotebookNode, plain: pathlib.Path) -> nbformat.NotebookNode:
    """A page with its outputs.

    Args:
        cache: where the outputs are.
        page: the page as it is read, in MyST Markdown.
        plain: the page as a notebook that needs no MyST; used if it has as many cells, maybe after others.
    """
    _, found = cache.merge_match_into_notebook(page)
    ran = _code_cells(found)
    if not plain.exists():
        return found
    target = nbformat.read(plain, as_version=4)
    cells = _code_cells(target)[-len(ran) :]
    if not ran or len(cells) < len(ran):
        return found
    for cell, source in zip(cells, ran, strict=True):
        cell.outputs, cell.execution_count = copy.deepcopy(source.outputs), source.execution_count
    return target


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the file once the pages are there."""
    if exception is not None or app.builder.format != "html":
        return
    root = pathlib.Path(app.srcdir)
    cache = get_cache(app.env.mystnb_config.execution_cache_path)  # type: ignore[attr-defined]
    path = pathlib.Path(app.outdir) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, page in notebooks(root).items():
            source = (root / name).with_suffix(".ipynb")
            entry = zipfile.ZipInfo(f"notebooks/{source.name}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, nbformat.writes(executed(cache, page, source)))


class NotebooksLink(SphinxDirective):
    """A paragraph that is a link to the file. Its address is relative: a {download} must exist before the build."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        text = self.arguments[0]
        address = "../" * self.env.docname.count("/") + NAME
        return [nodes.paragraph("", "", nodes.reference(text, text, refuri=address))]


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_directive("notebooks-link", NotebooksLink)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
