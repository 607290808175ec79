"""The command `run`."""

import argparse
import ast
import pathlib

from urfb_tf.cli import selection


def run(options: argparse.Namespace) -> int:
    """Train one experiment after the other, each with one seed after the other."""
    from urfb_tf.errors import ArgumentError
    from urfb_tf.experiments.run import deterministic
    from urfb_tf.training import Interrupted, gpus

    seeds = selection.seeds(options)
    runs = [(experiment, seed) for experiment in _experiments(options) for seed in seeds]
    if options.out and len(runs) > 1:
        raise ArgumentError(f"--out is the folder of one run, but these are {len(runs)}: leave it out.")
    deterministic()
    strategy = None if options.gpus is None else gpus(options.gpus)
    try:
        for experiment, seed in runs:
            _run(experiment, seed, options, strategy)
    except Interrupted as stop:
        print(f"\n{stop}")
        return 130
    return 0


def _run(experiment, seed: int, options: argparse.Namespace, strategy) -> None:
    from urfb_tf.experiments.run import RESULT, run
    from urfb_tf.export.runner import diverged_from

    folder = options.out or pathlib.Path("runs", *experiment.id.split("/"), f"seed{seed}")
    result = run(
        experiment,
        epochs=experiment.paper_epochs if options.epochs is None else options.epochs,
        seed=seed,
        folder=folder,
        checkpoint_every=options.checkpoint_every,
        alignment=not options.no_alignment,
        increments=options.increments,
        progress=None if options.quiet else _ProgressBar(),
        strategy=strategy,
    )
    last = result["epochs"][-1]
    print(
        f"{experiment.id}: after epoch {last['epoch']}, train error {last['train_error_evaluated']:.3f} "
        f"(with dropout {last['train_error']:.3f}), test error {last['test_error']:.3f}; result in {folder / RESULT}"
    )
    if (first := diverged_from(result["epochs"])) is not None:
        print(f"{experiment.id}: from epoch {first} on the loss is no finite number: try a smaller learning rate.")


def _experiments(options: argparse.Namespace) -> list:
    from urfb_tf.errors import ArgumentError, like_one_of
    from urfb_tf.experiments import EXPERIMENTS, Experiment
    from urfb_tf.networks import NETWORKS
    from urfb_tf.rules.rule import listed

    settings = {
        name: getattr(options, name)
        for name in ("dataset", "rule", "epsilon", "loss", "connectivity", "reading", "learning_rate", "batch_size")
        if getattr(options, name) is not None
    }
    if rule := settings.get("rule"):
        settings["rule"] = listed(rule) or rule  # in small or capital letters, as everywhere
    if options.set:
        settings["changes"] = tuple(_item(text) for text in options.set)
    named = selection.named(options.what)
    if named:
        return [_changed(experiment, settings) for experiment in named]
    if options.what not in NETWORKS:
        known = [*NETWORKS, *EXPERIMENTS]
        raise ArgumentError(like_one_of("network or experiment", options.what, known, "python -m urfb_tf run --help"))
    dataset, rule = settings.pop("dataset", "cifar10"), settings.pop("rule", "urfb")
    identifier = f"{options.what}-{dataset}-{rule}{_suffix(settings)}"
    return [Experiment(identifier, identifier, options.what, dataset, rule, **settings)]


def _changed(experiment, settings: dict):
    """An experiment with these settings in place of its own. Its other changes stay; options go with rule and loss."""
    import dataclasses

    replaced = {name for name in ("rule", "loss") if settings.get(name) not in (None, getattr(experiment, name))}
    fields = {**settings, **{f"{name}_options": () for name in replaced}}
    if "changes" in settings:
        fields["changes"] = tuple({**dict(experiment.changes), **dict(settings["changes"])}.items())
    return dataclasses.replace(experiment, id=experiment.id + _suffix(settings), **fields)


def _item(text: str) -> tuple[str, object]:
    from urfb_tf.errors import ArgumentError

    name, _, value = text.partition("=")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ArgumentError(
            f"--set takes ITEM=VALUE such as slope=1.0 or tied_pooling=False, but got {text!r}."
        ) from None


def _suffix(settings: dict) -> str:
    """What an id says of settings."""
    return "".join(f"+{name}={_plain(value)}" for name, value in settings.items())


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{name}={item}" for name, item in value)
    return str(value)


class _ProgressBar:
    """One Keras progress bar per epoch, with the running loss and error.

    The first call comes after an epoch's first steps. So that these count, a bar's time begins when the bar is made:
    before training, and then at the end of the epoch before, with whose evaluation it thus begins.
    """

    def __init__(self):
        self._begin()

    def _begin(self) -> None:
        import keras

        self.bar = keras.utils.Progbar(None, stateful_metrics=["loss", "error"])

    def __call__(self, epoch: int, step: int, steps: int, tally) -> None:
        if self.bar.target is None:
            print(f"Epoch {epoch}")
            self.bar.target = steps
        seen = float(tally.examples)
        self.bar.update(step, [("loss", float(tally.loss) / seen), ("error", float(tally.mistakes) / seen)])
        if step == steps:
            self._begin()
