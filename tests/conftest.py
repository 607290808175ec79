"""What all tests share: a quiet TensorFlow, fixed seeds, small data, the built book, and programs run apart."""

import copy
import dataclasses
import fcntl
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import cores

# Read when TensorFlow is imported, so it has to come first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.update(cores.DIVIDED)
# Read when TensorFlow first computes: `urfb_tf.bench` counts memory, and sets this, but other tests may come before.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")

import hypothesis
import keras
import pytest
from release import ROOT, Release

import urfb_tf
from urfb_tf import results
from urfb_tf.experiments import find
from urfb_tf.experiments.run import run

hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, max_examples=25, database=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _same_seeds():
    """No test depends on what ran before it."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def small_data():
    """The generated set with 60 training, 25 validation and 35 test images."""
    return urfb_tf.load("generated", train=60, validation=25, test=35)


def pytest_addoption(parser):
    parser.addoption("--book", metavar="FOLDER", help="test the book built in this folder, in place of building one")


# The book takes longest, and is built by the first test that reads it. Other files that read it come last, so that a
# second process has something else to do meanwhile. Files that take long come early: no process is left with one.
FIRST = ("test_browser", "test_export", "test_resume", "test_distributed", "test_rules", "test_timing", "test_build")
LAST = ("test_buttons", "test_colab", "test_book")


def pytest_collection_modifyitems(items):
    """Orders the files, so that no process waits for another."""
    order = {name: place for place, name in enumerate(FIRST, start=-len(FIRST))}
    order |= {name: place for place, name in enumerate(LAST, start=1)}
    items.sort(key=lambda item: order.get(item.path.stem, 0))


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Makes a folder with something in it that all processes of the tests share: whichever comes first makes it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
        folder, whole = shared / name, shared / f"{name}.whole"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                assert not folder.exists(), f"the {name} could not be made: see the first test that failed"
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def release(request, once) -> Release:
    """The released package as Colab has it."""
    if request.config.getoption("--book"):
        pytest.skip("the book was built by another environment")
    return Release(once("release", lambda folder: Release(folder).create()))


@pytest.fixture(scope="session")
def book(request, once) -> pathlib.Path:
    """The HTML of the book, whose pages ran with the release alone and no dataset at hand."""
    if built := request.config.getoption("--book"):
        return pathlib.Path(built).resolve()
    release = request.getfixturevalue("release")
    return once("book", lambda folder: _build_book(folder, release)) / "_build" / "html"


def _build_book(output: pathlib.Path, release: Release) -> None:
    # The build divides the cores itself.
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", *cores.DIVIDED)} | {
        "JUPYTER_PATH": str(release.jupyter),
        "TFDS_DATA_DIR": str(output / "no-datasets"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(ROOT / "book" / "build.py"), str(output)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert str(output / "_build" / "html" / "index.html") in done.stdout, "the command says where the book is"


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """Runs Python with these arguments in a process of its own, in an empty folder; checks that it succeeds."""

    def run(*arguments: str, folder: pathlib.Path | None = None) -> str:
        place = folder or tmp_path_factory.mktemp("python")
        done = subprocess.run([sys.executable, *arguments], cwd=place, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def datasets_at(monkeypatch):
    """Makes tensorflow-datasets look into a folder, as TFDS_DATA_DIR does for a new process."""

    def look(folder) -> None:
        import tensorflow_datasets as tfds

        monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(folder))

    return look


@pytest.fixture(scope="session")
def template(small_data) -> dict:
    """A real result, of which tests change identity and epochs."""
    experiment = dataclasses.replace(find("table1/cifar10/urfb"), dataset="generated", batch_size=20)
    return run(experiment, epochs=1, data=small_data, alignment=False)


@pytest.fixture
def record_epochs(template, tmp_path, monkeypatch):
    """Records a run whose epochs have these fields in place of the template's, in a store that is empty at first."""
    records = tmp_path / "records"
    monkeypatch.setattr(results, "seeds", lambda key: results.store.seeds(key, records))
    monkeypatch.setattr(results, "load", lambda key, seed=0, **how: results.store.load(key, seed, records, **how))
    monkeypatch.setattr(results, "load_all", lambda key, seed=0: results.store.load_all(key, seed, records))
    monkeypatch.setattr(results, "file_of", lambda result: results.store.file_of(result, records))

    def put(identifier: str, epochs: list[dict], seed: int = 0, device: str = "CPU") -> None:
        result = {**copy.deepcopy(template), "id": identifier, "seed": seed}
        result["sessions"][-1]["hardware"]["device"] = device
        first = template["epochs"][0]
        result["epochs"] = [{**first, **fields, "epoch": number} for number, fields in enumerate(epochs, start=1)]
        source = tmp_path / "result.json"
        source.write_text(json.dumps(result))
        results.store.record(source, records)

    return put


@pytest.fixture
def record_errors(record_epochs):
    """Records a run with these test errors, one per epoch."""

    def put(identifier: str, test_errors: list[float], seed: int = 0, device: str = "CPU", **fields) -> None:
        record_epochs(identifier, [{**fields, "test_error": error} for error in test_errors], seed, device)

    return put
