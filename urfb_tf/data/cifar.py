"""CIFAR-10 and CIFAR-100 through tensorflow-datasets."""

import numpy as np

from urfb_tf.data.splits import Dataset, Split
from urfb_tf.errors import ArgumentError, DataUnavailableError

CLASSES = {"cifar10": 10, "cifar100": 100}


def is_at_hand(name: str) -> bool:
    """Whether the dataset is prepared on this machine, so that loading it needs no network."""
    return _builder(name).is_prepared()


def load(name: str, validation: int) -> Dataset:
    """The whole dataset in memory; the last `validation` training images, in tensorflow-datasets' order, validate.

    Raises:
        DataUnavailableError: if it is not on this machine and cannot be downloaded.
    """
    builder = _builder(name)
    if not builder.is_prepared():
        _download(builder, name)
    splits = {split: _arrays(builder, split) for split in ("train", "test")}
    train = splits["train"]
    count = len(train.labels)
    if isinstance(validation, bool) or not isinstance(validation, int) or not 0 <= validation < count:
        raise ArgumentError(f"{name} has {count} training images, so it cannot spare {validation!r} for validation.")
    cut = count - validation
    return Dataset(
        name=name,
        classes=CLASSES[name],
        train=Split(train.images[:cut], train.labels[:cut]),
        validation=Split(train.images[cut:], train.labels[cut:]),
        test=splits["test"],
    )


def _builder(name: str):
    # Imported here: it takes a second, which users of the layers alone should not pay.
    import tensorflow_datasets as tfds

    return tfds.builder(name)


def _download(builder, name: str) -> None:
    try:
        builder.download_and_prepare()
    except Exception as error:  # the library raises whatever its network, disk or archive code meets
        raise DataUnavailableError(
            f"{name} is not at {builder.data_dir} and could not be downloaded ({type(error).__name__}): connect to the "
            "network and try again, set TFDS_DATA_DIR to a folder that has it, or use the dataset 'generated', which "
            "needs no download."
        ) from error


def _arrays(builder, split: str) -> Split:
    import tensorflow_datasets as tfds

    whole = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1, shuffle_files=False))
    return Split(np.asarray(whole["image"], np.uint8), np.asarray(whole["label"], np.int32))
