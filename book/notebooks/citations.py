"""Citations as words, and the works that a page cites at its end."""

import pathlib
import re

from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.plugin import find_plugin

from notebooks.errors import NotebookError


def read(path: pathlib.Path) -> BibliographyData:
    """The bibliography of the book."""
    return parse_file(str(path))


def cite(bibliography: BibliographyData, keys: str, style: str, page: str) -> str:
    """A citation, linked to the list of references at the end of the notebook.

    Args:
        bibliography: all works.
        keys: those cited, with commas between them.
        style: "t" for names in the sentence, "p" for all in parentheses.
        page: the page, for the message.

    Raises:
        NotebookError: if a work is not in the bibliography.
    """
    links = []
    for key in (name.strip() for name in keys.split(",")):
        if key not in bibliography.entries:
            raise NotebookError(f"{page} cites {key!r}, which is not in references.bib.")
        entry = bibliography.entries[key]
        between = f" ({_year(entry)})" if style == "t" else f", {_year(entry)}"
        links.append(f"[{_authors(entry)}{between}](#{anchor(key)})")
    return ", ".join(links) if style == "t" else f"({'; '.join(links)})"


def anchor(key: str) -> str:
    """The name of the place where a work stands in the list."""
    return f"reference-{key}"


def references(bibliography: BibliographyData, keys: list[str]) -> str:
    """The list of the works cited, as Markdown; each is the target of its citations."""
    style = find_plugin("pybtex.style.formatting", "unsrt")()
    backend = find_plugin("pybtex.backends", "markdown")()
    entries = [bibliography.entries[key] for key in sorted(keys, key=lambda k: _order(bibliography.entries[k]))]
    lines = []
    for formatted in style.format_entries(entries):
        words = re.sub(r"\\([.\-])", r"\1", formatted.text.render(backend).replace("\n", " "))  # needless escapes
        lines.append(f'- <a name="{anchor(formatted.key)}"></a>{words}')
    return "\n".join(["## References", "", *lines])


def _authors(entry: Entry) -> str:
    names = [" ".join(person.prelast_names + person.last_names) for person in entry.persons["author"]]
    names = [re.sub(r"[{}]", "", name) for name in names]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def _year(entry: Entry) -> str:
    return entry.fields["year"]


def _order(entry: Entry) -> tuple[str, str]:
    return _authors(entry), _year(entry)
