"""The options of the command line."""

import argparse
import pathlib


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options of one command line; `command` is the function to call with them."""
    parser = argparse.ArgumentParser(prog="python -m urfb_tf", description="Deep learning by local Hebbian rules.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_run(commands)
    _add_shows(commands)
    _add_export(commands)
    _add_bench(commands)
    return parser.parse_args(arguments)


def _path(text: str) -> pathlib.Path:
    if not text:  # as of a variable of the shell that is not set: it would be the current folder
        raise argparse.ArgumentTypeError("the name is empty")
    return pathlib.Path(text)


def _add_run(commands) -> None:
    from urfb_tf.cli.run import run

    command = commands.add_parser("run", help="train a network, or run experiments of the paper")
    command.add_argument(
        "what",
        help="a network (simpnet, deepnet, deepernet, deepernet_s or perceptron), an experiment (see: python -m "
        "urfb_tf list), or all of a place, such as table2 or table1/cifar100",
    )
    command.add_argument("--dataset", help="cifar10, cifar100 or generated (default: cifar10)")
    command.add_argument("--rule", help="bp, frfb, urfb, or another of `urfb_tf.rules` (default: urfb)")
    command.add_argument("--epsilon", type=float, help="URFB's ratio of R's step to W's, with any timing (default: 1)")
    command.add_argument("--loss", help="hinge, softmax or circuit (default: hinge)")
    command.add_argument("--connectivity", type=float, help="share of connections that exist (default: 1)")
    command.add_argument("--reading", help="paper or original: how to read the paper where it leaves a choice")
    command.add_argument("--set", action="append", metavar="ITEM=VALUE", help="one item of the reading set alone")
    command.add_argument("--learning-rate", type=float, help="SGD's step (default: 0.1)")
    command.add_argument("--batch-size", type=int, help="examples per step (default: 500)")
    command.add_argument("--epochs", type=int, help="epochs in all (default: the paper's)")
    _add_seeds(command, "run")
    command.add_argument("--out", type=_path, help="folder of checkpoint and result (default: runs/<settings>/seedN)")
    command.add_argument("--checkpoint-every", type=int, default=5, help="epochs between checkpoints (default: 5)")
    command.add_argument("--gpus", type=int, metavar="N", help="share each batch over N GPUs (default: one device)")
    command.add_argument("--no-alignment", action="store_true", help="do not measure angles after each epoch")
    command.add_argument("--increments", action="store_true", help="measure how increments of successive batches agree")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(command=run)


def _add_seeds(command, verb: str) -> None:
    seeds = command.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=int, default=0, help="of weights, masks, dropout and order (default: 0)")
    seeds.add_argument("--seeds", type=int, metavar="N", help=f"{verb} N times, with the seeds 0 to N - 1")


def _add_places(command) -> None:
    command.add_argument("what", nargs="*", help="ids or places, such as table1/cifar10 (default: all)")


def _add_shows(commands) -> None:
    from urfb_tf.cli import show

    listing = commands.add_parser("list", help="list the experiments and what is recorded of them")
    _add_places(listing)
    listing.set_defaults(command=show.list_experiments)

    status = commands.add_parser("status", help="say how far the runs in a folder have come")
    status.add_argument("--runs", type=_path, default=pathlib.Path("runs"), help="the folder (default: runs)")
    status.set_defaults(command=show.status)

    numbers = commands.add_parser("results", help="show the paper's numbers beside the recorded ones")
    _add_places(numbers)
    numbers.add_argument("--json", action="store_true", help="print one JSON object per number, in a list")
    numbers.set_defaults(command=show.results)

    board = commands.add_parser("leaderboard", help="rank the recorded runs of each network by test error")
    board.add_argument("--epochs", type=int, help="after how many epochs (default: 20)")
    board.add_argument("--json", action="store_true", help="print one JSON object per run, in a list")
    board.set_defaults(command=show.leaderboard)

    record = commands.add_parser("record", help="put a run's result among those that travel with the package")
    record.add_argument("folder", type=_path, help="the run's folder or result, or an exported one's timing")
    record.set_defaults(command=show.record)


def _add_export(commands) -> None:
    from urfb_tf.cli.export import export

    command = commands.add_parser("export", help="write runs as programs that JAX runs without TensorFlow")
    command.add_argument("what", nargs="+", help="experiments (see: list), or all of a place, such as table2")
    _add_seeds(command, "export each")
    command.add_argument("--out", type=_path, required=True, help="the folder to write")
    command.set_defaults(command=export)


def _add_bench(commands) -> None:
    from urfb_tf.bench.subjects import SUBJECTS
    from urfb_tf.cli.bench import bench

    command = commands.add_parser("bench", help="measure time and memory on this machine")
    subjects = "; ".join(f"{name}: {title}" for name, title in SUBJECTS.items())
    command.add_argument("subject", nargs="?", choices=SUBJECTS, metavar="subject", help=f"{subjects} (default: all)")
    command.add_argument("--batch-size", type=int, default=500, help="examples per step (default: 500)")
    command.add_argument("--repeats", type=int, default=7, help="timed calls of each (default: 7)")
    command.add_argument("--json", action="store_true", help="print JSON instead of tables")
    command.add_argument("--record", action="store_true", help="keep the results among those the package comes with")
    command.set_defaults(command=bench)
