"""The four networks of section 4. Each takes the arguments of `urfb_tf.networks.build` and returns a compiled model."""

from collections.abc import Callable

import keras

from urfb_tf import readings
from urfb_tf.networks.builder import build

SIMPNET = "conv 32 5x5; maxpool 3; drop .8; full conn. 500; drop .3; output"

# Missing from the paper's text: the convolutions are known with confidence, pooling and dropout less so.
DEEPNET = """
    conv 32 5x5; maxpool 3; conv 32 3x3; conv 32 3x3; {late} 3; drop .5;
    conv 64 3x3; conv 64 3x3; {late} 3; drop .8; full conn. 500; output
"""

DEEPERNET = """
    conv 16 3x3; conv 16 3x3; SUM; conv 32 3x3; conv 32 3x3; SUM; maxpool 3; drop .5;
    conv 64 3x3; conv 64 3x3; SUM; maxpool 3;
    conv 128 {wide}; conv 128 3x3; SUM; maxpool 3; drop .8;
    full conn. 500; output
"""

DEEPERNET_S = """
    conv 16 3x3; conv 16 3x3; SUM; maxpool 3, stride 3; drop .5;
    conv 64 3x3; conv 64 3x3; SUM; maxpool 2, stride 2;
    conv 64 2x2; conv 64 2x2; SUM; maxpool 2, stride 2; drop .5;
    full conn. 500; output
"""


def simpnet(rule="urfb", **options) -> keras.Model:
    """One convolution and two dense layers (section 4, Table 1)."""
    return build(SIMPNET, rule, **{"name": "simpnet", **options})


def deepnet(rule="urfb", *, reading=readings.DEFAULT, **options) -> keras.Model:
    """Five convolutions (section 4, Table 2 left), as recovered: its definition is missing from the paper's text."""
    late = "avgpool" if readings.get(reading).average_late_pools else "maxpool"
    return build(DEEPNET.format(late=late), rule, reading=reading, **{"name": "deepnet", **options})


def deepernet(rule="urfb", *, reading=readings.DEFAULT, **options) -> keras.Model:
    """Eight convolutions with residual sums (section 4, Table 2 right)."""
    wide = "2x2" if readings.get(reading).narrow_wide_conv else "3x3"
    return build(DEEPERNET.format(wide=wide), rule, reading=reading, **{"name": "deepernet", **options})


def deepernet_s(rule="urfb", **options) -> keras.Model:
    """Six convolutions with residual sums, small enough to untie (section 4.1, Table 3)."""
    return build(DEEPERNET_S, rule, **{"name": "deepernet_s", **options})


PAPER: dict[str, Callable[..., keras.Model]] = {
    "simpnet": simpnet,
    "deepnet": deepnet,
    "deepernet": deepernet,
    "deepernet_s": deepernet_s,
}
