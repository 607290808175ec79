"""Simpnet on CIFAR-10 with one thing changed at a time, for each rule: what a reading's items change."""

import itertools
from collections.abc import Mapping

from urfb_tf.analysis import recorded
from urfb_tf.analysis.recorded import Comparison
from urfb_tf.experiments import Experiment, find, select
from urfb_tf.table import Table

Differences = Mapping[str, Mapping[str, Comparison | None]]


def changed() -> list[Experiment]:
    """The experiments, all rules of a change side by side."""
    found = select("ablations/cifar10")
    order = list(dict.fromkeys(_change(experiment) for experiment in found))
    return sorted(found, key=lambda experiment: order.index(_change(experiment)))


def default_of(experiment: Experiment) -> Experiment:
    """The row of Table 1 that an experiment of `changed` changes in one thing."""
    return find(experiment.id.rpartition("/")[0].replace("ablations/", "table1/"))


def differences() -> Differences:
    """By change and row of Table 1, such as "slope=1.0" and "bp-hinge": the changed test error beside the default's.

    All rules of a change at the last epoch that all their recorded runs have reached, so that they can be compared with
    one another; means over five epochs; None if the change or the default is not recorded.
    """
    found: dict[str, dict[str, Comparison | None]] = {}
    for change, experiments in itertools.groupby(changed(), _change):
        pairs = [(experiment.id, default_of(experiment).id) for experiment in experiments]
        until = min((end for pair in pairs if (end := recorded.common_epoch(pair))), default=None)
        found[change] = {
            default.rpartition("/")[2]: recorded.compare(one, default, until=until) for one, default in pairs
        }
    return found


def by_epoch(row: str, change: str) -> list[float]:
    """The changed test error less the default's in each epoch that both have reached; of several seeds, the first.

    Args:
        row: of Table 1, such as "bp-hinge".
        change: such as "slope=1.0".
    """
    pair = recorded.comparable((f"ablations/cifar10/{row}/{change}", f"table1/cifar10/{row}"))
    errors = [[each["test_error"] for run in list(of_one.values())[:1] for each in run["epochs"]] for of_one in pair]
    return [changed - default for changed, default in zip(*errors, strict=False)]


def table(found: Differences) -> Table:
    """`differences` as a table, one row per change and rule; those not recorded say so."""
    rows = []
    for change, by_row in found.items():
        for row, measured in by_row.items():
            cells = ["not run", "", "", ""]
            if measured is not None:
                errors = [f"{measured.second:.3f}", f"{measured.first:.3f}", f"{measured.difference:+.3f}"]
                cells = [*errors, f"{measured.start} to {measured.end}"]
            rows.append([change, row, *cells])
    return Table(["change", "rule", "default", "changed", "difference", "epochs"], rows)


def order(found: Differences) -> str:
    """Whether the paper's order of the rules, BP and URFB before FRFB, holds under each change, in a sentence.

    Only those of `differences` count that are recorded for all three.
    """
    errors = {
        change: {row: measured.first for row, measured in by_row.items() if measured is not None}
        for change, by_row in found.items()
    }
    whole = {change: by_row for change, by_row in errors.items() if len(by_row) == 3}
    if not whole:
        return "No change is recorded for all three rules yet."
    others = [change for change, each in whole.items() if each["frfb"] <= max(each["urfb"], each["bp-hinge"])]
    gaps = {change: each["urfb"] - each["bp-hinge"] for change, each in whole.items()}
    widest = max(gaps, key=lambda change: abs(gaps[change]))
    kept = len(whole) - len(others)
    exceptions = f" (not with {' and '.join(f'`{change}`' for change in others)})" if others else ""
    share = f"all {kept}" if kept == len(whole) > 1 else f"{kept} of the {len(whole)}"
    return (
        f"With {share} changes that are recorded for all three rules, FRFB ends behind both others, "
        f"as it does by default{exceptions}. URFB and BP are farthest apart with `{widest}`: "
        f"{whole[widest]['urfb']:.3f} against {whole[widest]['bp-hinge']:.3f}."
    )


def _change(experiment: Experiment) -> str:
    return experiment.id.rpartition("/")[2]
