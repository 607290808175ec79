"""The training loop: epochs, evaluation, history, checkpoints. It knows nothing of what the model is."""

import contextlib
import math
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping

import keras
import tensorflow as tf

from urfb_tf.data import Dataset
from urfb_tf.errors import ArgumentError, CheckpointError, check_learning_rate, is_whole
from urfb_tf.files import check_writable
from urfb_tf.layers.walk import check_built, everything_in
from urfb_tf.seeds import check_seed
from urfb_tf.training.checkpoint import Checkpoint
from urfb_tf.training.distributed import DistributedEpochProgram
from urfb_tf.training.epoch import EpochProgram, State, Tally, as_input, order_of
from urfb_tf.training.identity import continues, differences, identity_of
from urfb_tf.training.order import steps_per_epoch
from urfb_tf.training.plain import plain

CHUNK = 10  # steps between two looks at the keyboard

Progress = Callable[[int, int, int, Tally], None]
Probe = Callable[[keras.Model], dict]


class Interrupted(KeyboardInterrupt):
    """Training was stopped by the user; what was finished is in `epochs`, and on disk if there is a checkpoint."""

    def __init__(self, epochs: list[dict], path: pathlib.Path | None):
        self.epochs = epochs
        self.path = path
        if epochs:
            saved = f"saved in {path}; run the same command again to go on" if path else "kept in the model"
            super().__init__(f"Stopped after epoch {len(epochs)}, {saved}.")
        else:
            super().__init__("Stopped before the first epoch was finished: nothing is kept.")


def train(
    model: keras.Model,
    data: Dataset,
    *,
    epochs: int,
    learning_rate: float = 0.1,
    batch_size: int = 500,
    seed: int = 0,
    loss=None,
    checkpoint: str | pathlib.Path | None = None,
    checkpoint_every: int = 5,
    identity: dict | None = None,
    session: dict | None = None,
    history: tuple[list[dict], list[dict]] | None = None,
    probes: Iterable[Probe] = (),
    progress: Progress | None = None,
    after_epoch: Callable[[list[dict], list[dict]], None] | None = None,
    jit_compile: bool | None = None,
    strategy: tf.distribute.Strategy | None = None,
    grouped: bool = False,
) -> list[dict]:
    """Train by plain SGD in compiled epochs, going on from a checkpoint if there is one.

    Args:
        model: a built Keras model; its weights are the start, and hold the result afterwards.
        data: what to train, validate and test on.
        epochs: up to which epoch to train, counted from the first start.
        learning_rate: SGD's step (the paper's is .1, fixed).
        batch_size: examples per step (the paper's is 500).
        seed: of the order of the images, from 0 to 2**31 - 1.
        loss: a Keras loss, its name or a function; None takes the compiled one.
        checkpoint: the file in which the run is kept. None keeps nothing.
        checkpoint_every: write it after so many epochs, and at the end.
        identity: what must agree for a checkpoint to be continued, as JSON holds it. None takes the rules by layer,
            the loss, the data, `seed`, `batch_size`, `learning_rate` and `grouped`; these may change where `history`
            begins as the checkpoint's records do.
        session: a note on this program and machine, kept with the checkpoint as JSON; noted once, however often it
            comes.
        history: records and sessions of earlier phases, of which the model's weights are the outcome. A checkpoint that
            holds no more epochs than these belongs to them, and is not loaded.
        probes: functions of the model whose results, dictionaries, join each epoch's record; with a checkpoint, as JSON
            holds them: tuples as lists, arrays too, None for what is no finite number.
        progress: called as (epoch, step, steps, tally) along each epoch.
        after_epoch: called with all epochs' records and all sessions after each epoch, and once if none is left to do.
        jit_compile: as in `EpochProgram`.
        strategy: over whose devices each batch is shared, such as a `tf.distribute.MirroredStrategy`. None takes that
            of the scope in which this is called, if there is one.
        grouped: as in `EpochProgram`.

    Returns:
        One record per epoch: `epoch` (from 1), `train_loss` and `train_error` (running means within the epoch, dropout
        on), `train_error_evaluated`, `validation_error`, `test_error` (after the epoch, dropout off), `seconds` (of
        training alone), and what the probes give. Errors are shares in [0, 1]. A loss that is no finite number is None.

    Raises:
        ArgumentError: for numbers out of range, a loss that `EpochProgram` refuses, a label for which the model has no
            output, or, with a checkpoint, an identity, a session or a probe's result that JSON cannot hold.
        CheckpointError: if the checkpoint is damaged or of another run.
        WriteError: if the disk does not take the checkpoint; the one before is intact.
        Interrupted: on Ctrl-C, once the last finished epoch is saved; it is saved as well if a probe, `progress` or
            `after_epoch` raises something else.
    """
    for name, value in {"epochs": epochs, "checkpoint_every": checkpoint_every}.items():
        if not is_whole(value, 1):
            raise ArgumentError(f"{name} is a whole number >= 1, but got {value!r}.")
    check_learning_rate(learning_rate)
    check_seed(seed)
    if not isinstance(data, Dataset):
        raise ArgumentError(
            "Training takes a whole dataset, as urfb_tf.load gives it or urfb_tf.data.Dataset makes it of arrays, but "
            f"got {type(data).__name__}."
        )
    check_built(model, "Training")
    if not is_whole(batch_size, 1):
        steps_per_epoch(len(data.train.labels), batch_size)  # refuses it, and says which would do
    probes = (probes,) if callable(probes) else tuple(probes)
    # Some layers, such as an activation that is one, make their weights only when they are called.
    if not all(layer.built for layer in everything_in(model)):
        model(as_input(model, data.train.images[:1]), training=False)
    program = _program(model, loss, strategy, batch_size=batch_size, jit_compile=jit_compile, grouped=grouped)
    for name in ("validation", "test"):
        if not len(getattr(data, name).labels):
            raise ArgumentError(f"Training measures the {name} error after each epoch, but there is no {name} image.")
    steps = program.steps(data.train.images)
    path = None if checkpoint is None else pathlib.Path(checkpoint)
    numbers = {"seed": seed, "batch_size": batch_size, "learning_rate": learning_rate, "grouped": grouped}
    kept: dict = {}
    if path is not None:
        kept = identity_of(model, data, loss, **numbers) if identity is None else identity
        kept = plain(kept, "The identity of a run")
        session = None if session is None else plain(session, "The note on a session")
        check_writable(path.parent)
    records, sessions, kept = _resume(program, path, kept, history or ([], []), given=identity is not None)
    if len(records) >= epochs:
        # The earlier start may have been killed between its last checkpoint and this call.
        if after_epoch is not None:
            after_epoch(records, sessions)
        return records
    if session is None or not sessions or {**sessions[-1], **session} != sessions[-1]:
        sessions = [*sessions, {"from_epoch": len(records) + 1, **(session or {})}]
    device_data = {name: program.place(split) for name, split in data.splits.items()}
    images, labels = device_data["train"]
    # Replaced as one, so that Ctrl-C at any moment finds the weights and the records of the same epoch.
    finished = program.state(), records
    saved = len(records)

    def save() -> None:
        if path is not None:
            state, records = finished
            weights = [tensor.numpy() for tensor in (*state.trainable, *state.non_trainable)]
            Checkpoint(kept, records, weights, sessions, order_of(model)).save(path)

    def keep_finished() -> None:
        state, records = finished
        program.write_back(state)
        if len(records) > saved:
            save()

    try:
        for epoch in range(len(records), epochs):
            started = time.perf_counter()
            new, tally = finished[0], Tally.zero()
            for first in range(0, steps, CHUNK):
                last = min(first + CHUNK, steps)
                new, tally = program.train(
                    new, images, labels, seed=seed, epoch=epoch, first=first, last=last,
                    learning_rate=learning_rate, tally=tally,
                )  # fmt: skip
                if progress is not None:
                    progress(epoch + 1, last, steps, tally)
            seconds = time.perf_counter() - started
            record = {
                "epoch": epoch + 1,
                "train_loss": _finite(_share(tally.loss, tally)),
                "train_error": _share(tally.mistakes, tally),
                **errors(program, new, device_data),
                "seconds": round(seconds, 3),
            }
            program.write_back(new)
            for probe in probes:
                found = probe(model)
                if not isinstance(found, Mapping):
                    raise ArgumentError(f"A probe returns a dict of what it has measured, but got {found!r}.")
                record |= found if path is None else plain(found, "What a probe returns")
            records = [*records, record]
            finished = new, records
            if len(records) % checkpoint_every == 0 or len(records) == epochs:
                save()
                saved = len(records)
            if after_epoch is not None:
                after_epoch(records, sessions)
    except KeyboardInterrupt:
        keep_finished()
        raise Interrupted(finished[1], path if path is not None and path.exists() else None) from None
    except Exception:
        with contextlib.suppress(Exception):  # what ended training is the error to tell
            keep_finished()
        raise
    return records


def _program(model: keras.Model, loss, strategy: tf.distribute.Strategy | None, **settings) -> EpochProgram:
    strategy = tf.distribute.get_strategy() if strategy is None else strategy
    if strategy.num_replicas_in_sync == 1:
        return EpochProgram(model, loss, **settings)
    return DistributedEpochProgram(model, loss, strategy=strategy, **settings)


def errors(program: EpochProgram, state: State, device_data: dict) -> dict[str, float]:
    """The errors of all splits with these weights, dropout off, by the names that a record has for them.

    Args:
        program: of the model.
        state: the weights.
        device_data: images and labels of each split, as `program.place` gives them.
    """
    names = {"train": "train_error_evaluated", "validation": "validation_error", "test": "test_error"}
    tallies = {names[split]: program.evaluate(state, *arrays) for split, arrays in device_data.items()}
    return {name: _share(tally.mistakes, tally) for name, tally in tallies.items()}


def _share(total: tf.Tensor, tally: Tally) -> float:
    return round(float(total) / float(tally.examples), 6)


def _finite(number: float) -> float | None:
    """A number as JSON has it: None if it is not finite."""
    return number if math.isfinite(number) else None


def _resume(
    program: EpochProgram,
    path: pathlib.Path | None,
    identity: dict,
    history: tuple[list[dict], list[dict]],
    *,
    given: bool,
) -> tuple[list[dict], list[dict], dict]:
    """The records and sessions of an earlier start, its weights put into the model; `history` if there is none.

    Args:
        program: of the model.
        path: the checkpoint's.
        identity: what it has to agree with.
        history: of earlier phases.
        given: whether the caller said the identity. If not, that of the phase before may have been another: records
            that go on from the history, or are part of it, tell as well that the run is the same.

    Returns:
        Also the identity under which the run goes on.
    """
    if path is None or not path.exists():
        return *history, identity
    found = Checkpoint.load(path)
    if not given and history[0] and continues(found.epochs, history[0]):
        identity = found.identity
    if found.identity != identity:
        told = differences(found.identity, identity)
        raise CheckpointError(f"{path} belongs to another run ({told}): choose another folder, or move it away.")
    if history[0] and len(found.epochs) <= len(history[0]):
        return *history, identity
    start = program.state()
    tensors = [*start.trainable, *start.non_trainable]
    shapes = [(tuple(tensor.shape), tensor.dtype == tf.bool) for tensor in tensors]
    # Layers of one shape would trade their weights if others are frozen than then.
    order = order_of(program.model)
    if found.order not in (None, order) or shapes != [(w.shape, w.dtype == bool) for w in found.weights]:
        raise CheckpointError(
            f"{path} holds weights of other shapes, or in another order, than the model: choose another folder."
        )
    tensors = [tf.cast(weights, tensor.dtype) for weights, tensor in zip(found.weights, tensors, strict=True)]
    program.write_back(State(tensors[: len(start.trainable)], tensors[len(start.trainable) :]))
    return found.epochs, found.sessions, identity
