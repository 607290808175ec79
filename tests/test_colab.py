"""Every notebook runs as in Colab: with the wheel and what Colab has installed; no repository, dataset or network."""

import concurrent.futures
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import nbformat
import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "book").rglob("*.ipynb"))
COLAB = ("ipykernel", "matplotlib", "numpy", "scipy", "sympy", "tensorflow", "tensorflow-datasets")

# Python runs this first in the new environment: whoever asks for another machine is refused, and written down.
NO_NETWORK = """\
import os, sys


def refuse(event, arguments):
    host = {"socket.getaddrinfo": 0, "socket.connect": 1}.get(event)
    if host is None or not isinstance(arguments[host], (str, tuple)):
        return
    name = arguments[host] if isinstance(arguments[host], str) else arguments[host][0]
    if str(name) not in ("127.0.0.1", "localhost", "::1"):
        with open(os.environ["NETWORK_LOG"], "a") as log:
            print(name, file=log)
        raise OSError(f"no network here: {name}")


sys.addaudithook(refuse)
"""


def needed(roots: list[str]) -> set[str]:
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


def link(name: str, site: pathlib.Path) -> None:
    """Put an installed distribution, and nothing else, into another environment's site-packages."""
    distribution = importlib.metadata.distribution(name)
    for file in distribution.files or []:
        if ".." not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.symlink_to(distribution.locate_file(file))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> pathlib.Path:
    """The wheel, built from a copy: what earlier builds left in the checkout does not get in."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "urfb_tf", source / "urfb_tf", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "."]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next(source.glob("urfb_tf-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> pathlib.Path:
    """A virtual environment with the wheel, what it declares, and what Colab has; its site-packages.

    The packages are links into the environment of the tests, at the versions of requirements.txt: seconds and no
    network in place of minutes, and what is not declared is missing as it would be.
    """
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    declared = next(importlib.metadata.distributions(path=[str(wheel)])).requires
    for name in needed([*COLAB, *(line for line in declared if "extra ==" not in line)]):
        link(name, site)
    (site / "sitecustomize.py").write_text(NO_NETWORK)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    for arguments in (["install", "--quiet", "--no-deps", "--no-index", str(wheel)], ["check"]):
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return site


@pytest.fixture(scope="module")
def kernels(environment) -> pathlib.Path:
    """Where Jupyter finds the new environment's Python, as the kernel "release"."""
    folder = environment.parents[2] / "share" / "jupyter"
    (folder / "kernels" / "release").mkdir(parents=True)
    argv = [str(environment.parents[2] / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {"argv": argv, "display_name": "release", "language": "python"}
    (folder / "kernels" / "release" / "kernel.json").write_text(json.dumps(specification))
    return folder


def execute(path: pathlib.Path, kernels: pathlib.Path, folder: pathlib.Path) -> nbformat.NotebookNode:
    """Run all cells of a notebook by the kernel "release", in a folder of its own; errors stand in the outputs."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import urfb_tf\nprint(urfb_tf.__file__)"))
    nbformat.write(notebook, folder / path.name)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "JUPYTER_PATH": str(kernels),
        "TFDS_DATA_DIR": str(folder / "no-datasets"),
        "NETWORK_LOG": str(folder / "network.log"),
        "IPYTHONDIR": str(folder / "ipython"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [str(pathlib.Path(sys.executable).with_name("jupyter")), "execute", "--inplace", "--allow-errors"]
    command += ["--kernel_name=release", "--timeout=600", path.name]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return nbformat.read(folder / path.name, as_version=4)


@pytest.fixture(scope="module")
def executed(kernels, tmp_path_factory) -> dict:
    """Each notebook after its run, with the folder in which it ran; as many at a time as there are cores, at most 4."""
    folders = {path: tmp_path_factory.mktemp(path.stem) for path in NOTEBOOKS}
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        runs = {path: pool.submit(execute, path, kernels, folder) for path, folder in folders.items()}
    return {path: (run.result(), folders[path]) for path, run in runs.items()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_with_the_release_alone(path, executed, environment):
    notebook, folder = executed[path]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = ["\n".join(output.traceback) for output in outputs if output.output_type == "error"]
    assert not errors, errors[0]
    assert notebook.cells[0].outputs == [], "outside Colab nothing is installed"
    # What one cell prints may come in pieces, and notes of libraries in between.
    printed = "".join(output.text for output in notebook.cells[-1].outputs if output.get("name") == "stdout")
    assert pathlib.Path(printed.strip()) == environment / "urfb_tf" / "__init__.py"
    log = folder / "network.log"
    assert not log.exists(), f"it asked for other machines: {log.read_text()}"
    assert not (folder / "no-datasets").exists(), "it began to download a dataset"


def test_the_environment_has_only_what_colab_has_and_the_wheel_declares(environment):
    for name in ("pytest", "hypothesis", "jupytext", "myst_nb", "sphinx", "jax"):
        assert not (environment / name).exists()
    assert (environment / "urfb_tf" / "results" / "records").is_dir()
    python = environment.parents[2] / "bin" / "python"
    refused = subprocess.run(
        [python, "-c", "import socket; socket.create_connection(('example.org', 80), timeout=1)"],
        env={**os.environ, "NETWORK_LOG": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no network here: example.org" in refused.stderr
