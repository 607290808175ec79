"""Sphinx extension: mends what the theme and its extensions write into every page."""

import re
from collections.abc import Callable

from sphinx.application import Sphinx

# In the table of contents, a link to a page with others below it, and what folds them.
_FOLDS = re.compile(r"(<a [^>]*>([^<]*)</a><details[^>]*><summary)>")


def mend(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Change one page's scripts, style sheets and body before its template is filled in."""
    # Jupyter Book lists the extension for live code cells without a way to leave it out. The book has none, and its
    # script, that names another host, is declared twice, which stops it with an error on every page.
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if "thebe" not in f"{file.filename} {file.attributes}".lower()]
    # docutils makes a list of the bibliography, but gives its entries a role, since withdrawn, that is no list item's.
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
    if "generate_toctree_html" in context:
        context["generate_toctree_html"] = _with_names(context["generate_toctree_html"])


def _with_names(contents: Callable[..., str]) -> Callable[..., str]:
    """The table of contents in which the arrows that fold a part have a name."""
    return lambda *args, **options: _FOLDS.sub(r'\1 aria-label="Pages below: \2">', str(contents(*args, **options)))


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", mend, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
