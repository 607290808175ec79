"""Figures of the experiments: what their panels and lines are."""

import dataclasses

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

import urfb_tf
from urfb_tf import FeedbackDense, metrics, plots
from urfb_tf.errors import ArgumentError
from urfb_tf.networks import build
from urfb_tf.plots import style


def history(angles: dict, kind: str = "error_angle") -> list[dict]:
    return [{"epoch": epoch, kind: angles} for epoch in (1, 2)]


def points(axis) -> list:
    return [line.get_xydata().tolist() for line in axis.get_lines()]


DEEP = {"conv1": 80.0, "conv2": 70.0, "conv3": 60.0, "dense1": 110.0, "output": 0.0}


@pytest.mark.parametrize(
    ("kind", "angles", "titles"),
    [
        ("error_angle", DEEP, ["conv1", "conv3", "dense1"]),
        ("weight_angle", {"conv1": None, **{key: DEEP[key] for key in ("conv2", "dense1", "output")}},
         ["conv2", "dense1", "output"]),
        ("error_angle", {"dense1": 80.0, "output": 0.0}, ["dense1"]),
        ("error_angle", {"conv1": None, "dense1": None, "output": 0.0}, ["conv1", "dense1"]),
    ],
)  # fmt: skip
def test_without_layers_named_the_lowest_the_middle_and_the_highest_are_shown(kind, angles, titles):
    made = plots.alignment_curves({"urfb": history(angles, kind)}, {"urfb": "urfb"}, kind)
    assert [axis.get_title() for axis in made.axes] == titles


def test_runs_that_lack_the_angle_leave_the_panels_to_others():
    runs = {
        "bp": history({}),
        "none": [{"epoch": 1}],
        "frfb": history({"dense1": 70.0, "output": 0.0}),
        "urfb": history({"conv1": 80.0, "dense1": None, "output": 0.0}),
    }
    made = plots.alignment_curves(runs, {name: "bp" if name == "none" else name for name in runs}, "error_angle")
    assert [axis.get_title() for axis in made.axes] == ["conv1", "dense1"]
    assert [len(axis.get_lines()) for axis in made.axes] == [2, 2]  # a run, and the right angle


@pytest.mark.parametrize(
    ("runs", "kind"),
    [({}, "error_angle"), ({"bp": history({})}, "error_angle"), ({"urfb": history({"dense1": 80.0})}, "error_angel"),
     ({"urfb": history({"dense1": 80.0})}, "epoch"),
     ({"urfb": history({"output": 0.0})}, "error_angle")],
)  # fmt: skip
def test_an_angle_that_no_run_has_is_refused(runs, kind):
    with pytest.raises(ArgumentError, match=f"No run has a '{kind}' to draw"):
        plots.alignment_curves(runs, {name: name for name in runs}, kind)


def test_the_legend_of_angles_has_every_run_even_if_the_last_panel_lacks_one():
    runs = {"urfb": history({"conv1": 80.0, "dense1": None}), "frfb": history({"conv1": None, "dense1": 70.0})}
    made = plots.alignment_curves(runs, {name: name for name in runs}, "error_angle", ["dense1", "conv1"])
    assert {text.get_text() for text in made.axes[-1].get_legend().get_texts()} == {"URFB", "FRFB"}


def test_angles_are_drawn_against_epochs():
    run = [{"epoch": number, "error_angle": {"conv1": angle}} for number, angle in ((1, 80.0), (2, 70.0))]
    for made in (
        plots.alignment_curves({"urfb": run}, {"urfb": "urfb"}, "error_angle", ["conv1"]),
        plots.angle_panels({"urfb": run}, "error_angle", ["conv1"]),
    ):
        assert points(made.axes[0])[0] == [[1, 80], [2, 70]]


@pytest.mark.parametrize(("angle", "top"), [(80.0, 105), (110.0, 115)])
def test_an_angle_far_above_90_degrees_is_inside_its_panel(angle, top):
    made = plots.alignment_curves({"urfb": history({"dense1": angle})}, {"urfb": "urfb"}, "error_angle", ["dense1"])
    assert made.axes[0].get_ylim() == (0, pytest.approx(top))


def test_errors_by_depth_have_a_legend_of_every_row_even_if_the_first_panel_lacks_one():
    panels = {"paper": {"URFB": {1: 0.6, 5: 0.5}}, "recorded": {"URFB": {1: 0.8}, "FRFB": {1: 0.9}}}
    made = plots.error_by_depth(panels, {"URFB": "urfb", "FRFB": "frfb"}, chance=0.99)
    assert [axis.get_title() for axis in made.axes] == ["paper", "recorded"]
    assert points(made.axes[0])[0] == [[1, 0.6], [5, 0.5]]
    assert [text.get_text() for text in made.axes[0].get_legend().get_texts()] == ["URFB", "FRFB"]
    assert list(made.axes[0].get_xticks()) == [1, 5]


def test_masks_show_each_kind_of_pair():
    layer = urfb_tf.FeedbackDense(30, rule="urfb", connectivity=0.5, seed=1)
    layer.build((None, 40))
    (image,) = plots.masks(layer, units=20).axes[0].images
    kinds = image.get_array()
    forward, backward = layer.kernel_mask.numpy()[:20, :20], layer.feedback_mask.numpy()[:20, :20]
    assert kinds.shape == (20, 20)
    assert ((kinds == 3) == (forward & backward)).all()
    assert ((kinds == 1) == (forward & ~backward)).all()
    assert ((kinds == 2) == (~forward & backward)).all()


def test_no_two_of_many_runs_look_alike():
    labels = [f"run {number}" for number in range(12)]
    styles = style.line_styles({label: label for label in labels})
    assert len({(each["color"], each["linestyle"]) for each in styles.values()}) == len(labels)


def test_a_figure_that_fails_is_closed():
    with pytest.raises(RuntimeError, match="half drawn"), style.figure(size=(1, 1)):
        raise RuntimeError("half drawn")
    assert not plt.get_fignums()


def test_learning_curves_draw_the_errors_against_epochs_and_chance_as_a_level():
    run = [{"epoch": number, "test_error": error} for number, error in ((1, 0.5), (2, 0.25))]
    axis = plots.learning_curves({"a": run}, {"a": "bp"}, fields=["test_error"], chance=0.9).axes[0]
    curve, chance = axis.get_lines()
    assert curve.get_xydata().tolist() == [[1, 0.5], [2, 0.25]]
    assert set(chance.get_ydata()) == {0.9}


def test_errors_that_are_all_zero_are_drawn():
    made = plots.learning_curves(
        {"a": [{"epoch": 1, "train_error": 0.0, "test_error": 0.0}]}, {"a": "bp"}, fields=("test_error",)
    )
    assert made.axes[0].get_ylim()[1] > 0


@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"error_noise": 1.0}], ids=str)
def test_a_network_with_sums_is_drawn_with_all_that_build_puts_between(options):
    made = plots.architecture(build("conv 4 3x3; conv 4 3x3; SUM; full conn. 5; output", "urfb", **options))
    texts = [text.get_text() for text in made.axes[0].texts]
    assert [text for text in texts if text.startswith(("full", "output"))] == ["full 5", "output 10"]
    assert sum(text.startswith("sum") for text in texts) == 1


def test_an_arc_leads_past_the_layers_between_to_the_sum():
    made = plots.architecture(build("conv 4 3x3; conv 4 3x3; SUM; full conn. 5; output", "urfb"))
    arrows = [text for text in made.axes[0].texts if isinstance(text, Annotation) and text.arrowprops]
    arcs = [arrow for arrow in arrows if "connectionstyle" in arrow.arrowprops]
    assert [(arc.xy[1], arc.xyann[1]) for arc in arcs] == [(3, 1)], "from the first convolution"


@pytest.mark.parametrize(("rule", "carrier"), [("urfb", "R"), ("bp", "W")])
def test_a_drawing_names_the_weights_that_carry_the_error(rule, carrier):
    made = plots.architecture(build("conv 4 3x3; full conn. 5; output", rule))
    texts = [text.get_text() for text in made.axes[0].texts]
    assert [text for text in texts if text in ("R", "W")] == [carrier] * 2, "all but the lowest hand one down"


def test_filters_are_light_where_they_are_positive_and_grey_where_nothing_is():
    filters = np.zeros([1, 1, 2, 3, 1])
    filters[0, 0, :, :, 0] = [[2, -2, 0], [1, np.nan, 0]]
    axis = plots.filters_across_space({"urfb": filters}, [(0, 0)], [0]).axes[0]
    np.testing.assert_array_equal(axis.images[0].get_array()[0], [[1, 0, 0.5], [0.75, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("figure", "arguments"),
    [
        ("angle_against_error", [{}]),
        ("connections", [{}]),
        ("epsilons_compared", [{}]),
        ("rules_compared", [{}]),
        ("error_by_depth", [{}, {}, 0.9]),
        ("errors_in_turn", [{}, []]),
        ("filters_across_space", [{}, [(0, 0)], [0]]),
        ("filters_across_space", [{"urfb": None}, [], [0]]),
        ("forgetting_arrows", [{}, {}]),
        ("roofline", [[], None]),
        ("weights_along_training", [[], "output", []]),
        ("traces", [{}, "output"]),
        ("homogeneity_curves", [{}, "conv1"]),
        ("learning_curves", [{}, {}]),
        ("alignment_curves", [{}, {}, "error_angle", ["conv1"]]),
        ("alignment_curves", [{"urfb": []}, {"urfb": "urfb"}, "error_angle", []]),
    ],
)
def test_a_figure_of_nothing_is_refused(figure, arguments):
    with pytest.raises(ArgumentError, match=r"nothing to show|runs lack bp and urfb"):
        getattr(plots, figure)(*arguments)


def test_a_layer_with_all_connections_has_no_masks_to_draw():
    layer = urfb_tf.FeedbackDense(4, rule="urfb", name="whole")
    layer.build((None, 3))
    with pytest.raises(ArgumentError, match="Layer 'whole' has no masks to draw"):
        plots.masks(layer)


def test_a_run_of_one_epoch_is_seen():
    one = [{"epoch": 1, "test_error": 0.5, "error_angle": {"dense1": 40.0}}]
    figures = [
        plots.learning_curves({"mine": one}, {"mine": "urfb"}, fields=["test_error"]),
        plots.alignment_curves({"mine": one}, {"mine": "urfb"}, "error_angle", ["dense1"]),
        plots.angle_panels({"mine": one}, "error_angle", ["dense1"]),
        plots.curves_against_epsilon([1.0], {"mine": [0.5]}, "error"),
    ]
    for made in figures:
        assert made.axes[0].get_lines()[0].get_marker() == "o"
    for made in figures[:2]:
        assert all(tick == round(tick) for tick in made.axes[0].get_xticks())
    two = [*one, {"epoch": 2, "test_error": float("nan")}, {"epoch": 3, "test_error": 0.4}]
    made = plots.learning_curves({"mine": two}, {"mine": "urfb"}, fields=["test_error"])
    assert made.axes[0].get_lines()[0].get_marker() == "None"


def test_many_runs_leave_room_for_the_curves():
    runs = {f"run number {number}": [{"epoch": e, "test_error": 0.5} for e in (1, 2)] for number in range(40)}
    made = plots.learning_curves(runs, {label: label for label in runs}, fields=["test_error"])
    made.canvas.draw()
    assert min(made.axes[0].get_window_extent().size) > 100
    assert made.axes[0].get_ylabel() == "share of images"
    losses = {"a": [{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.0}]}
    assert not plots.learning_curves(losses, {"a": "bp"}, fields=["train_loss"]).axes[0].get_ylabel()


def test_traces_show_any_angle_and_name_the_layers_there_are():
    snapshot = metrics.Snapshot(0, 1.0, {"b": np.eye(2)}, {"b": -np.eye(2)}, {"b": np.eye(2)})
    made = plots.traces({"urfb": [snapshot, dataclasses.replace(snapshot, step=1)]}, "b")
    assert made.axes[1].get_ylim()[1] > 180
    with pytest.raises(ArgumentError, match="Unknown layer of the trace 'c': use one of 'b'"):
        plots.traces({"urfb": [snapshot]}, "c")
    with pytest.raises(ArgumentError, match="Steps 0 to 0 were traced"):
        plots.weights_along_training([snapshot], "b", [1])
    with pytest.raises(ArgumentError, match="Layer 'b' has no feedback weights"):
        plots.weights_along_training([dataclasses.replace(snapshot, feedback={})], "b", [0])
    with pytest.raises(ArgumentError, match="Unknown layer of the trace 'c': use one of 'b'"):
        snapshot.angle("c")
    filters = {"b": np.ones([3, 3, 1, 2])}
    with pytest.raises(ArgumentError, match=r"of a dense layer, .*, but 'b' has \(3, 3, 1, 2\)"):
        plots.weights_along_training([metrics.Snapshot(0, 1.0, filters, filters, filters)], "b", [0])


def test_traces_draw_loss_and_angle_against_steps_and_heat_maps_w_above_r():
    one = metrics.Snapshot(0, 2.0, {"b": np.eye(2)}, {"b": -np.eye(2)}, {"b": np.eye(2)})
    two = dataclasses.replace(one, step=1, loss=1.0, feedback={"b": np.eye(2)})
    left, right = plots.traces({"urfb": [one, two]}, "b").axes
    assert points(left)[0] == [[0, 2], [1, 1]]
    # Near 0 and 180 degrees the arc cosine turns a rounding of 1e-16 into 1e-6.
    assert right.get_lines()[0].get_ydata() == pytest.approx([180, 0], abs=1e-5)
    panels = plots.weights_along_training([one, two], "b", [0, 1]).axes[:4]
    shown = [axis.images[0].get_array().tolist() for axis in panels]
    assert shown == [np.eye(2).tolist(), np.eye(2).tolist(), (-np.eye(2)).tolist(), np.eye(2).tolist()]


def test_what_curves_lack_is_named():
    runs = {"mine": [{"epoch": 1, "train_error": 0.5}]}
    with pytest.raises(ArgumentError, match=r"^rules names the rule of each run, but lacks 'mine'\.$"):
        plots.learning_curves(runs, {"urfb": "urfb"}, fields=["train_error"])
    with pytest.raises(ArgumentError, match=r"^The records of 'mine' lack 'tset_error': name other fields\.$"):
        plots.learning_curves(runs, {"mine": "urfb"}, fields=["train_error", "tset_error"])
    with pytest.raises(ArgumentError, match=r"nothing to show: fields is empty"):
        plots.learning_curves(runs, {"mine": "urfb"}, fields=[])


def test_an_angle_beyond_most_is_in_its_panel():
    runs = {"frfb": history({"conv1": 130.0}, "update_angle"), "urfb": history({"conv1": 40.0}, "update_angle")}
    made = plots.angle_panels(runs, "update_angle", ["conv1"])
    assert all(axis.get_ylim()[1] > 130 for axis in made.axes[:2])


@pytest.mark.parametrize(("rule", "carriers"), [("dfa", []), ("usf", ["from W"] * 2)])
def test_a_drawing_says_where_nothing_or_something_of_the_weights_carries_the_error(rule, carriers):
    made = plots.architecture(build("full conn. 4; full conn. 4; output", rule, input_shape=(4, 4, 1)))
    texts = [text.get_text() for text in made.axes[0].texts]
    assert [text for text in texts if text in ("R", "W", "from W")] == carriers


def test_a_sequential_model_is_drawn_too():
    model = keras.Sequential([keras.Input((4,)), FeedbackDense(3), keras.layers.ReLU(), FeedbackDense(2)])
    texts = [text.get_text() for text in plots.architecture(model).axes[0].texts]
    assert [text for text in texts if text.startswith(("full", "output"))] == ["full 3", "output 2"]
