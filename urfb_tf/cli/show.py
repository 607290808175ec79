"""The commands that show and keep results: `list`, `status`, `results`, `leaderboard`, `record`."""

import argparse
import json
import os
import pathlib
import sys
from collections.abc import Iterator

from urfb_tf.cli import selection


def list_experiments(options: argparse.Namespace) -> int:
    """One line per experiment: its id, the epochs of its longest recorded runs with their seeds, the paper's errors."""
    from urfb_tf.analysis import recorded
    from urfb_tf.experiments import EXPERIMENTS

    width = max(map(len, EXPERIMENTS)) + 2
    for experiment in selection.below(options.what):
        runs = recorded.runs(experiment.id)
        epochs = max((len(run["epochs"]) for run in runs.values()), default=0)
        counted = f" of {len(runs)} seeds" if len(runs) > 1 else ""
        done = f"{epochs} epochs{counted} recorded" if runs else "not recorded"
        paper = f"paper {json.dumps(vars(experiment.paper))}" if experiment.paper else ""
        print(f"{experiment.id:{width}}{done:32}{paper}".rstrip())
    return 0


def status(options: argparse.Namespace) -> int:
    """One line per run that has a result in the folder; the exit status is 1 if one cannot be read."""
    from urfb_tf.errors import ArgumentError, ResultError
    from urfb_tf.experiments import EXPERIMENTS
    from urfb_tf.experiments.run import RESULT
    from urfb_tf.results.store import read

    if not options.runs.is_dir():
        raise ArgumentError(f"There is no folder {options.runs}: `run` makes one, and `--runs` names another.")
    paths = sorted(_below(options.runs, RESULT))
    width, damaged = max(map(len, EXPERIMENTS)) + 2, False
    for path in paths:
        try:
            run = read(path)
        except ResultError as error:
            print(f"urfb_tf: {error}", file=sys.stderr)
            damaged = True
            continue
        last, planned = run["epochs"][-1], EXPERIMENTS.get(run["id"])
        of = f" of {planned.paper_epochs}" if planned else ""
        print(
            f"{run['id']:{width}}seed {run['seed']:<4}{last['epoch']}{of} epochs, test error {last['test_error']:.3f}"
        )
    if not paths:
        print(f"No run has finished an epoch in {options.runs}.")
    return int(damaged)


def _below(folder: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """The files of a name in a folder and all below it, also behind links; of a folder that is met twice, once."""
    met = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders.sort()  # so that it is always the same of two ways to one folder
        real = os.path.realpath(place)
        if real in met:
            folders.clear()
        elif name in files:
            yield pathlib.Path(place, name)
        met.add(real)


def results(options: argparse.Namespace) -> int:
    """The paper's numbers, all 66 or those of some places, and how many are reproduced."""
    from urfb_tf.analysis.reproduction import VERDICTS, numbers

    found = numbers(selection.below(options.what, of_paper=True))
    if options.json:
        print(json.dumps([vars(number) for number in found], indent=1))
        return 0
    for number in found:
        measured = "" if number.measured is None else f"{number.measured:.3f} after {number.epochs} epochs"
        print(f"{number.id:36}paper {number.paper:.2f}  {measured:26}{number.verdict}")
    print(", ".join(f"{sum(n.verdict == verdict for n in found)} {verdict}" for verdict in VERDICTS))
    return 0


def leaderboard(options: argparse.Namespace) -> int:
    """The recorded runs of each board, the lowest test error first."""
    from urfb_tf.analysis.leaderboard import BOARDS, EPOCHS, leaderboard

    epochs = EPOCHS if options.epochs is None else options.epochs
    boards = [leaderboard(network, dataset, epochs) for network, dataset in BOARDS]
    if options.json:
        print(json.dumps([vars(entry) for entries in boards for entry in entries], indent=1))
        return 0
    for entries in boards:
        print(f"{entries[0].network} on {entries[0].dataset} after {epochs} epochs")
        for entry in entries:
            if entry.test_error is not None:
                spread = "" if entry.spread is None else f" ± {entry.spread:.3f}"
                print(f"  {entry.test_error:.3f}{spread}  {entry.id}  (seeds: {len(entry.seeds)})")
        print(f"  not so far yet: {sum(entry.test_error is None for entry in entries)} of {len(entries)}")
    return 0


def record(options: argparse.Namespace) -> int:
    """Copy a run's result, or the timing of an exported folder, into the package."""
    from urfb_tf.bench import exported
    from urfb_tf.experiments.run import RESULT
    from urfb_tf.results import record as keep

    source = options.folder
    if not source.is_file():
        timing = source / exported.TIMING
        source = timing if timing.exists() and not (source / RESULT).exists() else source / RESULT
    print(f"recorded as {exported.record(source) if source.name == exported.TIMING else keep(source)}")
    return 0
