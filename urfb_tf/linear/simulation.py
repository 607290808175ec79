"""The simulations of section 3.3: Figure 3 compares the rules, Figure 4 values of epsilon."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.linear import checks
from urfb_tf.linear.descent import Descent, descend

WIDTHS = (40, 100, 100, 10)
RULES = ("bp", "frfb", "urfb")


@dataclasses.dataclass(frozen=True)
class Problem:
    """What the networks of several runs start from (section 3.3).

    Attributes:
        target: T, [runs, n_k, n_0].
        weights: W_1 .. W_k, [runs, n_i, n_{i-1}].
        feedback: R_2 .. R_k, [runs, n_{i-1}, n_i].
    """

    target: np.ndarray
    weights: list[np.ndarray]
    feedback: list[np.ndarray]


def draw(seeds: Sequence[int] = (0, 1, 2), widths: Sequence[int] = WIDTHS) -> Problem:
    """Random targets and weights (section 3.3), one run per seed.

    T is the product of matrices that are drawn like W(0), so that it can be reached. The paper says only "randomly":
    here the entries of W_i are normal with variance 1/n_{i-1}, which keeps signals at their size, and R_i is drawn like
    W_i^t.

    Args:
        seeds: one per run.
        widths: n_0 .. n_k.

    Raises:
        ArgumentError: if there are no seeds, fewer than two layers, or a width that is no whole number >= 1.
    """
    widths = [checks.whole("A layer's width", width, 1) for width in checks.listed("widths", widths)]
    if len(widths) < 3:
        raise ArgumentError(f"A network with feedback has at least two layers, so three widths, but got {widths}.")
    seeds = checks.listed("seeds", seeds)
    if not seeds:
        raise ArgumentError("At least one seed is needed.")
    shapes = list(zip(widths[1:], widths[:-1], strict=True))  # [n_i, n_{i-1}]
    targets, weights, feedback = [], [], []
    for seed in seeds:
        random = np.random.default_rng(checks.whole("A seed", seed, 0))

        def matrices(shapes=shapes, random=random) -> list[np.ndarray]:
            return [random.normal(scale=shape[1] ** -0.5, size=shape) for shape in shapes]

        targets.append(np.linalg.multi_dot(matrices()[::-1]))
        weights.append(matrices())
        feedback.append([w.T for w in matrices()[1:]])
    return Problem(np.stack(targets), _stack(weights), _stack(feedback))


def compare_rules(problem: Problem, step: float = 0.01, iterations: int = 5000) -> dict[str, Descent]:
    """The same weights trained by each rule, by rule: Figure 3.

    BP, the paper's SGD, has R(0) = W(0)^t and epsilon = 1; FRFB and URFB share a random R(0), with epsilon 0 and 1.
    """
    tied = [np.swapaxes(w, -1, -2) for w in problem.weights[1:]]
    weights = [np.stack([w] * 3) for w in problem.weights]  # [rules, runs, n_i, n_{i-1}]
    feedback = [np.stack([t, r, r]) for t, r in zip(tied, problem.feedback, strict=True)]
    epsilon = np.array([1.0, 0.0, 1.0])[:, None]
    found = descend(problem.target, weights, feedback, epsilon, step, iterations)
    return {rule: found[number] for number, rule in enumerate(RULES)}


def compare_epsilons(
    problem: Problem, epsilons: Sequence[float] = (0, 0.25, 0.5, 1), step: float = 0.01, iterations: int = 1000
) -> dict[float | str, Descent]:
    """Networks whose feedforward weights start at zero, by epsilon, and SGD under the name "bp": Figure 4.

    SGD cannot start at zero, where its gradient vanishes; it starts from the problem's weights, as in Figure 3.
    """
    epsilons = checks.listed("epsilons", epsilons)
    checks.not_negative("epsilon", epsilons)
    zero = [np.zeros_like(w) for w in problem.weights]
    tied = [np.swapaxes(w, -1, -2) for w in problem.weights[1:]]
    weights = [np.stack([*[z] * len(epsilons), w]) for z, w in zip(zero, problem.weights, strict=True)]
    feedback = [np.stack([*[r] * len(epsilons), t]) for r, t in zip(problem.feedback, tied, strict=True)]
    found = descend(problem.target, weights, feedback, np.array([*epsilons, 1.0])[:, None], step, iterations)
    names: list[float | str] = [*epsilons, "bp"]
    return {name: found[number] for number, name in enumerate(names)}


def relative_difference(weights, reference) -> np.ndarray:
    """|A - B| / |B| in the Frobenius norm, [...], of matrices A, B, [..., rows, columns].

    Raises:
        ArgumentError: if they are no matrices, a number is not finite, or B is 0.
    """
    weights, reference = checks.finite("weights", weights), checks.finite("reference", reference)
    if min(weights.ndim, reference.ndim) < 2 or weights.shape[-2:] != reference.shape[-2:]:
        raise ArgumentError(
            f"weights and reference are matrices of one shape, but got {weights.shape} and {reference.shape}."
        )
    if not reference.any(axis=(-2, -1)).all():
        raise ArgumentError("reference must not be 0: nothing has a size relative to it.")
    return np.linalg.norm(weights - reference, axis=(-2, -1)) / np.linalg.norm(reference, axis=(-2, -1))


def _stack(runs: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.stack(matrices) for matrices in zip(*runs, strict=True)]
