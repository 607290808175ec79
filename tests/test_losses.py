"""The hinge loss, equation (3), and its error signal, equation (5): by hand, by differences, by autodiff."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import CircuitHinge, OneVsRestHinge, plots
from urfb_tf.errors import ArgumentError

# (class, fields of three units, loss and error signal with mu = 1/4)
TABLE = [
    (0, [0.0, 0.0, 0.0], 1.5, [1, -0.25, -0.25]),
    (0, [2.0, -2.0, -3.0], 0, [0, 0, 0]),
    (1, [0.5, 0.5, -0.5], 1.0, [-0.25, 1, -0.25]),
    (2, [-4.0, 3.0, -1.0], 3.0, [0, -0.25, 1]),
    (0, [1.0, -1.0, -1.0], 0, [0, 0, 0]),  # all on their corners
    (0, [-1.0, 1.0, 1.0], 3.0, [1, -0.25, -0.25]),  # on the corners of the others, which are none of theirs
]


@pytest.mark.parametrize(("label", "fields", "loss", "delta"), TABLE)
def test_loss_and_error_signal_worked_by_hand(label, fields, loss, delta):
    hinge = OneVsRestHinge(mu=0.25)
    assert float(hinge([label], [fields])) == loss
    np.testing.assert_array_equal(hinge.error_signal([label], [fields]), [delta])


def test_the_margin_moves_the_corners():
    hinge = OneVsRestHinge(mu=0.5, margin=2)
    assert float(hinge([0], [[1.5, -1.5]])) == 0.5 + 0.5 * 0.5
    np.testing.assert_array_equal(hinge.error_signal([0], [[1.5, -1.5]]), [[1, -0.5]])
    np.testing.assert_array_equal(hinge.error_signal([0], [[2.0, -2.0]]), [[0, 0]])


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_mu_balances_both_terms_unless_given(classes):
    fields = tf.zeros([1, classes], tf.float64)
    assert float(OneVsRestHinge(dtype="float64")([0], fields)) == pytest.approx(2, rel=1e-12)
    assert float(OneVsRestHinge(mu=1, dtype="float64")([0], fields)) == classes


def test_each_class_may_have_a_mu_of_its_own():
    hinge = OneVsRestHinge(mu=np.array([0.5, 0.0, 0.25]))
    assert float(hinge([0], [[0.0, 5.0, 1.0]])) == 1 + 0.25 * 2
    np.testing.assert_array_equal(
        hinge.error_signal([0, 1], [[0.0, 5.0, 1.0], [0.0, 0.0, -2.0]]), [[1, 0, -0.25], [-0.5, 1, 0]]
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(hinge))
    assert again.mu == [0.5, 0, 0.25]
    with pytest.raises(ArgumentError, match="has 3 weights mu, one for each class, but 2 outputs"):
        hinge([0], [[0.0, 0.0]])
    for mu in ([0.5, -1.0], [0.5, "one"]):
        with pytest.raises(ArgumentError, match="weight >= 0 for each class"):
            OneVsRestHinge(mu)


@st.composite
def examples(draw):
    classes = draw(st.integers(2, 6))
    batch = draw(st.integers(1, 4))
    # Sixteenths between the corners: never on one, and far further from it than a difference reaches.
    grid = st.integers(-48, 47).map(lambda n: (n + 0.5) / 16)
    fields = draw(st.lists(st.lists(grid, min_size=classes, max_size=classes), min_size=batch, max_size=batch))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=batch, max_size=batch))
    return np.array(labels), np.array(fields)


@given(examples(), st.sampled_from([None, 0.1, 2.0, "by class"]), st.sampled_from([0.5, 1.0]))
def test_the_error_signal_is_minus_the_derivative_of_the_loss(example, mu, margin):
    labels, fields = example
    if mu == "by class":
        mu = [0.25 * number for number in range(fields.shape[1])]
    hinge = OneVsRestHinge(mu, margin, reduction="none", dtype="float64")
    h, step = tf.constant(fields), 2.0**-8
    with tf.GradientTape() as tape:
        tape.watch(h)
        losses = hinge(labels, h)
    delta = hinge.error_signal(labels, h).numpy()
    np.testing.assert_array_equal(delta, -tape.gradient(losses, h).numpy())
    for unit in range(fields.shape[1]):
        nudge = step * np.eye(fields.shape[1])[unit]
        difference = (hinge(labels, fields + nudge) - hinge(labels, fields - nudge)) / (2 * step)
        np.testing.assert_allclose(delta[:, unit], -difference, rtol=0, atol=1e-12)


def test_the_gradient_is_zero_at_the_corners_too():
    h = tf.constant([[1.0, -1.0, -1.0]])
    with tf.GradientTape() as tape:
        tape.watch(h)
        loss = OneVsRestHinge()([0], h)
    np.testing.assert_array_equal(tape.gradient(loss, h), [[0, 0, 0]])


def test_labels_may_stand_in_a_column_and_be_of_any_number_type():
    fields = np.linspace(-1, 1, 12).reshape(4, 3)
    expected = float(OneVsRestHinge()([0, 2, 1, 1], fields))
    for dtype in ("uint8", "int32", "int64", "float32"):
        labels = np.array([0, 2, 1, 1], dtype)
        assert float(OneVsRestHinge()(labels, fields)) == expected
        assert float(OneVsRestHinge()(labels[:, None], fields)) == expected


LOSSES = {"hinge": OneVsRestHinge(), "by class": OneVsRestHinge([0.5, 0, 1]), "circuit": CircuitHinge()}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_label_that_is_no_units_number_makes_the_loss_nan(loss, jit_compile):
    fields, labels = tf.constant([[0.5, -0.5, -2.0]] * 4), [2, 3, -1, 1]

    @tf.function(jit_compile=jit_compile)
    def found(labels):
        losses = loss.call(labels, fields)
        return losses, loss.error_signal(labels, fields), tf.gradients(losses, fields)[0]

    losses, signal, gradient = found(tf.constant(labels))
    assert np.isnan(losses).tolist() == [label not in range(3) for label in labels]
    assert np.isnan(signal).all(axis=1).tolist() == np.isnan(signal).any(axis=1).tolist() == np.isnan(losses).tolist()
    assert np.isnan(gradient).any(axis=1).tolist() == np.isnan(losses).tolist()


def test_keras_reductions_and_sample_weights_apply():
    labels, fields = [0, 1], [[0.0, 0.0], [3.0, 0.0]]  # losses 2 and 1 + 4
    assert OneVsRestHinge(reduction="none")(labels, fields).numpy().tolist() == [2, 5]
    assert float(OneVsRestHinge()(labels, fields)) == 3.5
    assert float(OneVsRestHinge(reduction="sum")(labels, fields)) == 7
    assert float(OneVsRestHinge(reduction="sum")(labels, fields, sample_weight=[1, 0])) == 2


def test_half_precision_outputs_are_summed_in_full_precision():
    fields = np.full((1, 100), 1000.0)
    half = OneVsRestHinge(mu=1)([0], tf.constant(fields, tf.float16))
    assert half.dtype == tf.float32
    assert float(half) == 99 * 1001  # far beyond the largest float16
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype="mixed_float16")])
    model.compile("sgd", OneVsRestHinge())
    losses = model.fit(np.eye(4)[:3], np.arange(3), epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_keras_saves_and_loads_it():
    hinge = OneVsRestHinge(mu=0.25, margin=2, reduction="sum", name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(hinge))
    assert again.get_config() == hinge.get_config()
    assert (again.mu, again.margin, again.reduction, again.name) == (0.25, 2, "sum", "mine")


def test_mu_may_be_a_number_in_an_array():
    assert OneVsRestHinge(mu=np.array(0.25)).mu == OneVsRestHinge(mu=np.float32(0.25)).mu == 0.25
    with pytest.raises(ArgumentError, match="mu > 0"):
        OneVsRestHinge(mu=np.array(0.0))
    with pytest.raises(ArgumentError, match="a weight >= 0 for each class"):
        OneVsRestHinge(mu=np.ones((2, 2)) - 1)


@pytest.mark.parametrize("argument", ["mu", "margin"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "one"])
def test_an_impossible_number_is_refused(argument, value):
    with pytest.raises(ArgumentError, match=f"needs a?.*{argument} > 0"):
        OneVsRestHinge(**{argument: value})


@pytest.mark.parametrize("fields", [np.float32(1), [1.0, 2.0], [[1.0], [2.0]], np.ones((2, 2, 3))])
def test_outputs_of_another_shape_are_refused(fields):
    with pytest.raises(ArgumentError, match=r"outputs of shape \[batch, classes >= 2\]"):
        OneVsRestHinge().error_signal([0, 1], fields)


def test_one_hot_labels_are_refused_with_the_remedy():
    with pytest.raises(ArgumentError, match="turn one-hot labels into numbers with argmax"):
        OneVsRestHinge()(np.eye(3), np.zeros((3, 3)))


def test_a_fraction_is_the_number_of_no_unit_and_each_output_needs_a_label():
    values = OneVsRestHinge().call(tf.constant([1.0, 0.5, -0.5, 1.99, float("nan")]), tf.zeros([5, 3]))
    np.testing.assert_array_equal(np.isnan(values), [False, True, True, True, True])
    with pytest.raises(ArgumentError, match="got 4 outputs and 1 labels"):
        OneVsRestHinge()(tf.constant([1]), tf.zeros([4, 3]))


def test_the_figure_draws_what_a_unit_adds_and_its_error_signal_for_either_label():
    left, right = plots.error_signal(OneVsRestHinge(mu=0.5)).axes
    # From a field of -2.5 to one of 2.5, with corners at 1 and -1.
    assert [(line.get_ydata()[0], line.get_ydata()[-1]) for line in right.get_lines()] == [(1, 0), (0, -0.5)]
    assert [np.ptp(line.get_ydata()) for line in left.get_lines()] == pytest.approx([3.5, 1.75])
