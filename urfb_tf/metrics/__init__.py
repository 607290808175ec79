"""How far a feedback rule is from back-propagation, layer by layer."""

from urfb_tf.metrics.alignment import Alignment as Alignment
from urfb_tf.metrics.alignment import angle as angle
from urfb_tf.metrics.alignment import error_angles as error_angles
from urfb_tf.metrics.alignment import feedback_layers as feedback_layers
from urfb_tf.metrics.alignment import update_angles as update_angles
from urfb_tf.metrics.alignment import weight_angles as weight_angles
from urfb_tf.metrics.trace import Snapshot as Snapshot
from urfb_tf.metrics.trace import trace as trace
