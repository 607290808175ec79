"""The angle between R and W that URFB's increments make: against random matrices, and its own inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf.errors import ArgumentError
from urfb_tf.metrics import angle, expected_angle, movement_of, smallest_angle

SIZE = 400_000


@pytest.mark.parametrize(
    ("connectivity", "other", "degrees"), [(1, None, 0), (0.5, None, 60), (0.25, 1, 60), (1, 0.25, 60), (0.5, 0.5, 60)]
)
def test_the_smallest_angle_worked_by_hand(connectivity, other, degrees):
    # The arc cosine of a number next to 1 is as far from 0 as the root of its rounding.
    assert smallest_angle(connectivity, other) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize(
    ("movement", "options", "cosine"),
    [(0, {}, 0), (1, {}, 0.5), (3, {}, 0.75), (1, {"connectivity": 0.5}, 0.25), (1, {"epsilon": 0}, 0)],
)
def test_the_expected_angle_worked_by_hand(movement, options, cosine):
    assert expected_angle(movement, **options) == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-10)


@pytest.mark.parametrize("connectivity", [1.0, 0.5, 0.1])
@pytest.mark.parametrize(("movement", "epsilon"), [(0.3, 1.0), (2.0, 0.1), (1.0, 3.0)])
def test_independent_starts_and_increments_make_the_expected_angle(movement, epsilon, connectivity):
    random = np.random.default_rng(0)
    start, feedback, moved = random.normal(size=(3, SIZE))
    forward, backward = random.random(size=(2, SIZE)) < connectivity
    w = np.where(forward, start + np.sqrt(movement) * moved, 0)
    r = np.where(backward, feedback + epsilon * np.sqrt(movement) * moved, 0)
    # A mean product of so many numbers strays by 1/sqrt(400,000 c^2) of their size: five times that, in radians.
    tolerance = np.degrees(5 / np.sqrt(SIZE) / connectivity)
    assert angle(w, r) == pytest.approx(
        expected_angle(movement, epsilon=epsilon, connectivity=connectivity), abs=tolerance
    )
    both = forward & backward
    assert angle(w[both], r[both]) == pytest.approx(expected_angle(movement, epsilon=epsilon), abs=tolerance)


@given(st.floats(1e-3, 1e3), st.floats(0.01, 10), st.floats(0.01, 1))
def test_the_movement_leads_back_to_its_angle(movement, epsilon, connectivity):
    reached = expected_angle(movement, epsilon=epsilon, connectivity=connectivity)
    found = movement_of(reached, epsilon=epsilon, connectivity=connectivity)
    # The cosine loses up to 1e3 * 1e2 of its precision on the way: next to 1 it hardly depends on the movement.
    assert found == pytest.approx(movement, rel=1e-6)


@given(st.floats(0, 100), st.floats(0, 10), st.floats(0.01, 1))
def test_no_movement_brings_the_weights_nearer_than_the_connections_allow(movement, epsilon, connectivity):
    reached = expected_angle(movement, epsilon=epsilon, connectivity=connectivity)
    assert smallest_angle(connectivity) - 1e-6 <= reached <= 90


def test_a_movement_beyond_all_measure_brings_them_together():
    assert expected_angle(1e200) == pytest.approx(0, abs=1e-6)


def test_at_a_right_angle_nothing_has_moved():
    assert movement_of(90) == pytest.approx(0, abs=1e-15)
    assert movement_of(91) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: smallest_angle(0), r"in \(0, 1\]"),
        (lambda: smallest_angle(0.5, 2), "feedback_connectivity"),
        (lambda: expected_angle(-1), "movement"),
        (lambda: expected_angle(1, epsilon=float("nan")), "epsilon"),
        (lambda: expected_angle(None), "movement is a number >= 0, but got None"),
        (lambda: expected_angle("1"), "movement is a number >= 0"),
        (lambda: movement_of("a"), "degrees from 0 to 180, but got 'a'"),
        (lambda: movement_of(float("nan")), "degrees from 0 to 180, but got nan"),
        (lambda: movement_of(-50), "degrees from 0 to 180, but got -50"),
        (lambda: movement_of(50, connectivity=0.5), r"the smallest is 60\.0"),
        (lambda: movement_of(50, epsilon=0), "epsilon > 0"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ArgumentError, match=words):
        call()
