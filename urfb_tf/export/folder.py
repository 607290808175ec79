"""Experiments as a folder that needs no TensorFlow: programs, weights, data, and the script that runs them.

runner.py                   trains what lies beside it
arrays/DIGEST.npz           one array each, compressed; named by its content, so that runs share what is equal
programs/DIGEST.stablehlo   named by what it computes
runs/NAME/manifest.json     one run: which of them it takes
"""

import functools
import io
import json
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from urfb_tf import data as datasets
from urfb_tf import environment
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.header import header
from urfb_tf.export import runner
from urfb_tf.export.phases import carry, models_of, places_of
from urfb_tf.export.probed import probed
from urfb_tf.export.stablehlo import Program, content_digest, lower
from urfb_tf.export.untied import begun, filters_kept, homogeneity_program
from urfb_tf.files import check_writable, write_atomically
from urfb_tf.metrics.alignment import IMAGES, Alignment
from urfb_tf.results.store import path_of
from urfb_tf.seeds import check_seed
from urfb_tf.training.epoch import EpochProgram, State, Tally, state_variables

RUNNER = pathlib.Path(__file__).with_name("runner.py")


def export(
    experiments: Experiment | Sequence[Experiment],
    folder: str | pathlib.Path,
    *,
    seeds: Sequence[int] = (0,),
    data: datasets.Dataset | None = None,
) -> pathlib.Path:
    """Write everything that runs need into `folder`; `python folder/runner.py --epochs N` trains them there.

    The runner needs NumPy and JAX alone. It trains as `urfb_tf.train(jit_compile=True)` does, which draws other random
    numbers from a seed than TensorFlow without XLA. In each run's folder under `folder/runs` it writes `result.json`,
    which `python -m urfb_tf record` takes, and `state.npz`, whose weights `load_state` puts back into a model of the
    phase that was reached. Errors with settled batch normalisation are not in it: these only `urfb_tf.experiments.run`
    measures. Runs in one folder share the images, the weights that they start from and the compiled programs where
    these are equal.

    Args:
        experiments: what to run.
        folder: made if it is missing. Runs that were exported into it before stay.
        seeds: of each experiment, as in `urfb_tf.experiments.run`.
        data: the dataset of all experiments, if it is loaded already.

    Returns:
        The folder.

    Raises:
        ArgumentError: if such a run has been started in the folder, `data` is of another name than an experiment's
            dataset, classes of an experiment come in turn, or a phase unties a layer with a bias or changes one whose
            rule is timed or renews R.
        UrfbError: as `load` and the model do; WriteError if the disk does not take it.
    """
    experiments = [experiments] if isinstance(experiments, (Experiment, str)) else list(experiments)
    for experiment in experiments:
        if not isinstance(experiment, Experiment):
            raise ArgumentError(
                f"An export is of experiments, but got {experiment!r}: `urfb_tf.experiments.find` finds one by its id."
            )
    if not isinstance(seeds, Iterable):
        raise ArgumentError(f"seeds are those of each experiment, such as (0, 1, 2), but got {seeds!r}.")
    folder = pathlib.Path(folder)
    runs = [(experiment, seed, _run_folder(folder, experiment, seed)) for experiment in experiments for seed in seeds]
    for experiment, seed, place in runs:
        check_seed(seed)
        if data is not None:
            experiment.check_data(data)
        if any(phase.classes for phase in experiment.schedule):
            raise ArgumentError(
                f"{experiment.id} shows classes in turn, which only `run` does: an exported run shows all."
            )
        if (place / "state.npz").exists():  # the runner would go on from it with other programs
            raise ArgumentError(f"{place} holds a run that has been started: choose another folder, or move it away.")
    check_writable(folder)
    loaded = {name: datasets.load(name) for name in {e.dataset for e in experiments}} if data is None else {}
    parts = _Parts(folder)
    for experiment, seed, place in runs:
        _export_run(experiment, seed, loaded[experiment.dataset] if data is None else data, parts, place)
    write_atomically(folder / "runner.py", RUNNER.read_bytes())
    return folder


def _run_folder(folder: pathlib.Path, experiment: Experiment, seed: int) -> pathlib.Path:
    return folder / "runs" / path_of(experiment.id, seed).stem


def _export_run(experiment: Experiment, seed: int, data: datasets.Dataset, parts: "_Parts", place: pathlib.Path):
    splits = {name: (tf.constant(split.images), tf.constant(split.labels)) for name, split in data.splits.items()}
    phases: list[dict] = []
    before = None
    for phase, model in models_of(experiment, data.classes, seed):
        phases.append(_export_phase(experiment, phase, model, before, phases, splits, parts))
        # Now, since a phase that only freezes layers is about to change the order of this very model's weights.
        before = model, places_of(model)
    put = {**data.splits, "alignment": datasets.Split(*(array[:IMAGES] for array in data.train))}
    arrays = {f"{name}_{part}": array for name, split in put.items() for part, array in split._asdict().items()}
    manifest = {
        "seed": int(seed),
        "phases": phases,
        "data": {name: parts.array(array) for name, array in arrays.items()},
        "result": header(experiment, data, seed),
        "session": environment.describe(),
    }
    write_atomically(place / "manifest.json", json.dumps(manifest, indent=1, allow_nan=False).encode() + b"\n")


def _export_phase(experiment, phase, model, before, earlier, splits, parts: "_Parts") -> dict:
    batch_size = phase.batch_size or experiment.batch_size
    program = EpochProgram(model, batch_size=batch_size, jit_compile=True, grouped=experiment.grouped)
    state, zero, number = program.state(), Tally.zero(), tf.constant(0)
    programs = {"train": lower(program.train_steps, state, *splits["train"], *[number] * 4, tf.constant(0.1), zero)}
    programs |= {f"evaluate_{name}": lower(program.evaluate_all, state, *split) for name, split in splits.items()}
    measured: list = []  # filled as the next function is traced
    batch = [array[:IMAGES] for array in splits["train"]]
    programs["alignment"] = lower(functools.partial(_alignment, model, measured), state, *batch)
    untied = begun(phase, model, before)
    started = [name for each in (*earlier, untied) for name in each["starts"]]
    if (homogeneity := homogeneity_program(model, state, started)) is not None:
        programs["homogeneity"], untied["homogeneity"] = homogeneity
    carried, gathers = carry(before[0], before[1], model, phase) if before is not None else ([], {})
    fresh = [entry["from"] is None for entry in carried] or [True] * len(state_variables(model))
    weights = [*state.trainable, *state.non_trainable]
    return {
        "epochs": phase.epochs,
        "steps": program.steps(splits["train"][0]),
        "learning_rate": phase.learning_rate or experiment.learning_rate,
        "programs": {name: parts.used(made) for name, made in programs.items()},
        "start": [parts.array(w.numpy()) if new else None for w, new in zip(weights, fresh, strict=True)],
        "carry": carried,
        "gathers": {name: parts.array(array) for name, array in gathers.items()},
        "alignment": measured,
        **untied,
        "filters": {
            name: {**kept, "places": parts.array(kept["places"])} for name, kept in filters_kept(model).items()
        },
    }


def load_state(model, path: str | pathlib.Path) -> None:
    """Put the weights of a runner's `state.npz` into a model of the same experiment.

    Raises:
        ArgumentError: if they do not fit, or the file is missing or damaged.
    """
    variables = state_variables(model)
    try:
        *_, weights = runner.load_state(pathlib.Path(path), "take that of a run that has finished an epoch")
    except runner.RunnerError as error:
        raise ArgumentError(f"{error}.") from error
    if [w.shape for w in weights] != [tuple(v.shape) for v in variables]:
        raise ArgumentError(f"{path} holds the weights of another network.")
    for variable, value in zip(variables, weights, strict=True):
        variable.assign(value)


def _alignment(model, names: list, state: State, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """All that `Alignment` measures, as in `probed`."""
    return probed(model, state, Alignment(images, labels), names)


class _Parts:
    """The arrays and programs of a folder, each under the digest of what it holds and written once by an export.

    What an earlier export left may be damaged since: it stays only if it can be seen to be whole.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._whole: set[str] = set()  # digests of those known to be

    def array(self, array: np.ndarray) -> str:
        """Write an array, unless it is there; its digest."""
        digest = _digest(array)
        path = self.folder / "arrays" / f"{digest}.npz"
        if digest not in self._whole and not _holds(path, digest):
            buffer = io.BytesIO()
            # Masks and what they leave of the weights become small.
            np.savez_compressed(buffer, **runner.as_saved({"array": array}))  # type: ignore[arg-type]
            write_atomically(path, buffer.getvalue())
        self._whole.add(digest)
        return digest

    def used(self, program: Program) -> dict:
        """A program and the tables that it takes, as manifests name them."""
        return {"program": self.program(program), "constants": [self.array(array) for array in program.constants]}

    def program(self, program: Program) -> str:
        """Write a program; its digest, which is not of its bytes, so that these cannot be checked."""
        if program.digest not in self._whole:
            write_atomically(self.folder / "programs" / f"{program.digest}.stablehlo", program.stablehlo)
        self._whole.add(program.digest)
        return program.digest


def _digest(array: np.ndarray) -> str:
    kind = array.dtype.name if array.dtype.isbuiltin == 2 else array.dtype.str  # of bfloat16 that says its size alone
    return content_digest(f"{kind} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())


def _holds(path: pathlib.Path, digest: str) -> bool:
    try:
        return _digest(runner.load_arrays(path)["array"]) == digest
    except (runner.RunnerError, KeyError):
        return False
