"""An experiment as a folder that needs no TensorFlow: programs, weights, data, and the script that runs them."""

import io
import json
import pathlib

import numpy as np
import tensorflow as tf

from urfb_tf import data as datasets
from urfb_tf import environment
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.header import check_seed, header
from urfb_tf.export.phases import carry, models_of
from urfb_tf.export.stablehlo import Program, lower
from urfb_tf.files import check_writable, write_atomically
from urfb_tf.layers import feedback_layers
from urfb_tf.training.epoch import EpochProgram, Tally, state_variables

RUNNER = pathlib.Path(__file__).with_name("runner.py")


def export(
    experiment: Experiment, folder: str | pathlib.Path, *, seed: int = 0, data: datasets.Dataset | None = None
) -> pathlib.Path:
    """Write everything that a run needs into `folder`; `python folder/runner.py --epochs N` trains there.

    The runner needs NumPy and JAX alone. It trains as `urfb_tf.train(jit_compile=True)` does, which draws other random
    numbers from a seed than TensorFlow without XLA. It writes `result.json`, which `python -m urfb_tf record` takes,
    and `state.npz`, whose weights `load_state` puts back into a model of the phase that was reached.

    Args:
        experiment: what to run.
        folder: made if it is missing. Each phase gets a folder of its own inside.
        seed: as in `urfb_tf.experiments.run`.
        data: the dataset, if it is loaded already.

    Returns:
        The folder.

    Raises:
        ArgumentError: if a run that was exported into the folder before has been started there, or classes of the
            experiment come in turn.
        UrfbError: as `load` and the model do; WriteError if the disk does not take it.
    """
    check_seed(seed)
    if any(phase.classes for phase in experiment.schedule):
        raise ArgumentError(f"{experiment.id} shows classes in turn, which only `run` does: an exported run shows all.")
    folder = pathlib.Path(folder)
    check_writable(folder)
    if (folder / "state.npz").exists():  # the runner would go on from it, whatever run it belongs to
        raise ArgumentError(f"{folder} holds a run that has been started: choose another folder, or move it away.")
    data = datasets.load(experiment.dataset) if data is None else data
    splits = {name: (tf.constant(split.images), tf.constant(split.labels)) for name, split in data.splits.items()}
    before = None
    for number, (phase, model) in enumerate(models_of(experiment, data.classes, seed), start=1):
        _export_phase(experiment, phase, model, before, splits, folder / f"phase{number}")
        before = model
    arrays = {f"{name}_{part}": array for name, split in data.splits.items() for part, array in split._asdict().items()}
    _save(folder / "data.npz", arrays)
    manifest = {
        "seed": seed,
        "phases": len(experiment.schedule),
        "result": header(experiment, data, seed),
        "session": environment.describe(),
    }
    _save_json(folder / "manifest.json", manifest)
    write_atomically(folder / "runner.py", RUNNER.read_bytes())
    return folder


def _export_phase(experiment, phase, model, before, splits, folder: pathlib.Path) -> None:
    check_writable(folder)
    batch_size = phase.batch_size or experiment.batch_size
    program = EpochProgram(model, batch_size=batch_size, jit_compile=True, grouped=experiment.grouped)
    state, zero, number = program.state(), Tally.zero(), tf.constant(0)
    programs = {"train": lower(program.train_steps, state, *splits["train"], *[number] * 4, tf.constant(0.1), zero)}
    programs |= {f"evaluate_{name}": lower(program.evaluate_all, state, *split) for name, split in splits.items()}
    for name, made in programs.items():
        write_atomically(folder / f"{name}.stablehlo", made.stablehlo)
    _save(folder / "constants.npz", _constants(programs))
    _save(folder / "start.npz", {f"{n:03d}": t.numpy() for n, t in enumerate((*state.trainable, *state.non_trainable))})
    carried, gathers = carry(before, model, phase) if before is not None else ([], {})
    _save(folder / "gathers.npz", gathers)
    manifest = {
        "epochs": phase.epochs,
        "steps": program.steps(splits["train"][0]),
        "learning_rate": phase.learning_rate or experiment.learning_rate,
        "constants": {name: len(made.constants) for name, made in programs.items()},
        "angles": _angles(model),
        "carry": carried,
    }
    _save_json(folder / "manifest.json", manifest)


def load_state(model, path: str | pathlib.Path) -> None:
    """Put the weights of a runner's `state.npz` into a model of the same experiment.

    Raises:
        ArgumentError: if they do not fit.
    """
    variables = state_variables(model)
    with np.load(path) as archive:
        weights = [archive[name] for name in sorted(archive.files) if name.isdigit()]
    if [w.shape for w in weights] != [tuple(v.shape) for v in variables]:
        raise ArgumentError(f"{path} holds the weights of another network.")
    for variable, value in zip(variables, weights, strict=True):
        variable.assign(value)


def _constants(programs: dict[str, Program]) -> dict[str, np.ndarray]:
    return {f"{name}_{n:03d}": array for name, made in programs.items() for n, array in enumerate(made.constants)}


def _angles(model) -> list[dict]:
    """Where W and R of each layer with both stand in the state."""
    variables = [id(variable) for variable in state_variables(model)]
    return [
        {
            "layer": layer.name,
            "kernel": variables.index(id(layer.kernel)),
            "feedback": variables.index(id(layer.feedback)),
        }
        for layer in feedback_layers(model)
        if layer.feedback is not None
    ]


def _save_json(path: pathlib.Path, content: dict) -> None:
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def _save(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())
