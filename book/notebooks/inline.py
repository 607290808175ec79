"""What stands within a line: roles, links, pictures, footnotes. Code and mathematics are passed over."""

import html
import re

from notebooks import citations
from notebooks.errors import NotebookError
from notebooks.pages import Book

PATTERN = re.compile(
    r"\{(?P<role>[\w:+-]+)\}(?P<ticks>`+)(?P<content>.+?)(?P=ticks)(?!`)"
    r"|(?P<code>(?<!`)(?P<fence>`+)(?!`).+?(?<!`)(?P=fence)(?!`))"
    r"|(?P<math>(?<!\\)\$[^$]+\$)"
    r"|(?P<picture>!)?\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)"
    r"|<(?P<auto>(?:project|path|doc):[^>\s]+|\#[^>\s]+)>"
    r"|\[\^(?P<note>[\w-]+)\](?P<colon>:?)",
    re.DOTALL,
)
REFERENCES = ("eq", "ref", "numref", "doc", "prf:ref", "math:numref", "any")
PLAIN = ("term", "abbr", "guilabel", "command")


def convert(book: Book, page: str, text: str) -> str:
    """The text with all roles and links as plain Markdown.

    Args:
        book: what they can point at.
        page: where the text stands.
        text: prose, without blocks that need a treatment of their own.

    Raises:
        NotebookError: for a role that is not known, or a target that does not exist.
    """

    def replace(found: re.Match) -> str:
        if found["role"]:
            return _role(book, page, found["role"], found["content"])
        if found["code"] or found["math"]:
            return found[0]
        if found["note"]:
            return f"<sup>{found['note']}</sup>"
        if found["auto"]:
            address, words = book.resolve(page, found["auto"])
            return f"[{words}]({address})"
        if found["picture"]:
            return f"![{found['text']}]({picture(book, page, found['target'])})"
        address, words = book.resolve(page, found["target"])
        return f"[{convert(book, page, found['text']) or words}]({address})"

    # A stray backtick or dollar must not reach into the next paragraph.
    return "\n\n".join(PATTERN.sub(replace, paragraph) for paragraph in text.split("\n\n"))


def picture(book: Book, page: str, target: str) -> str:
    """Where a picture of the book lies for a reader of a notebook."""
    address, _ = book.resolve(page, target)
    return address.replace(book.repository.file(""), book.repository.raw(""))


def code_links(book: Book, page: str, source: str) -> str:
    """Code whose output holds links to pages, with the addresses in their place."""

    def replace(found: re.Match) -> str:
        address, words = book.resolve(page, found["target"])
        return f"[{found['text'] or words}]({address})"

    return re.sub(r"\[(?P<text>[^\[\]]*)\]\((?P<target>[\w/.-]+\.md(?:#[\w-]+)?)\)", replace, source)


def _role(book: Book, page: str, name: str, content: str) -> str:
    explicit = re.fullmatch(r"(?P<words>.*?)\s*<(?P<target>[^<>]+)>", content, re.DOTALL)
    words, target = (explicit["words"], explicit["target"]) if explicit else (None, content)
    if name in ("cite", "cite:p", "cite:ps", "cite:t", "cite:ts"):
        return citations.cite(book.bibliography, content, "t" if name.startswith("cite:t") else "p", page)
    if name in REFERENCES:
        address, found = book.resolve(page, target)
        return f"[{words or found}]({address})"
    if name == "math":
        return f"${content}$"
    if name == "index":
        return words if words is not None else content.removeprefix("!")
    if name in ("sub", "sup"):
        return f"<{name}>{html.escape(content)}</{name}>"
    if name.startswith("py:"):
        return f"`{words or content}`"
    if name in PLAIN:
        return words or content
    raise NotebookError(f"{page} uses the role {{{name}}}, which book/notebooks/inline.py does not know: add it there.")
