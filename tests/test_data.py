"""The datasets: the generated one in full, CIFAR through a tiny stand-in, and what is not there."""

import importlib.metadata
import io
import shutil
import sys
import types
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import urfb_tf
from urfb_tf import data
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError, DataUnavailableError
from urfb_tf.networks import build
from urfb_tf.training import train


def test_the_generated_set_is_what_it_says(small_data):
    for split, count in ((small_data.train, 60), (small_data.validation, 25), (small_data.test, 35)):
        assert split.images.shape == (count, 32, 32, 3)
        assert split.labels.shape == (count,)
        assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int32)
        assert set(split.labels) <= set(range(10))
        assert np.ptp(split.images) > 200
    assert (small_data.name, small_data.classes) == ("generated", 10)


def test_equal_seeds_generate_equal_images_and_others_do_not(small_data):
    counts = {"train": 60, "validation": 25, "test": 35}
    assert urfb_tf.load("generated", **counts).fingerprint() == small_data.fingerprint()
    other = urfb_tf.load("generated", **counts, seed=1)
    assert other.fingerprint() != small_data.fingerprint()
    assert np.any(other.train.images != small_data.train.images)


def test_splits_are_drawn_apart_and_do_not_depend_on_each_others_size(small_data):
    more = urfb_tf.load("generated", train=50, validation=30, test=35)
    np.testing.assert_array_equal(more.test.images, small_data.test.images)
    assert np.any(small_data.validation.images != small_data.test.images[:25])


def test_noise_is_an_option():
    clean, noisy = (
        urfb_tf.load("generated", train=20, validation=1, test=1, noise=noise).train.images.astype(float)
        for noise in (0, 0.2)
    )
    # The sets differ by their noise alone, of standard deviation .2 less what the range of pixels cuts off.
    assert 0.15 < np.std(noisy - clean) / 255 < 0.2


def test_pixels_are_rounded_to_the_nearest_number():
    # Cut off in place of rounded, the mean would be 126.5; single pixels may differ by one between machines.
    images = urfb_tf.load("generated", train=200, validation=1, test=1, noise=0).train.images
    assert images.mean() == pytest.approx(127.004, abs=0.05)


def test_a_convolution_learns_the_generated_set_and_linear_classifiers_do_not():
    images = urfb_tf.load("generated", train=2000, validation=1, test=500)

    def error(notation, learning_rate):
        model = build(notation, "urfb", seed=1)
        return train(model, images, epochs=6, batch_size=20, learning_rate=learning_rate)[-1]["test_error"]

    pixels = images.train.images.reshape(2000, -1) / 255
    means = np.stack([pixels[images.train.labels == label].mean(0) for label in range(10)])
    distances = np.square(images.test.images.reshape(500, 1, -1) / 255 - means).sum(-1)
    # Chance is .9.
    assert np.mean(distances.argmin(1) != images.test.labels) > 0.8
    assert error("output", 0.01) > 0.8
    assert error("conv 8 5x5; maxpool 5, stride 4; full conn. 50; output", 0.1) < 0.2


@pytest.fixture(scope="module")
def tiny_cifar(tmp_path_factory):
    """Both datasets with 12 training and 5 test images, prepared by tensorflow-datasets itself; its folder."""
    folder = tmp_path_factory.mktemp("datasets")

    def examples(name, split, count):
        for i in range(count):
            row = {"id": f"{split}_{i}", "image": np.full((32, 32, 3), 10 * i, np.uint8), "label": i % 10}
            yield row["id"], {**row, "coarse_label": 0} if name == "cifar100" else row

    for name in ("cifar10", "cifar100"):
        builder = tfds.builder(name, data_dir=folder)
        builder._split_generators = lambda _, name=name: {
            "train": examples(name, "train", 12),
            "test": examples(name, "test", 5),
        }
        builder.download_and_prepare()
    return folder


@pytest.mark.parametrize(("name", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_cifar_comes_whole_and_in_the_order_of_tensorflow_datasets(name, classes, tiny_cifar, datasets_at):
    datasets_at(tiny_cifar)
    assert data.is_at_hand(name)
    loaded = urfb_tf.load(name, validation=4)
    assert (loaded.name, loaded.classes) == (name, classes)
    assert [len(split.labels) for split in (loaded.train, loaded.validation, loaded.test)] == [8, 4, 5]
    assert (loaded.train.images.dtype, loaded.train.labels.dtype) == (np.uint8, np.int32)
    rows = list(tfds.as_numpy(tfds.load(name, split="train", shuffle_files=False)))
    together = np.concatenate([loaded.train.images, loaded.validation.images])
    np.testing.assert_array_equal(together, [row["image"] for row in rows])
    labels = np.concatenate([loaded.train.labels, loaded.validation.labels])
    np.testing.assert_array_equal(labels, [row["label"] for row in rows])
    np.testing.assert_array_equal(together[:, 0, 0, 0] // 10 % 10, labels)  # images and labels belong together
    assert urfb_tf.load(name, validation=4).fingerprint() == loaded.fingerprint()


@pytest.mark.parametrize("validation", [-1, 1.5, True])
def test_an_impossible_number_is_refused_before_anything_is_downloaded(validation, tmp_path, datasets_at):
    datasets_at(tmp_path)
    with pytest.raises(ArgumentError, match="validation is a whole number of images >= 0, but got"):
        urfb_tf.load("cifar10", validation=validation)


@pytest.mark.parametrize("validation", [None, 12])
def test_validation_must_leave_training_images(validation, tiny_cifar, datasets_at):
    datasets_at(tiny_cifar)
    with pytest.raises(ArgumentError, match="cifar10 has 12 training images, so it cannot spare"):
        urfb_tf.load("cifar10", validation=validation)


@pytest.mark.parametrize(("reached", "reason"), [(False, "URLError"), (True, "ConnectionError")])
def test_missing_data_that_cannot_be_downloaded_give_one_sentence(monkeypatch, datasets_at, tmp_path, reached, reason):
    def ask(*arguments, **options):
        if not reached:
            raise urllib.error.URLError("no route to host")
        raise urllib.error.HTTPError("https://example.org", 405, "no HEAD here", None, io.BytesIO())

    def download(self):
        raise ConnectionError("lost midway")

    datasets_at(tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", ask)
    monkeypatch.setattr(type(tfds.builder("cifar10")), "download_and_prepare", download)
    assert not data.is_at_hand("cifar10")
    with pytest.raises(DataUnavailableError) as caught:
        urfb_tf.load("cifar10")
    message = str(caught.value)
    assert message.startswith(f"cifar10 is not at {tmp_path}")
    assert f"could not be downloaded ({reason}): connect to the network" in message
    assert "TFDS_DATA_DIR" in message
    assert "'generated'" in message
    assert "\n" not in message


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = {
    "half of the images": ("*test.tfrecord*", halve, False),
    "no images": ("*train.tfrecord*", lambda path: path.unlink(), False),
    "half of the description": ("dataset_info.json", halve, True),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_data_are_named_in_one_sentence_that_says_what_to_do(damage, tiny_cifar, datasets_at, tmp_path):
    pattern, harm, in_description = DAMAGES[damage]
    datasets_at(shutil.copytree(tiny_cifar, tmp_path / "datasets"))
    (path,) = (tmp_path / "datasets" / "cifar10").rglob(pattern)
    harm(path)
    for ask in [urfb_tf.load, *([data.is_at_hand] if in_description else [])]:
        with pytest.raises(DataUnavailableError) as caught:
            ask("cifar10")
        assert str(caught.value).startswith(f"cifar10 at {tmp_path / 'datasets' / 'cifar10'}")
        assert "is damaged (" in str(caught.value)
        assert str(caught.value).endswith("): move that folder away to download it again, or copy an intact one there.")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("protobuf", "remedy"),
    [
        ("4.25.8", "pip install 'tensorflow-metadata<1.16'"),
        ("5.29.6", "pip install 'tensorflow-metadata<1.18'"),
        ("7.36.2", "pip check may say what is missing"),
    ],
)
def test_a_library_that_came_without_its_names_gives_one_sentence(protobuf, remedy, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", types.ModuleType("tensorflow_datasets"))
    monkeypatch.setattr(importlib.metadata, "version", {"protobuf": protobuf}.__getitem__)
    for use in (urfb_tf.load, data.is_at_hand):
        with pytest.raises(DataUnavailableError) as refused:
            use("cifar10")
        assert str(refused.value).endswith(f"protobuf {protobuf} do not fit together: {remedy}.")


@pytest.mark.parametrize("name", ["mnist", "CIFAR10", "", None])
def test_an_unknown_dataset_is_refused_with_the_known_names(name):
    for ask in (urfb_tf.load, data.is_at_hand):
        with pytest.raises(ArgumentError, match=r"Unknown dataset .*'cifar10', 'cifar100', 'generated'"):
            ask(name)
    assert data.is_at_hand("generated")


BAD = [{"train": 0}, {"test": -1}, {"validation": 2.0}, {"train": True}, {"seed": -1}, {"seed": 0.5}, {"noise": -1}]
BAD += [{"noise": float("nan")}, {"size": 64}]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_options_of_the_generated_set_are_refused(options):
    with pytest.raises(ArgumentError):
        urfb_tf.load("generated", **options)


def test_cifar_takes_no_option_of_the_generated_set():
    with pytest.raises(ArgumentError, match="'cifar10' takes no option 'noise'"):
        urfb_tf.load("cifar10", noise=0.1)


def test_a_subset_is_the_first_images_of_each_split(small_data):
    part = small_data.subset(5, 4, 3)
    np.testing.assert_array_equal(part.train.images, small_data.train.images[:5])
    np.testing.assert_array_equal(part.validation.labels, small_data.validation.labels[:4])
    assert len(part.test.labels) == 3
    assert part.fingerprint() != small_data.fingerprint()


def test_the_fingerprint_sees_every_pixel_and_label(small_data):
    pixels = small_data.train.images.copy()
    pixels[-1, -1, -1, -1] ^= 1
    labels = small_data.test.labels.copy()
    labels[0] = (labels[0] + 1) % 10
    other_pixel = Dataset("x", 10, Split(pixels, small_data.train.labels), small_data.validation, small_data.test)
    other_label = Dataset("x", 10, small_data.train, small_data.validation, Split(small_data.test.images, labels))
    assert len({small_data.fingerprint(), other_pixel.fingerprint(), other_label.fingerprint()}) == 3


def test_labels_must_be_one_number_for_each_image(small_data):
    images, labels = small_data.train
    for wrong in (labels[:-1], labels[:, None], keras.utils.to_categorical(labels)):
        with pytest.raises(ArgumentError, match="The train split needs one class number for each image"):
            Dataset("mine", 10, Split(images, wrong), small_data.validation, small_data.test)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_plain_pairs_become_splits(dtype, small_data):
    pairs = [(images, labels.astype(dtype)) for images, labels in small_data.splits.values()]
    mine = Dataset("mine", 10, *pairs)
    assert all(isinstance(split, Split) for split in mine.splits.values())
    assert mine.fingerprint() == small_data.fingerprint()


def test_splits_are_pairs_of_arrays_with_images_of_one_size(small_data):
    train, validation, test = small_data.splits.values()
    for wrong in (None, test.images, tf.data.Dataset.from_tensor_slices(tuple(test))):
        with pytest.raises(ArgumentError, match=r"^The test split is a pair of arrays, images and labels, but got a "):
            Dataset("mine", 10, train, validation, wrong)
    cropped = Split(test.images[:, 1:], test.labels)
    with pytest.raises(ArgumentError, match=r"one size, but got \(32, 32, 3\) in train, .*, \(31, 32, 3\) in test"):
        Dataset("mine", 10, train, validation, cropped)


@pytest.mark.parametrize("count", [-5, 2.5, True, None])
def test_a_subset_has_a_whole_number_of_images(count, small_data):
    with pytest.raises(ArgumentError, match="whole number of validation images >= 0"):
        small_data.subset(5, count, 5)


@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4", "float32"])
def test_labels_of_any_type_are_kept_as_int32_with_the_same_fingerprint(dtype, small_data):
    splits = [Split(images, labels.astype(dtype)) for images, labels in small_data.splits.values()]
    mine = Dataset("mine", 10, *splits)
    for same, split in zip(small_data.splits.values(), mine.splits.values(), strict=True):
        assert split.labels.dtype == np.int32
        np.testing.assert_array_equal(split.labels, same.labels)
    assert mine.fingerprint() == small_data.fingerprint()


@pytest.mark.parametrize("wrong", [10, -1, 0.5, float("nan"), "cat", True])
def test_labels_must_be_numbers_of_the_classes(wrong, small_data):
    labels = [*small_data.test.labels[:-1], wrong] if wrong is not True else [wrong] * 35
    test = Split(small_data.test.images, np.array(labels))
    with pytest.raises(ArgumentError, match="The test split of 10 classes needs class numbers from 0 to 9 as labels"):
        Dataset("mine", 10, small_data.train, small_data.validation, test)


@pytest.mark.parametrize("classes", [1, 0, 2.5, True, None])
def test_a_dataset_needs_classes(classes, small_data):
    with pytest.raises(ArgumentError, match="needs a whole number of classes >= 2"):
        Dataset("mine", classes, *small_data.splits.values())


def test_a_split_unpacks_into_fit(small_data):
    model = build("output", input_shape=(32, 32, 3))
    history = model.fit(*small_data.train, validation_data=small_data.validation, batch_size=20, verbose=0).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_patterns_are_ten_means_under_noise():
    from urfb_tf.data.patterns import CLASSES, SPREAD, patterns

    data = patterns(train=4000, contrast=0.5)
    assert (data.name, data.classes, data.train.images.shape) == ("patterns", CLASSES, (4000, 8, 8, 1))
    again = patterns(train=4000, contrast=0.5)
    for one, other in zip(data.splits.values(), again.splits.values(), strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
    for number in range(CLASSES):
        means = [split.images[split.labels == number].mean(0) for split in (data.train, data.test)]
        # At least 30 images, with a noise of 40: six standard errors, and clipping moves both alike.
        assert np.abs(means[0] - means[1]).max() < 6 * SPREAD * np.sqrt(1 / 30 + 1 / 300)
    assert np.any(patterns(seed=1).train.images != patterns(seed=0).train.images)


@pytest.mark.parametrize("settings", [{"train": 0}, {"test": 1.5}, {"contrast": 0}, {"seed": -1}])
def test_impossible_patterns_are_refused(settings):
    from urfb_tf.data.patterns import patterns

    with pytest.raises(ArgumentError):
        patterns(**settings)


def test_a_name_that_is_a_list_is_unknown():
    from urfb_tf import experiments, readings

    for look, kind in ((readings.get, "reading"), (experiments.find, "experiment")):
        with pytest.raises(ArgumentError, match=rf"Unknown {kind} \['paper'\]"):
            look(["paper"])
    with pytest.raises(ArgumentError, match=r"Unknown rule \['urfb'\]"):
        experiments.Experiment("a", "a", "simpnet", "cifar10", ["urfb"])
    with pytest.raises(ArgumentError, match=r"Unknown rule \['urfb'\]"):
        experiments.Phase(1, rule=["urfb"])
