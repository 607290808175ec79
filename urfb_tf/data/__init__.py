"""Images to train on: CIFAR-10, CIFAR-100, and a small generated set that needs no download."""

from urfb_tf.data.datasets import DATASETS as DATASETS
from urfb_tf.data.datasets import is_at_hand as is_at_hand
from urfb_tf.data.datasets import load as load
from urfb_tf.data.in_turn import only as only
from urfb_tf.data.in_turn import with_refreshers as with_refreshers
from urfb_tf.data.splits import Dataset as Dataset
from urfb_tf.data.splits import Split as Split
