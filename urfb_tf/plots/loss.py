"""The saturated linearity, the hinge loss and its error signal as curves."""

import numpy as np

from urfb_tf.activations import SaturatedLinearity
from urfb_tf.losses import OneVsRestHinge
from urfb_tf.plots.style import COLOURS, OTHERS, figure


def error_signal(loss: OneVsRestHinge, classes: int = 10):
    """What one output unit adds to the loss, equation (3), and its error signal, equation (5), against its field."""
    fields = np.linspace(-2.5, 2.5, 501, dtype=np.float32)
    outputs = np.zeros([len(fields), classes], np.float32)
    outputs[:, 0] = fields  # unit 0 varies; all others stand at 0
    with figure(1, 2, size=(8, 3)) as (made, ((left, right),)):
        for label, name, colour, dash in (
            (0, "its class is shown", COLOURS["urfb"], "-"),
            (1, "another class is shown", COLOURS["frfb"], "--"),
        ):
            labels = np.full(len(fields), label)
            values = np.asarray(loss.call(labels, outputs))
            left.plot(fields, values - values.min(), dash, color=colour, label=name)
            right.plot(fields, np.asarray(loss.error_signal(labels, outputs))[:, 0], dash, color=colour, label=name)
        left.set(title="the unit's share of the loss", xlabel="field $h_c$", ylabel="$C$")
        right.set(title="its error signal", xlabel="field $h_c$", ylabel=r"$\delta_c$")
        left.legend(loc="upper center")
    return made


def saturated_linearity():
    """sigma and sigma' for the slopes of the paper and of the original implementation (the picture in section 2.2)."""
    fields = np.linspace(-3, 3, 601, dtype=np.float32)
    with figure(1, 2, size=(8, 2.6)) as (made, ((left, right),)):
        for slope, colour, dash in ((1.0, COLOURS["urfb"], "-"), (0.5, OTHERS[2], "--")):
            sigma = SaturatedLinearity(slope)
            left.plot(fields, np.asarray(sigma(fields)), dash, color=colour, label=f"slope {slope:g}")
            right.plot(fields, np.asarray(sigma.derivative(fields)), dash, color=colour)
        left.set(title=r"$\sigma(h)$", xlabel="field $h$")
        right.set(title=r"$\sigma'(h)$", xlabel="field $h$", ylim=(-0.1, 1.1))
        left.legend()
    return made
