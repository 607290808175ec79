"""How the differential equations are solved: one method and one pair of tolerances for all of them.

DOP853, an explicit Runge-Kutta method of order 8: the right-hand sides are polynomials, hence smooth; the solutions are
wanted to many digits, where a high order pays; and they are not stiff, because all rates stay within a few orders of
magnitude of each other. The tolerances leave room above the rounding of float64, so that errors can be told from it.
"""

from collections.abc import Callable

import numpy as np
import scipy.integrate

from urfb_tf.errors import ArgumentError

METHOD = "DOP853"
RELATIVE_TOLERANCE = 1e-10
ABSOLUTE_TOLERANCE = 1e-12
EVALUATIONS = 300_000  # of the right-hand side: an explicit method needs about two per unit of rate times time

_REMEDY = "Ask for earlier times or take smaller weights."


def solve(derivative: Callable[[np.ndarray], np.ndarray], start: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The solution of y' = derivative(y), y(0) = start, at some times.

    Args:
        derivative: takes and gives [states].
        start: [states].
        times: [times], rising, >= 0.

    Returns:
        [times, states].

    Raises:
        ArgumentError: if the solution leaves the range of float64 before the last time, or takes too many steps.
    """
    evaluations = 0

    def counted(_, state: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        if evaluations > EVALUATIONS:
            raise ArgumentError(
                f"More than {EVALUATIONS} evaluations are needed to reach t = {times[-1]:g}: the weights learn too "
                f"fast for so long a time. {_REMEDY}"
            )
        return derivative(state)

    state, reached = start, 0.0
    states = []
    # What overflows on its way is reported below, in a sentence.
    with np.errstate(over="ignore", invalid="ignore"):
        for end in times:
            # From one wanted time to the next: the tolerances hold at the ends of steps, and interpolation between them
            # would lose half of the digits.
            if end > reached:
                found = scipy.integrate.solve_ivp(
                    counted,
                    (reached, end),
                    state,
                    method=METHOD,
                    rtol=RELATIVE_TOLERANCE,
                    atol=ABSOLUTE_TOLERANCE,
                )
                state = found.y[:, -1]
                if not found.success or not np.isfinite(state).all():
                    raise ArgumentError(
                        f"The solution cannot be followed to t = {times[-1]:g}: it is too large, or changes too fast, "
                        f"after t = {reached:g}. {_REMEDY}"
                    )
                reached = end
            states.append(state)
    return np.stack(states)
