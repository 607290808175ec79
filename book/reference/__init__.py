"""The book's back matter, generated: the map of the paper, the pages on the package, and anchors for equations.

A Sphinx extension, named in `_config.yml`. What it knows it reads where it stands: in the chapters, in docstrings, in
the recorded results, and, for what the paper consists of, in `paper_map.yml`.
"""


def setup(app) -> dict:
    """Called by Sphinx."""
    from reference import sphinx

    return sphinx.setup(app)
