"""The documented objects of the package: which pages name them, and what their docstrings cite."""

import functools
import importlib
import inspect
import re

from reference.chapters import BOOK
from reference.citations import Part, cited


@functools.cache
def documented() -> dict[str, object]:
    """Everything that the pages in `api/` name, by full name, in their order."""
    found = {}
    for page in sorted((BOOK / "api").glob("*.md")):
        for module, names in re.findall(r"^```\{api\} (\S+)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            owner = importlib.import_module(module)
            found |= {f"{module}.{name}": getattr(owner, name) for name in names.split()}
    return found


def methods(full_name: str, owner: object) -> dict[str, object]:
    """The public methods that a documented class defines itself, and documents."""
    own = vars(owner) if inspect.isclass(owner) else {}
    return {
        f"{full_name}.{name}": member
        for name, member in own.items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)) and member.__doc__
    }


def summary(documented_object: object) -> str:
    """The first paragraph of a docstring."""
    return inspect.cleandoc(documented_object.__doc__ or "").split("\n\n")[0].replace("\n", " ")


@functools.cache
def implementations() -> dict[Part, list[str]]:
    """Full names by the part of the paper that the first paragraph of their docstrings names."""
    found: dict[Part, list[str]] = {}
    for name, item in documented().items():
        for full_name, each in {name: item, **methods(name, item)}.items():
            for part in cited(summary(each)):
                found.setdefault(part, []).append(full_name)
    return found
