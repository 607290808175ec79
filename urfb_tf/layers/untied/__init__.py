"""Convolutions whose weights are untied across space (section 4.1)."""

from urfb_tf.layers.untied.layer import RefreshFeedback as RefreshFeedback
from urfb_tf.layers.untied.layer import UntiedConv2D as UntiedConv2D
from urfb_tf.layers.untied.locality import Locality as Locality
