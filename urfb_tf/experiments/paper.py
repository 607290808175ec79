"""The 33 runs behind the 66 numbers of Tables 1, 2 and 3: the one place where these numbers stand."""

import dataclasses

from urfb_tf.experiments.experiment import Experiment, PaperErrors
from urfb_tf.experiments.phases import Phase

# What the name of a row means. Without a loss named, it is the hinge loss.
ROWS: dict[str, tuple[str, dict]] = {
    "bp-softmax": ("BP Softmax", {"rule": "bp", "loss": "softmax"}),
    "bp-hinge": ("BP Hinge", {"rule": "bp"}),
    "urfb": ("URFB", {"rule": "urfb"}),
    "frfb": ("FRFB", {"rule": "frfb"}),
    "urfb-50": ("URFB 50%", {"rule": "urfb", "connectivity": 0.5}),
    "frfb-50": ("FRFB 50%", {"rule": "frfb", "connectivity": 0.5}),
}

Errors = dict[str, tuple[float, float]]  # train and test error by row

TABLE_1_CIFAR10: Errors = {
    "bp-softmax": (0.02, 0.25),
    "bp-hinge": (0.11, 0.27),
    "urfb": (0.07, 0.31),
    "frfb": (0.27, 0.36),
    "urfb-50": (0.14, 0.31),
    "frfb-50": (0.38, 0.45),
}
TABLE_1_CIFAR10_UNTIED: Errors = {"urfb": (0.04, 0.33), "frfb": (0.30, 0.37), "urfb-50": (0.06, 0.36)}
TABLE_1_CIFAR100: Errors = {
    "bp-softmax": (0.05, 0.57),
    "bp-hinge": (0.19, 0.57),
    "urfb": (0.20, 0.61),
    "urfb-50": (0.45, 0.62),
    "frfb": (0.54, 0.68),
    "frfb-50": (0.73, 0.76),
}
TABLE_2_DEEPNET: Errors = {
    "bp-softmax": (0.18, 0.50),
    "bp-hinge": (0.38, 0.51),
    "urfb": (0.29, 0.52),
    "urfb-50": (0.41, 0.58),
    "frfb": (0.79, 0.81),
    "frfb-50": (0.79, 0.89),
}
TABLE_2_DEEPERNET: Errors = {
    "bp-softmax": (0.01, 0.42),
    "bp-hinge": (0.06, 0.42),
    "urfb": (0.16, 0.47),
    "urfb-50": (0.23, 0.56),
    "frfb": (0.81, 0.84),
    "frfb-50": (0.96, 0.96),
}
TABLE_3: Errors = {
    "bp-softmax": (0.21, 0.21),
    "bp-hinge": (0.22, 0.22),
    "urfb": (0.21, 0.23),
    "frfb": (0.51, 0.56),
}
TABLE_3_UNTIED: Errors = {"urfb": (0.06, 0.29), "frfb": (0.53, 0.75)}

# "One epoch and a small time step of .01 with convolutional layers", then untied. Batches of 500 here and below, as the
# text says of all runs; the original's parameter files have 200 or 50 in untied phases.
SIMPNET_UNTIED = (Phase(1, learning_rate=0.01), Phase(1000, untie=("conv1",)))

# "100 epochs with the regular convolutional layers, then we froze the first layer and retrained the remaining layers
# from scratch". In the original, the frozen layer came from URFB in both rows.
_LATER = ("conv2", "conv3", "conv4", "conv5", "conv6")
DEEPERNET_S_UNTIED = (
    Phase(100, rule="urfb"),
    Phase(1000, untie=_LATER, reinitialise=(*_LATER, "dense1", "output"), freeze=("conv1",)),
)


def _table(place: str, network: str, dataset: str, errors: Errors, **settings) -> list[Experiment]:
    return [
        Experiment(
            f"{place}/{row}",
            ROWS[row][0],
            network,
            dataset,
            paper=PaperErrors(*errors[row]),
            **ROWS[row][1],
            **settings,
        )
        for row in errors
    ]


def _untied(
    place: str, network: str, dataset: str, errors: Errors, phases: tuple[Phase, ...], **settings
) -> list[Experiment]:
    length = sum(phase.epochs for phase in phases)
    tied = _table(place, network, dataset, errors, phases=phases, paper_epochs=length, **settings)
    return [dataclasses.replace(row, id=f"{row.id}/untied", title=f"{row.title} untied") for row in tied]


PAPER: list[Experiment] = [
    *_table("table1/cifar10", "simpnet", "cifar10", TABLE_1_CIFAR10),
    *_untied("table1/cifar10", "simpnet", "cifar10", TABLE_1_CIFAR10_UNTIED, SIMPNET_UNTIED),
    *_table("table1/cifar100", "simpnet", "cifar100", TABLE_1_CIFAR100),
    # The text gives no length for Table 2, which here is as long as Table 1, ...
    *_table("table2/deepnet", "deepnet", "cifar100", TABLE_2_DEEPNET, length_given=False),
    *_table("table2/deepernet", "deepernet", "cifar100", TABLE_2_DEEPERNET, length_given=False),
    # ... nor for Table 3 but for its tied phase: the original's parameter files have 500 epochs for the tied rows and
    # 1000 for the untied phase.
    *_table("table3", "deepernet_s", "cifar10", TABLE_3, paper_epochs=500, length_given=False),
    *_untied("table3", "deepernet_s", "cifar10", TABLE_3_UNTIED, DEEPERNET_S_UNTIED, length_given=False),
]
BY_ID: dict[str, Experiment] = {experiment.id: experiment for experiment in PAPER}

# Table 1's rows on CIFAR-10 with all connections under the hinge loss, by rule: what other experiments change.
SIMPNET: dict[str, Experiment] = {
    each["rule"]: BY_ID[f"table1/cifar10/{row}"] for row, (_, each) in ROWS.items() if list(each) == ["rule"]
}
