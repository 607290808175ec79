"""Checkpoints on a disk that fails, and files that are damaged or of another run: one sentence, nothing lost."""

import errno
import functools
import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackDense, OneVsRestHinge
from urfb_tf.errors import ArgumentError, CheckpointError, WriteError
from urfb_tf.files import write_atomically
from urfb_tf.networks import build
from urfb_tf.training import Checkpoint, Interrupted, train

NOTATION = "drop .5; output"


@pytest.fixture
def saved(tmp_path):
    weights = [np.arange(6, dtype="float32").reshape(2, 3), np.array([True, False]), np.array([7, 8], "uint32")]
    path = tmp_path / "checkpoint.npz"
    Checkpoint({"rule": "urfb"}, [{"epoch": 1, "loss": 0.1 + 0.2}], weights, [{"from_epoch": 1}]).save(path)
    return path


def run(data, path, epochs, **options):
    model = build(NOTATION, input_shape=(32, 32, 3), seed=1)
    records = train(model, data, epochs=epochs, batch_size=20, learning_rate=0.01, checkpoint=path, **options)
    return [{**record, "seconds": None} for record in records], [v.numpy() for v in model.variables]


@pytest.fixture(scope="module")
def unstopped(small_data):
    """What `run` returns for so many epochs without a checkpoint, computed once."""
    return functools.cache(lambda epochs: run(small_data, None, epochs))


def assert_equal(a, b):
    (records, weights), (other_records, other_weights) = a, b
    assert records == other_records
    for x, y in zip(weights, other_weights, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_checkpoint_comes_back_as_it_was(saved):
    found = Checkpoint.load(saved)
    assert found.identity == {"rule": "urfb"}
    assert found.epochs == [{"epoch": 1, "loss": 0.1 + 0.2}]
    assert found.sessions == [{"from_epoch": 1}]
    assert [array.dtype for array in found.weights] == ["float32", "bool", "uint32"]
    np.testing.assert_array_equal(found.weights[0], np.arange(6).reshape(2, 3))


def test_every_truncation_is_noticed(saved):
    whole = saved.read_bytes()
    for size in range(0, len(whole), 7):
        saved.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"is damaged \(.*\): move it away"):
            Checkpoint.load(saved)


def test_a_flipped_bit_is_noticed_or_harmless(saved):
    whole, good = saved.read_bytes(), Checkpoint.load(saved)
    directory = whole.index(b"PK\x01\x02")  # at the end; of the rest, every eleventh byte
    flips = [(place, bit) for place in (*range(0, directory, 11), *range(directory, len(whole))) for bit in range(8)]
    noticed = 0
    for place, bit in flips:
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
        try:
            found = Checkpoint.load(saved)
        except CheckpointError:
            noticed += 1
            continue
        assert (found.identity, found.epochs, found.sessions) == (good.identity, good.epochs, good.sessions)
        for a, b in zip(found.weights, good.weights, strict=True):
            np.testing.assert_array_equal(a, b)
    assert noticed > len(flips) / 3


def test_more_than_a_thousand_arrays_keep_their_order(tmp_path):
    path = tmp_path / "checkpoint.npz"
    Checkpoint({}, [], [np.array(number) for number in range(1002)]).save(path)
    np.testing.assert_array_equal(Checkpoint.load(path).weights, range(1002))


def test_a_folder_is_no_checkpoint_and_nothing_in_it_need_move(tmp_path):
    with pytest.raises(CheckpointError, match=r"is a folder: name the checkpoint's file, such as .*checkpoint\.npz"):
        Checkpoint.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00", b"PK\x03\x04"])
def test_another_file_is_refused(saved, content):
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint.load(saved)


def test_arrays_that_are_no_checkpoint_are_refused(saved):
    np.savez(saved, weights=np.ones(3))
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint.load(saved)
    np.savez(saved, header=np.frombuffer(b"[1, 2]", np.uint8))
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint.load(saved)
    with open(saved, "wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint.load(saved)
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        Checkpoint.load(saved.with_name("none.npz"))


EDITED = {
    "its epochs are no list of objects": [{"epochs": 5}, {"epochs": [1, 2]}, {"epochs": {}}],
    "its sessions are no list of objects": [{"sessions": None}, {"sessions": ["a"]}],
    "its identity is no object": [{"identity": [1]}, {"identity": None}],
}


@pytest.mark.parametrize(("told", "change"), [(told, each) for told, changes in EDITED.items() for each in changes])
def test_a_checkpoint_with_another_header_is_refused(saved, told, change):
    header = {"identity": {}, "epochs": [{"epoch": 1}], "sessions": [], **change}
    np.savez(saved, header=np.frombuffer(json.dumps(header).encode(), np.uint8))
    with pytest.raises(CheckpointError, match=rf"is damaged \({told}\): move it away"):
        Checkpoint.load(saved)


def test_a_checkpoint_with_texts_for_weights_is_refused(saved):
    header = np.frombuffer(b'{"identity": {}, "epochs": [], "sessions": []}', np.uint8)
    np.savez(saved, header=header, weight_000=np.array(["one"]))
    with pytest.raises(CheckpointError, match=r"is damaged \(its weights are no numbers\): move it away"):
        Checkpoint.load(saved)


class Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return self.folder.mkdir, ()


def test_objects_in_a_checkpoint_are_not_unpickled(saved):
    header = np.frombuffer(b'{"identity": {}, "epochs": [], "sessions": []}', np.uint8)
    np.savez(saved, header=header, weight_000=np.array([Harm(saved.with_name("harm"))], object))
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint.load(saved)
    assert not saved.with_name("harm").exists()


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_checkpoint(saved, monkeypatch, failing):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = saved.read_bytes()
    monkeypatch.setattr(os, failing, full)
    with pytest.raises(WriteError, match=r"\(No space left on device\): what it held before is intact; free some"):
        Checkpoint({}, [], [], []).save(saved)
    assert saved.read_bytes() == before
    with pytest.raises(WriteError, match=r"\(No space left on device\): nothing was written"):
        write_atomically(saved.with_name("new.json"), b"{}")
    assert [path.name for path in saved.parent.iterdir()] == ["checkpoint.npz"]  # no remains


def test_ctrl_c_while_a_file_is_written_leaves_the_old_one_alone(saved, monkeypatch):
    def press(*arguments):
        raise KeyboardInterrupt

    before = saved.read_bytes()
    monkeypatch.setattr(os, "fsync", press)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(saved, b"new")
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match=r"Cannot write .*checkpoint.npz .*: nothing was written"):
        write_atomically(tmp_path / "file" / "checkpoint.npz", b"")
    with pytest.raises(WriteError, match=r"Cannot write .*: nothing was written"):
        write_atomically(pathlib.Path("/proc/none/checkpoint.npz"), b"")


def test_a_folder_that_takes_no_files_is_told_before_training(small_data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    steps = []
    with pytest.raises(WriteError, match=r"Cannot write into .*file \(.*\): choose another folder"):
        train(
            build(NOTATION, "urfb"),
            small_data,
            epochs=1,
            batch_size=20,
            checkpoint=tmp_path / "file" / "checkpoint.npz",
            progress=lambda *step: steps.append(step),
        )
    assert not steps


def test_a_continued_run_equals_one_that_never_stopped(small_data, unstopped, tmp_path):
    whole = unstopped(4)
    for epochs in (1, 3, 4):
        continued = run(small_data, tmp_path / "run" / "checkpoint.npz", epochs)
    assert_equal(continued, whole)
    assert [s["from_epoch"] for s in Checkpoint.load(tmp_path / "run" / "checkpoint.npz").sessions] == [1, 2, 4]


def test_a_run_in_bfloat16_goes_on_to_the_same_bits(small_data, tmp_path):
    def trained(epochs, path=None):
        inputs = keras.Input((32, 32, 3), dtype="bfloat16")
        fields = FeedbackDense(10, seed=1, dtype="bfloat16")(keras.layers.Flatten(dtype="bfloat16")(inputs / 255))
        model = keras.Model(inputs, fields)
        train(
            model, small_data, epochs=epochs, batch_size=20, learning_rate=0.1, loss=OneVsRestHinge(), checkpoint=path
        )
        kernel = model.layers[-1].kernel
        assert kernel.dtype == "bfloat16"
        return tf.cast(kernel.value, tf.float32)

    path = tmp_path / "checkpoint.npz"
    for epochs in (1, 2):
        continued = trained(epochs, path)
    assert {str(weights.dtype) for weights in Checkpoint.load(path).weights} == {"float32"}
    np.testing.assert_array_equal(continued, trained(2))
    assert np.any(continued != trained(1))


def test_a_finished_run_started_again_does_nothing(small_data, tmp_path):
    path, told = tmp_path / "checkpoint.npz", []
    first = run(small_data, path, 2)
    before = path.read_bytes()
    again = run(small_data, path, 2, after_epoch=lambda records, sessions: told.append((len(records), len(sessions))))
    assert_equal(again, first)
    assert path.read_bytes() == before
    assert told == [(2, 1)]  # so that a result that was not written the first time is now
    assert len(run(small_data, path, 1)[0]) == 2


def test_another_run_does_not_touch_the_checkpoint(small_data, tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(small_data, path, 1, identity={"seed": 0, "rule": "urfb"})
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"belongs to another run \(seed was 0, is 1\): choose another folder"):
        run(small_data, path, 2, identity={"seed": 1, "rule": "urfb"})
    model = build("full conn. 4; output", input_shape=(32, 32, 3))
    with pytest.raises(CheckpointError, match="weights of other shapes"):
        train(model, small_data, epochs=2, batch_size=20, checkpoint=path, identity={"seed": 0, "rule": "urfb"})
    assert path.read_bytes() == before


OTHER = {
    "rules": lambda data: {"rule": "frfb"},
    "seed": lambda data: {"seed": 1},
    "batch_size": lambda data: {"batch_size": 30},
    "learning_rate": lambda data: {"learning_rate": 0.02},
    "grouped": lambda data: {"grouped": True},
    "loss": lambda data: {"loss": OneVsRestHinge(mu=0.5)},
    "data_sha256": lambda data: {"data": data.subset(50, 25, 35)},
}


@pytest.mark.parametrize("name", OTHER)
def test_a_checkpoint_of_other_settings_is_refused_though_no_identity_is_given(small_data, tmp_path, name):
    def trained(epochs, data=small_data, rule="urfb", **settings):
        model = build("full conn. 4; output", rule, input_shape=(32, 32, 3), seed=1)
        return train(model, data, epochs=epochs, checkpoint=path, **{"batch_size": 20, **settings})

    path = tmp_path / "checkpoint.npz"
    trained(1)
    before = path.read_bytes()
    with pytest.raises(
        CheckpointError, match=rf"belongs to another run \({name} was .*, is [^;]*\): choose another fol"
    ):
        trained(2, **OTHER[name](small_data))
    assert path.read_bytes() == before
    assert len(trained(2)) == 2


@pytest.mark.parametrize("again", [True, False])
def test_a_later_phase_may_have_other_settings_though_no_identity_is_given(small_data, tmp_path, again):
    def both(path, epochs=4):
        model = build(NOTATION, input_shape=(32, 32, 3), seed=1)
        settings = {"batch_size": 20, "checkpoint": path}
        start = train(model, small_data, epochs=2, learning_rate=0.01, **settings)
        if epochs > 2:
            start = train(model, small_data, epochs=epochs, learning_rate=0.02, history=(start, []), **settings)
        return [{**record, "seconds": None} for record in start], [v.numpy() for v in model.variables]

    path, whole = tmp_path / "checkpoint.npz", both(None)
    if again:  # stopped in the second phase
        assert len(both(path, 3)[0]) == 3
    assert_equal(both(path), whole)


def own(labels, fields):
    return keras.losses.sparse_categorical_crossentropy(labels, fields, from_logits=True)


class Own(keras.losses.Loss):
    call = staticmethod(own)

    def get_config(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    "make", [lambda: own, Own, lambda: functools.partial(own)], ids=["function", "loss", "partial"]
)
def test_a_run_with_a_loss_of_ones_own_goes_on(small_data, tmp_path, make):
    path = tmp_path / "checkpoint.npz"
    for epochs in (1, 2):
        assert len(run(small_data, path, epochs, loss=make())[0]) == epochs


def test_a_run_with_the_same_loss_under_another_name_goes_on(small_data, tmp_path):
    for epochs, name in ((1, "one"), (2, "two")):
        loss = OneVsRestHinge(name=name)
        assert len(run(small_data, tmp_path / "checkpoint.npz", epochs, loss=loss)[0]) == epochs


def test_an_identity_with_tuples_and_numpy_numbers_goes_on(small_data, unstopped, tmp_path):
    path, identity = tmp_path / "checkpoint.npz", {"sizes": (4, 4), "rate": np.float32(0.5), 3: np.arange(2)}
    run(small_data, path, 1, identity=identity)
    assert Checkpoint.load(path).identity == {"sizes": [4, 4], "rate": 0.5, "3": [0, 1]}
    assert_equal(run(small_data, path, 2, identity=identity), unstopped(2))
    with pytest.raises(CheckpointError, match=r"\(sizes was \[4, 4\], is \[4, 5\]\)"):
        run(small_data, path, 3, identity={**identity, "sizes": (4, 5)})


@pytest.mark.parametrize("name", ["identity", "session"])
@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": pathlib.Path("a")}, {(1, 2): 3}, [1]], ids=str)
def test_what_json_cannot_hold_is_refused_before_training(small_data, tmp_path, name, value):
    with pytest.raises(ArgumentError, match=r"is kept as JSON|is a dictionary"):
        run(small_data, tmp_path / "run" / "checkpoint.npz", 1, **{name: value})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("number", [np.float32(0.5), np.array(0.5), tf.constant(0.5), tf.constant(0.5, tf.bfloat16)])
def test_numbers_of_numpy_and_tensorflow_that_probes_return_are_kept(small_data, tmp_path, number):
    def probe(model):
        return {"number": number, "several": (number, [number])}

    path = tmp_path / "checkpoint.npz"
    records, _ = run(small_data, path, 1, probes=[probe])
    assert (records[0]["number"], records[0]["several"]) == (0.5, [0.5, [0.5]])
    assert Checkpoint.load(path).epochs[0]["several"] == [0.5, [0.5]]


def test_what_is_no_finite_number_is_kept_as_none(small_data, tmp_path):
    def probe(model):
        return {"numbers": [np.float32("nan"), {"one": -np.inf}, np.array([1, np.inf])]}

    path = tmp_path / "checkpoint.npz"
    for epochs in (1, 2):
        records, _ = run(small_data, path, epochs, probes=[probe])
        assert [record["numbers"] for record in records] == [[None, {"one": None}, [1, None]]] * epochs
    Checkpoint({}, [{"number": float("nan")}], [], []).save(path)
    with np.load(path) as archive:
        assert b"NaN" not in archive["header"].tobytes()
    assert Checkpoint.load(path).epochs == [{"number": None}]


def test_a_probe_whose_result_json_cannot_hold_costs_no_finished_epoch(small_data, unstopped, tmp_path):
    path, results = tmp_path / "checkpoint.npz", iter([{}, {"model": object()}])
    with pytest.raises(ArgumentError, match=r"^What a probe returns is kept as JSON, which takes .* object is none"):
        run(small_data, path, 4, probes=[lambda model: next(results)])
    assert [record["epoch"] for record in Checkpoint.load(path).epochs] == [1]
    assert_equal(run(small_data, path, 3), unstopped(3))


class CtrlC:
    """Presses Ctrl-C when it is called for the n-th time."""

    def __init__(self, call):
        self.call = call

    def __call__(self, *arguments):
        self.call -= 1
        if self.call == 0:
            raise KeyboardInterrupt
        return {}


# The checkpoint is written every second epoch; the moments lie in the first, second and third epoch.
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("moment", ["progress", "probes", "after_epoch"])
def test_ctrl_c_at_any_moment_saves_what_is_finished_and_goes_on_exactly(small_data, unstopped, tmp_path, moment, call):
    path = tmp_path / "checkpoint.npz"
    press = (CtrlC(call),) if moment == "probes" else CtrlC(call)
    with pytest.raises(Interrupted) as caught:
        run(small_data, path, 4, checkpoint_every=2, **{moment: press})
    finished = call if moment == "after_epoch" else call - 1
    assert [record["epoch"] for record in caught.value.epochs] == list(range(1, finished + 1))
    told = f"Stopped after epoch {finished}, saved in {path}; run the same command"
    assert str(caught.value).startswith(told if finished else "Stopped before the first epoch was finished")
    assert path.exists() == (finished > 0)
    assert_equal(run(small_data, path, 4, checkpoint_every=2), unstopped(4))


@pytest.mark.parametrize("moment", ["progress", "probes", "after_epoch"])
def test_any_other_error_costs_no_finished_epoch_either(small_data, unstopped, tmp_path, moment):
    path, calls = tmp_path / "checkpoint.npz", iter([{}, {}])

    def broken(*arguments):
        try:
            return next(calls)
        except StopIteration:
            raise BrokenPipeError("nobody reads on") from None

    with pytest.raises(BrokenPipeError, match="nobody reads on"):
        run(small_data, path, 5, **{moment: (broken,) if moment == "probes" else broken})
    finished = 3 if moment == "after_epoch" else 2
    assert [record["epoch"] for record in Checkpoint.load(path).epochs] == list(range(1, finished + 1))
    assert_equal(run(small_data, path, 5), unstopped(5))


def test_ctrl_c_without_a_checkpoint_leaves_the_finished_epochs_in_the_model(small_data, unstopped):
    model = build(NOTATION, input_shape=(32, 32, 3), seed=1)
    with pytest.raises(Interrupted, match="Stopped after epoch 1, kept in the model"):
        train(model, small_data, epochs=3, batch_size=20, learning_rate=0.01, probes=[CtrlC(2)])
    for a, b in zip(model.variables, unstopped(1)[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_ctrl_c_before_there_is_a_checkpoint_names_none(small_data, tmp_path):
    model = build(NOTATION, input_shape=(32, 32, 3), seed=1)
    past = train(model, small_data, epochs=1, batch_size=20, learning_rate=0.01)
    with pytest.raises(Interrupted, match="Stopped after epoch 1, kept in the model") as caught:
        train(
            model,
            small_data,
            epochs=2,
            batch_size=20,
            learning_rate=0.01,
            checkpoint=tmp_path / "none.npz",
            history=(past, []),
            progress=CtrlC(1),
        )
    assert caught.value.path is None
    assert not list(tmp_path.iterdir())


def test_a_failing_disk_ends_training_with_the_old_checkpoint(small_data, unstopped, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    run(small_data, path, 1)
    before = path.read_bytes()

    def broken(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(WriteError, match=r"\(Input/output error\): what it held before is intact"):
            run(small_data, path, 2)
    assert path.read_bytes() == before
    assert_equal(run(small_data, path, 2), unstopped(2))


def test_a_path_may_be_text(tmp_path):
    Checkpoint({}, [], [np.ones(2)]).save(str(tmp_path / "checkpoint.npz"))
    np.testing.assert_array_equal(Checkpoint.load(str(tmp_path / "checkpoint.npz")).weights, [np.ones(2)])


def test_layers_that_are_frozen_in_place_of_others_do_not_take_their_weights(small_data, tmp_path):
    def freezing(name):
        layers = [FeedbackDense(16, rule="bp", name=each, seed=1) for each in "abc"]
        top = FeedbackDense(10, rule="bp", name="top")
        model = keras.Sequential(
            [keras.Input((32, 32, 3)), keras.layers.Flatten(), FeedbackDense(16, rule="bp"), *layers, top]
        )
        model.get_layer(name).trainable = False
        return model

    def once(name):
        train(freezing(name), small_data, loss=OneVsRestHinge(), epochs=1, batch_size=20, checkpoint=tmp_path / "a.npz")

    once("b")
    once("b")
    with pytest.raises(CheckpointError, match="in another order"):
        once("c")


def test_another_file_is_no_checkpoint(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("notes")
    with pytest.raises(CheckpointError, match=r"notes\.txt.*no whole npz file") as refused:
        Checkpoint.load(path)
    assert "pickle" not in str(refused.value)
