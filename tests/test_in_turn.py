"""Classes that come in turn: examples, refreshers, learning units, errors class by class, phases, forgetting."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import OneVsRestHinge
from urfb_tf.analysis import forgetting, recorded
from urfb_tf.circuit import CircuitHinge
from urfb_tf.data import Dataset, Split, only, with_refreshers
from urfb_tf.errors import ArgumentError
from urfb_tf.experiments import Experiment, Phase, find, select
from urfb_tf.experiments.in_turn import EPOCHS, GROUPS, IN_TURN, LEARNERS, WAYS, phases_in_turn
from urfb_tf.experiments.lessons import lesson
from urfb_tf.experiments.run import run
from urfb_tf.export import export
from urfb_tf.learning_units import LossOfUnits
from urfb_tf.metrics import ClassErrors
from urfb_tf.metrics.classes import error_among
from urfb_tf.networks import NETWORKS, build
from urfb_tf.training import Checkpoint, Interrupted, train


def numbered(labels) -> Split:
    """A split whose images hold their own place."""
    labels = np.asarray(labels, np.int32)
    return Split(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1), labels)


def places(split) -> list[int]:
    return split.images.ravel().tolist()


SPLIT = numbered([0, 1, 2] * 20)


def test_only_these_classes_in_the_order_of_the_split():
    found = only(SPLIT, (2, 0))
    assert places(found) == [place for place in range(60) if place % 3 != 1]
    assert found.labels.tolist() == [0, 2] * 20


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 5))
def test_refreshers_are_so_many_of_each_earlier_class_and_more_include_fewer(few, more, seed):
    few, more = sorted((few, more))

    def drawn(count, classes, earlier):
        return with_refreshers(SPLIT, classes, earlier=earlier, share=count / 20, seed=seed)

    found = drawn(few, (2,), (0, 1))
    assert np.bincount(found.labels, minlength=3).tolist() == [few, few, 20]
    assert places(found) == sorted(places(found))
    assert set(places(found)) <= set(places(drawn(more, (2,), (0, 1))))
    # A class keeps its refreshers, whatever else is shown.
    own = {place for place in places(found) if place % 3 == 0}
    assert own == {place for place in places(drawn(few, (1,), (0,))) if place % 3 == 0}


def test_a_class_that_is_shown_stays_whole_and_seeds_draw_others():
    whole = with_refreshers(SPLIT, (0,), earlier=(0, 1), share=0.1)
    assert np.bincount(whole.labels).tolist() == [20, 2]
    drawn = {tuple(places(with_refreshers(SPLIT, (0,), earlier=(1,), share=0.1, seed=seed))) for seed in range(5)}
    assert len(drawn) > 1


def test_a_share_of_a_class_is_rounded_to_whole_examples():
    split = numbered([0, 1] * 10)
    for share, count in ((0.04, 0), (0.06, 1), (0.26, 3)):
        found = with_refreshers(split, (0,), earlier=(1,), share=share)
        assert np.bincount(found.labels, minlength=2).tolist() == [10, count]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"classes": (3,)}, "no example of class 3: the classes are 0, 1, 2"),
        ({"earlier": (7,)}, "no example of class 7"),
        ({"classes": ()}, "at least one class"),
        ({"classes": (0, 0)}, "different whole numbers"),
        ({"classes": (-1,)}, "different whole numbers"),
        ({"classes": "01"}, "different whole numbers"),
        ({"classes": 1}, "different whole numbers"),
        ({"share": 1.5}, "between 0 and 1, but got 1.5"),
        ({"share": True}, "between 0 and 1"),
        ({"share": float("nan")}, "between 0 and 1"),
    ],
)
def test_impossible_classes_or_shares_are_refused(wrong, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        with_refreshers(SPLIT, **{"classes": (0,), "earlier": (1,), "share": 0.5, **wrong})


def test_classes_and_shares_may_be_numbers_of_numpy():
    found = with_refreshers(SPLIT, np.arange(1), earlier=[np.int32(1)], share=np.float32(0.5), seed=np.int64(1))
    same = with_refreshers(SPLIT, (0,), earlier=(1,), share=0.5, seed=1)
    np.testing.assert_array_equal(found.images, same.images)
    assert {type(unit) for unit in LossOfUnits(OneVsRestHinge(), np.arange(3)).units} == {int}


LOSSES = [OneVsRestHinge(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)]


@pytest.mark.parametrize("loss", LOSSES, ids=["hinge", "softmax"])
def test_the_loss_of_some_units_is_that_of_a_network_without_the_others(loss):
    fields = tf.constant(np.random.default_rng(0).normal(size=(6, 5)), tf.float32)
    labels = np.array([1, 3, 4, 3, 0, 2])
    units = (4, 1, 3)
    known = [0, 1, 2, 3]  # whose classes have a unit; the last two have none
    with tf.GradientTape() as tape:
        tape.watch(fields)
        losses = LossOfUnits(loss, units, reduction=None)(labels, fields)
    expected = type(loss).from_config({**loss.get_config(), "reduction": None})(
        np.array([1, 2, 0, 2]), tf.gather(fields, units, axis=1)[:4]
    )
    np.testing.assert_array_equal(losses[:4], expected)
    np.testing.assert_array_equal(losses[4:], [0, 0])
    error = tape.gradient(losses, fields).numpy()
    assert np.all(error[:, [0, 2]] == 0)
    assert np.all(error[4:] == 0)
    assert np.all(np.any(error[known] != 0, axis=1))


@pytest.mark.parametrize("loss", LOSSES, ids=["hinge", "softmax"])
def test_a_label_of_no_output_unit_does_not_pass_in_the_loss_of_some(loss):
    some, fields = LossOfUnits(loss, (0, 1), reduction=None), tf.zeros([3, 3])
    labels = tf.constant([0, 2, 3])
    assert np.isnan(some(labels, fields)).tolist() == [False, False, True]
    assert np.isnan(tf.function(some, jit_compile=True)(labels, fields)).tolist() == [False, False, True]
    assert np.isnan(some(-labels, fields)).tolist() == [False, True, True]


def test_the_loss_of_some_units_survives_its_configuration():
    loss = LossOfUnits(OneVsRestHinge(mu=0.3), (0, 2))
    again = LossOfUnits.from_config(json.loads(json.dumps(loss.get_config())))
    fields = tf.constant([[0.5, 9.0, 0.25]])
    # By hand: the own unit misses the margin by 1 - .25, the other is .5 above 0; the third counts nothing.
    assert float(loss([2], fields)) == float(again([2], fields)) == pytest.approx(0.75 + 0.3 * 1.5, rel=1e-6)
    loss = LossOfUnits(OneVsRestHinge(mu=0.3), (0, 2), offsets=(1, -0.5))
    again = LossOfUnits.from_config(json.loads(json.dumps(loss.get_config())))
    assert float(loss([2], fields)) == float(again([2], fields)) == pytest.approx(1.25 + 0.3 * 2.5, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LossOfUnits("hinge", (0, 1)), "needs a keras.losses.Loss"),
        (lambda: LossOfUnits(OneVsRestHinge(), (0,)), "two output units or more"),
        (lambda: LossOfUnits(OneVsRestHinge(), (0, 1), [0.5]), "2 units that learn, but 1 offsets"),
        (lambda: LossOfUnits(OneVsRestHinge(), (0, 1), ["a", 0]), "Offsets are finite numbers"),
        (lambda: LossOfUnits(OneVsRestHinge(), (0, 1), [np.nan, 0]), "Offsets are finite numbers"),
        (lambda: LossOfUnits(OneVsRestHinge(), (0, 1), 3), "Offsets are finite numbers, .* but got 3"),
        (lambda: LossOfUnits(OneVsRestHinge(), (0, 3))([0], [[0.0, 0.0, 0.0]]), "3 output units, so none has the num"),
    ],
)
def test_units_that_make_no_classifier_are_refused(make, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        make()


FIELDS = np.array([[3, 2, 1, 0], [0, 1, 2, 9], [5, 6, 7, 1], [0, 4, 1, 3]], np.float32)  # [N, C]
LABELS = np.array([0, 2, 1, 3], np.int32)


@pytest.mark.parametrize(
    ("classes", "error"), [((0, 1, 2, 3), 0.75), ((0, 1), 0.0), ((2, 3), 0.5), ((1, 2, 3), 1.0), ((3, 2, 0), 1 / 3)]
)
def test_an_error_among_some_classes_is_decided_by_their_units_alone(classes, error):
    assert error_among(FIELDS, LABELS, classes) == pytest.approx(error)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_errors_class_by_class_of_known_fields(policy):
    """The model gives each image the fields of its number."""
    table = keras.layers.Embedding(4, 4, weights=[FIELDS], dtype=policy)
    images = keras.Input((1,))
    model = keras.Model(images, keras.layers.Flatten(dtype=policy)(table(images)))
    split = Split(np.arange(4, dtype=np.uint8)[:, None], LABELS)
    found = ClassErrors(split, [(0, 1), (2, 3)], seen=(0, 1))(model)
    assert found == {
        "class_error": [0, 1, 1, 1],
        "group_error": [0.5, 1],
        "within_error": [0, 0.5],
        "seen_error": 0,
        "own_field": [3, 6, 2, 3],
        "other_field": [round(5 / 3, 5), round(7 / 3, 5), 3, round(10 / 3, 5)],
    }
    assert ClassErrors(split, [(0, 1)])(model)["seen_error"] == 0.75
    with pytest.raises(ArgumentError, match="no example of class 4"):
        ClassErrors(split, [(0, 4)])


NOTATION = "conv 4 3x3; maxpool 3; output"
PHASES = (
    Phase(2, classes=(0, 1)),
    Phase(2, classes=(2,), refreshers=0.5, units="seen"),
    Phase(1, classes=(1, 2), units="shown"),
)


@pytest.fixture(scope="module")
def data():
    def split(seed):
        random = np.random.default_rng(seed)
        labels = np.arange(48, dtype=np.int32) % 4
        images = random.integers(0, 120, (48, 8, 8, 3)) + 30 * labels[:, None, None, None]
        return Split(images.astype("uint8"), labels)

    return Dataset("generated", 4, *(split(seed) for seed in range(3)))


@pytest.fixture(scope="module")
def experiment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "tiny", lambda rule, **options: build(NOTATION, rule, input_shape=(8, 8, 3), **options))
        yield Experiment("mine", "mine", "tiny", "generated", batch_size=4, phases=PHASES)


def test_a_lesson_shows_its_examples_to_its_units(data):
    hinge = OneVsRestHinge(mu=0.25)
    first, second, third = (lesson(PHASES, number, data, hinge) for number in (1, 2, 3))
    assert [np.bincount(each.data.train.labels, minlength=4).tolist() for each in (first, second, third)] == [
        [12, 12, 0, 0],
        [6, 6, 12, 0],
        [0, 12, 12, 0],
    ]
    assert first.data.test is data.test
    assert first.loss is hinge
    assert (second.loss.units, third.loss.units) == ((0, 1, 2), (1, 2))
    assert second.loss.loss.mu is None  # which balances over the units that learn
    assert [each.probes[0].seen for each in (first, second, third)] == [(0, 1), (0, 1, 2), (0, 1, 2)]
    assert first.probes[0].groups == [(0, 1), (2,), (1, 2)]


def test_a_phase_of_all_classes_before_makes_all_of_them_earlier_ones(data):
    phases = (Phase(1), Phase(1, classes=(3,), refreshers=0.25))
    first, second = (lesson(phases, number, data, LOSSES[1]) for number in (1, 2))
    assert first.data is data
    assert first.probes[0].seen == (0, 1, 2, 3)
    assert np.bincount(second.data.train.labels).tolist() == [3, 3, 3, 12]
    plain = lesson((Phase(1),), 1, data, LOSSES[1])
    assert (plain.data, plain.loss, plain.probes) == (data, LOSSES[1], [])
    with pytest.raises(ArgumentError, match="numbered from 1 to 1, but got 2"):
        lesson((Phase(1),), 2, data, LOSSES[1])


def test_units_of_classes_without_an_example_are_left_out_however_small_their_share(data):
    phases = (Phase(1, classes=(0, 1)), Phase(1, classes=(2, 3), refreshers=0.01, units="shown"))
    shown = lesson(phases, 2, data, OneVsRestHinge())
    assert np.unique(shown.data.train.labels).tolist() == [2, 3]
    assert shown.loss.units == (2, 3)


IMPOSSIBLE = {
    r"from 1 to the 12 images, but got 13": {"phases": (Phase(2), Phase(1, classes=(3,), batch_size=13))},
    "needs examples of two classes": {"phases": (Phase(2), Phase(1, classes=(3,), units="balanced"))},
    "needs two output units or more": {"phases": (Phase(2), Phase(1, classes=(3,), units="shown"))},
    "over the units of two classes alone": {
        "phases": (Phase(2), Phase(1, classes=(2, 3), units="shown")),
        "loss": "circuit",
    },
}


@pytest.mark.parametrize("sentence", IMPOSSIBLE)
def test_what_a_later_phase_cannot_do_is_told_before_the_first_is_trained(sentence, experiment, data, tmp_path):
    wrong = dataclasses.replace(experiment, **IMPOSSIBLE[sentence])
    with pytest.raises(ArgumentError, match=sentence):
        run(wrong, epochs=3, data=data, alignment=False, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(run(wrong, epochs=2, data=data, alignment=False)["epochs"]) == 2, "as far as it can go, it goes"


def test_a_run_needs_an_experiment_phases_and_a_dataset(experiment, data):
    with pytest.raises(
        ArgumentError, match=r"An Experiment is needed, such as `find` gives by its id, but got 'table1"
    ):
        run("table1/cifar10/urfb", epochs=1)
    with pytest.raises(ArgumentError, match=r"data is a urfb_tf\.data\.Dataset, but got a list"):
        run(experiment, epochs=1, data=[1, 2])
    with pytest.raises(ArgumentError, match="mine is of the dataset 'generated', but the data are named 'cifar10'"):
        run(experiment, epochs=1, data=dataclasses.replace(data, name="cifar10"))
    with pytest.raises(ArgumentError, match="phases is a tuple of Phase, but got"):
        dataclasses.replace(experiment, phases=Phase(3))
    assert dataclasses.replace(experiment, phases=[Phase(3)]).phases == (Phase(3),)


def comparable(epochs):
    return [{**record, "seconds": None} for record in epochs]


def test_a_run_in_turn_is_its_lessons_one_after_another_however_often_it_is_stopped(experiment, data, tmp_path):
    whole = run(experiment, epochs=5, data=data, alignment=False, folder=tmp_path / "whole")
    model, epochs, end = experiment.make_model(4, 0), [], 0
    for number, phase in enumerate(PHASES, start=1):
        end += phase.epochs
        shown = lesson(PHASES, number, data, model.loss)
        how = {"probes": shown.probes, "history": (epochs, []), "batch_size": 4}
        epochs = train(model, shown.data, loss=shown.loss, epochs=end, **how)
    assert comparable(whole["epochs"]) == comparable(epochs)

    def stop(epoch, *rest):
        if epoch == 4:
            raise KeyboardInterrupt

    parts = {"data": data, "alignment": False, "folder": tmp_path / "parts"}
    run(experiment, epochs=1, **parts)
    with pytest.raises(Interrupted):
        run(experiment, epochs=5, progress=stop, **parts)
    again = run(experiment, epochs=5, **parts)
    assert comparable(again["epochs"]) == comparable(epochs)
    kept = [Checkpoint.load(tmp_path / name / "checkpoint.npz").weights for name in ("whole", "parts")]
    for one, other in zip(*kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_units_that_do_not_learn_keep_their_weights(experiment, data):
    def output_after(**settings):
        phases = (Phase(1, classes=(0, 2), **settings),)
        model = experiment.make_model(4, 0)
        before = model.get_layer("output").kernel.numpy()
        shown = lesson(phases, 1, data, model.loss)
        train(model, shown.data, loss=shown.loss, epochs=1, batch_size=4)
        return np.any(model.get_layer("output").kernel.numpy() != before, axis=0).tolist()

    assert output_after() == [True] * 4
    for units in ("shown", "seen", "balanced"):
        assert output_after(units=units) == [True, False, True, False]


@pytest.mark.parametrize("loss", [OneVsRestHinge(mu=0.25, margin=2), LOSSES[1]], ids=["hinge", "softmax"])
def test_balanced_units_gain_nothing_by_what_share_their_class_has(data, loss):
    phases = (Phase(1, classes=(0, 1)), Phase(1, classes=(2,), refreshers=0.5, units="balanced"))
    shown = lesson(phases, 2, data, loss)
    labels = shown.data.train.labels
    assert np.bincount(labels, minlength=4).tolist() == [6, 6, 12, 0]
    fields = tf.zeros([24, 4])
    with tf.GradientTape() as tape:
        tape.watch(fields)
        value = shown.loss(labels, fields)
    error = tape.gradient(value, fields).numpy()
    np.testing.assert_allclose(error.sum(0), 0, atol=1e-7)
    assert np.all(error[:, :3] != 0)
    assert np.all(error[:, 3] == 0)


def test_balanced_hinge_has_a_mu_for_each_class(data):
    phases = (Phase(1, classes=(0, 1)), Phase(1, classes=(2,), refreshers=0.5, units="balanced"))
    loss = lesson(phases, 2, data, OneVsRestHinge(mu=0.25, margin=2)).loss
    assert (loss.mu, loss.margin) == ([pytest.approx(1 / 3), pytest.approx(1 / 3), 1, 0], 2)


@pytest.mark.parametrize("loss", LOSSES, ids=["hinge", "softmax"])
def test_balanced_over_two_whole_classes_is_their_loss_alone(data, loss):
    fields = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    balanced, alone = (
        lesson((Phase(1, classes=(0, 2), units=units),), 1, data, loss) for units in ("balanced", "shown")
    )
    assert float(balanced.loss(balanced.data.train.labels, fields)) == pytest.approx(
        float(alone.loss(alone.data.train.labels, fields)), rel=1e-6
    )


@pytest.mark.parametrize(
    ("classes", "loss", "sentence"),
    [((0, 1), CircuitHinge(mu=0.25), "not for 'circuit'"), ((0,), LOSSES[0], "two classes or more in each phase")],
)
def test_what_cannot_be_balanced_is_refused(data, classes, loss, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        lesson((Phase(1, classes=classes, units="balanced"),), 1, data, loss)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"classes": (0, 0)}, "different whole numbers"),
        ({"classes": (0,), "refreshers": 2}, "between 0 and 1, but got 2"),
        ({"classes": (0,), "units": "some"}, "Unknown units 'some': use one of 'all', 'seen', 'shown', 'balanced'"),
        ({"refreshers": 0.5}, "shows all classes has no refreshers"),
        ({"units": "seen"}, "shows all classes has no refreshers"),
    ],
)
def test_a_phase_of_impossible_classes_is_refused(wrong, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        Phase(1, **wrong)


def test_a_configuration_mentions_classes_only_where_they_come_in_turn(experiment):
    untied = find("table1/cifar10/urfb/untied").configuration()["phases"]
    assert not any({"classes", "refreshers", "units"} & set(phase) for phase in untied)
    assert [phase["classes"] for phase in experiment.configuration()["phases"]] == [[0, 1], [2], [1, 2]]


def test_the_experiments_show_each_class_once_to_each_learner():
    assert select("in_turn") == IN_TURN
    assert len(IN_TURN) == len(LEARNERS) * len(WAYS)
    for experiment in IN_TURN:
        assert sorted(label for phase in experiment.phases for label in phase.classes) == list(range(10))
        assert experiment.paper_epochs == len(GROUPS) * EPOCHS
    for name, (_, joint, settings) in LEARNERS.items():
        if joint is not None:
            same, own = find(joint), find(f"in_turn/cifar10/{name}/refreshers=0")
            assert dataclasses.replace(same, id=own.id, title=own.title, paper=None, paper_epochs=25) == (
                dataclasses.replace(own, phases=())
            )
            assert settings["rule"] == same.rule


def test_a_run_in_turn_is_not_exported(experiment, tmp_path):
    with pytest.raises(ArgumentError, match="shows classes in turn, which only `run` does"):
        export(experiment, tmp_path)


# Group errors after the five epochs of PHASES, which end with epochs 2, 4 and 5.
RECORDS = [
    {"group_error": errors, "within_error": [error / 2 for error in errors], "test_error": sum(errors) / 3}
    for errors in ([0.9, 1, 1], [0.25, 1, 1], [0.5, 0.5, 1], [0.75, 0.125, 1], [1.0, 0.375, 0.5])
]


def test_forgetting_is_the_rise_since_a_group_was_learned():
    found = forgetting.measure(RECORDS, PHASES)
    assert (found.learned, found.end) == ((0.25, 0.125, 0.5), (1.0, 0.375, 0.5))
    assert (found.before, found.after, found.forgotten) == (0.1875, 0.6875, 0.5)
    assert forgetting.measure(RECORDS, PHASES, "within_error").forgotten == 0.25
    with pytest.raises(ArgumentError, match="has 4 epochs, but its phases 5"):
        forgetting.measure(RECORDS[:4], PHASES)
    with pytest.raises(ArgumentError, match="two or more phases"):
        forgetting.measure(RECORDS, [Phase(5, classes=(0,))])


@pytest.fixture
def pretend(monkeypatch):
    """Makes these errors of the groups, before and after, recorded, by id; the last epoch of those not steady jumps."""

    def runs_of(stored, jump=0.0, steady=()):
        def runs(identifier):
            if identifier not in stored:
                return {}
            before, after = stored[identifier]
            record = {name: [before] * 5 for name in ("group_error", "within_error")} | {"test_error": after}
            by = jump if identifier not in steady else 0
            almost, last = ({**record, "group_error": [error] * 5} for error in (after - by, after))
            return {0: {"epochs": [record] * 23 + [almost, last]}}

        monkeypatch.setattr(recorded, "runs", runs)
        monkeypatch.setattr(recorded, "every", lambda identifier: list(runs(identifier).values()))

    return runs_of


def test_refreshers_are_images_too():
    assert forgetting.passes(phases_in_turn(GROUPS, epochs=5), 10) == 5
    assert forgetting.passes(phases_in_turn(GROUPS, epochs=5, refreshers=0.2), 10) == pytest.approx(7)
    assert forgetting.passes([Phase(3)], 10) == 3


def test_the_table_and_sentences_say_what_is_recorded_and_what_is_not(pretend):
    pretend(
        {
            "in_turn/cifar10/bp-hinge/refreshers=0": (0.25, 1.0),
            "in_turn/cifar10/bp-softmax/refreshers=0": (0.25, 0.875),
            "table1/cifar10/bp-hinge": (0.5, 0.625),
        }
    )
    rows = {plain(row[0]): row[1:] for row in forgetting.table().rows}
    assert len(rows) == len(LEARNERS) + len(WAYS) - 1
    assert rows["all, units=shown"] == ["not run", "", "", ""]
    assert rows["BP hinge, refreshers=0"] == ["0.250 to 1.000", "0.250 to 0.250", "1.000", "0.625"]
    assert rows["URFB hinge, refreshers=0"] == ["not run", "", "", ""]
    assert differences("bp-hinge", "bp-softmax") == {"refreshers=0": "+0.125"}
    assert differences("bp-softmax", "bp-hinge") == {"refreshers=0": "-0.125"}
    pretend(
        {
            "in_turn/cifar10/urfb-hinge/refreshers=0": (0.5, 0.9),
            "in_turn/cifar10/bp-softmax/refreshers=0": (0.25, 0.875),
        }
    )
    assert differences("urfb-hinge", "bp-softmax") == {"refreshers=0": "-0.225, ends at +0.025"}
    assert differences("bp-softmax", "urfb-hinge") == {"refreshers=0": "+0.225, ends at -0.025"}
    assert differences("bp-softmax", "bp-softmax") == {"refreshers=0": "within 0.000"}
    assert differences("bp-hinge", "urfb-hinge") == {}
    assert forgetting.compared([]).rows == []
    few = {
        f"in_turn/cifar10/{name}/units=shown": errors
        for name, errors in {"bp-hinge": (0.25, 0.75), "bp-softmax": (0.25, 0.625)}.items()
    }
    pretend(few, jump=0.25)
    assert differences("bp-hinge", "bp-softmax") == {"units=shown": "within 0.250"}
    others = {f"in_turn/cifar10/urfb-softmax/{way}": (0.25, 0.75) for way in list(WAYS)[:3]}
    pretend(few | others, jump=0.25, steady=few)
    assert forgetting.usual_jump() == 0.25
    assert differences("bp-hinge", "bp-softmax")["units=shown"] == "within 0.250"
    pretend({f"in_turn/cifar10/{name}/refreshers=0": (0.25, 0.998) for name in ("bp-hinge", "bp-softmax")})
    assert differences("bp-hinge", "bp-softmax") == {"refreshers=0": "nothing left"}


def test_a_difference_within_the_jump_of_either_side_is_none(pretend):
    names = "in_turn/cifar10/{}/{}".format
    jumping, steady = names("bp-softmax", "units=shown"), names("bp-hinge", "units=shown")
    others = [names("urfb-hinge", way) for way in ("refreshers=0", "units=seen")]  # so that most are steady
    pretend({jumping: (0.25, 0.625), **dict.fromkeys((steady, *others), (0.25, 0.75))}, 0.25, (steady, *others))
    assert forgetting.usual_jump() == 0
    for pair in (("bp-hinge", "bp-softmax"), ("bp-softmax", "bp-hinge")):
        assert differences(*pair)["units=shown"] == "within 0.250"


def test_a_joint_error_is_the_mean_around_the_epoch_of_as_many_images(monkeypatch):
    epochs = [{"test_error": number / 100} for number in range(1, 10)]
    monkeypatch.setattr(recorded, "every", lambda identifier: [{"epochs": epochs}])
    # The run in turn has seen all images five times: the mean over epochs 3 to 7.
    assert forgetting.joint_error(find("in_turn/cifar10/bp-hinge/refreshers=0")) == pytest.approx(0.05)


def differences(first: str, second: str) -> dict[str, str]:
    """The column of two learners in the table that compares them, by way."""
    return {plain(way): cell for way, cell in forgetting.compared([(first, second)]).rows}


def plain(cell: str) -> str:
    return re.sub("<[^>]+>", "", cell)


def test_figures_have_a_panel_for_each_run_and_a_bar_for_each_learner():
    from urfb_tf import plots

    epochs = [{**record, "epoch": number} for number, record in enumerate(RECORDS, start=1)]
    made = plots.errors_in_turn({"one": epochs, "two": epochs}, PHASES, columns=1)
    assert [axis.get_title() for axis in made.axes] == ["one", "two"]
    drawn = [line.get_ydata() for line in made.axes[0].get_lines() if line.get_label() == "2"]
    np.testing.assert_array_equal(drawn, [[0.5, 0.125]])  # the second group while it is shown
    one, other = forgetting.Forgetting((0.25, 0.5), (1.0, 0.5)), forgetting.Forgetting((0.5, 0.5), (0.25, 0.5))
    arrows = plots.forgetting_arrows({"a": {"x": one, "y": other}, "b": {"y": one}}, {"x": "bp", "y": "urfb"})
    assert [text.get_text() for text in arrows.axes[0].texts if text.get_text()] == ["+0.75", "-0.25", "+0.75"]
    ends = [(text.xyann[1], text.xy[1]) for text in arrows.axes[0].texts if text.arrow_patch]
    assert ends == [(0.25, 1.0), (0.5, 0.25), (0.25, 1.0)], "they lead from before to after"


def test_a_label_between_two_numbers_is_none():
    some, fields = LossOfUnits(OneVsRestHinge(), (0, 2), reduction=None), np.zeros((2, 4), "float32")
    assert np.isnan(some(np.array([0.5, 2.0]), fields)).tolist() == [True, False]


@pytest.mark.parametrize("before", [-1, 2, 30, 0.5])
def test_errors_are_read_within_the_phases(before):
    with pytest.raises(ArgumentError, match="before is a whole number from 0 to"):
        forgetting.measure(RECORDS, PHASES, before=before)


def test_errors_by_class_need_classes_and_units():
    split = numbered([0, 1, 2])
    for groups, seen in (([[0], []], None), ([[0]], [])):
        with pytest.raises(ArgumentError, match="leave out empty groups"):
            ClassErrors(split, groups, seen)
    with pytest.raises(ArgumentError, match="Errors by class takes one split"):
        ClassErrors("test", [[0]])
    few = keras.Sequential([keras.Input(split.images.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(ArgumentError, match="The model has 2 output units, but the split has class 2"):
        ClassErrors(split, [[0]])(few)
    with pytest.raises(ArgumentError, match="A choice of classes takes one split"):
        only("train", [0])
