"""Running an experiment: model, data, training, and a result file that grows with each epoch."""

import contextlib
import pathlib

import numpy as np
import tensorflow as tf

from urfb_tf import data as datasets
from urfb_tf import environment, strict_json
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.experiments.earlier import epochs_held
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.header import header
from urfb_tf.experiments.lessons import Lesson, lesson
from urfb_tf.experiments.phases import Phase
from urfb_tf.experiments.settled import settled_errors
from urfb_tf.experiments.starts import shared_filters, starts
from urfb_tf.files import alone, delete_parts, write_atomically
from urfb_tf.metrics import HomogeneityProbe, IncrementProbe
from urfb_tf.metrics.alignment import IMAGES, Alignment
from urfb_tf.results.filters import filters_of
from urfb_tf.results.schema import check
from urfb_tf.seeds import check_seed
from urfb_tf.training import Checkpoint, train
from urfb_tf.training.order import steps_per_epoch

CHECKPOINT = "checkpoint.npz"
RESULT = "result.json"
BATCHES = 20  # that increments are measured on


def run(
    experiment: Experiment,
    *,
    epochs: int,
    seed: int = 0,
    folder: str | pathlib.Path | None = None,
    checkpoint_every: int = 5,
    alignment: bool = True,
    increments: bool = False,
    data: datasets.Dataset | None = None,
    progress=None,
    strategy: tf.distribute.Strategy | None = None,
) -> dict:
    """Train an experiment up to `epochs`, going on if `folder` holds an earlier start of the same run.

    Args:
        experiment: what to run.
        epochs: how many epochs in all.
        seed: of weights, masks, dropout and order.
        folder: receives `checkpoint.npz` and, after every epoch, `result.json`. None keeps nothing.
        checkpoint_every: write the checkpoint after so many epochs, and at the end.
        alignment: whether to measure the angles of `urfb_tf.metrics` after every epoch, on the first 500 images of
            the training set.
        increments: whether to measure after every epoch how W's increments of successive batches agree, in 20 steps of
            the phase's training that are then taken back; the training goes on as without.
        data: the dataset, if it is loaded already.
        progress, strategy: as in `urfb_tf.training.train`. The run can go on with another number of devices.

    Returns:
        The result, as in the file; `urfb_tf.results.schema` describes it. In the end
        it also holds some filters of untied layers, and the errors once batch normalisation is settled.

    Raises:
        ArgumentError: if that is no experiment, or no dataset of the name that it gives; if a number is out of range,
            or a phase cannot be trained.
        ResultError: if `folder` holds the result of another run, or epochs that training would lose.
        WriteError: if another process runs in `folder`, or the disk does not take it.
        UrfbError: as `load`, `train` and the model do.
    """
    if not isinstance(experiment, Experiment):
        raise ArgumentError(f"An Experiment is needed, such as `find` gives by its id, but got {experiment!r}.")
    if data is not None:
        experiment.check_data(data)
    check_seed(seed)
    for name, value in {"epochs": epochs, "checkpoint_every": checkpoint_every}.items():
        if not is_whole(value, 1):
            raise ArgumentError(f"{name} is a whole number >= 1, but got {value!r}.")
    folder = None if folder is None else pathlib.Path(folder)
    with contextlib.ExitStack() as stack:
        if folder is not None and stack.enter_context(alone(folder)):
            for name in (CHECKPOINT, RESULT):
                delete_parts(folder / name)
        return _run(
            experiment,
            epochs=epochs,
            seed=seed,
            folder=folder,
            checkpoint_every=checkpoint_every,
            alignment=alignment,
            increments=increments,
            data=datasets.load(experiment.dataset) if data is None else data,
            progress=progress,
            strategy=strategy,
        )


def _run(
    experiment: Experiment,
    *,
    epochs: int,
    seed: int,
    folder: pathlib.Path | None,
    checkpoint_every: int,
    alignment: bool,
    increments: bool,
    data: datasets.Dataset,
    progress,
    strategy: tf.distribute.Strategy | None,
) -> dict:
    head = header(experiment, data, seed)
    identity = {**head["configuration"], "seed": seed, "data_sha256": head["data"]["sha256"], "alignment": alignment}
    identity |= {"increments": True} if increments else {}
    latest: dict = {}

    def keep(epochs: list[dict], sessions: list[dict], **rest) -> None:
        latest["result"] = {**head, "sessions": sessions, "epochs": epochs, **rest}
        if len(epochs) == done == held and not rest:  # nothing was trained, and the file has what comes at the end, too
            return
        if folder is not None and len(epochs) >= held:  # until it has caught up, the file holds the same and more
            content = strict_json.dumps(check(latest["result"], str(folder / RESULT)), indent=1)
            write_atomically(folder / RESULT, content.encode() + b"\n")

    checkpoint = None if folder is None else folder / CHECKPOINT
    earlier = Checkpoint.load(checkpoint) if checkpoint is not None and checkpoint.exists() else None
    saved = [] if earlier is None else earlier.epochs
    done = len(saved)
    total = max(epochs, done)
    held = 0
    # A checkpoint of another run `train` is about to refuse.
    if folder is not None and (earlier is None or earlier.identity == identity):
        held = epochs_held(
            folder / RESULT,
            head,
            done=done,
            total=total,
            checkpoint_every=checkpoint_every,
            measures={"weight_angle": alignment, "increment_cosine_1": increments},
        )
    session = environment.describe()
    if strategy is not None:
        session["hardware"]["replicas"] = strategy.num_replicas_in_sync
    probes = [Alignment(*(array[:IMAGES] for array in data.train))] if alignment else []
    schedule = experiment.schedule
    model, start = experiment.make_model(data.classes, seed), 0
    _check_phases(experiment, data, model.loss, seed, total, increments)
    filters_at_start: dict = {}
    for number, phase in enumerate(schedule, start=1):
        if latest and phase.untie:
            latest["result"]["epochs"][-1]["untied_from"] = shared_filters(model, phase.untie)
        before = latest["result"]["epochs"] if latest else saved
        model = experiment.begin(number, model, seed)
        # A checkpoint of another run may lack them; `train` is about to refuse it.
        shared = before[start - 1].get("untied_from", {}) if phase.untie and start else None
        filters_at_start |= starts(model, phase, shared)
        end = total if number == len(schedule) else min(start + phase.epochs, total)
        if end >= done:  # else the checkpoint is of a later phase, and overwrites all weights
            shown = lesson(schedule, number, data, model.loss, seed)
            steps = _steps(experiment, phase, shown)
            successive = [_increment_probe(shown, steps, experiment.grouped)] if increments else []
            train(
                model,
                shown.data,
                epochs=end,
                **steps,
                grouped=experiment.grouped,
                seed=seed,
                checkpoint=checkpoint,
                checkpoint_every=checkpoint_every,
                identity=identity,
                session=session,
                history=(latest["result"]["epochs"], latest["result"]["sessions"]) if latest else None,
                probes=[*probes, *successive, HomogeneityProbe(filters_at_start), *shown.probes],
                progress=progress,
                after_epoch=keep,
                strategy=strategy,
            )
        if end == total:
            break
        start = end
    more: dict[str, dict] = {"filters": found} if (found := filters_of(model)) else {}
    if settled := settled_errors(model, data, batch_size=experiment.batch_size):
        more["settled"] = {**settled, "commit": session["commit"], "date": session["date"]}
    if more:
        keep(latest["result"]["epochs"], latest["result"]["sessions"], **more)
    return latest["result"]


def _steps(experiment: Experiment, phase: Phase, shown: Lesson) -> dict:
    """How a phase takes its steps, as `train` and `IncrementProbe` are told."""
    return {
        "loss": shown.loss,
        "learning_rate": phase.learning_rate or experiment.learning_rate,
        "batch_size": phase.batch_size or experiment.batch_size,
    }


def _increment_probe(shown: Lesson, steps: dict, grouped: bool) -> IncrementProbe:
    images, labels = (array[: BATCHES * steps["batch_size"]] for array in shown.data.train)
    if grouped:  # as training has them: a timed rule tells other increments where an example's neighbours are others
        order = np.lexsort((labels, np.arange(len(labels)) // steps["batch_size"]))
        images, labels = images[order], labels[order]
    return IncrementProbe(images, labels, **steps)


def _check_phases(experiment: Experiment, data: datasets.Dataset, loss, seed: int, total: int, increments: bool):
    """Find out what a later phase cannot do before those before it are trained."""
    first = 0
    for number, phase in enumerate(experiment.schedule, start=1):
        if first >= total:
            return
        shown = lesson(experiment.schedule, number, data, loss, seed)
        steps = _steps(experiment, phase, shown)
        steps_per_epoch(len(shown.data.train.labels), steps["batch_size"])
        if increments:
            _increment_probe(shown, steps, experiment.grouped)
        first += phase.epochs


def deterministic() -> None:
    """Where there is no GPU, ask TensorFlow for the same bits at each run. Affects the whole process."""
    if environment.repeats_bits():
        tf.config.experimental.enable_op_determinism()
