"""A run as portable XLA programs: made here, run wherever JAX finds a device, TensorFlow or not."""

from urfb_tf.export.folder import export as export
from urfb_tf.export.stablehlo import Program as Program
from urfb_tf.export.stablehlo import lower as lower
