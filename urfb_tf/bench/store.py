"""Recorded benchmarks: one JSON file per subject, written by the program that measured it."""

import json
import os
import pathlib

from urfb_tf import environment
from urfb_tf.bench.measure import Machine
from urfb_tf.bench.subjects import SUBJECTS, Settings, find
from urfb_tf.errors import ResultError
from urfb_tf.files import is_there, write_atomically

RECORDS = pathlib.Path(__file__).parent / "records"


def measure(subject: str, settings: Settings, machine: Machine) -> dict:
    """What a subject finds, with everything that it depends on.

    Returns:
        `commit`, `date`, `versions` and `hardware` as in every result; `load`, the system's load average over a minute
        before and after (how many processes wanted a core, this one among them); `settings`; `machine`, its ceilings;
        `subject`; `found`, what the subject's module says.
    """
    load = _load()
    found = find(subject).run(settings, machine)
    return {
        **environment.describe(),
        "load": [load, _load()],
        "settings": vars(settings),
        "machine": vars(machine),
        "subject": subject,
        "found": found,
    }


def record(measured: dict, folder: pathlib.Path = RECORDS) -> pathlib.Path:
    """Put what `measure` returned among the recorded benchmarks, in place of an earlier one."""
    path = folder / f"{measured['subject']}.json"
    write_atomically(path, (json.dumps(measured, indent=1) + "\n").encode())
    return path


def recorded(folder: pathlib.Path = RECORDS) -> dict[str, dict]:
    """All recorded benchmarks by subject, in the order of the subjects.

    Raises:
        ResultError: if a file is damaged.
    """
    return {subject: _read(path) for subject in SUBJECTS if is_there(path := folder / f"{subject}.json")}


def _read(path: pathlib.Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        complete = found["subject"] == path.stem and {"found", "machine", "date", "load"} <= set(found)
    except (OSError, ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise ResultError(f"{path} holds no benchmark: run `python -m urfb_tf bench {path.stem} --record` again.")
    return found


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
