"""Every contender of the benchmark computes the same numbers, so that only the time differs."""

import numpy as np
import pytest
import tensorflow as tf

from urfb_tf.bench import contenders
from urfb_tf.bench.contenders.own import Compiled, Fit, own_weights
from urfb_tf.bench.contenders.pytorch import TorchSteps
from urfb_tf.bench.contenders.stock import StockFit
from urfb_tf.bench.contenders.unfold import Unfolded
from urfb_tf.layers import UntiedConv2D
from urfb_tf.networks import build

# Everything that simpnet and deepernet are made of, but for dropout, which draws differently in each library.
NOTATION = """
    conv 4 3x3; conv 4 3x3; SUM; maxpool 3; conv 6 5x5; conv 6 3x3; SUM; maxpool 2, stride 2; full conn. 9; output
"""
SHAPE = (12, 12, 3)
EPOCHS = 3


@pytest.fixture(scope="module")
def data():
    """One batch, so that the order of its images does not matter."""
    return contenders.random_images(20, SHAPE)


@pytest.fixture(scope="module")
def start():
    """W and R that all begin with. R is another draw than W: FA shows only where they differ."""
    weights, feedback = own_weights(build(NOTATION, "frfb", input_shape=SHAPE, reading="paper", seed=5))
    return weights, [None if r is None else 2 * r for r in feedback]


def trained(contender, start):
    contender.set_weights(*start)
    losses = [contender.epoch() for _ in range(EPOCHS)]
    return losses, contender.weights()


@pytest.fixture(scope="module")
def expected(data, start):
    """What the package computes, by rule."""
    return {rule: trained(Compiled(NOTATION, data, 20, rule, reading="paper"), start) for rule in ("bp", "frfb")}


def torch_steps(layers):
    def make(data):
        pytest.importorskip("torch")
        if layers == "biotorch":
            pytest.importorskip("biotorch")
        return TorchSteps(NOTATION, data, 20, layers=layers)

    return make


CONTENDERS = {
    "fit": ("frfb", lambda data: Fit(NOTATION, data, 20, "frfb", reading="paper")),
    "Keras fit": ("bp", lambda data: StockFit(NOTATION, data, 20)),
    "Keras fit, compiled by XLA": ("bp", lambda data: StockFit(NOTATION, data, 20, jit_compile=True)),
    "PyTorch": ("bp", torch_steps("torch")),
    "FA in PyTorch": ("frfb", torch_steps("minimal")),
    "BioTorch": ("frfb", torch_steps("biotorch")),
}


@pytest.mark.parametrize("name", CONTENDERS)
def test_losses_and_updated_weights_agree(name, data, start, expected):
    rule, make = CONTENDERS[name]
    losses, weights = trained(make(data), start)
    # Sums of float32 in another order, a few hundred terms each; fields and weights are about 1 in size.
    np.testing.assert_allclose(losses, expected[rule][0], rtol=2e-6)
    for ours, theirs, begin in zip(expected[rule][1], weights, start[0], strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=2e-6)
        assert np.abs(ours - begin).max() > 1e-3, "nothing was learned"


def test_the_rules_differ_so_that_agreement_means_something(expected):
    below, top = 0, -1
    apart = [np.abs(a - b).max() for a, b in zip(expected["bp"][1], expected["frfb"][1], strict=True)]
    assert apart[below] > 1e-3
    assert apart[top] > 1e-5


def test_the_untied_layer_in_pytorch_makes_the_same_update():
    pytest.importorskip("torch")
    shape, errors_shape = (5, 7, 6, 3), (5, 7, 6, 4)
    layer = UntiedConv2D(4, (3, 2), rule="bp", seed=1)
    layer.build(shape)
    random = np.random.default_rng(0)
    x, errors = (random.normal(size=each).astype(np.float32) for each in (shape, errors_shape))
    other = Unfolded(layer, x, errors, hands_down=True, learning_rate=0.5)
    np.testing.assert_array_equal(other.kernel(), layer.kernel)
    with tf.GradientTape() as tape:
        outputs = layer(tf.constant(x))
    expected = layer.kernel - 0.5 * tape.gradient(outputs, layer.kernel.value, output_gradients=errors)
    other.step()
    # Sums of five float32 products of about 1, in another order.
    np.testing.assert_allclose(other.kernel(), expected, rtol=0, atol=2e-6)
    assert np.abs(other.kernel() - np.array(layer.kernel)).max() > 0.1
