"""Records, inside the kernel that runs a page, which files and modules the page uses.

An IPython extension that needs the standard library alone: `building.kernels` hands a copy of it to each kernel.
"""

import hashlib
import json
import os
import pathlib
import sys

ROOT, REPORT = "BOOK_ROOT", "BOOK_USED"  # environment variables: the folder to watch, the file to write
_WRITING = set("wax+")


def digest(path: pathlib.Path) -> str:
    """What changes with a file's content, or with the names in a folder; "missing" if there is nothing."""
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir() if is_tracked(entry))
        return hashlib.sha256("\n".join(names).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


def is_tracked(path: pathlib.Path) -> bool:
    """Whether a path, relative to the book or not, is neither hidden, nor built, nor installed, nor byte code."""
    skipped = {"__pycache__", "_build", "site-packages"}
    return not any(part.startswith(".") or part in skipped for part in path.parts)


class Watch:
    """The files and folders below `root` that this process reads, with their digests; the modules it imports."""

    def __init__(self, root: pathlib.Path, report: pathlib.Path):
        self.root, self.report = root, report
        self.files: dict[str, str] = {}
        self._seen: set[str] = set()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = _WRITING & set(mode) if isinstance(mode, str) else flags & (os.O_WRONLY | os.O_RDWR)
            if not writes:
                self._add(path)
        # importlib lists the folders of sys.path to find something; which modules it found, sys.modules says.
        elif event in ("os.listdir", "os.scandir") and "importlib" not in sys._getframe(1).f_code.co_filename:
            self._add(arguments[0])

    def _add(self, path: object) -> None:
        if path is None or isinstance(path, (str, bytes, os.PathLike)):
            self._seen.add(os.path.abspath(os.fsdecode(path or ".")))

    def write(self, *_: object) -> None:
        """Write what was used so far. What is new is hashed now, not at the end: files may change in between."""
        # Other threads import and read meanwhile: a copy is made in one piece, a list of the items is not.
        modules = {name: getattr(module, "__file__", None) for name, module in sys.modules.copy().items()}
        seen, self._seen = self._seen, set()
        for path in map(pathlib.Path, seen | {os.path.abspath(file) for file in modules.values() if file}):
            if path.is_relative_to(self.root) and is_tracked(path.relative_to(self.root)):
                self.files.setdefault(path.relative_to(self.root).as_posix(), digest(path))
        used = {"files": self.files, "modules": sorted({name.partition(".")[0] for name in modules})}
        self.report.write_text(json.dumps(used))


def load_ipython_extension(ipython) -> None:
    """Called by IPython when the kernel starts. Kernels that Sphinx starts are not told where to report, and do not."""
    if REPORT in os.environ:
        watch = Watch(pathlib.Path(os.environ[ROOT]), pathlib.Path(os.environ[REPORT]))
        ipython.events.register("post_run_cell", watch.write)
