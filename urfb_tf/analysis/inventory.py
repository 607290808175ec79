"""What is recorded: how far each run is, how old its result and on what it was measured; and what is not recorded."""

import datetime
from collections.abc import Iterable

from urfb_tf import results
from urfb_tf.environment import short_commit
from urfb_tf.experiments import EXPERIMENTS
from urfb_tf.table import Table


def recorded() -> Table:
    """One row per recorded result, its age counted from the newest of them.

    The date is that of a run's last session. Devices and commits are those of all its sessions, each named once.
    """
    found = [result for identifier, seed in results.ids() for result in results.load_all(identifier, seed)]
    newest = max((_date(result) for result in found), default=datetime.date.min)
    rows = []
    for result in found:
        experiment = EXPERIMENTS.get(result["id"])
        length = f" of {experiment.paper_epochs}" if experiment else ""
        machines = (session["hardware"] for session in result["sessions"])
        rows.append(
            [
                result["id"],
                str(result["seed"]),
                f"{len(result['epochs'])}{length}",
                str(_date(result)),
                str((newest - _date(result)).days),
                _once(
                    f"{machine['device']} ({machine['processor']}, {machine['cores']} cores)" for machine in machines
                ),
                _once(short_commit(session["commit"]) for session in result["sessions"]),
            ]
        )
    return Table(["experiment", "seed", "epochs", "date", "age in days", "device", "commit"], rows)


def missing() -> list[str]:
    """The ids of the experiments of which no seed is recorded, in the order of the paper."""
    known = {identifier for identifier, _ in results.ids()}
    return [identifier for identifier in EXPERIMENTS if identifier not in known]


def _date(result: dict) -> datetime.date:
    return datetime.datetime.fromisoformat(result["sessions"][-1]["date"]).date()


def _once(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))
