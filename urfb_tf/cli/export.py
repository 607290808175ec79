"""The command `export`."""

import argparse

from urfb_tf.cli import selection


def export(options: argparse.Namespace) -> int:
    """Write a folder that trains wherever there is JAX."""
    from urfb_tf.experiments import find
    from urfb_tf.export import export

    seeds = selection.seeds(options)
    # `find` tells what is known if nothing has the name.
    experiments = [each for what in options.what for each in selection.named(what) or [find(what)]]
    folder = export(experiments, options.out, seeds=seeds)
    print(f"Copy {folder} to where the device is and run: python {folder.resolve().name}/runner.py --epochs 1000")
    return 0
