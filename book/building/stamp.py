"""Tells a book that is as its sources are from one that has to be built."""

import hashlib
import importlib.metadata
import os
import pathlib
import platform

from building.watch import digest, is_tracked

_NO_SOURCES = {"runs", "build", "dist"}


def stamp(root: pathlib.Path) -> str:
    """A digest of all files from which the book below `root` is made, and of all that is installed."""
    lines = [platform.python_version()]
    lines += sorted(f"{found.name} {found.version}" for found in importlib.metadata.distributions())
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(
            name for name in subfolders if is_tracked(pathlib.Path(name)) and name not in _NO_SOURCES
        )
        files = [pathlib.Path(folder, name) for name in sorted(names) if is_tracked(pathlib.Path(name))]
        lines += [f"{path.relative_to(root)} {digest(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_built(html: pathlib.Path, current: str) -> bool:
    """Whether the pages in `html` were built, without a warning, from what `current` is the stamp of."""
    path = html / ".stamp"
    return path.exists() and path.read_text() == current


def write(html: pathlib.Path, current: str) -> None:
    """Note that the pages in `html` have been built, without a warning, from what `current` is the stamp of."""
    (html / ".stamp").write_text(current)
