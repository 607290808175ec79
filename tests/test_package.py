"""The package as a whole: its version, its documentation, its imports."""

import dataclasses
import importlib.metadata
import inspect
import os
import pathlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import urfb_tf
import urfb_tf.plots
from urfb_tf import environment
from urfb_tf.version import VERSION

ROOT = pathlib.Path(urfb_tf.__file__).parent
MODULES = [info.name for info in pkgutil.walk_packages(urfb_tf.__path__, "urfb_tf.") if info.name != "urfb_tf.__main__"]


def test_the_version_stands_in_one_place():
    assert urfb_tf.__version__ == VERSION == importlib.metadata.version("urfb_tf")
    holders = [path.name for path in ROOT.rglob("*.py") if f'"{VERSION}"' in path.read_text()]
    assert holders == ["version.py"]


@pytest.mark.parametrize("name", ["urfb_tf", *MODULES])
def test_everything_public_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__, name
    for key, member in vars(module).items():
        if key.startswith("_") or not (inspect.isclass(member) or inspect.isfunction(member)):
            continue
        if not member.__module__.startswith("urfb_tf"):
            continue
        assert member.__dict__.get("__doc__") if inspect.isclass(member) else member.__doc__, f"{name}.{key}"


def test_another_backend_of_keras_is_refused():
    command, surroundings = [sys.executable, "-c", "import urfb_tf"], {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "set the environment variable KERAS_BACKEND to tensorflow" in done.stderr.splitlines()[-1]


def test_the_interface_is_what_users_were_told():
    names = [name for name in dir(urfb_tf) if not name.startswith("_")]
    public = {name for name in names if not inspect.ismodule(getattr(urfb_tf, name))}
    assert public == {
        "AlternateUpdates", "BackPropagation", "BatchwiseRandomSignFeedback", "CircuitHinge", "DelayedFeedback",
        "DirectFeedback", "DirectFeedbackAlignment", "ErrorNoise", "FeedbackConv2D", "FeedbackDense", "FeedbackLayer",
        "FeedbackRule", "FixedRandomFeedback", "FixedRandomSignFeedback", "KolenPollack", "LateUpdates",
        "OneVsRestHinge", "Reading", "RefreshFeedback", "SaturatedLinearity", "SporadicUpdates", "TiedMaxPooling2D",
        "UniformSignFeedback", "UntiedConv2D", "UpdatedRandomFeedback", "WeightMirror", "build", "change_rule",
        "convert", "deepernet", "deepernet_s", "deepnet", "freeze", "load", "reinitialise", "simpnet", "train",
        "untie",
    }  # fmt: skip


def test_the_readmes_five_lines_take_data_of_any_number_of_classes(monkeypatch):
    some = urfb_tf.load("generated", train=20, validation=10, test=10)
    train = some.train._replace(labels=some.train.labels * 9 + 9)
    monkeypatch.setattr(urfb_tf, "load", lambda name: dataclasses.replace(some, classes=100, train=train))
    lines = (ROOT.parent / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names = {}
    exec(lines.replace("epochs=10", "epochs=1, verbose=0"), names)
    assert names["model"].output_shape == (None, 100)
    assert np.isfinite(names["model"].history.history["loss"]).all()


def test_importing_the_package_imports_nothing_that_is_not_needed(python):
    # Keras imports matplotlib by itself where it is installed, hence the comparison.
    loaded = python(
        "-c",
        "import sys, keras, tensorflow; before = set(sys.modules); import urfb_tf; print(*set(sys.modules) - before)",
    ).split()
    foreign = {name.split(".")[0] for name in loaded} - {"urfb_tf"}
    assert "urfb_tf.layers.dense" in loaded
    assert not [name for name in loaded if name.startswith(("urfb_tf.data", "urfb_tf.networks", "urfb_tf.training"))]
    assert not foreign & {"tensorflow_datasets", "matplotlib", "PIL", "pytest", "yaml"}


LATE = (
    "load", "train", "untie", "networks", "analysis", "bench", "environment", "experiments", "export", "linear",
    "metrics", "plots", "results", "table",
)  # fmt: skip
# As if the package had not been imported before: a process for each case would import TensorFlow each time.
AFRESH = """
import sys
for statement in sys.argv[1:]:
    for module in [name for name in sys.modules if name.split(".")[0] == "urfb_tf"]:
        del sys.modules[module]
    exec(statement, {})
    assert "urfb_tf" in sys.modules
"""


def test_what_is_imported_late_is_there_when_asked_for(python):
    as_attribute = "import urfb_tf; assert urfb_tf.{0} is urfb_tf.{0}; assert {0!r} in vars(urfb_tf)"
    python(
        "-c", AFRESH, *(as_attribute.format(name) for name in LATE), *(f"from urfb_tf import {name}" for name in LATE)
    )


def test_a_figure_does_not_bring_the_modules_of_the_others(python):
    script = (
        "import sys; from urfb_tf import plots; plots.roofline; print(*(m for m in sys.modules if 'tf.plots.' in m))"
    )
    assert set(python("-c", script).split()) == {"urfb_tf.plots.ceilings", "urfb_tf.plots.style"}


def test_every_name_that_is_imported_late_leads_somewhere():
    for package in (urfb_tf, urfb_tf.plots):
        for name in dir(package):
            assert getattr(package, name) is not None, name
    submodules = {info.name for info in pkgutil.iter_modules(urfb_tf.plots.__path__)}
    functions = {name for name in dir(urfb_tf.plots) if inspect.isfunction(getattr(urfb_tf.plots, name))}
    assert not submodules & functions  # importing the one would hide the other


def test_the_command_alone_decides_how_tensorflow_computes(python):
    found = python(
        "-c",
        """
import os, sys
for command in ("-m urfb_tf list", "-u -m urfb_tf", "/a/bin/urfb_tf list", "notebook.py -m", "/a/urfb_tf/b.py"):
    sys.orig_argv[1:] = command.split()
    os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
    for module in [name for name in sys.modules if name.split(".")[0] == "urfb_tf"]:
        del sys.modules[module]
    import urfb_tf
    print(os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
""",
    )
    assert found.split() == ["1", "1", "1", "None", "None"]


def test_a_processor_without_onednn_is_told_how_to_have_it(monkeypatch):
    advice = "faster if TF_ENABLE_ONEDNN_OPTS=1 is set"
    for machine, told in (
        (("CPU", False), True),
        (("CPU", True), False),
        (("CPU", None), False),
        (("A", False), False),
    ):
        found = dict(zip(("device", "onednn"), machine, strict=True), processor="P", cores=2)
        monkeypatch.setattr(environment, "hardware", lambda found=found: found)
        assert (advice in environment.summary()) == told
    monkeypatch.undo()
    assert environment.hardware()["onednn"] is True, "the tests have it, where TensorFlow still says so"


REGISTERED = """
import importlib, keras, urfb_tf
known = {name for name in keras.saving.get_custom_objects() if name.startswith("urfb_tf>")}
for name in %r:
    importlib.import_module(name)
print({name for name in keras.saving.get_custom_objects() if name.startswith("urfb_tf>")} - known, len(known) > 20)
"""


def test_all_that_keras_may_meet_in_a_saved_model_is_there_at_once(python):
    modules = [name for name in MODULES if not name.startswith(("urfb_tf.bench", "urfb_tf.export"))]
    assert python("-c", REGISTERED % modules) == "set() True\n"


def test_an_unknown_name_is_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'urfb_tf' has no attribute 'simpnett'"):
        _ = urfb_tf.simpnett


def test_typing_information_and_records_travel_with_the_package():
    assert (ROOT / "py.typed").is_file()
    assert (ROOT / "results" / "records").is_dir()
