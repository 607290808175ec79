"""Print the book, once `book/build.py` has built it, into one PDF: its pages as one, by a Chromium without a window.

python book/pdf.py [output folder]
"""

import os
import pathlib
import shutil
import subprocess
import sys

from building import kernels

ROOT = pathlib.Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TYPESETTING = 600_000  # milliseconds of the page's own clock, which runs ahead while nothing is left to do


def browser() -> str:
    """The browser of the environment variable CHROMIUM, or the first that is installed; "" if there is none."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), "")


def main(output: pathlib.Path) -> int:
    """Write `output`/_build/book.pdf; returns the exit status."""
    build, program = output / "_build", browser()
    if not program:
        print("A PDF takes Chromium: install it, or let the environment variable CHROMIUM name one.", file=sys.stderr)
        return 1
    book = pathlib.Path(sys.executable).with_name("jupyter-book")
    command = [str(book), "build", str(ROOT), "--path-output", str(output), "--builder", "singlehtml"]
    subprocess.run(command, env={**os.environ, **kernels.prepare(build)}, check=True)
    # Sphinx puts the page where the preface's source is, but links its style sheets and pictures as from above.
    page, pdf = build / "singlehtml" / "book.html", build / "book.pdf"
    shutil.copyfile(build / "singlehtml" / "book" / "preface.html", page)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which Chromium refuses to root
    options = ["--headless", "--disable-gpu", f"--virtual-time-budget={TYPESETTING}", "--no-pdf-header-footer"]
    subprocess.run([program, *sandbox, *options, f"--print-to-pdf={pdf}", page.as_uri()], check=True)
    print(f"The book is printed: {pdf}")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT))
