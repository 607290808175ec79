"""Write all notebooks and remove those whose chapter is gone: `python -m notebooks`, with book/ in PYTHONPATH."""

import sys

from notebooks import cells
from notebooks.errors import NotebookError
from notebooks.pages import Book


def main() -> int:
    book = Book()
    try:
        notebooks = {book.root / book.notebook_path(page): cells.notebook(book, page) for page in book.code_pages}
    except NotebookError as error:
        print(error, file=sys.stderr)
        return 1
    for path in set((book.root / "book").rglob("*.ipynb")) - notebooks.keys():
        path.unlink()
        print(f"{path.relative_to(book.root)} removed: it has no chapter.")
    for path, text in notebooks.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(book.root)} written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
