"""What an experiment is: everything about a run but its seed and length, as data."""

import dataclasses
import functools
from collections.abc import Callable

from urfb_tf import readings, rules
from urfb_tf.errors import ArgumentError, one_of
from urfb_tf.experiments.phases import Phase
from urfb_tf.networks import NETWORKS
from urfb_tf.networks.builder import LOSSES, make_loss
from urfb_tf.seeds import stream
from urfb_tf.training.plain import plain


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
        epsilon: URFB's ratio of R's step to W's, also under another timing; no other rule has it.
        rule_options: arguments of the rule, other than epsilon.
        loss: "hinge", "softmax" or "circuit".
        loss_options: arguments of the loss.
        connectivity: the share of connections that exist.
        feedback_scale: what R's initial values are multiplied by, as in `urfb_tf.networks.build`.
        batch_norm: whether the hidden layers are normalised over the batch.
        error_noise, error_noise_at: noise in the errors, as in `urfb_tf.networks.build`.
        reading: the name of a reading.
        changes: items of the reading set alone.
        learning_rate: SGD's step.
        batch_size: examples per step.
        grouped: whether the examples of a batch come sorted by class.
        phases: stretches of the run that differ. None means one, of `paper_epochs`.
        paper_epochs: how long the paper trains, or where it does not say, how long a run of ours is taken to be whole.
        length_given: whether the paper says how long it trains.
        paper: the paper's numbers, if it has this run.

    Raises:
        ArgumentError: for an unknown name, or what rule and reading refuse; for an epsilon if no phase has it.
    """

    id: str
    title: str
    network: str
    dataset: str
    rule: str = "urfb"
    epsilon: float = 1.0
    rule_options: tuple[tuple[str, float], ...] = ()
    loss: str = "hinge"
    loss_options: tuple[tuple[str, float], ...] = ()
    connectivity: float = 1.0
    feedback_scale: float = 1.0
    batch_norm: bool = False
    error_noise: float = 0.0
    error_noise_at: str = "layers"
    reading: str = readings.DEFAULT.name
    changes: tuple[tuple[str, float], ...] = ()
    learning_rate: float = 0.1
    batch_size: int = 500
    grouped: bool = False
    phases: tuple[Phase, ...] = ()
    paper_epochs: int = 1000
    length_given: bool = True
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
            if getattr(self, kind) not in tuple(allowed):  # a list has no hash
                raise ArgumentError(one_of(kind, getattr(self, kind), allowed))
        # Frozen, but not before it is made.
        for kind in ("rule_options", "loss_options", "changes"):
            object.__setattr__(self, kind, _pairs(kind, getattr(self, kind)))
        if isinstance(self.phases, list):
            object.__setattr__(self, "phases", tuple(self.phases))
        if not isinstance(self.phases, tuple) or not all(isinstance(phase, Phase) for phase in self.phases):
            raise ArgumentError(f"phases is a tuple of Phase, but got {self.phases!r}.")
        if self.epsilon != 1 and not any(map(self._takes_epsilon, self._rules)):
            raise ArgumentError(
                f"epsilon is the ratio of R's step to W's in URFB, but the rule {self.rule!r} does not have it: leave "
                f"out {self.epsilon!r}."
            )
        self.make_rule()
        self.make_reading()

    @property
    def schedule(self) -> tuple[Phase, ...]:
        """The phases, also of a run that has but one."""
        return self.phases or (Phase(self.paper_epochs),)

    def make_rule(self, name: str | None = None) -> rules.FeedbackRule:
        """The feedback rule of a phase, epsilon and options included. None means the experiment's."""
        name = name or self.rule
        options = self._options(name)
        if name == "urfb":
            options["epsilon"] = self.epsilon
        elif self._takes_epsilon(name):
            options["rule"] = rules.UpdatedRandomFeedback(self.epsilon)
        return _with_options(f"The rule {name!r}", rules.RULES[name], options)

    @property
    def _rules(self) -> list[str]:
        """The names of its rules; a phase that names none has the experiment's."""
        return [self.rule, *(phase.rule for phase in self.phases if phase.rule is not None)]

    def _options(self, name: str) -> dict:
        return dict(self.rule_options) if name == self.rule else {}

    def _takes_epsilon(self, name: str) -> bool:
        """Whether a rule is URFB, or times it."""
        timed = issubclass(rules.RULES[name], rules.TimedRule)
        return name == "urfb" or (timed and self._options(name).get("rule", "urfb") == "urfb")

    def make_reading(self) -> readings.Reading:
        """The reading, its changes included."""
        return readings.get(self.reading).but(**dict(self.changes))

    def make_model(self, classes: int, seed: int):
        """The compiled, untrained model of the first phase, once it is known to have the layers that phases name.

        Raises:
            ArgumentError: if it lacks one, or for what network and loss refuse.
        """
        make = functools.partial(make_loss, self.loss, classes, self.make_reading())
        model = NETWORKS[self.network](
            rule=self.make_rule(self.schedule[0].rule),
            loss=_with_options(f"The loss {self.loss!r}", make, dict(self.loss_options)),
            classes=classes,
            connectivity=self.connectivity,
            feedback_scale=self.feedback_scale,
            batch_norm=self.batch_norm,
            error_noise=self.error_noise,
            error_noise_at=self.error_noise_at,
            reading=self.make_reading(),
            learning_rate=self.learning_rate,
            seed=seed,
        )
        for phase in self.schedule:
            phase.check(model)
        return model

    def begin(self, number: int, model, seed: int):
        """The model as a phase trains it.

        Args:
            number: of the phase, from 1.
            model: as the phase before left it; for the first, that of `make_model`.
            seed: the run's.
        """
        phase, before = self.schedule[number - 1], self.schedule[max(number - 2, 0)]
        old_rule, rule = self.make_rule(before.rule), self.make_rule(phase.rule)
        return phase.begin(model, rule=None if rule == old_rule else rule, seed=stream(seed, "phase", number))

    def check_data(self, data) -> None:
        """Raise an ArgumentError unless that is a `urfb_tf.data.Dataset` of the name that the experiment gives."""
        from urfb_tf.data import Dataset

        if not isinstance(data, Dataset):
            raise ArgumentError(f"data is a urfb_tf.data.Dataset, but got a {type(data).__name__}.")
        if data.name != self.dataset:  # the result would say that it is of another dataset than it is
            raise ArgumentError(
                f"{self.id} is of the dataset {self.dataset!r}, but the data are named {data.name!r}: give the data or "
                "an experiment that fit one another, or train data of your own by `urfb_tf.train`."
            )

    def configuration(self) -> dict:
        """What decides the outcome, but for the seed: what a result file records, as JSON gives it back."""
        record = dataclasses.asdict(self)
        for key in ("id", "title", "paper", "paper_epochs", "length_given"):
            del record[key]
        # Runs of rules that time URFB are recorded without it.
        if "urfb" not in self._rules and self.epsilon == 1:
            del record["epsilon"]
        if self.feedback_scale == 1:
            del record["feedback_scale"]
        if not self.batch_norm:
            del record["batch_norm"]
        for key in ("rule_options", "loss_options"):
            if options := record.pop(key):
                record[key] = dict(options)
        if not self.grouped:
            del record["grouped"]
        if not self.error_noise:
            del record["error_noise"], record["error_noise_at"]
        if self.phases:
            record["phases"] = [phase.configuration() for phase in self.phases]
        else:
            del record["phases"]
        record |= {"changes": dict(self.changes), "reading_items": dataclasses.asdict(self.make_reading())}
        return plain(record, "The configuration of an experiment")


def _pairs(kind: str, given) -> tuple[tuple[str, float], ...]:
    """Pairs of a name and a value, given in a tuple, a list or a dictionary, in a tuple, which has a hash."""
    try:
        return tuple(dict(given).items())
    except (TypeError, ValueError) as problem:
        raise ArgumentError(f"{kind} are pairs of a name and a value, but got {given!r}.") from problem


def _with_options(what: str, make: Callable, options: dict):
    """What `make(**options)` gives, or an ArgumentError if it takes no such options."""
    try:
        return make(**options)
    except TypeError as problem:
        raise ArgumentError(f"{what} does not take its options: {problem}.") from problem
