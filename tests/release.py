"""The released package as Colab has it: its wheel, in an environment without what it does not declare."""

import importlib.metadata
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import venv

from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLAB = ("ipykernel", "matplotlib", "numpy", "scipy", "sympy", "tensorflow", "tensorflow-datasets")

# Python runs this first in the environment: whoever asks for another machine, or for a file of the repository, is
# refused and written down.
GUARD = """\
import os, sys

REPOSITORY, INSTALLED, LOG = {repository!r}, {installed!r}, os.environ.get("REFUSED_LOG", {log!r})


def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.connect"):
        host = arguments[event == "socket.connect"]
        if not isinstance(host, (str, tuple)):
            return
        wanted = str(host if isinstance(host, str) else host[0])
        if wanted in ("127.0.0.1", "localhost", "::1"):
            return
    elif event == "open" and isinstance(arguments[0], (str, os.PathLike)):
        wanted = os.path.abspath(arguments[0])
        if not wanted.startswith(REPOSITORY + os.sep) or wanted.startswith(INSTALLED + os.sep):
            return
    else:
        return
    with open(LOG, "a") as log:
        print(os.environ.get("BOOK_USED", "no page"), wanted, file=log)
    raise OSError("not to be had here: " + wanted)


sys.addaudithook(refuse)
"""


class Release:
    """The environment in a folder.

    Attributes:
        python: its interpreter.
        site: its site-packages.
        jupyter: a folder for JUPYTER_PATH, where the kernel "python3" is that of the environment.
        log: who asked for what is not to be had there, one line each; there is no such file if nobody did.
    """

    def __init__(self, folder: pathlib.Path):
        self.python = folder / "colab" / "bin" / "python"
        self.jupyter = folder / "colab" / "share" / "jupyter"
        self.log = folder / "refused.log"
        self._folder = folder

    @property
    def site(self) -> pathlib.Path:
        return next((self._folder / "colab" / "lib").glob("python*/site-packages"))

    def create(self) -> None:
        """Make the environment.

        Its packages are links into the environment of the tests, at the versions of requirements.txt: seconds and no
        network in place of minutes, and what is not declared is missing as it would be.
        """
        wheel = _wheel(self._folder / "source")
        venv.create(self._folder / "colab", symlinks=True)
        declared = next(importlib.metadata.distributions(path=[str(wheel)])).requires or []
        for name in _needed([*COLAB, *(line for line in declared if "extra ==" not in line)]):
            _link(name, self.site)
        pip = [sys.executable, "-m", "pip", "--python", str(self.python)]
        for arguments in (["install", "--quiet", "--no-deps", "--no-index", str(wheel)], ["check"]):
            _run([*pip, *arguments])
        guard = GUARD.format(repository=str(ROOT), installed=sys.prefix, log=str(self.log))
        (self.site / "sitecustomize.py").write_text(guard)
        kernel = self.jupyter / "kernels" / "python3"
        kernel.mkdir(parents=True)
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        specification = {"argv": argv, "display_name": "The release", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(specification))


def _wheel(source: pathlib.Path) -> pathlib.Path:
    """The wheel, built from a copy: what earlier builds left in the checkout does not get in."""
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "urfb_tf", source / "urfb_tf", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "."]
    _run(command, cwd=source)
    return next(source.glob("urfb_tf-*.whl"))


def _needed(roots: list[str]) -> set[str]:
    """The installed distributions that these requirements bring with them, their own requirements included."""
    found: dict[str, set[str]] = {}
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        name = requirement.name.lower().replace("_", "-")
        extras = requirement.extras | {""}
        if extras <= found.get(name, set()):
            continue
        found[name] = found.get(name, set()) | extras
        for line in importlib.metadata.requires(name) or []:
            further = Requirement(line)
            if not further.marker or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
    return set(found)


def _link(name: str, site: pathlib.Path) -> None:
    """Put an installed distribution, and nothing else, into another environment's site-packages."""
    distribution = importlib.metadata.distribution(name)
    files = [pathlib.Path(file) for file in distribution.files or [] if ".." not in file.parts]
    # What was compiled after it was installed is not among its files. Without it each start would compile TensorFlow.
    compiled = [pathlib.Path(importlib.util.cache_from_source(str(file))) for file in files if file.suffix == ".py"]
    for file in dict.fromkeys([*files, *compiled]):
        source, target = pathlib.Path(str(distribution.locate_file(file))), site / file
        if source.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)


def _run(command: list[str], **options) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
