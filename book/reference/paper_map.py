"""The map of the paper: one row for each of its parts, with where the book treats it and what became of it."""

import collections
import dataclasses
import functools

import yaml

from reference import chapters, docstrings, objects
from reference.citations import Part
from urfb_tf.analysis import reproduction

GROUPS = {"sections": "section", "equations": "equation", "theorems": "theorem", "figures": "figure", "tables": "table"}
WORDS = ("holds", "context corrected", "corrected")
FIGURE_STATUS = {"drawn": "drawn anew", "computed": "computed anew"}


@dataclasses.dataclass(frozen=True)
class Item:
    """A part of the paper.

    Attributes:
        part: its kind and number.
        subject: in a few words; of a section, its title.
        section: the one that it stands in; of a section, itself.
        tests: functions of `tests/`, by file.
        derived: whether it is a step of a derivation, which no function of the package computes.
        kind: of a figure, "drawn", "computed" or "recorded".
        experiments: those whose results it shows, by the beginning of their ids.
        tying: "tied" or "untied" if it shows these of them alone.
        named_chapters: pages that treat it without saying so in their subtitle.
    """

    part: Part
    subject: str
    section: str
    tests: dict[str, list[str]]
    derived: bool
    kind: str | None
    experiments: list[str]
    tying: str | None
    named_chapters: list[str]

    @property
    def functions(self) -> list[str]:
        """Full names of what implements it."""
        return objects.implementations().get(self.part, [])

    @property
    def places(self) -> list[str]:
        """Links to where the book treats it."""
        links = []
        for chapter in chapters.chapters().values():
            found = docstrings.anchor(chapter, self.part)
            title = f"{{ref}}`{chapter.title} <{chapters.label(chapter.name, chapter.title)}>`"
            if found and found[1]:
                links.append(f"{{ref}}`{chapter.title}: {found[1]} <{found[0]}>`")
            elif found or chapter.name in self.named_chapters:
                links.append(title)
        return links

    @property
    def erratum(self) -> str | None:
        """The heading of the errata that names it."""
        return chapters.chapters()["errata"].heading(self.part)

    @property
    def verdicts(self) -> collections.Counter:
        """How many of the paper's numbers behind it have which verdict."""
        return collections.Counter(number.verdict for number in self._numbers)

    @property
    def records(self) -> int:
        """How many recorded results are behind it."""
        return len({file for number in self._numbers for file in number.files})

    def _status_of_parts(self, items: "list[Item]") -> list[str]:
        count: collections.Counter = collections.Counter()
        for item in items:
            if item.part[0] == "table":
                # Section 4.1 is that on untied layers, those of Table 1 included.
                here = [n for n in item._numbers if self.part[1] == ("4.1" if n.tying == "untied" else item.section)]
                count.update(number.verdict for number in here)
            elif item.section == self.part[1] and item is not self and not item.experiments:
                count.update(item.status(items))
        order = [*WORDS, *FIGURE_STATUS.values(), *reproduction.VERDICTS]
        found = [f"{count[word]} {word}" for word in order if count[word]]
        return [words.replace("holds", "hold") if words != "1 holds" else words for words in found] or ["text"]

    @property
    def _numbers(self) -> list[reproduction.Number]:
        beginnings = tuple(f"{experiment}/" for experiment in self.experiments)
        found = [number for number in _all_numbers() if number.id.startswith(beginnings)]
        return [number for number in found if self.tying in (None, number.tying)]

    def status(self, items: "list[Item]") -> list[str]:
        """What became of it, in the words that the page explains; of a section, what became of its parts."""
        if self.experiments:
            count = self.verdicts
            return [f"{count[verdict]} {verdict}" for verdict in reproduction.VERDICTS if count[verdict]]
        if self.kind:
            return [FIGURE_STATUS[self.kind]]
        if self.part[0] == "section":
            return self._status_of_parts(items)
        corrected = [c.equations.get(int(self.part[1])) for c in chapters.chapters().values()]
        if any(corrected) or (self.part[0] == "theorem" and self.erratum):
            return ["corrected"]
        return ["context corrected" if self.erratum else "holds"]


@functools.cache
def _all_numbers() -> list[reproduction.Number]:
    """Those of all tables: many parts ask for them, and each time it would take reading every recorded result."""
    return reproduction.numbers()


def load() -> list[Item]:
    """All parts of the paper, as `paper_map.yml` lists them."""
    data = yaml.safe_load((chapters.BOOK / "paper_map.yml").read_text())
    return [
        Item(
            part=(kind, str(entry["number"])),
            subject=entry.get("title") or entry["subject"],
            section=str(entry["number"]) if kind == "section" else entry["section"],
            tests=entry.get("tests", {}),
            derived=entry.get("derived", False),
            kind=entry.get("kind"),
            experiments=entry.get("experiments", []),
            tying=entry.get("tying"),
            named_chapters=entry.get("chapters", []),
        )
        for group, kind in GROUPS.items()
        for entry in data[group]
    ]


def table(kind: str) -> str:
    """The rows of one kind of part as a Markdown table, with MyST's links."""
    items = load()
    header = [kind.capitalize(), "Status", "Book", "Package", "Tests and results"]
    rows = [_row(item, items) for item in items if item.part[0] == kind]
    columns = [column for column in zip(header, ["---"] * len(header), *rows, strict=True) if any(column[2:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True))


def _row(item: Item, items: list[Item]) -> list[str]:
    kind, number = item.part
    status = item.status(items)
    if item.erratum:
        status.append(f"{{ref}}`errata <{chapters.label('errata', item.erratum)}>`")
    checks = [f"`{_breakable(file)}`" for file in item.tests]
    if item.derived:
        checks.insert(0, "a cell of the chapter")
    if item.experiments:
        results = "1 recorded result" if item.records == 1 else f"{item.records} recorded results"
        checks.insert(0, f"{{ref}}`{results} <{_reproduced(item)}>`")
    cells = [
        [f"({number}) {item.subject}" if kind == "equation" else f"{number} {item.subject}"],
        status,
        item.places,
        [f"{{py:obj}}`{_breakable(name.removeprefix('urfb_tf.'))} <{name}>`" for name in item.functions],
        checks,
    ]
    return ["<br>".join(lines) for lines in cells]


def _breakable(name: str) -> str:
    """A name that a narrow column may break after its dots and underscores, by spaces without width."""
    return name.replace(".", ".\N{ZERO WIDTH SPACE}").replace("_", "_\N{ZERO WIDTH SPACE}")


def _reproduced(item: Item) -> str:
    page = chapters.chapters()["reproduction"]
    return chapters.label(page.name, page.heading(item.part) or page.title)
