"""What a dataset looks like."""

import numpy as np

from urfb_tf.data import Dataset
from urfb_tf.plots.style import figure


def sample_images(data: Dataset, per_class: int = 3, classes: int = 10):
    """The first training images of each class, one class per column."""
    classes = min(classes, data.classes)
    with figure(per_class, classes, size=(0.8 * classes, 0.85 * per_class + 0.2)) as (made, axes):
        for column in range(classes):
            chosen = np.flatnonzero(data.train.labels == column)[:per_class]
            for row, index in enumerate(chosen):
                axes[row, column].imshow(data.train.images[index])
            axes[0, column].set_title(str(column), fontsize=9)
        for axis in axes.flat:
            axis.axis("off")
    return made
