"""The commands of `python -m urfb_tf`, and what they print."""

import argparse
import ast
import json
import pathlib


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options of one command line; `command` is the function to call with them."""
    parser = argparse.ArgumentParser(prog="python -m urfb_tf", description="Deep learning by local Hebbian rules.")
    commands = parser.add_subparsers(required=True, metavar="command")

    run = commands.add_parser("run", help="train a network, or run an experiment of the paper")
    run.add_argument("what", help="a network (simpnet, deepnet, deepernet, deepernet_s) or an experiment (see: list)")
    run.add_argument("--dataset", help="cifar10, cifar100 or generated (default: cifar10)")
    run.add_argument("--rule", help="bp, frfb or urfb (default: urfb)")
    run.add_argument("--epsilon", type=float, help="URFB's ratio of R's step to W's (default: 1)")
    run.add_argument("--loss", help="hinge or softmax (default: hinge)")
    run.add_argument("--connectivity", type=float, help="share of connections that exist (default: 1)")
    run.add_argument("--reading", help="paper or original: how to read the paper where it leaves a choice")
    run.add_argument("--set", action="append", metavar="ITEM=VALUE", help="one item of the reading set alone")
    run.add_argument("--learning-rate", type=float, help="SGD's step (default: 0.1)")
    run.add_argument("--batch-size", type=int, help="examples per step (default: 500)")
    run.add_argument("--epochs", type=int, help="epochs in all (default: the paper's)")
    run.add_argument("--seed", type=int, default=0, help="of weights, masks, dropout and order (default: 0)")
    run.add_argument("--out", type=pathlib.Path, help="folder of checkpoint and result (default: runs/<settings>)")
    run.add_argument("--checkpoint-every", type=int, default=5, help="epochs between checkpoints (default: 5)")
    run.add_argument("--no-alignment", action="store_true", help="do not measure angles after each epoch")
    run.add_argument("--quiet", action="store_true", help="no progress bar")
    run.set_defaults(command=_run)

    listing = commands.add_parser("list", help="list the experiments and what is recorded of them")
    listing.set_defaults(command=_list)

    record = commands.add_parser("record", help="put a run's result among those that travel with the package")
    record.add_argument("folder", type=pathlib.Path, help="the run's folder")
    record.set_defaults(command=_record)

    bench = commands.add_parser("bench", help="measure time and memory on this machine")
    bench.add_argument("subject", choices=["untied"], help="untied: a step of each convolution, tied and untied")
    bench.add_argument("--batch", type=int, default=500, help="examples per step (default: 500)")
    bench.add_argument("--repeats", type=int, default=15, help="timed calls of each step (default: 15)")
    bench.add_argument("--json", action="store_true", help="print JSON instead of tables")
    bench.set_defaults(command=_bench)
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    from urfb_tf.experiments.run import RESULT, deterministic, run
    from urfb_tf.training import Interrupted

    experiment = _experiment(options)
    folder = options.out or pathlib.Path("runs", *experiment.id.split("/"), f"seed{options.seed}")
    deterministic()
    try:
        result = run(
            experiment,
            epochs=experiment.paper_epochs if options.epochs is None else options.epochs,
            seed=options.seed,
            folder=folder,
            checkpoint_every=options.checkpoint_every,
            alignment=not options.no_alignment,
            progress=None if options.quiet else _ProgressBar(),
        )
    except Interrupted as stop:
        print(f"\n{stop}")
        return 130
    last = result["epochs"][-1]
    print(
        f"{experiment.id}: after {last['epoch']} epochs train error {last['train_error_evaluated']:.3f} "
        f"(with dropout {last['train_error']:.3f}), test error {last['test_error']:.3f}; result in {folder / RESULT}"
    )
    return 0


def _experiment(options: argparse.Namespace):
    import dataclasses

    from urfb_tf.errors import ArgumentError, one_of
    from urfb_tf.experiments import EXPERIMENTS, Experiment
    from urfb_tf.networks import NETWORKS

    settings = {
        name: getattr(options, name)
        for name in ("dataset", "rule", "epsilon", "loss", "connectivity", "reading", "learning_rate", "batch_size")
        if getattr(options, name) is not None
    }
    if options.set:
        settings["changes"] = tuple(_item(text) for text in options.set)
    if options.what in EXPERIMENTS:
        experiment = dataclasses.replace(EXPERIMENTS[options.what], **settings)
        suffix = "".join(f"+{name}={_plain(value)}" for name, value in settings.items())
        return dataclasses.replace(experiment, id=experiment.id + suffix) if settings else experiment
    if options.what not in NETWORKS:
        raise ArgumentError(one_of("network or experiment", options.what, [*NETWORKS, *EXPERIMENTS]))
    named = "-".join(_plain(value) for name, value in settings.items() if name not in ("dataset", "rule"))
    dataset, rule = settings.pop("dataset", "cifar10"), settings.pop("rule", "urfb")
    identifier = "-".join(part for part in (options.what, dataset, rule, named) if part)
    return Experiment(identifier, identifier, options.what, dataset, rule, **settings)


def _item(text: str) -> tuple[str, object]:
    from urfb_tf.errors import ArgumentError

    name, _, value = text.partition("=")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ArgumentError(
            f"--set takes ITEM=VALUE such as slope=1.0 or tied_pooling=False, but got {text!r}."
        ) from None


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{name}={item}" for name, item in value)
    return str(value)


class _ProgressBar:
    """One Keras progress bar per epoch, with the running loss and error."""

    def __init__(self):
        self.bar = None

    def __call__(self, epoch: int, step: int, steps: int, tally) -> None:
        import keras

        if self.bar is None:
            print(f"Epoch {epoch}")
            self.bar = keras.utils.Progbar(steps, stateful_metrics=["loss", "error"])
        seen = float(tally.examples)
        self.bar.update(step, [("loss", float(tally.loss) / seen), ("error", float(tally.mistakes) / seen)])
        if step == steps:
            self.bar = None


def _list(options: argparse.Namespace) -> int:
    from urfb_tf.experiments import EXPERIMENTS
    from urfb_tf.results import ids, load

    recorded = {identifier: len(load(identifier, seed)["epochs"]) for identifier, seed in ids()}
    for identifier, experiment in EXPERIMENTS.items():
        epochs = f"{recorded[identifier]} epochs recorded" if identifier in recorded else "not recorded"
        paper = json.dumps(vars(experiment.paper)) if experiment.paper else ""
        print(f"{identifier:36}{epochs:24}paper {paper}")
    return 0


def _record(options: argparse.Namespace) -> int:
    from urfb_tf.experiments.run import RESULT
    from urfb_tf.results import record

    print(f"recorded as {record(options.folder / RESULT)}")
    return 0


def _bench(options: argparse.Namespace) -> int:
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
