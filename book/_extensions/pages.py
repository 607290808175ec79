"""Sphinx extension: mends what the theme and its extensions write into every page."""

from sphinx.application import Sphinx


def mend(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Change one page's scripts, style sheets and body before its template is filled in."""
    # Jupyter Book lists the extension for live code cells without a way to leave it out. The book has none, and its
    # script, that names another host, is declared twice, which stops it with an error on every page.
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if "thebe" not in f"{file.filename} {file.attributes}".lower()]
    # docutils makes a list of the bibliography, but gives its entries a role, since withdrawn, that is no list item's.
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", mend, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
