"""The command `bench`."""

import argparse
import json


def bench(options: argparse.Namespace) -> int:
    """Print what is measured now, subject by subject."""
    import tensorflow as tf

    from urfb_tf import environment
    from urfb_tf.bench import store
    from urfb_tf.bench.measure import Machine
    from urfb_tf.bench.subjects import SUBJECTS, Settings, find
    from urfb_tf.files import OWN_CHECKOUT, check_writable

    tf.get_logger().setLevel("ERROR")  # each model that is measured is traced once, and TensorFlow warns of that
    settings = Settings(options.batch_size, options.repeats)
    if options.record:
        check_writable(store.RECORDS, OWN_CHECKOUT)  # before minutes are spent
    machine = Machine.measured()
    if not options.json:
        print(environment.summary())
        rates = f"{machine.flops / 1e9:.0f} GFLOP/s in matrix products, {machine.bandwidth / 1e9:.0f} GB/s"
        print(f"{rates} to and from memory")
    measured = []
    for subject in [options.subject] if options.subject else SUBJECTS:
        # Again, as what else runs may have lowered it: a ceiling is the most that was ever seen.
        machine = machine.or_better(Machine.measured())
        measured.append(store.measure(subject, settings, machine))
        if options.record:
            store.record(measured[-1])
        if options.json:
            continue
        for title, content in find(subject).tables(measured[-1]["found"]):
            print(f"\n{title}\n\n{content}" if title else f"\n{content}", flush=True)
    if options.json:
        print(json.dumps(measured, indent=1))
    return 0
