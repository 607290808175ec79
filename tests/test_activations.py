"""The saturated linearity: values and derivatives worked by hand, the corners above all."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import SaturatedLinearity
from urfb_tf.errors import ArgumentError

INF = float("inf")

# slope, closed: (field, value, derivative)
TABLE = {
    (1.0, True): [(-INF, -1, 0), (-2, -1, 0), (-1, -1, 1), (-0.5, -0.5, 1), (0, 0, 1), (1, 1, 1), (1.5, 1, 0)],
    (1.0, False): [(-2, -1, 0), (-1, -1, 0), (-0.75, -0.75, 1), (0, 0, 1), (1, 1, 0), (1.5, 1, 0), (INF, 1, 0)],
    (0.5, True): [(-3, -1, 0), (-2, -1, 0.5), (-1, -0.5, 0.5), (0, 0, 0.5), (2, 1, 0.5), (2.25, 1, 0)],
    (0.5, False): [(-3, -1, 0), (-2, -1, 0), (-1, -0.5, 0.5), (0, 0, 0.5), (1.75, 0.875, 0.5), (2, 1, 0)],
    (4.0, True): [(-1, -1, 0), (-0.25, -1, 4), (0.125, 0.5, 4), (0.25, 1, 4), (0.5, 1, 0)],
}
ROWS = [(slope, closed, *row) for (slope, closed), rows in TABLE.items() for row in rows]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(("slope", "closed", "field", "value", "derivative"), ROWS)
def test_values_and_derivatives_worked_by_hand(slope, closed, field, value, derivative, dtype):
    sigma, h = SaturatedLinearity(slope, closed=closed), tf.constant([field], dtype)
    with tf.GradientTape() as tape:
        tape.watch(h)
        y = sigma(h)
    gradient = tape.gradient(y, h, output_gradients=tf.constant([-2], dtype))
    assert y.dtype == gradient.dtype == h.dtype
    assert float(y[0]) == value
    assert float(gradient[0]) == -2 * derivative
    assert float(sigma.derivative(h)[0]) == derivative


@given(st.floats(-3, 3), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_gradient_is_the_slope_of_the_value_away_from_corners(field, slope):
    step = 2.0**-20
    if abs(abs(slope * field) - 1) < 4 * step:
        field += 16 * step
    sigma = SaturatedLinearity(slope)
    above, below = sigma(tf.constant([field + step, field - step], tf.float64)).numpy()
    derivative = float(sigma.derivative(tf.constant(field, tf.float64)))
    assert (above - below) / (2 * step) == pytest.approx(derivative, abs=1e-9)


# TensorFlow takes subnormal numbers as 0.
@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False), min_size=1, max_size=8))
def test_every_value_lies_in_the_range(fields):
    values = SaturatedLinearity()(tf.constant(fields, tf.float32)).numpy()
    np.testing.assert_array_equal(values, np.clip(np.float32(fields), -1, 1))


def test_not_a_number_stays_so_and_learns_nothing():
    field = tf.constant([float("nan")])
    assert np.isnan(SaturatedLinearity()(field))[0]
    assert SaturatedLinearity().derivative(field)[0] == 0


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_compiled_function_gives_the_same(jit_compile):
    sigma, fields = SaturatedLinearity(0.5, closed=False), tf.linspace(-4.0, 4.0, 33)

    @tf.function(jit_compile=jit_compile)
    def both(h):
        with tf.GradientTape() as tape:
            tape.watch(h)
            y = sigma(h)
        return y, tape.gradient(y, h)

    values, derivatives = both(fields)
    np.testing.assert_array_equal(values, sigma(fields))
    np.testing.assert_array_equal(derivatives, sigma.derivative(fields))


def test_keras_saves_and_loads_it():
    layer = keras.layers.Dense(3, activation=SaturatedLinearity(0.5, closed=False))
    again = keras.layers.Dense.from_config(layer.get_config()).activation
    assert type(again) is SaturatedLinearity
    assert repr(again) == "SaturatedLinearity(slope=0.5, closed=False)"


@pytest.mark.parametrize("slope", [0, -1, float("nan"), INF, "steep", None, True])
def test_an_impossible_slope_is_refused(slope):
    with pytest.raises(ArgumentError, match="needs a finite slope > 0"):
        SaturatedLinearity(slope)
