"""One call for every dataset."""

import inspect

from urfb_tf.data import cifar, generated
from urfb_tf.data.splits import Dataset
from urfb_tf.errors import ArgumentError, one_of

DATASETS = (*cifar.CLASSES, "generated")
CIFAR_VALIDATION = 5000  # the original implementation's


def load(name: str, *, validation: int | None = None, **options) -> Dataset:
    """A dataset in memory, pixels 0..255, in the same order at each call.

    Args:
        name: "cifar10", "cifar100" or "generated".
        validation: how many images validate: for CIFAR the last training images, 5,000 unless said otherwise.
        **options: for "generated", those of `urfb_tf.data.generated.generate`.

    Raises:
        ArgumentError: for an unknown name or option.
        DataUnavailableError: if CIFAR is neither on this machine nor to be downloaded, or what is there is damaged.
    """
    if name not in DATASETS:
        raise ArgumentError(one_of("dataset", name, DATASETS))
    allowed = inspect.signature(generated.generate).parameters if name == "generated" else {}
    for option in options:
        if option not in allowed:
            raise ArgumentError(f"The dataset {name!r} takes no option {option!r}.")
    if name == "generated":
        return generated.generate(**options, **({} if validation is None else {"validation": validation}))
    return cifar.load(name, CIFAR_VALIDATION if validation is None else validation)


def is_at_hand(name: str) -> bool:
    """Whether `load(name)` needs no network.

    Raises:
        ArgumentError: for an unknown name.
        DataUnavailableError: if what tensorflow-datasets says of CIFAR on this machine is damaged.
    """
    if name not in DATASETS:
        raise ArgumentError(one_of("dataset", name, DATASETS))
    return name == "generated" or cifar.is_at_hand(name)
