"""What Sphinx would resolve in a page becomes plain Markdown in its notebook."""

import json

import pytest
import yaml
from notebooks import blocks, cells
from notebooks.errors import NotebookError
from notebooks.pages import Book

CONFIGURATION = {
    "repository": {"url": "https://github.com/owner/name", "branch": "v1"},
    "launch_buttons": {"colab_url": "https://colab.example"},
}
BIBLIOGRAPHY = """
@article{one, author = {Doe, Jane}, title = {First}, journal = {J.}, year = {2001}}
@article{two, author = {Doe, Jane and Roe, Max}, title = {Second}, journal = {J.}, year = {2002}}
@article{three, author = {A, B and C, D and E, F}, title = {Third}, journal = {J.}, year = {2003}}
"""
OTHER = """# The other

(far)=
## Far away

```{code-cell} ipython3
1
```
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Book:
    """A book of three pages."""
    root = tmp_path_factory.mktemp("small")
    (root / "book").mkdir()
    (root / "_config.yml").write_text(yaml.safe_dump(CONFIGURATION))
    (root / "book" / "references.bib").write_text(BIBLIOGRAPHY)
    (root / "book" / "picture.png").write_bytes(b"")
    (root / "book" / "other.md").write_text(OTHER)
    (root / "book" / "plain.md").write_text("# Plain\n")
    here = "# Here\n\n$$\na\n$$ (first)\n\n$$\nb \\tag{7}\n$$ (second)\n\n(near)=\n## Near by\n\n"
    here += "```{prf:theorem} Speed\n:label: speed\nIt is fast.\n```\n"
    (root / "book" / "here.md").write_text(here)
    return Book(root)


COLAB = "https://colab.example/github/owner/name/blob/v1/book/other.ipynb"
ONE, TWO, THREE = (f"#reference-{key}" for key in ("one", "two", "three"))
CONVERSIONS = {
    "name of the package": ("by {py:obj}`flow <urfb_tf.linear.flow>`", "by `flow`"),
    "full name of the package": ("{py:obj}`urfb_tf.Reading`", "`urfb_tf.Reading`"),
    "text": ("Plain *text*.", "Plain *text*."),
    "citation in the sentence": ("{cite:t}`one` says", f"[Doe (2001)]({ONE}) says"),
    "two authors": ("{cite:t}`two`", f"[Doe and Roe (2002)]({TWO})"),
    "several works": ("{cite:p}`one,three`", f"([Doe, 2001]({ONE}); [A et al., 2003]({THREE}))"),
    "page": ("[](other.md)", f"[The other]({COLAB})"),
    "page with words": ("[see\nthere](other.md)", f"[see\nthere]({COLAB})"),
    "page without code": ("[](plain.md)", "[Plain](https://github.com/owner/name/blob/v1/book/plain.md)"),
    "document": ("{doc}`other`", f"[The other]({COLAB})"),
    "label near by": ("[](near)", "[Near by](#near)"),
    "label far away": ("[](#far) and {ref}`it <far>`", f"[Far away]({COLAB}) and [it]({COLAB})"),
    "label behind a page": ("[](other.md#far)", f"[Far away]({COLAB})"),
    "equations": ("{eq}`first`, {eq}`second`", "[(1)](#first), [(7)](#second)"),
    "theorem": ("{prf:ref}`speed`", "[Theorem (Speed)](#speed)"),
    "project link": ("<project:#near>", "[Near by](#near)"),
    "index": ("the {index}`hinge loss <pair: loss; hinge>` and {index}`margin`", "the hinge loss and margin"),
    "index directive": ("```{index} single: loss\n```\n\nText", "Text"),
    "code is left alone": ("``{cite:t}`one` `` and `[](other.md)`", "``{cite:t}`one` `` and `[](other.md)`"),
    "mathematics is left alone": ("$[a](b)$ and `x$`", "$[a](b)$ and `x$`"),
    "picture": ("![p](picture.png)", "![p](https://github.com/owner/name/raw/v1/book/picture.png)"),
    "figure": (
        "```{figure} picture.png\n:alt: a dot\n\nA *dot*.\n```",
        "![a dot](https://github.com/owner/name/raw/v1/book/picture.png)\n\nA *dot*.",
    ),
    "web": ("[x](https://example.org)", "[x](https://example.org)"),
    "equation": ("\\begin{equation*}\na \\tag{$5''$}\n\\end{equation*}", "$$\na \\tag{5''}\n$$"),
    "aligned": (
        "\\begin{align*}\na &= b\n\\end{align*}\n\nText",
        "$$\n\\begin{align*}\na &= b\n\\end{align*}\n$$\n\nText",
    ),
    "numbered": ("$$\na\n$$ (first)", '<a name="first"></a>\n\n$$\na \\tag{1}\n$$'),
    "in a list": ("- item\n\n  $$\n  a\n  $$\n- next", "- item\n\n  $$\n  a\n  $$\n- next"),
    "box": (
        ":::{admonition} Why $a$\n:class: warning\n\nIt is $a\n= b$.\n\n$$\na\n$$\n:::",
        "> **Why $a$**\n>\n> It is $a = b$.\n>\n> $$ a $$",
    ),
    "note": ("```{note}\nSee {cite:t}`one`.\n```", f"> **Note**\n>\n> See [Doe (2001)]({ONE})."),
    "quotation": ("> $a\n> = b$", "> $a = b$"),
    "target": ("(near)=\n## Near by", '<a name="near"></a>\n\n## Near by'),
    "comment": ("A\n\n% todo\n\nB", "A\n\nB"),
    "list table": (
        "```{list-table} T\n:header-rows: 1\n\n* - A\n  - B\n* - $|x|$\n  - `a`\n```",
        "**T**\n\n| A | B |\n| --- | --- |\n| $\\vert x\\vert $ | `a` |",
    ),
    "definitions": ("Loss\n: What is\n  lost.", "- **Loss**: What is lost."),
    "footnote": ("A[^n]\n\n[^n]: B", "A<sup>n</sup>\n\n<sup>n</sup> B"),
    "code": ("```python\n{cite}`one`\n```", "```python\n{cite}`one`\n```"),
    "code block": ("```{code-block} bash\nls\n```", "```bash\nls\n```"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), CONVERSIONS.values(), ids=CONVERSIONS.keys())
def test_myst_becomes_plain_markdown(small, source, expected):
    assert blocks.convert(small, "book/here.md", source) == expected


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{strange}`x`", "role {strange}"),
        ("```{strange}\n```", "directive {strange}"),
        ("[](nowhere.md)", "links to 'nowhere.md'"),
        ("{ref}`nowhere`", "nowhere"),
        ("[](#nowhere)", "label 'nowhere'"),
        ("{cite}`nobody`", "cites 'nobody'"),
    ],
)
def test_what_cannot_be_shown_stops_the_generator_with_a_sentence(small, source, words):
    with pytest.raises(NotebookError, match=r"^book/here\.md ") as raised:
        blocks.convert(small, "book/here.md", source)
    assert words in str(raised.value)


def test_a_notebook_has_the_same_bytes_each_time_and_lists_the_works_cited(small):
    small.pages["book/citing.md"] = "# Citing\n\n{cite:t}`two` and {cite:p}`one`.\n\n```{code-cell} ipython3\n1\n```\n"
    made = cells.notebook(small, "book/citing.md")
    assert made == cells.notebook(small, "book/citing.md")
    last = json.loads(made)["cells"][-1]
    assert "".join(last["source"]).count('<a name="reference-') == 2
