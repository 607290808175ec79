"""The paper's experiments and ours as data, and how one is run."""

from urfb_tf.experiments.catalogue import EXPERIMENTS as EXPERIMENTS
from urfb_tf.experiments.catalogue import find as find
from urfb_tf.experiments.catalogue import select as select
from urfb_tf.experiments.experiment import Experiment as Experiment
from urfb_tf.experiments.experiment import PaperErrors as PaperErrors
from urfb_tf.experiments.phases import Phase as Phase
