"""One call for every dataset."""

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
        DataUnavailableError: if CIFAR is neither on this machine nor to be downloaded.
    """
    if name not in DATASETS:
        raise ArgumentError(one_of("dataset", name, DATASETS))
    if name == "generated":
        return generated.generate(**options, **({} if validation is None else {"validation": validation}))
    if options:
        raise ArgumentError(f"{name} takes no option {', '.join(options)}: only 'generated' does.")
    return cifar.load(name, CIFAR_VALIDATION if validation is None else validation)


def is_at_hand(name: str) -> bool:
    """Whether `load(name)` needs no network."""
    if name not in DATASETS:
        raise ArgumentError(one_of("dataset", name, DATASETS))
    return name == "generated" or cifar.is_at_hand(name)
