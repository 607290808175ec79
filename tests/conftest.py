"""What all tests share: a quiet TensorFlow, fixed seeds, small data, and programs run apart."""

import os
import subprocess
import sys

# Read when TensorFlow is imported, so it has to come first.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import keras
import pytest

import urfb_tf

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


@pytest.fixture
def python(tmp_path):
    """Runs Python with these arguments in a process of its own, in an empty folder; checks that it succeeds."""

    def run(*arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300)
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
