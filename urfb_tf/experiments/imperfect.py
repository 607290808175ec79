"""Simpnet on CIFAR-10 under URFB, its updates or its error no longer perfect: questions of the paper's section 5."""

import dataclasses

from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.paper import BY_ID

DELAYS = {1: 1, 2: 1, 10: 1, 100: 10, 1000: 100}  # batches, and how many take effect together; 90 batches are an epoch
PROBABILITIES = (0.5, 0.1, 0.01)
NOISE = (0.3, 1.0, 3.0)
OUTPUT_NOISE = (1.0, 3.0)

PERFECT: Experiment = BY_ID["table1/cifar10/urfb"]


def _run(name: str, title: str, **changes) -> Experiment:
    return dataclasses.replace(PERFECT, id=f"imperfect/cifar10/{name}", title=title, paper=None, **changes)


TIMING: list[Experiment] = [
    _run("alternate", "W and R in turn", rule="alternate"),
    *(
        _run(
            f"delay={delay}",
            f"R {delay} {'batch' if delay == 1 else 'batches'} late",
            rule="delayed",
            rule_options=(("delay", delay), ("every", every)),
        )
        for delay, every in DELAYS.items()
    ),
    *(
        _run(
            f"probability={probability:g}",
            f"{probability:.0%} of the connections at a time",
            rule="sporadic",
            rule_options=(("probability", probability),),
        )
        for probability in PROBABILITIES
    ),
    # The larger steps that should make up for the updates left out.
    _run("alternate,step=0.2", "W and R in turn, step 0.2", rule="alternate", learning_rate=0.2),
    _run(
        "probability=0.1,step=1",
        "10% of the connections at a time, step 1",
        rule="sporadic",
        rule_options=(("probability", 0.1),),
        learning_rate=1.0,
    ),
    _run("late", "one image late", rule="late"),
    _run("late-grouped", "one image late, classes together", rule="late", grouped=True),
]

CIRCUIT: list[Experiment] = [
    _run("circuit", "circuit, gated", loss="circuit"),
    *(
        _run(
            f"circuit-ungated{suffix}",
            f"circuit, not gated, ε = {epsilon}",
            loss="circuit",
            loss_options=(("gated", False), ("epsilon", epsilon)),
        )
        for epsilon, suffix in ((0.25, ""), (0.01, "-small"))
    ),
]

NOISY: list[Experiment] = [
    *(_run(f"noise={level:g}", f"noise {level:g} at each layer", error_noise=level) for level in NOISE),
    *(
        _run(f"noise-output={level:g}", f"noise {level:g} at the output", error_noise=level, error_noise_at="output")
        for level in OUTPUT_NOISE
    ),
]

IMPERFECT: list[Experiment] = [*TIMING, *CIRCUIT, *NOISY]
