"""Which angle between R and W to expect of URFB: how far W has moved, epsilon, and which connections exist.

From W(0) and R(0), drawn independently, W has moved by D and R by epsilon D, each only where it has connections. Among
many connections D has no relation to either start, so that only D^t D is left of the inner product.
"""

import numpy as np

from urfb_tf.errors import ArgumentError, is_finite, is_positive
from urfb_tf.layers.connectivity import check_connectivity


def smallest_angle(connectivity: float, feedback_connectivity: float | None = None) -> float:
    """The angle through the whole matrix, in degrees, if R were W wherever both exist: arccos sqrt(c_W c_R).

    W and R are taken to be as large on their shared connections as elsewhere. Then W has the share c_R of its squared
    length there, and R the share c_W.

    Args:
        connectivity: c_W, the share of W's connections that exist, in (0, 1].
        feedback_connectivity: c_R. None means the same.
    """
    share = check_connectivity(connectivity, "connectivity")
    other = connectivity if feedback_connectivity is None else feedback_connectivity
    other = check_connectivity(other, "feedback_connectivity")
    return float(np.degrees(np.arccos(np.sqrt(share * other))))


def expected_angle(movement: float, *, epsilon: float = 1.0, connectivity: float = 1.0) -> float:
    """The angle in degrees with cos = c epsilon s / sqrt((1 + s) (1 + epsilon^2 s)), through the whole matrix.

    It holds for increments that have no relation to R(0). Where W turns towards R, as it can under fixed feedback too,
    the angle is smaller.

    Args:
        movement: s = |W - W(0)|^2 / |W(0)|^2, >= 0, with |R(0)| = |W(0)|.
        epsilon: the rule's; 0 is FRFB.
        connectivity: c, the share of connections that exist, drawn for W and R independently. With 1, this is
            the angle over the shared connections.
    """
    share = check_connectivity(connectivity, "connectivity")
    for name, value in {"movement": movement, "epsilon": epsilon}.items():
        if not (is_finite(value) and value >= 0):
            raise ArgumentError(f"{name} is a number >= 0, but got {value!r}.")
    moved = epsilon * np.sqrt(movement)  # by R, in lengths of R(0)
    cosine = np.sqrt(movement / (1 + movement)) * moved / np.hypot(1, moved)
    return float(np.degrees(np.arccos(share * cosine)))


def movement_of(angle: float, *, epsilon: float = 1.0, connectivity: float = 1.0) -> float:
    """The movement s that `expected_angle` takes to an angle: how far W has moved for R to have come so near.

    Args:
        angle: degrees, above the smallest that this connectivity allows. At 90, and beyond, nothing moved.
        epsilon: the rule's, > 0.
        connectivity: as in `expected_angle`.
    """
    if not (is_finite(angle) and 0 <= angle <= 180):
        raise ArgumentError(f"An angle is a number of degrees from 0 to 180, but got {angle!r}.")
    if not is_positive(epsilon):
        raise ArgumentError(f"Only with epsilon > 0 does R move, but got {epsilon!r}.")
    cosine = np.cos(np.radians(angle)) / check_connectivity(connectivity, "connectivity")
    if cosine >= 1:
        raise ArgumentError(
            f"An angle of {angle!r} degrees is out of reach with a connectivity of {connectivity}: the smallest is "
            f"{smallest_angle(connectivity):.1f}."
        )
    if cosine <= 0:
        return 0.0
    # Squared, the cosine of `expected_angle` makes a quadratic equation in s, of which one root is positive.
    square, rate = cosine**2, epsilon**2
    a, b, c = rate * (1 - square), -square * (1 + rate), -square
    return float((-b + np.sqrt(b * b - 4 * a * c)) / (2 * a))
