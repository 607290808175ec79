"""The command `export`."""

import argparse


def export(options: argparse.Namespace) -> int:
    """Write a folder that trains wherever there is JAX."""
    from urfb_tf.errors import ArgumentError
    from urfb_tf.experiments import EXPERIMENTS, find, select
    from urfb_tf.export import export

    if options.seeds is not None and options.seeds < 1:
        raise ArgumentError(f"--seeds is a whole number >= 1, but got {options.seeds}.")
    # An id names its own experiment only, not those below it.
    experiments = [
        experiment
        for what in options.what
        for experiment in ([find(what)] if what in EXPERIMENTS else select(what) or [find(what)])
    ]
    seeds = [options.seed] if options.seeds is None else range(options.seeds)
    folder = export(experiments, options.out, seeds=seeds)
    print(f"Copy {folder} to where the device is and run: python {folder.name}/runner.py --epochs 1000")
    return 0
