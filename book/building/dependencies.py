"""What the outputs of a page depend on beside its own cells: files of the repository, and what is installed."""

import functools
import importlib.metadata
import pathlib
import platform
import re
from collections.abc import Iterable

from building.watch import digest


def dependencies(root: pathlib.Path, used: dict) -> dict:
    """What the watch reported, with the distributions that the modules belong to.

    Args:
        root: the book's folder.
        used: "files", digests by path below `root`, and "modules", names of top-level modules.

    Returns:
        "files" as they are, and "installed", versions by distribution.
    """
    owners = _owners()
    distributions = {_plain(owner) for module in used["modules"] for owner in owners.get(module, ())}
    return {"files": used["files"], "installed": _installed(root, distributions)}


def changes(root: pathlib.Path, recorded: dict) -> list[str]:
    """Which dependencies are no longer what they were when the page was run: paths, and names of distributions."""
    files = [name for name, old in recorded["files"].items() if digest(root / name) != old]
    installed = _installed(root, recorded["installed"])
    return files + [name for name, old in recorded["installed"].items() if installed[name] != old]


def _installed(root: pathlib.Path, distributions: Iterable[str]) -> dict[str, str]:
    """The version of each distribution that is installed and the one that the lock file asks for."""
    pinned = _pinned(root / "requirements.txt")
    versions = {name: f"{_version(name)}, pinned: {pinned.get(name, 'no')}" for name in {*distributions} - {"python"}}
    return {**versions, "python": platform.python_version()}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _pinned(lock: pathlib.Path) -> dict[str, str]:
    lines = lock.read_text(encoding="utf-8").splitlines() if lock.exists() else []
    found = (re.match(r"([\w.-]+)==([^\s;#]+)", line) for line in lines)
    return {_plain(match[1]): match[2] for match in found if match}


@functools.cache
def _owners() -> dict[str, list[str]]:
    """Names of distributions by top-level module."""
    return dict(importlib.metadata.packages_distributions())


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
