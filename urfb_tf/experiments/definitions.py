"""What each experiment is, and what the paper reports for it: the one place where either stands."""

import dataclasses
import json

from urfb_tf import readings, rules
from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.experiments.phases import Phase
from urfb_tf.networks import NETWORKS
from urfb_tf.networks.builder import LOSSES

GAIN = 100


@dataclasses.dataclass(frozen=True)
class PaperErrors:
    """Error rates as the paper prints them, shares in [0, 1]."""

    train: float
    test: float


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One run but for its seed and length.

    Attributes:
        id: where the paper reports it, such as "table1/cifar10/urfb", or a name made from the settings.
        title: the paper's name of the row.
        network: a name in `urfb_tf.networks.NETWORKS`.
        dataset: a name in `urfb_tf.data.DATASETS`.
        rule: a name in `urfb_tf.rules.RULES`.
        epsilon: URFB's ratio of R's step to W's; no other rule has it.
        loss: "hinge" or "softmax".
        connectivity: the share of connections that exist.
        reading: the name of a reading.
        changes: items of the reading set alone.
        learning_rate: SGD's step.
        batch_size: examples per step.
        phases: stretches of the run that differ. None means one, of `paper_epochs`.
        paper_epochs: how long the paper trains.
        paper: the paper's numbers, if it has this run.
    """

    id: str
    title: str
    network: str
    dataset: str
    rule: str = "urfb"
    epsilon: float = 1.0
    loss: str = "hinge"
    connectivity: float = 1.0
    reading: str = readings.DEFAULT.name
    changes: tuple[tuple[str, float], ...] = ()
    learning_rate: float = 0.1
    batch_size: int = 500
    phases: tuple[Phase, ...] = ()
    paper_epochs: int = 1000
    paper: PaperErrors | None = None

    def __post_init__(self):
        from urfb_tf.data import DATASETS

        names = {
            "network": NETWORKS,
            "dataset": DATASETS,
            "rule": rules.RULES,
            "loss": LOSSES,
            "reading": readings.READINGS,
        }
        for kind, allowed in names.items():
            if getattr(self, kind) not in allowed:
                raise ArgumentError(one_of(kind, getattr(self, kind), allowed))
        self.make_rule()
        self.make_reading()

    @property
    def schedule(self) -> tuple[Phase, ...]:
        """The phases, also of a run that has but one."""
        return self.phases or (Phase(self.paper_epochs),)

    def make_rule(self, name: str | None = None) -> rules.FeedbackRule:
        """The feedback rule of a phase, epsilon included. None means the experiment's."""
        name = name or self.rule
        return rules.UpdatedRandomFeedback(self.epsilon) if name == "urfb" else rules.get(name)

    def make_reading(self) -> readings.Reading:
        """The reading, its changes included."""
        return readings.get(self.reading).but(**dict(self.changes))

    def make_model(self, classes: int, seed: int):
        """The compiled, untrained model of the first phase."""
        return NETWORKS[self.network](
            rule=self.make_rule(self.schedule[0].rule),
            loss=self.loss,
            classes=classes,
            connectivity=self.connectivity,
            reading=self.make_reading(),
            learning_rate=self.learning_rate,
            seed=seed,
        )

    def configuration(self) -> dict:
        """What decides the outcome, but for the seed: what a result file records."""
        record = dataclasses.asdict(self)
        for key in ("id", "title", "paper", "paper_epochs"):
            del record[key]
        if "urfb" not in (self.rule, *(phase.rule for phase in self.phases)):
            del record["epsilon"]
        if self.phases:
            record["phases"] = [json.loads(json.dumps(phase)) for phase in record["phases"]]  # tuples become lists
        else:
            del record["phases"]
        return {**record, "changes": dict(self.changes), "reading_items": dataclasses.asdict(self.make_reading())}


def _table1_cifar10() -> list[Experiment]:
    def row(name: str, title: str, train: float, test: float, **settings) -> Experiment:
        paper = PaperErrors(train, test)
        return Experiment(f"table1/cifar10/{name}", title, "simpnet", "cifar10", paper=paper, **settings)

    return [
        row("bp-softmax", "BP Softmax", 0.02, 0.25, rule="bp", loss="softmax"),
        row("bp-hinge", "BP Hinge", 0.11, 0.27, rule="bp"),
        row("urfb", "URFB", 0.07, 0.31, rule="urfb"),
        row("frfb", "FRFB", 0.27, 0.36, rule="frfb"),
        row("urfb-50", "URFB 50%", 0.14, 0.31, rule="urfb", connectivity=0.5),
        row("frfb-50", "FRFB 50%", 0.38, 0.45, rule="frfb", connectivity=0.5),
    ]


def _table1_cifar10_untied() -> list[Experiment]:
    """ "1 epoch with a small time step of .01", then untied. Batch 500 throughout, as the text says of all runs."""
    phases = (Phase(1, learning_rate=0.01), Phase(1000, untie=("conv1",)))
    paper = {"urfb": PaperErrors(0.04, 0.33), "frfb": PaperErrors(0.30, 0.37), "urfb-50": PaperErrors(0.06, 0.36)}
    return [
        dataclasses.replace(
            tied,
            id=f"{tied.id}/untied",
            title=f"{tied.title} untied",
            phases=phases,
            paper_epochs=1001,
            paper=paper[tied.id.split("/")[-1]],
        )
        for tied in _table1_cifar10()
        if tied.id.split("/")[-1] in paper
    ]


def _untied_beyond() -> list[Experiment]:
    """Not in the paper: what makes untied filters alike, and do they move at all?

    Filters that start independent of one another can only be aligned by the data; with a gain, filters move as far as
    tied ones, or nearly so.
    """
    urfb = _table1_cifar10_untied()[0]

    def variant(name: str, title: str, **changes) -> Experiment:
        phases = (urfb.phases[0], dataclasses.replace(urfb.phases[1], **changes))
        return dataclasses.replace(urfb, id=f"untied/cifar10/{name}", title=title, phases=phases, paper=None)

    return [
        variant("urfb-independent", "URFB untied, independent start", reinitialise=("conv1",)),
        variant("urfb-gain", f"URFB untied, step {GAIN} times larger", update_gain=float(GAIN)),
        variant(
            "urfb-independent-gain",
            f"URFB untied, independent start, step {GAIN} times larger",
            reinitialise=("conv1",),
            update_gain=float(GAIN),
        ),
    ]


def _readings_compared() -> list[Experiment]:
    """The three hinge rows with full connectivity once more, under the paper's text to the letter."""
    return [
        dataclasses.replace(experiment, id=experiment.id.replace("table1/", "readings/paper/"), reading="paper")
        for experiment in _table1_cifar10()
        if experiment.connectivity == 1 and experiment.loss == "hinge"
    ]


EXPERIMENTS: dict[str, Experiment] = {
    experiment.id: experiment
    for experiment in (
        *_table1_cifar10(),
        *_table1_cifar10_untied(),
        *_untied_beyond(),
        *_readings_compared(),
    )
}


def find(identifier: str) -> Experiment:
    """The experiment of an id.

    Raises:
        ArgumentError: if there is none.
    """
    if identifier not in EXPERIMENTS:
        raise ArgumentError(one_of("experiment", identifier, EXPERIMENTS))
    return EXPERIMENTS[identifier]
