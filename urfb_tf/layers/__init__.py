"""Keras layers that learn by local rules."""

from urfb_tf.layers.base import FeedbackLayer as FeedbackLayer
from urfb_tf.layers.conv import FeedbackConv2D as FeedbackConv2D
from urfb_tf.layers.dense import FeedbackDense as FeedbackDense
from urfb_tf.layers.direct import DirectFeedback as DirectFeedback
from urfb_tf.layers.noise import ErrorNoise as ErrorNoise
from urfb_tf.layers.pooling import TiedMaxPooling2D as TiedMaxPooling2D
from urfb_tf.layers.untied import RefreshFeedback as RefreshFeedback
from urfb_tf.layers.untied import UntiedConv2D as UntiedConv2D
from urfb_tf.layers.walk import feedback_layers as feedback_layers
from urfb_tf.layers.walk import layers_of as layers_of
