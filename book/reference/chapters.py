"""What the chapters say of themselves: their titles, the parts of the paper that they treat, equations and headings."""

import dataclasses
import functools
import pathlib
import re

import docutils.nodes
from sphinx_external_toc.parsing import parse_toc_yaml

from reference.citations import Part, cited

BOOK = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A page of the book.

    Attributes:
        name: such as "loss"; its file is `book/loss.md`.
        title: its heading.
        subtitle: the line in italics below it, which names the parts of the paper that the page is about.
        equations: numbers of the paper's equations shown there, and whether with a prime, that is, corrected.
        headings: those below the title, without `$`.
    """

    name: str
    title: str
    subtitle: str
    equations: dict[int, bool]
    headings: tuple[str, ...]

    @property
    def parts(self) -> list[Part]:
        """The parts of the paper that the subtitle names."""
        return cited(self.subtitle)

    def heading(self, part: Part) -> str | None:
        """The heading that names a part of the paper; of several, one that begins with it."""
        naming = [heading for heading in self.headings if part in cited(heading)]
        return min(naming, key=lambda heading: not heading.lower().startswith(part[0]), default=None)


def label(name: str, heading: str) -> str:
    """The name under which a heading of a page can be linked to."""
    return f"{name}-{docutils.nodes.make_id(heading)}"


def equation_label(name: str, number: int | str) -> str:
    """The name under which an equation of a page can be linked to."""
    return f"{name}-eq-{number}"


def tags(latex: str) -> dict[int, bool]:
    """The numbers of the equations in a text, and whether they have a prime."""
    return {int(number): bool(prime) for number, prime in re.findall(r"\\tag\{\$?(\d+)('?)\$?\}", latex)}


def read(name: str) -> Chapter:
    """The chapter of this name."""
    text = (BOOK / f"{name}.md").read_text()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)  # comments in code are no headings
    title, *headings = (h.replace("$", "") for h in re.findall(r"^#+ (.+)$", prose, re.MULTILINE))
    subtitle = re.search(r"^# .+\n\n\*([^*]+)\*\n", prose, re.MULTILINE)
    return Chapter(name, title, subtitle[1] if subtitle else "", tags(prose), tuple(headings))


def pages() -> list[str]:
    """All pages of the table of contents, in order, as paths in the book's folder without ending."""
    toc = parse_toc_yaml(BOOK.parent / "_toc.yml")
    return [str(name).removeprefix("book/").removesuffix(".md") for name in toc]


@functools.cache
def chapters() -> dict[str, Chapter]:
    """All pages outside the reference on the package, by name, in the order of the table of contents."""
    return {name: read(name) for name in pages() if "/" not in name}
