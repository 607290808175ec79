"""A table of text, as notebooks, the book and the command line show it."""

import dataclasses
import re
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under a header; shows as HTML in a notebook and as Markdown elsewhere.

    Cells are text and may hold HTML, which is not escaped: `html.escape` does that to text from elsewhere.

    Columns of numbers stand on the right, those of words on the left, and words wrap. A sortable table can be sorted by
    any of its columns in the book.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    sortable: bool = False

    def _repr_html_(self) -> str:
        def line(tag: str, cells: Sequence[str]) -> str:
            first, *rest = cells
            scope = ' scope="row"' if tag == "td" else ""
            # A header without text would name a column of names by nothing.
            opening = f"<th{scope} style='text-align:left'>{first}</th>" if first else "<td></td>"
            cells = [f"<{tag} style='{style}'>{c}</{tag}>" for style, c in zip(styles, rest, strict=True)]
            return "<tr>" + opening + "".join(cells) + "</tr>"

        columns = zip(*(row[1:] for row in self.rows), strict=True) if self.rows else [()] * (len(self.header) - 1)
        styles = [_style(column) for column in columns]
        body = "".join(line("td", row) for row in self.rows)
        # The theme frames outputs in white in the dark, but not those of the class "dataframe".
        return (
            f"<div style='overflow-x:auto'><table class='table dataframe{' sortable' if self.sortable else ''}'>"
            f"<thead>{line('th', self.header)}</thead><tbody>{body}</tbody></table></div>"
        )

    def _repr_markdown_(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        # A bar within a cell would end it.
        return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |" for cells in lines)

    __str__ = _repr_markdown_


_NUMBER = re.compile(r"[-+−±≈<>$]*\d[\d.,]*(?![\d.,a-zA-Z])")  # and no commit, such as 3c41e2ddfc
_MARKUP = re.compile(r"<[^>]+>")
_REMARKS = {"", "none", "never", "not run", "yes", "no"}


def _style(column: Sequence[str]) -> str:
    """How to set a column: words wrap, but no narrower than 18 characters."""
    said = {_MARKUP.sub("", cell) for cell in column}
    if said <= _REMARKS or any(_NUMBER.match(cell) for cell in said):
        return "text-align:right"
    return f"text-align:left; white-space:normal; min-width:{min(18, max(map(len, said)))}ch"
