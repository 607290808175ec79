"""Figures of the experiments: what their panels and lines are."""

import matplotlib.pyplot as plt
import pytest

import urfb_tf
from urfb_tf import plots
from urfb_tf.errors import ArgumentError
from urfb_tf.networks import build
from urfb_tf.plots import style


def history(angles: dict, kind: str = "error_angle") -> list[dict]:
    return [{"epoch": epoch, kind: angles} for epoch in (1, 2)]


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


@pytest.mark.parametrize(("angle", "top"), [(80.0, 105), (110.0, 115)])
def test_an_angle_far_above_90_degrees_is_inside_its_panel(angle, top):
    made = plots.alignment_curves({"urfb": history({"dense1": angle})}, {"urfb": "urfb"}, "error_angle", ["dense1"])
    assert made.axes[0].get_ylim() == (0, pytest.approx(top))


def test_errors_by_depth_have_a_legend_of_every_row_even_if_the_first_panel_lacks_one():
    panels = {"paper": {"URFB": {1: 0.6, 5: 0.5}}, "recorded": {"URFB": {1: 0.8}, "FRFB": {1: 0.9}}}
    made = plots.error_by_depth(panels, {"URFB": "urfb", "FRFB": "frfb"}, chance=0.99)
    assert [axis.get_title() for axis in made.axes] == ["paper", "recorded"]
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
