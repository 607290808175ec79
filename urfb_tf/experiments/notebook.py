"""Running an experiment in full from a page of the book."""

import pathlib

from urfb_tf.experiments.catalogue import find
from urfb_tf.experiments.run import RESULT, run


def run_in_full(identifier: str, epochs: int, seed: int = 0, runs: str | pathlib.Path = "runs") -> str:
    """Train an experiment as `python -m urfb_tf run` does, going on if it was begun.

    Args:
        identifier: the experiment's id. An empty one trains nothing.
        epochs: how many in all.
        seed: the run's.
        runs: receives `ID/seedN/result.json`, which grows with each epoch.

    Returns:
        A sentence on what came out.

    Raises:
        UrfbError: for an id that no experiment has, and as `run` does.
    """
    if not identifier:
        return "FULL_RUN is empty: nothing was trained on this page."
    experiment = find(identifier)
    folder = pathlib.Path(runs, *experiment.id.split("/"), f"seed{seed}")
    print(f"Training {experiment.id} up to epoch {epochs}; {folder / RESULT} grows with each epoch.")
    last = run(experiment, epochs=epochs, seed=seed, folder=folder)["epochs"][-1]
    return (
        f"After epoch {last['epoch']}, {experiment.id} has a train error of {last['train_error_evaluated']:.3f} and a "
        f"test error of {last['test_error']:.3f}."
    )
