"""Build the book: warnings are errors; a page is run again when its cells, or files or versions it depends on, changed.

python book/build.py [output folder] [--root FOLDER] [--jobs NUMBER]
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

from building import kernels, stamp
from building.execution import run_stale_pages

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main(root: pathlib.Path, output: pathlib.Path, jobs: int) -> int:
    """Build the book that stands in `root` into `output`/_build; returns the exit status."""
    build = output / "_build"
    html, current = build / "html", stamp.stamp(root)  # before the build: what changes meanwhile is built next time
    if stamp.is_built(html, current):
        print(f"Nothing has changed. Open {html / 'index.html'} in a browser.")
        return 0
    # Pages that were built once report no warning again: without this, a second build of a broken book would succeed.
    for folder in ("html", ".doctrees"):
        shutil.rmtree(build / folder, ignore_errors=True)
    environment = kernels.prepare(build)
    failures = run_stale_pages(root, build, environment, jobs)
    for page, message in failures.items():
        print(f"\n{page}:\n\n{message}", file=sys.stderr)
    if failures:
        print(f"The book was not built: {', '.join(failures)} failed, see above.", file=sys.stderr)
        return 1
    program = pathlib.Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(root), "--path-output", str(output), "-W", "-n", "--keep-going"]
    status = subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
    if status:
        print(f"The book was not built: see the messages above and {html / 'reports'}.", file=sys.stderr)
        return status
    stamp.write(html, current)
    print(f"The book is built. Open {html / 'index.html'} in a browser.")
    return 0


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument("output", nargs="?", type=pathlib.Path, help="where _build goes; the root if not given")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="the folder with _config.yml and _toc.yml")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="pages that run at once")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    missing = [name for name in ("_config.yml", "_toc.yml") if not (given.root / name).is_file()]
    if missing:
        sys.exit(f"{given.root} has no {' and no '.join(missing)}: give --root the folder of a book.")
    if given.jobs < 1:
        sys.exit(f"--jobs is how many pages run at once, at least 1, but got {given.jobs}.")
    sys.exit(main(given.root.resolve(), (given.output or given.root).resolve(), given.jobs))
