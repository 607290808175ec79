"""Directives of MyST, and equations, as plain Markdown."""

import re
import textwrap
from collections.abc import Callable

from notebooks import inline
from notebooks.errors import NotebookError
from notebooks.pages import PROOF_KINDS, Book, box_title
from notebooks.parser import Directive, lines_of, tokens

Converter = Callable[[Book, str, str], str]

BOXES = {
    "admonition", "attention", "caution", "danger", "dropdown", "error", "hint", "important", "margin", "note",
    "seealso", "sidebar", "tip", "topic", "warning", *(f"prf:{kind}" for kind in PROOF_KINDS),
}  # fmt: skip
TITLED = {"admonition", "dropdown", "sidebar", "topic", *(name for name in BOXES if name.startswith("prf:"))}
CODE = ("code", "code-block", "sourcecode")
DROPPED = ("index", "tableofcontents", "toctree", "bibliography", "notebooks-link")


def render(book: Book, page: str, fence: Directive, convert: Converter) -> str:
    """A directive as Markdown.

    Args:
        book: what references can point at.
        page: where the directive stands.
        fence: the directive.
        convert: turns the text inside it into Markdown.

    Raises:
        NotebookError: if the directive is not known.
    """
    name, argument = fence.name, fence.argument
    if name in DROPPED:
        return ""
    if name == "nb-exec-table":
        return "(The table stands in the book alone.)"
    if name in BOXES:
        title = box_title(name, argument if name in TITLED else "")
        body = fence.body if name in TITLED else f"{argument}\n{fence.body}".strip()
        return quotation(f"**{inline.convert(book, page, title)}**\n\n{convert(book, page, body)}")
    if name == "math":
        label = book.labels[fence.label].text if fence.label else None
        return equation(f"{argument}\n{fence.body}", label)
    if name in CODE:
        return f"```{argument}\n{fence.body}\n```"
    if name == "list-table":
        return _titled(inline.convert(book, page, argument), _list_table(book, page, fence))
    if name == "table":
        return _titled(inline.convert(book, page, argument), convert(book, page, fence.body))
    if name in ("figure", "image"):
        shown = f"![{fence.options.get('alt', '')}]({inline.picture(book, page, argument)})"
        return f"{shown}\n\n{convert(book, page, fence.body)}".strip()
    raise NotebookError(
        f"{page} uses the directive {{{name}}}, which book/notebooks/directives.py does not know: add it there."
    )


def equation(tex: str, number: str | None = None) -> str:
    """A displayed equation between double dollars, which is all that Colab takes for one.

    Args:
        tex: the mathematics; `equation` around it is dropped, `align` and its like remain.
        number: in parentheses, for an equation without a tag of its own.
    """
    tex = re.sub(r"\\(begin|end)\{equation\*?\}", "", tex)
    # A dollar inside a tag would end the equation in some readers; in a tag's text, primes need none.
    tex = re.sub(r"\\tag\{\$([\w.]+'*)\$\}", r"\\tag{\1}", tex)
    lines = [line.rstrip() for line in textwrap.dedent(tex).split("\n") if line.strip()]
    if number and "\\tag" not in tex:
        lines[-1] += f" \\tag{{{number.strip('()')}}}"
    return "\n".join(["$$", *lines, "$$"])


def _titled(title: str, table: str) -> str:
    return f"**{title}**\n\n{table}" if title else table


def quotation(body: str) -> str:
    """Text with a ">" before each line.

    Its paragraphs become single lines: mathematics is read before quotations are, so that a line's ">" within a formula
    would become part of it.
    """
    lines = body.split("\n")
    for token in reversed(tokens(body)):
        if token.type in ("paragraph_open", "math_block"):
            start, end = lines_of(token)
            lines[start:end] = [" ".join([lines[start].rstrip(), *(line.strip() for line in lines[start + 1 : end])])]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _list_table(book: Book, page: str, fence: Directive) -> str:
    """A table of nested lists as one with bars."""
    rows: list[list[str]] = []
    for token in tokens(fence.body):
        if token.type == "list_item_open" and token.level == 1:
            rows.append([])
        elif token.type == "list_item_open" and token.level == 3:
            rows[-1].append("")
        elif token.type == "inline":
            rows[-1][-1] = f"{rows[-1][-1]} {_cell(inline.convert(book, page, token.content))}".strip()
    if fence.options.get("header-rows", "0") == "0":
        rows.insert(0, [""] * len(rows[0]))
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(text: str) -> str:
    """Text without line ends, and without bars, which would end the cell."""
    parts = re.split(r"(\$[^$]+\$)", text.replace("\n", " "))
    return "".join(part.replace("|", r"\vert " if part.startswith("$") else r"\|") for part in parts)
