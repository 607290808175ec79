"""CIFAR-10 and CIFAR-100 through tensorflow-datasets."""

import contextlib
import importlib.metadata
import logging
import pathlib
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np

from urfb_tf.data.splits import Dataset, Split
from urfb_tf.errors import ArgumentError, DataUnavailableError, is_whole

CLASSES = {"cifar10": 10, "cifar100": 100}
# Below which tensorflow-metadata works, by the major version of protobuf, where TensorFlow before 2.20 holds that back.
METADATA_FOR = {4: "1.16", 5: "1.18"}
HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"  # where tensorflow-datasets downloads both from


def is_at_hand(name: str) -> bool:
    """Whether the dataset is prepared on this machine, so that loading it needs no network.

    Raises:
        DataUnavailableError: if what is said of it there is damaged, or tensorflow-datasets does not work.
    """
    return _find(name)[1]


def load(name: str, validation: int) -> Dataset:
    """The whole dataset in memory; the last `validation` training images, in tensorflow-datasets' order, validate.

    Raises:
        ArgumentError: if there are not so many training images.
        DataUnavailableError: if it is not on this machine and cannot be downloaded, or is damaged, or
            tensorflow-datasets does not work.
    """
    if not is_whole(validation, 0):  # before anything is downloaded
        raise ArgumentError(f"validation is a whole number of images >= 0, but got {validation!r}.")
    builder, is_prepared = _find(name)
    if not is_prepared:
        _download(builder, name)
    with _reading(name, builder.data_dir):
        splits = {split: _arrays(builder, split) for split in ("train", "test")}
    train = splits["train"]
    count = len(train.labels)
    if validation >= count:
        raise ArgumentError(f"{name} has {count} training images, so it cannot spare {validation!r} for validation.")
    cut = count - validation
    return Dataset(
        name=name,
        classes=CLASSES[name],
        train=Split(train.images[:cut], train.labels[:cut]),
        validation=Split(train.images[cut:], train.labels[cut:]),
        test=splits["test"],
    )


def _find(name: str) -> tuple:
    """The library's builder of a dataset, and whether it is prepared on this machine."""
    tfds = _library()
    with _without_warnings(), _reading(name, pathlib.Path(tfds.core.constants.DATA_DIR, name)):
        builder = tfds.builder(name)
        return builder, builder.is_prepared()


def _library():
    """tensorflow-datasets. Where what it needs does not fit together, it logs why, and imports without its names."""
    # Imported here: it takes a second, which users of the layers alone should not pay.
    import tensorflow_datasets as tfds

    if not hasattr(tfds, "builder"):
        protobuf = importlib.metadata.version("protobuf")
        bound = METADATA_FOR.get(int(protobuf.partition(".")[0]))
        remedy = f"pip install 'tensorflow-metadata<{bound}'" if bound else "pip check may say what is missing"
        raise DataUnavailableError(
            "tensorflow-datasets does not work here, for the reason that it logged. Usually tensorflow-metadata and "
            f"protobuf {protobuf} do not fit together: {remedy}."
        )
    return tfds


@contextlib.contextmanager
def _reading(name: str, folder: str | pathlib.Path) -> Iterator[None]:
    """Raise a DataUnavailableError for whatever the library meets in damaged files."""
    try:
        yield
    except Exception as error:  # of TensorFlow, protobuf, JSON or the disk
        raise DataUnavailableError(
            f"{name} at {folder} is damaged ({type(error).__name__}): move that folder away to download it again, or "
            "copy an intact one there."
        ) from error


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """The library warns through absl of each folder that it finds empty, where looking is all that was asked."""
    logger = logging.getLogger("absl")

    def is_error(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    logger.addFilter(is_error)
    try:
        yield
    finally:
        logger.removeFilter(is_error)


def _download(builder, name: str) -> None:
    try:
        _check_network()
        builder.download_and_prepare()
    except Exception as error:  # the library raises whatever its network, disk or archive code meets
        raise DataUnavailableError(
            f"{name} is not at {builder.data_dir} and could not be downloaded ({type(error).__name__}): connect to the "
            "network and try again, set TFDS_DATA_DIR to a folder that has it, or use the dataset 'generated', which "
            "needs no download."
        ) from error


def _check_network() -> None:
    """Raise at once where there is no network: the library would try again for minutes."""
    # An HTTP error is an answer; whether the archive is there is for the library to find out.
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(HOME, method="HEAD"), timeout=15).close()


def _arrays(builder, split: str) -> Split:
    whole = _library().as_numpy(builder.as_dataset(split=split, batch_size=-1, shuffle_files=False))
    return Split(np.asarray(whole["image"], np.uint8), np.asarray(whole["label"], np.int32))
