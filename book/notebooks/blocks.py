"""What takes lines of its own: equations, targets, comments, definition lists, directives."""

import re

from markdown_it.token import Token

from notebooks import directives, inline
from notebooks.pages import Book
from notebooks.parser import directive, lines_of, tokens, top_blocks

CODE = frozenset({"fence", "code_block", "html_block"})
TREATED = frozenset(
    {
        "colon_fence",
        "amsmath",
        "math_block",
        "math_block_label",
        "myst_target",
        "myst_line_comment",
        "dl_open",
        "blockquote_open",
    }
)


def convert(book: Book, page: str, text: str) -> str:
    """A text in MyST as plain Markdown with equations between double dollars.

    Args:
        book: what references can point at.
        page: where the text stands.
        text: any number of blocks.

    Raises:
        NotebookError: for a directive or role that is not known, or a target that does not exist.
    """
    lines, done, position = text.split("\n"), [], 0
    for token in top_blocks(text, CODE | TREATED):
        start, end = lines_of(token)
        if position < start:
            done.append(inline.convert(book, page, "\n".join(lines[position:start])))
        position = end
        block = _block(book, page, token, lines[start:end])
        if block is None:
            done += lines[start:end]
            continue
        indent = re.match(r"\s*", lines[start])[0]
        done += [(indent + line).rstrip() for line in block.split("\n")] if block else []
        if not block and position < len(lines) and not lines[position].strip():
            position += 1  # one empty line goes with what is dropped
    if position < len(lines):
        done.append(inline.convert(book, page, "\n".join(lines[position:])))
    return "\n".join(done).strip("\n")


def _block(book: Book, page: str, token: Token, lines: list[str]) -> str | None:
    """A block as Markdown; None where it stays as it is."""
    if fence := directive(token):
        return _anchor(fence.label) + directives.render(book, page, fence, convert)
    if token.type in CODE:
        return None
    if token.type == "myst_target":
        return _anchor(token.content).removesuffix("\n")
    if token.type == "dl_open":
        return _definitions(book, page, "\n".join(lines))
    if token.type == "blockquote_open":
        inside = "\n".join(re.sub(r"^\s*> ?", "", line) for line in lines)
        return directives.quotation(convert(book, page, inside))
    if token.type == "myst_line_comment":
        return ""
    label = token.info if token.type == "math_block_label" else None
    return _anchor(label) + directives.equation(token.content, book.labels[label].text if label else None)


def _anchor(name: str | None) -> str:
    """What links jump to; the empty line behind it keeps the next block from being taken for HTML too."""
    return f'<a name="{name}"></a>\n\n' if name else ""


def _definitions(book: Book, page: str, text: str) -> str:
    """A definition list, which plain Markdown has not, as an ordinary one."""
    items: list[str] = []
    term = False
    for token in tokens(text):
        term = token.type == "dt_open" or (term and token.type != "dt_close")
        if token.type == "inline":
            words = inline.convert(book, page, token.content.replace("\n", " "))
            items += [f"- **{words}**:"] if term else []
            items[-1] += "" if term else f" {words}"
    return "\n".join(items)
