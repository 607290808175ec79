"""Docstrings on their way to a page: they are written for readers of code, and Sphinx takes reStructuredText."""

import re

from reference import chapters, objects
from reference.citations import Part, cited

_SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields):$")


def to_rst(lines: list[str], scope: str) -> list[str]:
    """A docstring with its backticks as code or links, what RST takes for markup escaped, and indented code as code.

    Args:
        lines: the docstring's.
        scope: the full name of what it belongs to. Names in backticks are looked up from its module outwards.
    """
    converted: list[str] = []
    inside_section = False
    lines = _one_name_each(lines)
    for number, line in enumerate(lines):
        inside_section = bool(_SECTION.match(line)) or (inside_section and (not line or line.startswith(" ")))
        first_of_block = line.startswith("    ") and number > 0 and not lines[number - 1]
        if first_of_block and not inside_section:
            converted += [".. code-block:: python", ""]
        code = line.startswith("    ") and not inside_section
        converted.append(line if code else _inline(line, scope))
    return converted


def _one_name_each(lines: list[str]) -> list[str]:
    """Entries "a, b: text" as "a: text" and "b: text", as napoleon does for arguments, but not for attributes."""
    entries: list[list[str]] = []
    for line in lines:
        if line.startswith("     ") and entries:
            entries[-1].append(line)
        else:
            entries.append([line])
    found = []
    for first, *more in entries:
        several = re.match(r"    (\w+(?:, \w+)+): (.*)", first)
        for name in several[1].split(", ") if several else [None]:
            found += [f"    {name}: {several[2]}" if several else first, *more]
    return found


def _inline(line: str, scope: str) -> str:
    pieces = re.split(r"`([^`]+)`", line)
    pieces[0::2] = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", text) for text in pieces[0::2]]
    pieces[1::2] = [_code(text, scope) for text in pieces[1::2]]
    text = "".join(pieces)
    if error := re.match(r"(\s+)(\w*Error|Interrupted):", text):
        return text.replace(error[2], f"~{_find(error[2], scope) or error[2]}", 1)
    return text


def _code(text: str, scope: str) -> str:
    name = text.partition("(")[0]
    inside = [full for full in objects.documented() if f"{scope}.".startswith(f"{full}.")]
    own = any(hasattr(objects.documented()[full], name) for full in inside)  # a method, whatever else has its name
    target = None if own else _find(name, scope)
    return f":py:obj:`{text} <{target}>`" if target else f"``{text}``"


def _find(name: str, scope: str) -> str | None:
    known = objects.documented()
    owner = scope
    while owner:
        owner = owner.rpartition(".")[0]
        found = f"{owner}.{name}" if owner else name
        if found in known and found != scope:
            return found
    ends = [full for full in known if full.endswith(f".{name}") and full != scope]
    return ends[0] if name[:1].isupper() and len(ends) == 1 else None


def chapter_links(docstring: str) -> str:
    """Links, as RST, to where the book shows what the first paragraph of a docstring names of the paper.

    A section is linked to if nothing smaller is named.
    """
    parts = cited(docstring.split("\n\n")[0].replace("\n", " "))
    return _links([part for part in parts if part[0] != "section"]) or _links(parts)


def _links(parts: list[Part]) -> str:
    by_chapter = []
    for chapter in chapters.chapters().values():
        places = dict(place for part in parts if (place := anchor(chapter, part)))
        on_page = [f":ref:`{words} <{label}>`" for label, words in places.items() if words]
        if on_page:
            by_chapter.append(f"{chapter.title}: {', '.join(on_page)}")
        elif places:
            by_chapter.append(f":ref:`{chapter.title} <{chapters.label(chapter.name, chapter.title)}>`")
    return "; ".join(by_chapter)


def anchor(chapter: chapters.Chapter, part: Part) -> tuple[str, str] | None:
    """The label, and the words, by which a chapter's treatment of a part of the paper is linked to.

    There are no words where no equation and no heading of the page is about the part.
    """
    kind, number = part
    if kind == "equation":
        if int(number) not in chapter.equations:
            return None
        prime = "′" if chapter.equations[int(number)] else ""
        return chapters.equation_label(chapter.name, number), f"({number}{prime})"
    if part not in chapter.parts:
        return None
    heading = chapter.heading(part)
    return chapters.label(chapter.name, heading or chapter.title), heading or ""
