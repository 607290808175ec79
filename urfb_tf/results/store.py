"""Reading and adding to the recorded results: one JSON file per experiment and seed."""

import json
import pathlib

from urfb_tf.errors import ResultError
from urfb_tf.files import write_atomically
from urfb_tf.results.schema import check

RECORDS = pathlib.Path(__file__).parent / "records"


def path_of(identifier: str, seed: int = 0, folder: pathlib.Path = RECORDS) -> pathlib.Path:
    """Where the result of an experiment and seed stands."""
    return folder / f"{identifier.replace('/', '--')}--seed{seed}.json"


def ids(folder: pathlib.Path = RECORDS) -> list[tuple[str, int]]:
    """(experiment id, seed) of every recorded result, in order."""
    found = []
    for path in sorted(folder.glob("*.json")):
        result = read(path)
        found.append((result["id"], result["seed"]))
    return found


def load(identifier: str, seed: int = 0, folder: pathlib.Path = RECORDS) -> dict:
    """A recorded result, as `urfb_tf.results.schema` describes it.

    Raises:
        ResultError: if it is not recorded, or the file is damaged.
    """
    path = path_of(identifier, seed, folder)
    if not path.exists():
        raise ResultError(
            f"{identifier} with seed {seed} is not recorded: run `python -m urfb_tf run {identifier} --seed {seed}`."
        )
    return read(path)


def read(path: pathlib.Path) -> dict:
    """A result file, checked.

    Raises:
        ResultError: if it cannot be read or is not of the schema.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(
            f"{path} cannot be read as a result ({error}): restore it, or run the experiment again."
        ) from error
    return check(result, str(path))


def record(source: pathlib.Path, folder: pathlib.Path = RECORDS) -> pathlib.Path:
    """Copy a run's result file among the recorded ones. A longer run replaces a shorter one, never the reverse.

    Raises:
        ResultError: if it is no result, or is shorter than the recorded one.
    """
    result = read(source)
    target = path_of(result["id"], result["seed"], folder)
    if target.exists() and len(read(target)["epochs"]) > len(result["epochs"]):
        raise ResultError(
            f"{target} already holds more epochs than {source}: a longer run replaces a shorter one only."
        )
    write_atomically(target, source.read_bytes())
    return target
