"""How long exported runs took side by side on one device: the `timing.json` that `urfb_tf.export`'s runner wrote."""

import itertools
import json
import pathlib
import re
from collections.abc import Sequence

from urfb_tf.environment import short_commit
from urfb_tf.errors import ResultError
from urfb_tf.files import OWN_CHECKOUT, check_writable, write_atomically
from urfb_tf.table import Table

TIMING = "timing.json"
RECORDS = pathlib.Path(__file__).parent / "records" / "exported"
TARGET = 60.0  # seconds for 1000 epochs of simpnet on CIFAR-10, of several runs together
_FIELDS = {
    "runs": list,
    "epochs": int,
    "processes": int,
    "seconds": float,
    "commit": str,
    "date": str,
    "versions": dict,
    "hardware": dict,
}


def record(source: pathlib.Path, folder: pathlib.Path = RECORDS) -> pathlib.Path:
    """Put a timing among those that travel with the package, in place of an earlier one of the same.

    The same are the runs, how many at a time, and the device. Others whose file would have the same name get a number.

    Returns:
        The file that holds the timing now.

    Raises:
        ResultError: if `source` is no timing, or nothing was trained.
        WriteError: if the folder does not take it.
    """
    timing = read(source)
    check_writable(folder, OWN_CHECKOUT)
    what = "-".join([*_shared(timing["runs"]), timing["hardware"]["device"]])
    name = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
    places = itertools.chain([folder / f"{name}.json"], (folder / f"{name}-{n}.json" for n in itertools.count(2)))
    path = next(place for place in places if not place.exists() or _measured(read(place)) == _measured(timing))
    write_atomically(path, json.dumps(timing, indent=1).encode() + b"\n")
    return path


def recorded(folder: pathlib.Path = RECORDS) -> list[dict]:
    """All recorded timings, the latest first."""
    return sorted((read(path) for path in folder.glob("*.json")), key=lambda timing: timing["date"], reverse=True)


def read(path: pathlib.Path) -> dict:
    """A timing, checked."""
    try:
        timing = json.loads(path.read_text(encoding="utf-8"))
        whole = all(isinstance(timing[key], kind) for key, kind in _FIELDS.items()) and bool(
            timing["hardware"]["device"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole or not timing["runs"] or timing["epochs"] < 1:
        raise ResultError(f"{path} holds no timing: train exported runs with `runner.py --processes`, which writes it.")
    return timing


def per_thousand(timing: dict) -> float:
    """Seconds of the device for 1000 epochs of a run, start-up and evaluations included."""
    return timing["seconds"] / timing["epochs"] * 1000


def table(timings: Sequence[dict]) -> Table:
    """One row per timing."""
    header = ["runs", "device", "at once", "epochs of all runs", "seconds", "per 1000 epochs of a run", "JAX", "commit"]
    return Table(
        header,
        [
            [
                _named(timing["runs"]),
                timing["hardware"]["device"],
                str(timing["processes"]),
                str(timing["epochs"]),
                f"{timing['seconds']:.0f}",
                f"{per_thousand(timing):.1f} s",
                timing["versions"].get("jax", ""),
                short_commit(timing["commit"]),
            ]
            for timing in timings
        ],
    )


def _measured(timing: dict) -> tuple:
    """What a timing is of: two that agree in it replace each other."""
    return sorted(timing["runs"]), timing["processes"], timing["hardware"]["device"]


def _shared(runs: Sequence[str]) -> list[str]:
    """What the names of all runs begin with, in parts."""
    columns = zip(*(name.split("--") for name in runs), strict=False)
    return [names[0] for names in itertools.takewhile(lambda names: len(set(names)) == 1, columns)]


def _named(runs: Sequence[str]) -> str:
    """The runs in a few words: many of one table are counted."""
    if len(runs) == 1:
        return runs[0].partition("--seed")[0].replace("--", "/")
    shared = "/".join(_shared(runs))
    return f"{len(runs)} of {shared}" if shared else f"{len(runs)} runs"
