"""What the recorded runs say, in sentences and tables that stay right when runs are added or go on."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from urfb_tf.analysis import angles, recorded
from urfb_tf.analysis.reproduction import FIELDS
from urfb_tf.data.cifar import CLASSES
from urfb_tf.experiments import Experiment
from urfb_tf.table import Table

_NEAR_CHANCE = 0.05  # of guessing; a network this near to it on CIFAR-100 has hardly begun to learn


def state(experiments: Iterable[Experiment]) -> str:
    """Which of these runs are recorded and how far they are."""
    rows = list(experiments)
    lengths = {row.id: len(run["epochs"]) for row in rows for run in recorded.runs(row.id).values()}
    if not lengths:
        return f"None of these {len(rows)} runs is recorded yet: the errors in the table are the paper's alone."
    by_length: dict[str, list[str]] = {}
    for row in rows:
        if row.id in lengths:
            by_length.setdefault(f"{lengths[row.id]} of {row.paper_epochs} epochs", []).append(row.title)
    known = "; ".join(f"{_list(titles)} for {length}" for length, titles in by_length.items())
    share = f"All {len(rows)}" if 1 < len(rows) == len(lengths) else f"{len(lengths)} of these {len(rows)}"
    sentences = [f"{share} runs {_is(list(lengths))} recorded: {known}."]
    if missing := [row.title for row in rows if row.id not in lengths]:
        sentences.append(f"Not recorded yet: {_list(missing)}.")
    if any(row.id in lengths and lengths[row.id] < row.paper_epochs for row in rows):
        sentences.append("A run that is cut short does not say where it would end.")
    return " ".join(sentences)


def compared(
    first: Experiment,
    second: Experiment,
    *,
    split: str = "test",
    names: tuple[str, str] | None = None,
) -> str:
    """An error of one row against another's: what is recorded at the same epoch, and what the paper prints.

    Args:
        first, second: rows of the paper.
        split: "train", dropout off, or "test".
        names: what to call them. None takes their titles.
    """
    one, other = names or (first.title, second.title)
    assert first.paper is not None
    assert second.paper is not None
    when = "at the end"
    if first.length_given and second.length_given:
        lengths = {first.paper_epochs, second.paper_epochs}
        when = f"after {first.paper_epochs} epochs" if len(lengths) == 1 else "at the end of both runs"
    printed = _against(getattr(first.paper, split), getattr(second.paper, split), 2)
    measured = recorded.compare(first.id, second.id, FIELDS[split])
    if measured is None:
        place, gap, values = printed
        return (
            f"In the paper, {when}, the {split} error of {one} is {gap}{place} that of {other} {values}; here the two "
            "are not both recorded yet."
        )
    place, gap, values = _against(measured.first, measured.second, 3)
    paper_place, paper_gap, paper_values = printed
    in_paper = f"it is {paper_gap}{paper_place}" if paper_gap else "they are equal"
    epochs = f"Over epochs {measured.start} to {measured.end}" if measured.end > 1 else "In epoch 1"
    if recorded.before_drawn(first) or recorded.before_drawn(second):
        epochs += ", counted from where a network was last drawn anew"
    return (
        f"{epochs}, the {split} error of {one} is {gap}{place} that of {other} "
        f"{values}; in the paper, {when}, {in_paper} {paper_values}."
    )


def near_guessing(experiments: Iterable[Experiment]) -> str:
    """Which recorded rows of one dataset err about as often as guessing does, over their last epochs; "" if none."""
    rows = list(experiments)
    histories = {row: [run["epochs"] for run in known.values()] for row in rows if (known := recorded.runs(row.id))}
    latest = {
        row: statistics.fmean(recorded.recent(epochs, "test_error") for epochs in each)
        for row, each in histories.items()
    }
    near = {row: error for row, error in latest.items() if error > _chance(row) - _NEAR_CHANCE}
    if not near:
        return ""
    who = _list([f"{row.title} ({error:.3f})" for row, error in near.items()])
    place = f"within {_NEAR_CHANCE:g} of guessing ({_chance(rows[0]):g})"
    sentence = f"Of the recorded rows, {who} {_is(list(near))} {place} at the last of their epochs"
    if not (true := [row for row in near if row.rule == "bp"]):
        return f"{sentence}."
    lengths = {row: max(map(len, each)) for row, each in histories.items()}
    end = max(lengths[row] for row in true)
    titles = _list([row.title for row in true])
    longer = [f"{row.title} ({latest[row]:.3f} at {n})" for row, n in lengths.items() if n > end and row not in near]
    return (
        f"{sentence}. With {titles} still there at epoch {end}, the order of the rules up to that epoch says nothing "
        f"about feedback.{f' Recorded further and no longer there: {_list(longer)}.' if longer else ''}"
    )


def test_error_at(epochs: Sequence[dict], train_error: float) -> float | None:
    """The test error where a run's train error, dropout off, first comes down to a level, if it does.

    Both are means over five epochs.
    """
    end = recorded.reached(epochs, FIELDS["train"], train_error)
    return None if end is None else recorded.recent(epochs[:end], FIELDS["test"])


def at_equal_train_error(experiments: Iterable[Experiment], levels: Sequence[float]) -> Table:
    """`test_error_at` some levels of the train error.

    Args:
        experiments: one row each; those not recorded are left out.
        levels: train errors, one column each. A run that never comes down so far has nothing there.
    """
    rows = []
    for title, epochs in recorded.histories(experiments).items():
        errors = [test_error_at(epochs, level) for level in levels]
        rows.append([title, *("" if error is None else f"{error:.3f}" for error in errors)])
    return Table(["test error where the train error is", *(f"{level:g}" for level in levels)], rows)


def beside(base: Experiment, experiments: Iterable[Experiment]) -> Table:
    """Experiments beside the one that they change, each at the last epoch that both have reached.

    Test errors and angles in degrees, means over five epochs and over seeds. Those not recorded say so.

    Args:
        base: what they change.
        experiments: one row each.
    """
    rows = []
    for experiment in experiments:
        measured = recorded.compare(experiment.id, base.id)
        if measured is None:
            rows.append([experiment.title, "not run", *[""] * 5])
            continue
        courses = _courses(experiment, base, measured.end)
        found = [
            _mean(angles.recent_angle(epochs, *which) for epochs in courses)
            for which in (("weight_angle", "dense1"), ("error_angle", "conv1"))
        ]
        rows.append(
            [
                experiment.title,
                f"{measured.first:.3f}",
                f"{measured.second:.3f}",
                f"{measured.difference:+.3f}",
                *("" if value is None else f"{value:.0f}°" for value in found),
                f"{measured.start} to {measured.end}",
            ]
        )
    columns = ["what is changed", "test error", base.title, "difference", "R to W, dense1", "error at conv1", "epochs"]
    return Table(columns, rows)


def harm(base: Experiment, experiments: Iterable[Experiment]) -> str:
    """Which recorded changes cost nothing, something or everything, in test error over five epochs, as sentences.

    Args:
        base: what they change.
        experiments: the changes.
    """
    gap = 0.02  # up to which difference a change costs nothing, and within which of guessing it costs everything
    rows = list(experiments)
    measured = {row: recorded.compare(row.id, base.id) for row in rows}
    chance = _chance(base)
    groups: dict[str, list[str]] = {"within": [], "below": [], "above": [], "chance": []}
    for row, found in measured.items():
        if found is None:
            continue
        place = "within" if abs(found.difference) <= gap else "above" if found.difference > 0 else "below"
        place = "chance" if place == "above" and found.first >= chance - gap else place
        groups[place].append(row.title if place == "within" else f"{row.title} ({found.difference:+.3f})")
    ways = {
        "within": f"within {gap:g} of {base.title}'s",
        "below": f"more than {gap:g} below {base.title}'s",
        "above": f"more than {gap:g} above {base.title}'s",
        "chance": f"within {gap:g} of guessing",
    }
    known = [f"{ways[place]}: {'; '.join(titles)}" for place, titles in groups.items() if titles]
    missing = sum(found is None for found in measured.values())
    if not known:
        return f"None of these {len(rows)} runs is recorded yet."
    rest = (
        f" {missing} of these {len(rows)} runs {'is' if missing == 1 else 'are'} not recorded yet." if missing else ""
    )
    return f"At the same epoch, the test error is {'. It is '.join(known)}.{rest}"


def arriving_errors(histories: Mapping[str, Sequence[dict]]) -> str:
    """How far the error that arrives is from back-propagation's: at the lowest layer, where above 90°, where least.

    And how long it is beside it at the lowest layer, where that was recorded.

    Args:
        histories: records of epochs with an `error_angle`, by run; one line each.
    """
    lines = []
    for title, epochs in histories.items():
        names = [name for name in epochs[-1]["error_angle"] if name != "output"]
        recent = {name: angles.recent_angle(epochs, "error_angle", name) for name in names}
        known = {name: angle for name, angle in recent.items() if angle is not None}
        above = [name for name, angle in known.items() if angle > angles.RIGHT_ANGLE + 0.5]
        where = [f"{known[names[0]]:.0f}° at {names[0]}"] if names[0] in known else []
        where += [f"above 90° at {', '.join(above)}"] if above else []
        if known:
            nearest = min(known, key=lambda name: known[name])
            where.append(f"smallest at {nearest}, {known[nearest]:.0f}°")
        if (ratio := angles.recent_angle(epochs, "error_ratio", names[0])) is not None:
            size = f"{ratio:.2g}" if ratio >= 0.01 else "less than 0.01"
            where.append(f"{size} times as long as back-propagation's at {names[0]}")
        told = "; ".join(where) or "no error arrives"
        window = [epoch["epoch"] for epoch in epochs[-recorded.WINDOW :]]
        lines.append(f"- {title}, the mean over epochs {window[0]} to {window[-1]}: {told}.")
    return "\n".join(lines)


def longer_errors(first: Experiment, second: Experiment) -> str:
    """That a row's lead over back-propagation may be its longer errors' doing, in a sentence; "" if nothing says so.

    It may where the row is more than .03 ahead in test error at the last epoch that both have reached, with errors that
    are then more than twice as long as back-propagation's, at the lowest convolution and at the dense layer.

    Args:
        first: the row, of a rule with errors of its own.
        second: the same under back-propagation.
    """
    measured = recorded.compare(first.id, second.id)
    if measured is None or measured.difference >= -0.03:
        return ""
    courses = _courses(first, second, measured.end)
    conv, dense = (
        _mean(angles.recent_angle(epochs, "error_ratio", layer) for epochs in courses) for layer in ("conv1", "dense1")
    )
    if conv is None or dense is None or min(conv, dense) <= 2:
        return ""
    return (
        f"That {first.title} is ahead of {second.title} after {measured.end} epochs ({measured.first:.3f} against "
        f"{measured.second:.3f}) need not be due to the direction of its errors: they are {conv:.1f} times as long "
        f"at the lowest convolution and {dense:.1f} times at the dense layer, which acts there like a step as many "
        "times longer than the common one."
    )


def _courses(first: Experiment, second: Experiment, end: int) -> list[Sequence[dict]]:
    """The epochs of the first, by seed, over which `recorded.compare` holds it against the second."""
    compared = recorded.comparable((first.id, second.id))[0].values()
    return [recorded.since_drawn(first.id, run["epochs"])[:end] for run in compared]


def _mean(values: Iterable[float | None]) -> float | None:
    """Of those that were measured, if any."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _chance(experiment: Experiment) -> float:
    return 1 - 1 / CLASSES[experiment.dataset]


def _against(first: float, second: float, digits: int) -> tuple[str, str, str]:
    """(above, below or equal to; the difference with a space, if any; both in brackets), as printed."""
    gap = round(first, digits) - round(second, digits)
    values = f"({first:.{digits}f} against {second:.{digits}f})"
    if abs(gap) < 0.5 * 10**-digits:
        return "equal to", "", values
    return ("above" if gap > 0 else "below"), f"{abs(gap):.{digits}f} ", values


def _is(items: list) -> str:
    return "is" if len(items) == 1 else "are"


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
