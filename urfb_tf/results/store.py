"""Reading and adding to the recorded results: one JSON file per experiment and seed.

A second one, `*.other.json`, may stand beside it: the longest run that drew other random numbers from the same seed,
for comparisons with runs that drew as it did (`urfb_tf.results.draws`).
"""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterator

from urfb_tf import strict_json
from urfb_tf.errors import ResultError, like_one_of
from urfb_tf.files import ANOTHER, OWN_CHECKOUT, is_there, one_at_a_time, write_all
from urfb_tf.results.admission import check_admission
from urfb_tf.results.draws import draws_of
from urfb_tf.results.schema import check

RECORDS = pathlib.Path(__file__).parent / "records"
OTHER = ".other.json"


def path_of(identifier: str, seed: int = 0, folder: str | pathlib.Path = RECORDS) -> pathlib.Path:
    """Where the result of an experiment and seed stands."""
    return pathlib.Path(folder) / f"{identifier.replace('/', '--')}--seed{seed}.json"


def _other(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(OTHER)


def file_of(result: dict, folder: str | pathlib.Path = RECORDS) -> pathlib.Path:
    """Which of the files a recorded result was loaded from."""
    path = path_of(result["id"], result["seed"], folder)
    return path if draws_of(_read_record(path)) == draws_of(result) else _other(path)


def ids(folder: str | pathlib.Path = RECORDS) -> list[tuple[str, int]]:
    """(experiment id, seed) of every recorded result, in order."""
    found = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        if path.name.endswith(OTHER):
            continue
        result = _read_record(path)
        found.append((result["id"], result["seed"]))
    return found


def seeds(identifier: str, folder: str | pathlib.Path = RECORDS) -> list[int]:
    """The seeds with which an experiment is recorded, in order."""
    stem = path_of(identifier, 0, folder).name.removesuffix("0.json")
    numbers = [path.name.removeprefix(stem).removesuffix(".json") for path in pathlib.Path(folder).glob("*.json")]
    return sorted(int(number) for number in numbers if number.isdecimal())


def load(identifier: str, seed: int = 0, folder: str | pathlib.Path = RECORDS, *, draws: str | None = None) -> dict:
    """A recorded result, as `urfb_tf.results.schema` describes it.

    Args:
        identifier, seed: of the run.
        folder: where the results are.
        draws: of which random numbers a run is preferred, as `draws_of` tells it. If there is none, or for None, it is
            the longest.

    Raises:
        ResultError: if it is not recorded or no experiment, or the file is damaged.
    """
    path = path_of(identifier, seed, folder)
    if not is_there(path):
        from urfb_tf.experiments.catalogue import EXPERIMENTS, LISTING  # these need what results are

        if identifier not in EXPERIMENTS and (known := seeds(identifier, folder)):
            numbers = ", ".join(map(str, known))
            raise ResultError(f"{identifier} is not recorded with seed {seed} in {folder}, but with {numbers}.")
        if identifier not in EXPERIMENTS:
            raise ResultError(like_one_of("experiment", identifier, EXPERIMENTS, LISTING))
        raise ResultError(
            f"{identifier} with seed {seed} is not recorded: run `python -m urfb_tf run {identifier} --seed {seed}`."
        )
    result = _read_record(path)
    if draws in (None, draws_of(result)) or not is_there(_other(path)):
        return result
    other = _read_record(_other(path))
    return other if draws_of(other) == draws else result


def load_all(identifier: str, seed: int = 0, folder: str | pathlib.Path = RECORDS) -> list[dict]:
    """The recorded results of an experiment and seed: the longest, and that of other draws if there is one.

    Raises:
        ResultError: as in `load`.
    """
    longest = load(identifier, seed, folder)
    other = _other(path_of(identifier, seed, folder))
    return [longest, *([_read_record(other)] if is_there(other) else [])]


def read(path: str | pathlib.Path) -> dict:
    """A result file as a run writes it, checked.

    Raises:
        ResultError: if it cannot be read or is not of the schema.
    """
    try:
        result = strict_json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(
            f"{path} cannot be read as a result ({error}): restore it, or run the experiment again."
        ) from error
    return check(result, str(path))


def record(source: str | pathlib.Path, folder: str | pathlib.Path = RECORDS) -> pathlib.Path:
    """Put a run's result among the recorded ones, with a digest; a longer run replaces a shorter one only.

    The longest run of other draws from the seed is kept beside it, whichever comes first. A damaged record in its place
    is kept as `*.json.damaged`. The package's own folder takes runs of its experiments alone, with their settings, on
    the images of the others that are recorded there.

    Args:
        source: the result file.
        folder: where the results are. One of yours takes runs under any id.

    Returns:
        The file that holds the result now.

    Raises:
        ResultError: if it is no result, recorded ones are longer or of two other kinds of draws, one under the same id
            and seed is of another run, or the package does not take it.
        WriteError: if the folder does not take it.
    """
    result, folder = read(source), pathlib.Path(folder)
    of_package = folder.resolve() == RECORDS.resolve()
    if of_package:
        check_admission(result, str(source), _readable(folder))
    with one_at_a_time(folder, OWN_CHECKOUT if of_package else ANOTHER):
        return _record(result, source, folder)


def _readable(folder: pathlib.Path) -> Iterator[dict]:
    """The recorded results but for damaged ones."""
    return (found for path in sorted(folder.glob("*.json")) if (found := _whole(path)) is not None)


def _record(result: dict, source: str | pathlib.Path, folder: str | pathlib.Path) -> pathlib.Path:
    target = path_of(result["id"], result["seed"], folder)
    known = [found for path in (target, _other(target)) if (found := _whole(path)) is not None]
    if any(each[key] != result[key] for each in known for key in ("configuration", "data")):
        raise ResultError(
            f"{target} is of another run than {source}, with other settings or images: give this one an id of its own."
        )
    candidates = [result, *known]  # of equally long ones the new one comes first
    longest = max(candidates, key=_length)
    others = [each for each in candidates if draws_of(each) != draws_of(longest)]
    other = max(others, key=_length, default=None)
    if result is not longest and result is not other:
        raise ResultError(
            f"{target} already holds more epochs than {source}: a longer run replaces a shorter one only."
        )
    kinds = {draws_of(each) for each in (longest, other) if each is not None}
    if any(draws_of(each) not in kinds for each in known):
        raise ResultError(
            f"{target} and {_other(target).name} hold runs of other draws than {source}, of which it would replace "
            "one: record a run that was trained on one kind of device throughout, or keep this one in a folder of your "
            "own."
        )
    _write({target: longest} if other is None else {_other(target): other, target: longest})
    if other is None and _whole(_other(target)) is not None:  # the longest was damaged, and this one took its place
        _other(target).unlink()
    return target if result is longest else _other(target)


def _write(results: dict[pathlib.Path, dict]) -> None:
    """Write results into files, of which one may come to hold what another holds now: all of them, or none."""
    for path in results:
        if path.exists() and _whole(path) is None:
            aside, number = path.with_name(f"{path.name}.damaged"), 2
            while aside.exists():
                aside, number = path.with_name(f"{path.name}.damaged{number}"), number + 1
            os.replace(path, aside)
    sealed = {path: {**result, "digest": digest(result)} for path, result in results.items()}
    write_all({path: strict_json.dumps(result, indent=1).encode() + b"\n" for path, result in sealed.items()})


def _length(result: dict) -> int:
    return len(result["epochs"])


def digest(result: dict) -> str:
    """What tells a recorded result from one that was changed by hand: SHA-256 over all its other fields."""
    rest = {key: value for key, value in result.items() if key != "digest"}
    return hashlib.sha256(strict_json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read_record(path: pathlib.Path) -> dict:
    result = read(path)
    if result.get("digest") != digest(result):
        raise ResultError(f"{path} is not as it was recorded: restore it, or record the run again.")
    return result


def _whole(path: pathlib.Path) -> dict | None:
    """A recorded result; None if there is none, or it is damaged."""
    with contextlib.suppress(ResultError):
        return _read_record(path)
    return None
