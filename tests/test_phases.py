"""Phases of a run: the same as changing and training by hand, and the same bits wherever it was stopped."""

import dataclasses
import itertools
import json
import shutil

import keras
import numpy as np
import pytest

from urfb_tf import environment
from urfb_tf.data import Dataset, Split
from urfb_tf.errors import ArgumentError, CheckpointError
from urfb_tf.experiments import EXPERIMENTS, Experiment, Phase
from urfb_tf.experiments.run import run
from urfb_tf.layers import UntiedConv2D, feedback_layers
from urfb_tf.metrics import homogeneity
from urfb_tf.networks import NETWORKS, build, change_rule, freeze, reinitialise, untie
from urfb_tf.seeds import stream
from urfb_tf.training import Checkpoint, Interrupted, train

NOTATION = "conv 4 3x3; maxpool 3; conv 3 2x2; drop .5; output"
PHASES = (
    Phase(2, learning_rate=0.05),
    Phase(2, rule="frfb", batch_size=10, untie=("conv1", "conv2"), feedback_refresh="epoch", reinitialise=("conv1",)),
    Phase(1, untie=("conv2",), update_gain=2.0, freeze=("output",)),
)
FIELDS = ["epoch", "train_loss", "train_error", "train_error_evaluated", "validation_error", "test_error"]


@pytest.fixture(scope="module")
def experiment():
    """A network, small enough, of the paper's kind. Each start of a run counts as a session of its own."""
    starts = itertools.count()

    def describe():
        return {"commit": "none", "date": f"start {next(starts)}", "versions": {}, "hardware": {"device": "CPU"}}

    def tiny(rule, **options):
        return build(NOTATION, rule, input_shape=(8, 8, 3), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "tiny", tiny)
        patch.setattr(environment, "describe", describe)
        yield Experiment("mine", "mine", "tiny", "generated", epsilon=0.5, batch_size=20, phases=PHASES)


@pytest.fixture(scope="module")
def data():
    def split(seed):
        random = np.random.default_rng(seed)
        labels = random.integers(0, 3, 40).astype("int32")
        images = random.integers(0, 120, (40, 8, 8, 3)) + 60 * (labels[:, None, None, None] == np.arange(3))
        return Split(images.astype("uint8"), labels)

    return Dataset("generated", 3, *(split(seed) for seed in range(3)))


@pytest.fixture(scope="module")
def unstopped(experiment, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unstopped")
    run(experiment, epochs=5, folder=folder, data=data, alignment=False)
    return folder


@pytest.fixture
def finished(unstopped, tmp_path):
    """A copy of the unstopped run's folder."""
    return shutil.copytree(unstopped, tmp_path / "finished")


def outcome(folder):
    """Weights and result but for times and sessions, and where the sessions began."""
    result = json.loads((folder / "result.json").read_text())
    starts = [session["from_epoch"] for session in result.pop("sessions")]
    epochs = [{**epoch, "seconds": None} for epoch in result.pop("epochs")]
    return Checkpoint.load(folder / "checkpoint.npz").weights, epochs, result, starts


def assert_same_arrays(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def assert_same_outcome(folder, other):
    (weights, epochs, result, _), (expected, expected_epochs, expected_result, _) = outcome(folder), outcome(other)
    assert epochs == expected_epochs
    assert result == expected_result
    assert_same_arrays(weights, expected)


class Killed(BaseException):
    """What nothing catches ends a run as a kill does, without saving."""


class StopIn:
    """Stops a run after the first steps of an epoch."""

    def __init__(self, epoch, error):
        self.epoch, self.error = epoch, error

    def __call__(self, epoch, *rest):
        if epoch == self.epoch:
            raise self.error


# The phases end with epochs 2, 4 and 5. What is killed goes on from epoch 2, the last that was saved.
@pytest.mark.parametrize(
    ("epoch", "error", "goes_on_from"),
    [
        (2, KeyboardInterrupt(), 2),
        (3, KeyboardInterrupt(), 3),
        (4, KeyboardInterrupt(), 4),
        (5, KeyboardInterrupt(), 5),
        (4, Killed(), 3),
    ],
    ids=["in the first", "at the first boundary", "in the second", "at the second boundary", "killed in the second"],
)
def test_a_run_stopped_anywhere_goes_on_to_the_same_bits(
    epoch, error, goes_on_from, experiment, data, unstopped, tmp_path
):
    how = {"folder": tmp_path, "data": data, "alignment": False, "checkpoint_every": 2}
    with pytest.raises((Interrupted, Killed)):
        run(experiment, epochs=5, progress=StopIn(epoch, error), **how)
    run(experiment, epochs=5, **how)
    assert_same_outcome(tmp_path, unstopped)
    assert outcome(tmp_path)[3] == [1, goes_on_from]


def test_a_run_asked_for_more_and_more_epochs_is_one_run(experiment, data, unstopped, tmp_path):
    for epochs in (1, 2, 5):
        result = run(experiment, epochs=epochs, folder=tmp_path, data=data, alignment=False)
        assert len(result["epochs"]) == epochs
        assert ("filters" in result) == (epochs == 5)  # there are untied layers
    assert_same_outcome(tmp_path, unstopped)
    assert outcome(tmp_path)[3] == [1, 2, 3]


def test_the_phases_of_one_start_are_one_session(unstopped):
    assert outcome(unstopped)[3] == [1]


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5])
def test_asking_for_no_more_epochs_than_done_changes_nothing(epochs, experiment, data, finished):
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    result = run(experiment, epochs=epochs, folder=finished, data=data, alignment=False)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    assert result == json.loads(before["result.json"])


def test_a_run_of_phases_is_training_and_changing_by_hand(experiment, data, unstopped):
    def by_hand(model, epochs, *, learning_rate=0.1, batch_size=20, history=((), ())):
        history = tuple(list(part) for part in history)
        how = {"learning_rate": learning_rate, "batch_size": batch_size, "history": history}
        return train(model, data, epochs=epochs, **how)

    model = experiment.make_model(3, seed=0)
    records = by_hand(model, 2, learning_rate=0.05)
    model = untie(change_rule(model, "frfb"), ["conv1", "conv2"], feedback_refresh="epoch")
    model = reinitialise(model, ["conv1"], seed=stream(0, "phase", 2))
    starts = {name: model.get_layer(name).kernel.numpy() for name in ("conv1", "conv2")}
    records = by_hand(model, 4, batch_size=10, history=(records, []))
    model = freeze(untie(change_rule(model, experiment.make_rule("urfb")), ["conv2"], update_gain=2.0), ["output"])
    output = model.get_layer("output").kernel.numpy()
    records = by_hand(model, 5, history=(records, []))

    weights, epochs, result, _ = outcome(unstopped)
    trained = [v.numpy() for v in (*model.trainable_variables, *model.non_trainable_variables)]
    assert_same_arrays(trained, weights)
    assert [[epoch[field] for field in FIELDS] for epoch in epochs] == [
        [record[field] for field in FIELDS] for record in records
    ]
    np.testing.assert_array_equal(model.get_layer("output").kernel, output)
    for name, start in starts.items():  # of which those of conv2 were untied twice
        layer = model.get_layer(name)
        assert epochs[-1]["homogeneity"][name] == round(homogeneity(layer).similarity, 5)
        change = layer.kernel.numpy() - start
        assert epochs[-1]["change"][name] == round(float(np.linalg.norm(change) / np.linalg.norm(start)), 5)
        assert epochs[-1]["change_homogeneity"][name] == round(homogeneity(layer, change).similarity, 5)
    assert set(result["filters"]) == {"conv1", "conv2"}
    assert "homogeneity" not in epochs[1]


def test_a_change_of_rule_alone_keeps_w_and_r(experiment, data, tmp_path):
    shorter = dataclasses.replace(experiment, phases=(Phase(1), Phase(1, rule="frfb")))

    def model_after(epochs, model):
        result = run(shorter, epochs=epochs, folder=tmp_path, data=data, alignment=False)
        assert "filters" not in result  # nothing is untied
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        for variable, weights in zip(variables, Checkpoint.load(tmp_path / "checkpoint.npz").weights, strict=True):
            variable.assign(weights)
        return feedback_layers(model)

    first = model_after(1, experiment.make_model(3, 0))
    second = model_after(2, change_rule(experiment.make_model(3, 0), "frfb"))
    start = feedback_layers(experiment.make_model(3, 0))
    for before, one, two in zip(start[1:], first[1:], second[1:], strict=True):
        assert np.any(before.feedback != one.feedback)  # learned under the first rule
        np.testing.assert_array_equal(one.feedback, two.feedback)
        assert np.any(one.kernel != two.kernel)


def test_each_phase_and_run_draws_new_weights_of_its_own(experiment):
    def drawn(number, seed):
        model = experiment.make_model(3, 0)
        model = Phase(1, reinitialise=("conv2",)).begin(model, seed=stream(seed, "phase", number))
        return model.get_layer("conv2").kernel.numpy()

    np.testing.assert_array_equal(drawn(2, 0), drawn(2, 0))
    assert np.all(drawn(2, 0) != drawn(3, 0))
    assert np.all(drawn(2, 0) != drawn(2, 1))


def changed(phases):
    """Each phase list that differs in one place from the given one."""
    first, second, third = phases
    yield (first, dataclasses.replace(second, epochs=3), third)
    yield (dataclasses.replace(first, learning_rate=0.06), second, third)
    yield (first, dataclasses.replace(second, reinitialise=()), third)
    yield (first, second, dataclasses.replace(third, freeze=("conv1",)))
    yield (first, second)
    yield ()


@pytest.mark.parametrize("which", range(6))
def test_a_checkpoint_of_other_phases_is_refused(which, experiment, data, finished):
    before = (finished / "checkpoint.npz").read_bytes()
    other = dataclasses.replace(experiment, phases=list(changed(PHASES))[which])
    with pytest.raises(CheckpointError, match=r"belongs to another run \(phases was .* is .*choose another folder"):
        run(other, epochs=6, folder=finished, data=data, alignment=False)
    assert (finished / "checkpoint.npz").read_bytes() == before


def test_a_checkpoint_of_a_run_without_phases_is_refused(experiment, data, tmp_path):
    plain = dataclasses.replace(experiment, phases=())
    run(plain, epochs=3, folder=tmp_path, data=data, alignment=False)
    with pytest.raises(CheckpointError, match=r"belongs to another run \(phases was None, is "):
        run(experiment, epochs=3, folder=tmp_path, data=data, alignment=False)


def test_configurations_survive_json(experiment):
    for each in (experiment, *EXPERIMENTS.values()):
        configuration = each.configuration()
        assert json.loads(json.dumps(configuration)) == configuration
        assert ("phases" in configuration) == bool(each.phases)
    assert [phase["epochs"] for phase in experiment.configuration()["phases"]] == [2, 2, 1]


def test_epsilon_is_part_of_a_configuration_where_a_phase_is_urfb(experiment):
    def epsilon(rule, *rules):
        phases = tuple(Phase(1, rule=name) for name in rules)
        return dataclasses.replace(experiment, rule=rule, phases=phases).configuration().get("epsilon")

    assert epsilon("urfb") == epsilon("urfb", "bp") == epsilon("frfb", None, "urfb") == 0.5
    with pytest.raises(ArgumentError, match="but the rule 'frfb' does not have it"):
        epsilon("frfb", None, "bp")
    experiment = dataclasses.replace(experiment, epsilon=1)
    assert epsilon("frfb") is epsilon("frfb", None, "bp") is None


def test_a_run_without_phases_has_one_as_long_as_the_papers(experiment):
    plain = dataclasses.replace(experiment, phases=(), paper_epochs=7)
    assert plain.schedule == (Phase(7),)
    assert experiment.schedule == PHASES


def test_all_phases_that_are_defined_can_begin():
    schedules = {(e.network, e.schedule): e for e in EXPERIMENTS.values() if e.phases}
    assert schedules
    for experiment in schedules.values():
        model = experiment.make_model(10, 0)
        for phase in experiment.schedule:
            model = phase.begin(model)
        untied = {layer.name for layer in feedback_layers(model) if isinstance(layer, UntiedConv2D)}
        assert untied == {name for phase in experiment.schedule for name in phase.untie}


BAD = [
    ({"epochs": 0}, "whole number of epochs >= 1, but got 0"),
    ({"epochs": 1.5}, "whole number of epochs"),
    ({"epochs": True}, "whole number of epochs"),
    ({"epochs": None}, "whole number of epochs"),
    ({"learning_rate": 0}, "learning rate > 0, but got 0"),
    ({"learning_rate": -0.1}, "learning rate > 0"),
    ({"learning_rate": float("nan")}, "learning rate > 0"),
    ({"learning_rate": "fast"}, "learning rate > 0"),
    ({"batch_size": 0}, "batch size is a whole number >= 1, but got 0"),
    ({"batch_size": 2.5}, "batch size is a whole number"),
    ({"batch_size": True}, "batch size is a whole number"),
    ({"rule": "hebb"}, "Unknown rule 'hebb': use one of .*'bp', 'frfb', 'urfb'"),
    ({"feedback_refresh": "day"}, "Unknown feedback_refresh 'day': use one of 'step', 'epoch'"),
    ({"update_gain": 0}, "update_gain > 0, but got 0"),
]


def test_lists_become_tuples_so_that_an_experiment_has_a_hash():
    names = {"untie": ["conv1"], "reinitialise": ["output"], "freeze": ["conv1", "dense1"]}
    options = {"rule": "sporadic", "rule_options": [["probability", 0.5]], "loss_options": [("margin", 2.0)]}
    options["changes"] = {"slope": 0.5}
    listed = Experiment("x", "x", "simpnet", "generated", phases=[Phase(1, **names)], **options)
    phase = Phase(1, **{name: tuple(value) for name, value in names.items()})
    options |= {"rule_options": (("probability", 0.5),), "loss_options": (("margin", 2.0),)}
    same = Experiment("x", "x", "simpnet", "generated", phases=(phase,), **options | {"changes": (("slope", 0.5),)})
    assert listed == same
    assert hash(listed) == hash(same)
    assert listed.configuration() == same.configuration()
    for wrong in (("slope", 0.5), 3):
        with pytest.raises(ArgumentError, match=r"^changes are pairs of a name and a value, but got"):
            dataclasses.replace(same, changes=wrong)


def test_numbers_of_numpy_are_kept_as_those_of_python():
    mine = Phase(np.int64(2), learning_rate=np.float32(0.5), batch_size=np.int32(4), classes=np.arange(2))
    same = Phase(2, learning_rate=0.5, batch_size=4, classes=(0, 1))
    assert mine == same
    assert json.dumps(mine.configuration()) == json.dumps(same.configuration())


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[str(wrong) for wrong, _ in BAD])
def test_a_phase_of_impossible_numbers_or_names_is_refused(wrong, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        Phase(**{"epochs": 1, **wrong})


@pytest.mark.parametrize(
    ("phase", "sentence"),
    [
        (Phase(1, untie=("conv9",)), "Unknown FeedbackConv2D or UntiedConv2D of the model 'conv9'"),
        (Phase(1, untie="conv1"), "layers is a list of names, but got 'conv1'"),
        (Phase(1, freeze=("conv9",)), "Unknown Layer of the model 'conv9'"),
        (Phase(1, reinitialise=("maxpool1",)), "Unknown FeedbackLayer of the model 'maxpool1'"),
    ],
)
def test_a_phase_that_names_no_layer_is_refused_before_anything_is_trained(phase, sentence, experiment, data):
    seen = []
    with pytest.raises(ArgumentError, match=sentence):
        run(
            dataclasses.replace(experiment, phases=(Phase(1), phase)),
            epochs=2,
            data=data,
            alignment=False,
            progress=lambda *step: seen.append(step),
        )
    assert not seen


def linear():
    return build("output", classes=3, input_shape=(8, 8, 3), seed=1)


def kernel(model):
    return model.get_layer("output").kernel.numpy()


def going_on(model, data, epochs, **options):
    return train(model, data, epochs=epochs, batch_size=10, learning_rate=0.01, **options)


def test_training_goes_on_from_the_history_it_is_given(data):
    whole, parts = linear(), linear()
    expected = going_on(whole, data, 3)
    history = (going_on(parts, data, 2), [{"from_epoch": 1}])
    before = json.dumps(history)
    told = []
    records = going_on(parts, data, 3, history=history, after_epoch=lambda r, s: told.append((len(r), s)))
    np.testing.assert_array_equal(kernel(parts), kernel(whole))
    assert records[:2] == history[0]
    assert {**records[2], "seconds": 0} == {**expected[2], "seconds": 0}
    assert told == [(3, [{"from_epoch": 1}, {"from_epoch": 3}])]
    assert json.dumps(history) == before
    assert going_on(parts, data, 2, history=history) == history[0]  # nothing is left to do
    np.testing.assert_array_equal(kernel(parts), kernel(whole))


@pytest.mark.parametrize(("longer", "loaded"), [(0, False), (1, True)])
def test_a_checkpoint_of_earlier_phases_is_not_loaded_again(longer, loaded, data, tmp_path):
    path = tmp_path / "checkpoint.npz"
    earlier = linear()
    records = going_on(earlier, data, 2, checkpoint=path)
    if longer:
        going_on(earlier, data, 3, checkpoint=path)
    model = linear()
    model.get_layer("output").kernel.assign(np.zeros_like(kernel(model)))
    found = going_on(model, data, 2 + longer, history=(records, [{"from_epoch": 1}]), checkpoint=path)
    assert len(found) == 2 + longer
    np.testing.assert_array_equal(kernel(model), kernel(earlier) if loaded else 0 * kernel(earlier))


def test_a_session_is_noted_once_and_a_start_without_one_each_time(data):
    def sessions(*given):
        records, noted, model = [], [], linear()
        for number, session in enumerate(given, start=1):

            def keep(epochs, sessions):
                nonlocal records, noted
                records, noted = epochs, sessions

            going_on(model, data, number, history=(records, noted), session=session, after_epoch=keep)
        return noted

    first, second = {"date": "one"}, {"date": "two"}
    assert sessions(first, first) == [{"from_epoch": 1, **first}]
    assert sessions(first, second, first) == [
        {"from_epoch": 1, **first},
        {"from_epoch": 2, **second},
        {"from_epoch": 3, **first},
    ]
    assert sessions(None, None) == [{"from_epoch": 1}, {"from_epoch": 2}]


def test_a_phase_begins_with_its_changes_in_order(experiment):
    model = experiment.make_model(3, 0)
    untouched = [v.numpy() for v in model.variables]
    begun = PHASES[1].begin(model, rule=experiment.make_rule("frfb"), seed=5)
    assert_same_arrays([v.numpy() for v in model.variables], untouched)
    first, second = begun.get_layer("conv1"), begun.get_layer("conv2")
    assert (first.rule.name, second.rule.name) == ("bp", "frfb")
    assert isinstance(first, UntiedConv2D)
    assert second.feedback_refresh == "epoch"
    np.testing.assert_array_equal(second.filters_at(1, 1), model.get_layer("conv2").kernel)
    assert np.all(first.filters_at(1, 1) != model.get_layer("conv1").kernel)
    assert Phase(1).begin(model) is model
    assert keras.ops.shape(PHASES[2].begin(begun).get_layer("output").kernel) == (48, 3)
