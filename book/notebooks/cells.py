"""A notebook from a page: its cells, in the bytes that are committed."""

import hashlib
import json
import re

import jupytext

from notebooks import blocks, citations, inline
from notebooks.pages import Book

HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
INSTALL = """\
# Convolutions without a GPU are faster by oneDNN. In Colab only: install the release that this page belongs to.
import os
import sys

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
if "google.colab" in sys.modules:
    %pip install --quiet "{requirement}"
"""
NO_GPU = """\
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        print("No GPU: for long runs, choose Runtime > Change runtime type > T4 GPU in the menu, and begin again.")
"""


def notebook(book: Book, page: str) -> str:
    """The notebook of a page, as the text of its file: the same for the same sources.

    Args:
        book: all pages, to which this one may refer.
        page: one that has code.

    Raises:
        NotebookError: if the page holds what a notebook cannot show.
    """
    text = book.pages[page]
    cells = [_code(install_cell(book, text), [])]
    for cell in jupytext.reads(text, fmt="md:myst").cells:
        if cell.cell_type == "code":
            cells.append(_code(inline.code_links(book, page, cell.source), cell.metadata.get("tags", [])))
        elif source := blocks.convert(book, page, cell.source):
            cells.append({"cell_type": "markdown", "metadata": {}, "source": source})
    if cited := _cited(text):
        list_of_works = citations.references(book.bibliography, cited)
        cells.append({"cell_type": "markdown", "metadata": {}, "source": list_of_works})
    for index, cell in enumerate(cells):
        # What jupytext draws at random; nbformat wants it to be unique within the notebook.
        cell["id"] = hashlib.sha256(f"{index}\n{cell['source']}".encode()).hexdigest()[:12]
        cell["source"] = cell["source"].splitlines(keepends=True)
    document = {"cells": cells, "metadata": metadata(book, page), "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def metadata(book: Book, page: str) -> dict:
    """What Colab and Jupyter read about the notebook; nothing of jupytext, which would pair it with its source."""
    name = book.notebook_path(page).rpartition("/")[2]
    colab = {"name": name, "provenance": [], "toc_visible": True}
    on_gpu: dict = {}
    if trains_in_full(book.pages[page]):
        on_gpu, colab = {"accelerator": "GPU"}, {**colab, "gpuType": "T4"}
    return {
        **on_gpu,
        "colab": colab,
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def install_cell(book: Book, text: str) -> str:
    """The first cell; on pages that can train an experiment in full it also says how to get a GPU."""
    install = INSTALL.format(requirement=book.repository.requirement)
    return (install + (NO_GPU if trains_in_full(text) else "")).rstrip("\n")


def trains_in_full(text: str) -> bool:
    """Whether a page has a long run to offer. Others take seconds, and are quickest on a processor."""
    return "FULL_RUN" in text or "DATASET =" in text


def _code(source: str, tags: list[str]) -> dict:
    """A code cell. Colab folds away what the book hides: the reader sees its output, and the code at a click."""
    about: dict = {"tags": list(tags)} if tags else {}
    if HIDDEN & set(tags):
        about |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    return {"cell_type": "code", "execution_count": None, "metadata": about, "outputs": [], "source": source}


def _cited(text: str) -> list[str]:
    """The works that a page cites, each once."""
    keys = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return sorted({key.strip() for group in keys for key in group.split(",")})
