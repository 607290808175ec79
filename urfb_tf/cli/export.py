"""The command `export`."""

import argparse


def export(options: argparse.Namespace) -> int:
    """Write a folder that trains wherever there is JAX."""
    from urfb_tf.experiments import find
    from urfb_tf.export import export

    folder = export(find(options.what), options.out, seed=options.seed)
    print(f"Copy {folder} to where the device is and run: python {folder.name}/runner.py --epochs 1000")
    return 0
