"""Gradient descent in small steps, many linear networks at once (section 3.3)."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks
from urfb_tf.linear.increments import carried_down, responses


@dataclasses.dataclass(frozen=True)
class Descent:
    """A batch of networks that have learned.

    Attributes:
        squared_error: |T - W_k .. W_1|^2 before each step and after the last, [iterations + 1, ...].
        weights: W_1 .. W_k at the end, [..., n_i, n_{i-1}].
        feedback: R_2 .. R_k at the end, [..., n_{i-1}, n_i].
    """

    squared_error: np.ndarray
    weights: list[np.ndarray]
    feedback: list[np.ndarray]

    def __getitem__(self, index) -> "Descent":
        """A part of the batch."""
        return Descent(
            self.squared_error[:, index], [w[index] for w in self.weights], [r[index] for r in self.feedback]
        )


def descend(target, weights: Sequence, feedback: Sequence, epsilon, step: float, iterations: int) -> Descent:
    """Steps W += step dW/dt and R += epsilon step (dW/dt)^t, the Euler scheme of equation (11) at any depth.

    R is a state of its own, so any initial condition is right: R(0) = W(0)^t with epsilon = 1 is back-propagation, the
    paper's SGD, since both then receive the same increments for ever.

    Args:
        target: T, [..., n_k, n_0]. Leading dimensions count networks, and are broadcast.
        weights: W_i(0), [..., n_i, n_{i-1}], i = 1..k, k >= 2.
        feedback: R_i(0), [..., n_{i-1}, n_i], i = 2..k.
        epsilon: >= 0, a number or one for each network, [...].
        step: the size of a step, > 0.
        iterations: >= 1.

    Raises:
        ArgumentError: if shapes do not chain, a number is outside its range, or the steps are so large that the weights
            explode.
    """
    target, weights, feedback = checks.chain(target, weights, feedback)
    size = checks.number("step", checks.positive("step", step))
    iterations = checks.whole("iterations", iterations, 1)
    epsilon = checks.not_negative("epsilon", epsilon)
    batch = checks.networks([target, *weights, *feedback], epsilon.shape)
    weights = [np.array(np.broadcast_to(w, batch + w.shape[-2:])) for w in weights]
    feedback = [np.array(np.broadcast_to(r, batch + r.shape[-2:])) for r in feedback]
    back_step = size * np.broadcast_to(epsilon, batch)[..., None, None]
    errors = np.empty((iterations + 1, *batch))
    with np.errstate(over="ignore", invalid="ignore"):  # an explosion is reported in a sentence
        for iteration in range(iterations + 1):
            said = responses(weights)
            delta = target - said[-1]
            errors[iteration] = np.sum(delta**2, axis=(-1, -2))
            if not np.isfinite(errors[iteration]).all():
                raise ArgumentError(f"The weights exploded after {iteration} steps of {size:g}: take a smaller step.")
            if iteration == iterations:
                break
            change = carried_down(delta, said, feedback)
            for w, dw in zip(weights, change, strict=True):
                w += size * dw
            for r, dw in zip(feedback, change[1:], strict=True):
                r += back_step * np.swapaxes(dw, -1, -2)
    return Descent(errors, weights, feedback)
