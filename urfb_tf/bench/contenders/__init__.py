"""Ways to train one network that a user could choose between, all behind one interface.

PyTorch is imported only when one of its contenders is made.
"""

from urfb_tf.bench.contenders.contender import Contender as Contender
from urfb_tf.bench.contenders.contender import random_images as random_images
from urfb_tf.bench.contenders.entrants import lineup as lineup
from urfb_tf.bench.contenders.entrants import torch_missing as torch_missing
