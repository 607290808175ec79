"""The pages of a book, as notebooks."""

import pathlib

import nbformat
import yaml
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig
from sphinx_external_toc.parsing import parse_toc_yaml


def configuration(root: pathlib.Path) -> dict:
    """The book's _config.yml."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def notebooks(root: pathlib.Path) -> dict[str, nbformat.NotebookNode]:
    """The pages with code, not yet run, by path below `root`, in the order of the table of contents.

    They are read as Sphinx will read them: the execution cache recognises a page by its cells.
    """
    extensions = configuration(root).get("parse", {}).get("myst_enable_extensions", [])
    settings = MdParserConfig(enable_extensions=set(extensions))
    found = {}
    for name in parse_toc_yaml(root / "_toc.yml"):
        path = root / name
        if not path.suffix:
            path = next(path.with_suffix(suffix) for suffix in (".md", ".ipynb") if path.with_suffix(suffix).exists())
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), settings, NbParserConfig(), text)
        if reader is not None:
            found[path.relative_to(root).as_posix()] = reader.read(text)
    return found
