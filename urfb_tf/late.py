"""Imports that wait until a name is first asked for: a page of the book depends on what it imports, and no more."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def late(package: dict[str, Any], names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package which imports some of its names when they are first asked for.

    Args:
        package: the `globals()` of the package; receives each name that was asked for.
        names: by submodule, the names that it gives, separated by blanks. The submodule itself is one more.
    """
    home = {name: module for module, given in names.items() for name in given.split()}

    def find(name: str) -> Any:
        if name in home:
            found = getattr(importlib.import_module(f"{package['__name__']}.{home[name]}"), name)
        elif name in names:
            found = importlib.import_module(f"{package['__name__']}.{name}")
        else:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        package[name] = found
        return found

    def listing() -> list[str]:
        return sorted({*package, *home, *names})

    return find, listing
