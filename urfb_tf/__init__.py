"""Deep learning by local Hebbian rules: the executable companion to Amit, "Biologically Plausible Deep Learning".

Three lines train the paper's simple network on images that need no download:

    import urfb_tf

    data = urfb_tf.load("generated")
    model = urfb_tf.simpnet(rule="urfb", classes=data.classes)
    model.fit(*data.train, validation_data=data.validation, batch_size=100, epochs=5)
"""

import os as _os
import sys as _sys
import typing as _typing

if ("-m", "urfb_tf") in zip(_sys.orig_argv, _sys.orig_argv[1:], strict=False) or (
    _os.path.basename("".join(_sys.orig_argv[1:2])) == "urfb_tf"
):
    # The command imports this file, and TensorFlow with it, before `__main__` could quiet TensorFlow's notes, and have
    # oneDNN compute convolutions: by itself TensorFlow leaves it aside on processors with AVX2 alone.
    _os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras as _keras

if _keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"urfb_tf computes with TensorFlow, but Keras with {_keras.backend.backend()}: set the environment variable "
        "KERAS_BACKEND to tensorflow before Keras is imported."
    )

# Layers, losses, activations and rules are imported at once, so that Keras can load a saved model after
# `import urfb_tf` alone; what needs more than TensorFlow is imported where it is used.
from urfb_tf.activations import SaturatedLinearity as SaturatedLinearity
from urfb_tf.circuit import CircuitHinge as CircuitHinge
from urfb_tf.late import late as _late
from urfb_tf.layers import DirectFeedback as DirectFeedback
from urfb_tf.layers import ErrorNoise as ErrorNoise
from urfb_tf.layers import FeedbackConv2D as FeedbackConv2D
from urfb_tf.layers import FeedbackDense as FeedbackDense
from urfb_tf.layers import FeedbackLayer as FeedbackLayer
from urfb_tf.layers import RefreshFeedback as RefreshFeedback
from urfb_tf.layers import TiedMaxPooling2D as TiedMaxPooling2D
from urfb_tf.layers import UntiedConv2D as UntiedConv2D
from urfb_tf.learning_units import LossOfUnits as _LossOfUnits  # noqa: F401
from urfb_tf.losses import OneVsRestHinge as OneVsRestHinge
from urfb_tf.readings import Reading as Reading
from urfb_tf.rules import AlternateUpdates as AlternateUpdates
from urfb_tf.rules import BackPropagation as BackPropagation
from urfb_tf.rules import BatchwiseRandomSignFeedback as BatchwiseRandomSignFeedback
from urfb_tf.rules import DelayedFeedback as DelayedFeedback
from urfb_tf.rules import DirectFeedbackAlignment as DirectFeedbackAlignment
from urfb_tf.rules import FeedbackRule as FeedbackRule
from urfb_tf.rules import FixedRandomFeedback as FixedRandomFeedback
from urfb_tf.rules import FixedRandomSignFeedback as FixedRandomSignFeedback
from urfb_tf.rules import KolenPollack as KolenPollack
from urfb_tf.rules import LateUpdates as LateUpdates
from urfb_tf.rules import SporadicUpdates as SporadicUpdates
from urfb_tf.rules import UniformSignFeedback as UniformSignFeedback
from urfb_tf.rules import UpdatedRandomFeedback as UpdatedRandomFeedback
from urfb_tf.rules import WeightMirror as WeightMirror
from urfb_tf.version import VERSION as __version__  # noqa: F401, N811

if _typing.TYPE_CHECKING:
    from urfb_tf import analysis as analysis
    from urfb_tf import bench as bench
    from urfb_tf import environment as environment
    from urfb_tf import experiments as experiments
    from urfb_tf import export as export
    from urfb_tf import linear as linear
    from urfb_tf import metrics as metrics
    from urfb_tf import plots as plots
    from urfb_tf import results as results
    from urfb_tf import table as table
    from urfb_tf.data import load as load
    from urfb_tf.networks import build as build
    from urfb_tf.networks import change_rule as change_rule
    from urfb_tf.networks import convert as convert
    from urfb_tf.networks import deepernet as deepernet
    from urfb_tf.networks import deepernet_s as deepernet_s
    from urfb_tf.networks import deepnet as deepnet
    from urfb_tf.networks import freeze as freeze
    from urfb_tf.networks import reinitialise as reinitialise
    from urfb_tf.networks import simpnet as simpnet
    from urfb_tf.networks import untie as untie
    from urfb_tf.training import train as train

# The rest is imported when it is first asked for.
__getattr__, __dir__ = _late(
    globals(),
    {
        "analysis": "",
        "bench": "",
        "data": "load",
        "environment": "",
        "experiments": "",
        "export": "",
        "linear": "",
        "metrics": "",
        "networks": "build change_rule convert deepernet deepernet_s deepnet freeze reinitialise simpnet untie",
        "plots": "",
        "results": "",
        "table": "",
        "training": "train",
    },
)
