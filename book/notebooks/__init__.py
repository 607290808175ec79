"""The chapters as Colab notebooks: `make notebooks` writes one .ipynb beside each .md that has code.

Colab opens only .ipynb, and reads plain Markdown: a role or directive of MyST would stand there as it is typed. So each
page is read by jupytext, and this package turns what Sphinx would resolve into plain Markdown: citations, references,
links, admonitions, tables, figures, equations.

sphinx-tojupyter does the like from Sphinx's document tree. A pass of our own over the source is preferred because it
takes a second instead of a build, leaves the text as it was written, and gives the same bytes each time, so that a test
can compare the committed notebooks with their sources. What it does not know it refuses, in a sentence, rather than
leave it in a reader's notebook.

Modules: `repository` (where the release lies), `pages` (titles and labels of the whole book), `blocks` and `directives`
(what takes lines of its own), `inline` (what stands within a line), `citations`, `cells` (the notebook itself).
"""
