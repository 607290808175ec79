"""Training in whole compiled epochs: fast, reproducible, and resumable at any moment."""

from urfb_tf.training.checkpoint import Checkpoint as Checkpoint
from urfb_tf.training.distributed import DistributedEpochProgram as DistributedEpochProgram
from urfb_tf.training.distributed import gpus as gpus
from urfb_tf.training.epoch import EpochProgram as EpochProgram
from urfb_tf.training.order import batches as batches
from urfb_tf.training.settling import settle as settle
from urfb_tf.training.trainer import Interrupted as Interrupted
from urfb_tf.training.trainer import train as train
