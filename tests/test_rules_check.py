"""`rules.check` finds what is wrong with a rule."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from urfb_tf import FeedbackDense, rules
from urfb_tf.errors import ArgumentError


class Doubled(rules.FeedbackRule):
    """Nothing is wrong with this one: twice W carries the error."""

    name = "doubled"
    has_feedback = False

    def propagating(self, kernel, feedback):
        return 2 * kernel


class Forgetful(rules.UpdatedRandomFeedback):
    def get_config(self):
        return {}


class Misshapen(rules.FeedbackRule):
    def propagating(self, kernel, feedback):
        return feedback[:-1]


class WithoutWeights(rules.FeedbackRule):
    has_feedback = False
    updates_feedback = True

    def propagating(self, kernel, feedback):
        return kernel


class Restless(rules.FeedbackRule):
    """Draws other weights at each question."""

    def propagating(self, kernel, feedback):
        return feedback * tf.random.uniform([])


class Idle(rules.FeedbackRule):
    renews_feedback = True

    def renewed_feedback(self, layer, kernel, feedback):
        return feedback


class Uneven(rules.FeedbackRule):
    updates_feedback = True
    calls = 0

    def feedback_increment(self, hebbian):
        type(self).calls += 1
        return type(self).calls * hebbian


class Promising(rules.FeedbackRule):
    updates_feedback = True


class Narrow(rules.FeedbackRule):
    has_feedback = False

    def propagating(self, kernel, feedback):
        return tf.sign(kernel) * tf.constant(0.1)


class Wide(rules.FeedbackRule):
    has_feedback = False

    def propagating(self, kernel, feedback):
        return tf.cast(kernel, tf.float32)


class WideInHalf(rules.FeedbackRule):
    """Computes in the type of what it is given, half precision apart."""

    has_feedback = False

    def propagating(self, kernel, feedback):
        return tf.cast(kernel, tf.float32) if kernel.dtype == tf.float16 else kernel


class Weighted(rules.FeedbackRule):
    """Keeps an array; whether it is a good rule depends on the configuration."""

    def __init__(self, shares=(0.5, 0.5)):
        self.shares = np.asarray(shares)

    def propagating(self, kernel, feedback):
        return feedback * self.shares.sum()

    def get_config(self):
        return {"shares": self.shares.tolist()}


class WeightedByOther(Weighted):
    def get_config(self):
        return {"shares": (self.shares[:1] / 2).tolist()}


class WeightedByArray(Weighted):
    def get_config(self):
        return {"shares": self.shares}


class Carrying(rules.FeedbackRule):
    """Does not say what carries the error."""

    has_feedback = False


class DelayedAlone(WithoutWeights):
    updates_feedback = False
    delay = 2


class DelayedUnevenly(rules.FeedbackRule):
    delay, every = 2, 3


class DelayedByNothing(rules.FeedbackRule):
    delay, every = 2, 0


BROKEN = {
    "has no feedback weights: define `propagating`": Carrying(),
    "delays updates of feedback weights that it does not have": DelayedAlone(),
    "has `every` 3, which must be a divisor of its `delay`, 2": DelayedUnevenly(),
    "has `every` 0, which must be a divisor of its `delay`, 2": DelayedByNothing(),
    "has `updates_feedback`, but no `feedback_increment`: define it": Promising(),
    "fails in a FeedbackDense under float64 .* expected to be a double tensor": Narrow(),
    "through weights .*float32, in FeedbackDense: W has .*float64": Wide(),
    "through weights .*float32, in FeedbackDense: W has .*float16": WideInHalf(),
    "another: let `get_config` give all arguments": WeightedByOther(),
    "does not survive saving .* give its arguments, arrays as lists": WeightedByArray(),
    "comes back from its configuration as another": Forgetful(0.5),
    "through weights": Misshapen(),
    "updates feedback weights that it does not have": WithoutWeights(),
    "does not send the error": Restless(),
    "does not renew": Idle(),
    "does not let R": Uneven(),
}


@pytest.fixture
def registered():
    """Lists rules for one test only."""
    known = dict(rules.RULES)

    def register(rule):
        type(rule).name = type(rule).__name__.lower()
        rules.register(type(rule))
        return rule

    yield register
    rules.RULES.clear()
    rules.RULES.update(known)


def test_a_rule_that_keeps_its_promises_passes_by_itself_and_by_name(registered):
    rules.check(registered(Doubled()))
    rules.check("doubled")
    rules.check(registered(Weighted([0.25, 0.5])))


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_promise_is_named(message, registered):
    with pytest.raises(ArgumentError, match=message):
        rules.check(registered(BROKEN[message]))


def test_a_rule_that_is_not_registered_is_told_to_be():
    class Unknown(rules.FeedbackRule):
        name = "unknown"

        def propagating(self, kernel, feedback):
            return kernel

    assert keras.saving.get_registered_object("urfb_tf>Unknown") is None
    with pytest.raises(ArgumentError, match="decorate it with `register`"):
        rules.check(Unknown())


def test_an_unknown_name_is_refused():
    with pytest.raises(ArgumentError, match="Unknown feedback rule"):
        rules.check("nonsense")


def test_a_rule_needs_a_name_of_its_own_that_no_other_has(registered):
    class Nameless(rules.UpdatedRandomFeedback):
        pass

    class Urfb(rules.FeedbackRule):
        name = "URFB"

    class UpdatedRandomFeedback(rules.UpdatedRandomFeedback):
        name = "mine"

    before = dict(rules.RULES)
    with pytest.raises(ArgumentError, match="Nameless has no name of its own: set the class attribute `name`"):
        rules.register(Nameless)
    with pytest.raises(ArgumentError, match="cannot have the name 'URFB', which UpdatedRandomFeedback has"):
        rules.register(Urfb)
    with pytest.raises(ArgumentError, match="'mine' cannot be called UpdatedRandomFeedback, as that of 'urfb' is"):
        rules.register(UpdatedRandomFeedback)
    assert len(rules.RULES) == len(before)
    assert type(rules.get("urfb")) is rules.UpdatedRandomFeedback


def test_a_rule_that_is_defined_again_takes_the_place_of_the_one_before(registered):
    def define(called):
        class Again(rules.FeedbackRule):
            name = called

        return rules.register(Again)

    before = list(rules.RULES)
    for called in ("again", "again", "Again", "other"):
        again = define(called)
        assert type(rules.get(called)) is again
        assert list(rules.RULES) == [*before, called]


@pytest.mark.parametrize("called", ["MyRule", "myrule", "MYRULE"])
def test_a_name_is_found_in_small_and_capital_letters(called, registered):
    @rules.register
    class Mine(rules.FeedbackRule):
        name = "MyRule"

    assert type(rules.get(called)) is Mine
    assert type(rules.get("URFB")) is rules.UpdatedRandomFeedback


def test_an_r_that_learns_and_is_renewed_is_refused_wherever_a_rule_goes():
    class Both(rules.FeedbackRule):
        name = "both"
        updates_feedback = renews_feedback = True

    for use in (rules.check, lambda rule: FeedbackDense(3, rule=rule)):
        with pytest.raises(ArgumentError, match="cannot both learn from the error and be renewed"):
            use(Both())
