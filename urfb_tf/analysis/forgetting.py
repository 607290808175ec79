"""What is forgotten where classes come in turn (section 5): of one run, and of those that are recorded."""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Iterable, Sequence

from urfb_tf.analysis import recorded
from urfb_tf.data.cifar import CLASSES
from urfb_tf.errors import ArgumentError, is_whole
from urfb_tf.experiments import Experiment, Phase, find
from urfb_tf.experiments.in_turn import LEARNERS, WAYS
from urfb_tf.table import Table

ALL = 0.995  # the mean error of groups of which nothing is left


@dataclasses.dataclass(frozen=True)
class Forgetting:
    """The error of each group of classes, shares in [0, 1].

    Attributes:
        learned: right after the group's own phase, in the order of the groups.
        end: after the last phase.
    """

    learned: tuple[float, ...]
    end: tuple[float, ...]

    @property
    def before(self) -> float:
        """The mean of `learned` over all groups but the last, which nothing follows."""
        return statistics.fmean(self.learned[:-1])

    @property
    def after(self) -> float:
        """The mean of `end` over the same groups."""
        return statistics.fmean(self.end[:-1])

    @property
    def forgotten(self) -> float:
        """By how much the error of a group has risen since it was learned, the mean over the same groups."""
        return self.after - self.before


_Recorded = dict[tuple[str, str], tuple[Forgetting, float]]


def measure(epochs: Sequence[dict], phases: Iterable[Phase], field: str = "group_error", before: int = 0) -> Forgetting:
    """What a run has forgotten.

    Args:
        epochs: the records of the whole run, with what `urfb_tf.metrics.ClassErrors` measures.
        phases: the run's, of which two or more show some classes only.
        field: "group_error", among all output units, or "within_error", among the units of the group alone.
        before: read so many epochs before the end of each phase, less than the shortest has.

    Raises:
        ArgumentError: if the run is shorter than its phases, fewer than two show some classes only, or `before` is out
            of range.
    """
    phases = list(phases)
    shortest = min((phase.epochs for phase in phases), default=1)
    if not is_whole(before, 0) or before >= shortest:
        raise ArgumentError(f"before is a whole number from 0 to {shortest - 1}, but got {before!r}.")
    ends = list(itertools.accumulate(phase.epochs for phase in phases))
    own = [end for end, phase in zip(ends, phases, strict=True) if phase.classes]
    if len(own) < 2:
        raise ArgumentError("Forgetting needs two or more phases that show some classes only.")
    if len(epochs) < ends[-1]:
        raise ArgumentError(f"The run has {len(epochs)} epochs, but its phases {ends[-1]}: train it to the end.")
    learned = tuple(epochs[end - 1 - before][field][number] for number, end in enumerate(own))
    return Forgetting(learned, tuple(epochs[-1 - before][field]))


def of_experiment(experiment: Experiment, field: str = "group_error", before: int = 0) -> Forgetting | None:
    """What the recorded runs of an experiment have forgotten, the mean over seeds; None if none is recorded whole.

    Args:
        experiment: classes in turn.
        field, before: as in `measure`.
    """
    runs = [run["epochs"] for run in recorded.runs(experiment.id).values()]
    if not runs or len(runs[0]) < sum(phase.epochs for phase in experiment.schedule):
        return None
    found = [measure(epochs, experiment.schedule, field, before) for epochs in runs]
    learned, end = (
        tuple(statistics.fmean(values) for values in zip(*(getattr(each, name) for each in found), strict=True))
        for name in ("learned", "end")
    )
    return Forgetting(learned, end)


def last_error(experiment: Experiment) -> float:
    """The test error at the end of an experiment's recorded runs, the mean over seeds."""
    return statistics.fmean(run["epochs"][-1]["test_error"] for run in recorded.runs(experiment.id).values())


def passes(phases: Iterable[Phase], classes: int) -> float:
    """How often a run goes over as many images as the training set has, those of `classes` equal classes."""
    shown, earlier = 0.0, 0
    for phase in phases:
        shown += phase.epochs * ((len(phase.classes) or classes) + phase.refreshers * earlier)
        earlier += len(phase.classes)
    return shown / classes


def table() -> Table:
    """The runs `in_turn` on CIFAR-10, one row each; those not recorded say so, a way that no learner has in one row.

    The error of a group right after it was learned and at the end, each the mean over all groups but the last, among
    all units and where the group's own units alone decide; the test error over all classes, and beside
    it that of joint training once it has seen as many images, where Table 1 has it.
    """
    rows = []
    for way in WAYS:
        if not any(of_experiment(find(f"in_turn/cifar10/{name}/{way}")) for name in LEARNERS):
            rows.append([f"all, {_name(way)}", "not run", *[""] * 3])
            continue
        for name, (title, *_) in LEARNERS.items():
            experiment = find(f"in_turn/cifar10/{name}/{way}")
            cells = ["not run", "", ""]
            if (among_all := of_experiment(experiment)) is not None:
                within = of_experiment(experiment, "within_error")
                assert within is not None
                cells = [f"{each.before:.3f} to {each.after:.3f}" for each in (among_all, within)]
                cells.append(f"{last_error(experiment):.3f}")
            joint = None if among_all is None else joint_error(experiment)
            rows.append([f"{title}, {_name(way)}", *cells, "" if joint is None else f"{joint:.3f}"])
    header = ["", "among all", "within", "test error", "joint"]
    return Table(header, rows)


def usual_jump() -> float:
    """By how much what a recorded run forgets changes when each phase is read one epoch earlier: the median of all."""
    return _usual(_with_jumps())


def compared(pairs: Iterable[tuple[str, str]]) -> Table:
    """What two learners forget in the same way of showing classes: the first's less the second's, where they differ.

    Errors jump from epoch to epoch. A difference is one if it is larger than what either of the two numbers changes by
    when each phase is read one epoch before its end, and than `usual_jump`, as two numbers may be steady by chance.
    Where the one who forgets less also ends higher, as who has learned less may, that stands beside it.

    Args:
        pairs: names of `urfb_tf.experiments.in_turn.LEARNERS`, one column each. Ways that no pair has are left out.
    """
    pairs, recorded_whole = list(pairs), _with_jumps()
    rows = [
        [_name(way), *(_difference((first, way), (second, way), recorded_whole) for first, second in pairs)]
        for way in WAYS
    ]
    header = [f"{LEARNERS[first][0]} less {LEARNERS[second][0]}" for first, second in pairs]
    return Table(["way", *header], [row for row in rows if any(row[1:])])


def _name(way: str) -> str:
    """A way of showing classes, for a table: on a narrow page it may be broken between its items."""
    return f"<code style='white-space:normal'>{way.replace(',', ',<wbr>')}</code>"


def _with_jumps() -> _Recorded:
    """What each run recorded whole has forgotten, and how that changes one epoch earlier, by learner and way."""
    found = {}
    for name, way in itertools.product(LEARNERS, WAYS):
        experiment = find(f"in_turn/cifar10/{name}/{way}")
        now, then = (of_experiment(experiment, before=epochs) for epochs in (0, 1))
        if now and then:
            found[name, way] = (now, abs(now.forgotten - then.forgotten))
    return found


def _usual(found: _Recorded) -> float:
    return statistics.median(jump for _, jump in found.values())


def _difference(first: tuple[str, str], second: tuple[str, str], found: _Recorded) -> str:
    """A cell of `compared`; "" if one of the two is not recorded whole."""
    if not {first, second} <= found.keys():
        return ""
    (one, one_jump), (other, other_jump) = found[first], found[second]
    if min(one.after, other.after) > ALL:  # the difference is that of what they had learned
        return "nothing left"
    gap = round(one.forgotten, 3) - round(other.forgotten, 3)
    jump = max(one_jump, other_jump, _usual(found))
    if abs(gap) <= jump:
        return f"within {jump:.3f}"
    higher = round(one.after, 3) - round(other.after, 3)
    return f"{gap:+.3f}" + (f", ends at {higher:+.3f}" if gap * higher < 0 else "")


def joint_error(experiment: Experiment) -> float | None:
    """The test error of joint training around the epoch by which it has seen as many images as a run in turn.

    Args:
        experiment: in turn.

    Returns:
        The mean over five epochs and over all recorded runs; None if Table 1 lacks the learner, or none came so far.
    """
    identifier = LEARNERS[experiment.id.split("/")[-2]][1]
    middle = math.floor(passes(experiment.schedule, CLASSES[experiment.dataset]) + 0.5)
    end = middle + recorded.WINDOW // 2
    errors = [
        recorded.recent(run["epochs"][:end], "test_error")
        for run in (recorded.every(identifier) if identifier else [])
        if len(run["epochs"]) >= end
    ]
    return statistics.fmean(errors) if errors else None
