"""Runs that the paper does not have: what its choices and its claims depend on."""

import dataclasses

from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.paper import BY_ID, SIMPNET

GAIN = 100
EPSILONS = (0.01, 0.03, 0.1, 0.3, 3.0)  # 0 and 1 are the paper's rows
SCALES = (0.1, 0.3, 3.0, 10.0)  # 1 is the paper's rows
RULES_BEYOND = {
    "kp": "Kolen-Pollack",
    "mirror": "weight mirror",
    "usf": "uniform sign",
    "frsf": "fixed random sign",
    "brsf": "batchwise random sign",
    "dfa": "direct feedback",
}


def _readings_compared() -> list[Experiment]:
    """The three hinge rows with full connectivity once more, under the paper's text to the letter."""
    return [
        dataclasses.replace(row, id=row.id.replace("table1/", "readings/paper/"), reading="paper")
        for row in SIMPNET.values()
    ]


def _ablations() -> list[Experiment]:
    """Simpnet on CIFAR-10 with one thing changed at a time, for each rule."""
    items = {"slope": 1.0, "closed": True, "propagate_derivative": False, "tied_pooling": False, "drop_is_keep": True}
    changes: dict[str, dict] = {f"{item}={value}": {"changes": ((item, value),)} for item, value in items.items()}
    changes |= {f"learning_rate={step}": {"learning_rate": step} for step in (0.03, 0.3)}
    found = []
    for whole in SIMPNET.values():
        for name, change in changes.items():
            identifier, title = f"{whole.id.replace('table1/', 'ablations/')}/{name}", f"{whole.title}, {name}"
            found.append(dataclasses.replace(whole, id=identifier, title=title, paper=None, **change))
    return found


def _untied_variants() -> list[Experiment]:
    """What makes untied filters alike, and do they move at all?

    Filters that start independent of one another can only be aligned by the data; with a gain, filters move about as
    far as tied ones.
    """
    urfb = BY_ID["table1/cifar10/urfb/untied"]

    def variant(name: str, title: str, **changes) -> Experiment:
        phases = (urfb.phases[0], dataclasses.replace(urfb.phases[1], **changes))
        return dataclasses.replace(urfb, id=f"untied/cifar10/{name}", title=title, phases=phases, paper=None)

    independent, gain = {"reinitialise": ("conv1",)}, {"update_gain": float(GAIN)}
    return [
        variant("urfb-independent", "URFB untied, independent start", **independent),
        variant("urfb-gain", f"URFB untied, step {GAIN} times larger", **gain),
        variant(
            "urfb-independent-gain", f"URFB untied, independent start, step {GAIN} times larger", **independent, **gain
        ),
    ]


def _rules() -> list[Experiment]:
    """Simpnet on CIFAR-10 under the rules that the paper does not have, and what batch normalisation changes."""
    hinge = BY_ID["table1/cifar10/urfb"]

    def row(name: str, title: str, **changes) -> Experiment:
        return dataclasses.replace(hinge, id=f"rules/cifar10/{name}", title=title, paper=None, **changes)

    new = [row(rule, title, rule=rule) for rule, title in RULES_BEYOND.items()]
    normalised = {"bp": "BP", "frfb": "FRFB", "urfb": "URFB", **RULES_BEYOND}
    return new + [
        row(f"{rule}-bn", f"{title}, batch normalisation", rule=rule, batch_norm=True)
        for rule, title in normalised.items()
    ]


def _epsilons() -> list[Experiment]:
    """From FRFB (epsilon 0) to URFB (epsilon 1), and beyond."""
    urfb = BY_ID["table1/cifar10/urfb"]
    return [
        dataclasses.replace(
            urfb, id=f"epsilon/cifar10/{epsilon:g}", title=f"URFB, epsilon {epsilon:g}", epsilon=epsilon, paper=None
        )
        for epsilon in EPSILONS
    ]


def _feedback_scales() -> list[Experiment]:
    """Simpnet with an R that starts smaller or larger than W: fixed, and on CIFAR-10 updated too."""
    scales = {"cifar10/frfb": SCALES, "cifar10/urfb": SCALES, "cifar100/frfb": SCALES[1:3]}
    return [
        dataclasses.replace(
            BY_ID[f"table1/{row}"],
            id=f"feedback_scale/{row}-{scale:g}",
            title=f"{BY_ID[f'table1/{row}'].title}, R times {scale:g}",
            feedback_scale=scale,
            paper=None,
        )
        for row, of_row in scales.items()
        for scale in of_row
    ]


FURTHER: list[Experiment] = [
    *_rules(),
    *_epsilons(),
    *_feedback_scales(),
    *_untied_variants(),
    *_readings_compared(),
    *_ablations(),
]
