"""The paper's experiments as data, and how one is run."""

from urfb_tf.experiments.definitions import EXPERIMENTS as EXPERIMENTS
from urfb_tf.experiments.definitions import Experiment as Experiment
from urfb_tf.experiments.definitions import PaperErrors as PaperErrors
from urfb_tf.experiments.definitions import find as find
