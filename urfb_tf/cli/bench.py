"""The command `bench`."""

import argparse
import json


def bench(options: argparse.Namespace) -> int:
    """Print what is measured now."""
    import dataclasses

    from urfb_tf import environment
    from urfb_tf.bench import report, untied
    from urfb_tf.bench.measure import Machine
    from urfb_tf.errors import ArgumentError

    for name, least in {"batch": 1, "repeats": 3}.items():
        if getattr(options, name) < least:
            raise ArgumentError(f"--{name} is a whole number >= {least}, but got {getattr(options, name)}.")
    machine, layers = Machine.measured(), untied.layers_to_measure()
    batches = {options.batch: None, untied.SPARSE_BATCH: None}
    rows = [row for batch in batches for row in untied.measure(layers, machine, batch=batch, repeats=options.repeats)]
    if options.json:
        record = {**environment.describe(), "machine": vars(machine), "rows": [dataclasses.asdict(row) for row in rows]}
        print(json.dumps(record, indent=1))
        return 0
    print(environment.summary())
    print(
        f"{machine.flops / 1e9:.0f} GFLOP/s in matrix products, {machine.bandwidth / 1e9:.0f} GB/s to and from memory"
    )
    for batch in batches:
        print(f"\nBatch {batch}\n\n{report.untied_table([row for row in rows if row.batch == batch])}")
    return 0
