"""The book as a whole: its pages, their titles, and what references can point at."""

import dataclasses
import functools
import pathlib
import posixpath
import re

from notebooks import citations, repository
from notebooks.errors import NotebookError
from notebooks.parser import directive, tokens

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROOF_KINDS = (
    "theorem", "proof", "lemma", "corollary", "proposition", "definition", "remark", "example", "algorithm", "axiom",
    "assumption", "conjecture", "criterion", "observation", "property", "notation",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Label:
    """A target: its page, and the words that stand for it where a reference brings none."""

    page: str
    text: str


class Book:
    """All chapters of a checkout.

    Args:
        root: the folder of _config.yml; pages are named by their path from there, such as book/loss.md.
    """

    def __init__(self, root: pathlib.Path = ROOT):
        self.root = root
        self.repository = repository.read(root)
        self.bibliography = citations.read(root / "book" / "references.bib")
        folder = root / "book"
        self.pages = {str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in sorted(folder.rglob("*.md"))}
        self.labels = {name: label for page, text in self.pages.items() for name, label in labels(page, text).items()}

    @functools.cached_property
    def code_pages(self) -> list[str]:
        """The pages that have cells, and so a notebook."""
        return [page for page, text in self.pages.items() if re.search(r"^```\{code-cell\}", text, re.MULTILINE)]

    def title(self, page: str) -> str:
        """The first heading."""
        found = re.search(r"^# (.+)$", self.pages[page], re.MULTILINE)
        if not found:
            raise NotebookError(f"{page} has no title: begin it with a line '# ...'.")
        return found.group(1)

    def notebook_path(self, page: str) -> str:
        """Where the notebook of a page lies: beside it."""
        return page.removesuffix(".md") + ".ipynb"

    def address(self, page: str) -> str:
        """Where a reader of a notebook finds another page: as a notebook, or in the repository if it has no code."""
        if page in self.code_pages:
            return self.repository.colab(self.notebook_path(page))
        return self.repository.file(page)

    def resolve(self, page: str, target: str) -> tuple[str, str]:
        """Where a link of a page leads.

        Args:
            page: the page that holds the link.
            target: what stands in its parentheses: an address, a page, a file, or a label.

        Returns:
            The address, and the words for a link that has none of its own.

        Raises:
            NotebookError: if there is no such page, file or label.
        """
        target = re.sub(r"^(project|path|doc):", "", target)
        if re.match(r"[a-z]+:", target):
            return target, target
        path, _, label = target.partition("#")
        if not path or path in self.labels:
            return self._resolve_label(page, path or label)
        near = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        for name in (near, f"{near}.md"):
            if name in self.pages:
                return (
                    self._resolve_label(page, label) if label in self.labels else (self.address(name), self.title(name))
                )
        if (self.root / near).exists():
            return self.repository.file(near), posixpath.basename(near)
        raise NotebookError(f"{page} links to {target!r}, but there is no such page, file or label.")

    def _resolve_label(self, page: str, name: str) -> tuple[str, str]:
        if name not in self.labels:
            raise NotebookError(f"{page} refers to the label {name!r}, but no page has it.")
        label = self.labels[name]
        return (f"#{name}" if label.page == page else self.address(label.page)), label.text


def labels(page: str, text: str) -> dict[str, Label]:
    """The targets of a page: lines `(name)=`, labelled equations, and directives with the option name or label."""
    found: dict[str, Label] = {}
    waiting: list[str] = []  # targets whose heading comes next
    equations = 0
    for token in tokens(text):
        fence = directive(token)
        if token.type == "myst_target":
            waiting.append(token.content)
        elif token.type == "math_block_label" or (fence and fence.name == "math" and fence.label):
            tag = re.search(r"\\tag\*?\{\$?(.+?)\$?\}", token.content)
            equations += not tag
            found[fence.label if fence else token.info] = Label(page, f"({tag.group(1) if tag else equations})")
        elif fence:
            words = box_title(fence.name, fence.argument)
            if fence.label:
                found[fence.label] = Label(page, words)
            found |= labels(page, fence.body)
            found |= {name: Label(page, words) for name in waiting}
            waiting = []
        elif token.type == "inline" and waiting:
            found |= {name: Label(page, token.content) for name in waiting}
            waiting = []
    return found


def box_title(name: str, argument: str) -> str:
    """What stands above a box, from the name of its directive and what is written behind it."""
    kind = name.removeprefix("prf:")
    if kind in PROOF_KINDS:
        return f"{kind.capitalize()} ({argument})" if argument else kind.capitalize()
    return argument or kind.capitalize()
