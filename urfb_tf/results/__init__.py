"""The recorded results that travel with the package."""

from urfb_tf.results.store import file_of as file_of
from urfb_tf.results.store import ids as ids
from urfb_tf.results.store import load as load
from urfb_tf.results.store import load_all as load_all
from urfb_tf.results.store import path_of as path_of
from urfb_tf.results.store import record as record
from urfb_tf.results.store import seeds as seeds
