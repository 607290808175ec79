"""The book's figures. Each function returns a matplotlib figure; none trains or measures."""

from urfb_tf.plots.curves import alignment_curves as alignment_curves
from urfb_tf.plots.curves import learning_curves as learning_curves
from urfb_tf.plots.loss import error_signal as error_signal
from urfb_tf.plots.loss import saturated_linearity as saturated_linearity
from urfb_tf.plots.weights import traces as traces
from urfb_tf.plots.weights import weights_along_training as weights_along_training
