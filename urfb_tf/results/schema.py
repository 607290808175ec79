"""What a result file must hold."""

import base64
import math
from collections.abc import Iterable

from urfb_tf.errors import ResultError

SCHEMA = 1

_TOP = {"schema": int, "id": str, "seed": int, "configuration": dict, "data": dict, "sessions": list, "epochs": list}
_DATA: dict[str, type] = {"name": str, "sha256": str, "images": dict}
_SESSION = {"from_epoch": int, "commit": str, "date": str, "versions": dict, "hardware": dict}
_EPOCH = {
    "epoch": int,
    "train_error": float,
    "train_error_evaluated": float,
    "validation_error": float,
    "test_error": float,
    "seconds": float,
}
_LOSS = "train_loss"  # a number, or null if the run has diverged
_SETTLED_SHARES = ("train_error_evaluated", "validation_error", "test_error")
_SETTLED: dict[str, type] = {**dict.fromkeys(_SETTLED_SHARES, float), "commit": str, "date": str}
_SHARES = [key for key in _EPOCH if key.endswith(("error", "evaluated"))]
_FILTERS: dict[str, type] = {"locations": list, "shape": list, "float32": str}


def check(result: object, source: str) -> dict:
    """`result` itself if it is a whole, consistent result.

    Args:
        result: what was read or is to be written.
        source: the file's name, for the message.

    Raises:
        ResultError: with what is wrong.
    """
    if not isinstance(result, dict):
        raise ResultError(f"{source} is not a result: it holds no JSON object.")
    _check_fields(result, _TOP, source)
    if result["schema"] != SCHEMA:
        raise ResultError(f"{source} has schema {result['schema']}, but this version reads schema {SCHEMA}: update it.")
    if result["seed"] < 0:
        raise ResultError(f"{source} has seed {result['seed']}, but seeds are whole numbers from 0 on.")
    _check_fields(result["data"], _DATA, f"{source}, data")
    for session in result["sessions"]:
        _check_fields(session, _SESSION, f"{source}, sessions")
        _check_fields(session["hardware"], {"device": str}, f"{source}, sessions, hardware")
    for number, epoch in enumerate(result["epochs"], start=1):
        _check_fields(epoch, _EPOCH, f"{source}, epoch {number}")
        if _LOSS not in epoch or epoch[_LOSS] is not None:
            _check_fields(epoch, {_LOSS: float}, f"{source}, epoch {number}")
        if epoch["epoch"] != number:
            raise ResultError(f"{source} has epoch {epoch['epoch']} where {number} belongs.")
        _check_shares(epoch, _SHARES, f"{source}, epoch {number}")
    if "settled" in result:
        settled = _check_fields(result["settled"], _SETTLED, f"{source}, settled")
        _check_shares(settled, _SETTLED_SHARES, f"{source}, settled")
    if "filters" in result:
        _check_fields(result, {"filters": dict}, source)
        for layer, stored in result["filters"].items():
            _check_filters(stored, f"{source}, filters of {layer}")
    if not result["epochs"] or not result["sessions"]:
        raise ResultError(f"{source} has no epoch or no session: nothing was measured.")
    _check_starts([session["from_epoch"] for session in result["sessions"]], len(result["epochs"]), source)
    return result


def _check_starts(starts: list[int], epochs: int, source: str) -> None:
    """Each epoch belongs to one session."""
    if starts[0] != 1 or sorted(set(starts)) != starts or starts[-1] > epochs:
        raise ResultError(
            f"{source} has sessions from the epochs {', '.join(map(str, starts))} on and {epochs} epochs: the first "
            "begins at 1, each later one after the one before it, and none beyond the last epoch."
        )


def _check_filters(stored: object, where: str) -> None:
    stored = _check_fields(stored, _FILTERS, where)
    try:
        whole = len(base64.b64decode(stored["float32"], validate=True)) == 4 * math.prod(stored["shape"])
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise ResultError(f"{where}: float32 does not hold an array of shape {stored['shape']!r}.")


def _check_shares(record: dict, keys: Iterable[str], where: str) -> None:
    for key in keys:
        if not 0 <= record[key] <= 1:
            raise ResultError(f"{where}: {key} is {record[key]}, not a share in [0, 1].")


def _check_fields(record: object, fields: dict[str, type], where: str) -> dict:
    if not isinstance(record, dict):
        raise ResultError(f"{where}: expected an object, found {record!r}.")
    for key, kind in fields.items():
        value = record.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise ResultError(f"{where}: {key} should be of type {kind.__name__}, but is {value!r}.")
    return record
