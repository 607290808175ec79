"""Running an experiment in full from a page of the book."""

import pathlib

from urfb_tf.experiments.catalogue import find
from urfb_tf.experiments.run import RESULT, run
from urfb_tf.training.epoch import Tally

EVERY = 10  # epochs between two lines of progress


def run_in_full(
    identifier: str, epochs: int | None = None, *, seed: int = 0, folder: str | pathlib.Path = "runs"
) -> str:
    """Train an experiment as `python -m urfb_tf run` does, going on if it was begun. Prints a line now and then.

    Args:
        identifier: the experiment's id. An empty one trains nothing.
        epochs: how many in all. None takes the paper's.
        seed: the run's.
        folder: receives `ID/seedN/checkpoint.npz` and `ID/seedN/result.json`, which grows with each epoch.

    Returns:
        A sentence on what came out.

    Raises:
        UrfbError: for an id that no experiment has, and as `run` does.
    """
    if not identifier:
        return "FULL_RUN is empty: nothing was trained on this page."
    experiment = find(identifier)
    epochs = experiment.paper_epochs if epochs is None else epochs
    own = pathlib.Path(folder, *experiment.id.split("/"), f"seed{seed}")
    print(f"Training {experiment.id} up to epoch {epochs}; {own / RESULT} grows with each epoch.")

    def tell(epoch: int, step: int, steps: int, tally: Tally) -> None:
        if step == steps and (epoch == 1 or epoch % EVERY == 0):
            print(f"Epoch {epoch}: train error {float(tally.mistakes) / float(tally.examples):.3f} with dropout on.")

    last = run(experiment, epochs=epochs, seed=seed, folder=own, progress=tell)["epochs"][-1]
    return (
        f"After epoch {last['epoch']}, {experiment.id} has a train error of {last['train_error_evaluated']:.3f} and a "
        f"test error of {last['test_error']:.3f}."
    )
