"""A table of text, as notebooks, the book and the command line show it."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under a header; shows as HTML in a notebook and as Markdown elsewhere.

    A sortable one can be sorted by any of its columns in the book.
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
            return "<tr>" + opening + "".join(f"<{tag} style='text-align:right'>{c}</{tag}>" for c in rest) + "</tr>"

        body = "".join(line("td", row) for row in self.rows)
        # The theme frames outputs in white in the dark, but not those of the class "dataframe".
        return (
            f"<div style='overflow-x:auto'><table class='table dataframe{' sortable' if self.sortable else ''}'>"
            f"<thead>{line('th', self.header)}</thead><tbody>{body}</tbody></table></div>"
        )

    def _repr_markdown_(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)

    __str__ = _repr_markdown_
