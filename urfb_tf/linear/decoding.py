"""What the best linear map from some units to a target leaves (the book's own)."""

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks


def decoding_error(seen, targets) -> float:
    """The share of the sum of squares of `targets` that least squares from `seen` leave, in [0, 1].

    Args:
        seen: what some units show for each example, [N, units].
        targets: what is to be told from it, [N, ...].

    Raises:
        ArgumentError: if there are no examples or not as many of both, a number is not finite, or all targets are 0.
    """
    seen, targets = checks.finite("seen", seen), checks.finite("targets", targets)
    if seen.ndim != 2 or targets.ndim < 1 or len(seen) != len(targets) or not len(seen):
        raise ArgumentError(
            "Decoding needs what units show, [N, units], and as many targets, but their shapes are "
            f"{list(seen.shape)} and {list(targets.shape)}."
        )
    largest = np.abs(targets).max(initial=0)
    if largest == 0:
        raise ArgumentError("All targets are 0: there is nothing to tell.")
    targets = targets.reshape(len(targets), -1) / largest
    whole = np.sum(targets**2)
    left = targets - seen @ np.linalg.lstsq(seen, targets, rcond=None)[0]
    return float(min(np.sum(left**2) / whole, 1.0))
