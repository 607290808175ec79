"""Whether layers can learn by a rule: what every rule promises, asked of one rule."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.errors import ArgumentError
from urfb_tf.rules.rule import FeedbackRule, get

SHAPES = {"FeedbackDense": (5, 6), "FeedbackConv2D": (2, 6, 5, 3)}  # of the inputs
POLICIES = ("float32", "float64", "mixed_float16")
ANSWERS = {  # what an attribute promises that the rule itself says
    "updates_feedback": "feedback_increment",
    "renews_feedback": "renewed_feedback",
    "skips_updates": "learns",
}


def check(rule: "str | FeedbackRule") -> None:
    """Ask of a rule, in a dense layer and a convolution, what every rule promises; return if it keeps it.

    W's increment is the Hebbian product, the error travels down through the weights that the rule names, R takes the
    increment that the rule names and otherwise stays what it is, and configuration and name lead back to the rule. The
    layers compute in float32, in float64 and under mixed_float16.

    Args:
        rule: a rule, or the name of one that is registered.

    Raises:
        ArgumentError: with the first promise that is broken.
    """
    rule = get(rule)
    for broken in _broken(rule):
        raise ArgumentError(f"The rule {rule!r} {broken}.")


def _broken(rule: FeedbackRule) -> Iterator[str]:
    yield from _of_configuration(rule)
    if rule.updates_feedback and not rule.has_feedback:
        yield "updates feedback weights that it does not have: set `has_feedback`"
    if not rule.has_feedback and type(rule).propagating is FeedbackRule.propagating:
        yield "has no feedback weights: define `propagating`, which names those that carry the error in their place"
    if rule.delay and not rule.has_feedback:
        yield "delays updates of feedback weights that it does not have: set `has_feedback`"
    if rule.delay and (rule.every < 1 or rule.delay % rule.every):
        yield f"has `every` {rule.every}, which must be a divisor of its `delay`, {rule.delay}"
    for attribute, method in ANSWERS.items():
        if getattr(rule, attribute) and getattr(type(rule), method) is getattr(FeedbackRule, method):
            yield f"has `{attribute}`, but no `{method}`: define it"
    for policy in POLICIES:
        for kind in SHAPES:
            try:
                yield from _of_layer(rule, kind, policy)
            except Exception as error:  # whatever a rule's methods may raise
                reason = (str(error) or type(error).__name__).partition("\n")[0].rstrip(".")
                advice = "" if policy == POLICIES[0] else ": let it compute in the type of what it is given"
                yield f"fails in a {kind} under {policy} ({reason}){advice}"


def _of_configuration(rule: FeedbackRule) -> Iterator[str]:
    if not isinstance(getattr(rule, "name", None), str):
        yield "has no name: set the class attribute `name`"
    try:
        again = get(keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rule)))
        same = again == rule and _alike(vars(again), vars(rule))
    except Exception as error:  # whatever a constructor may raise
        yield (
            f"does not survive saving ({error}): decorate it with `register`, and let `get_config` give its arguments, "
            "arrays as lists"
        )
        return
    if not same:
        yield "comes back from its configuration as another: let `get_config` give all arguments"


def _alike(a, b) -> bool:
    """Whether two attributes are equal; of arrays, every entry."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_alike, a, b))
    return np.shape(a) == np.shape(b) and bool(np.all(a == b))


def _of_layer(rule: FeedbackRule, kind: str, policy: str) -> Iterator[str]:
    from urfb_tf import layers

    options = {"filters": 4, "kernel_size": 3} if kind == "FeedbackConv2D" else {"units": 4}
    layer = getattr(layers, kind)(rule=rule, seed=1, activation="tanh", dtype=policy, **options)
    shape, narrow = SHAPES[kind], layer.compute_dtype
    layer.build(shape)
    x = tf.cast(tf.random.stateless_normal(shape, seed=(3, 4)), narrow)
    kernel = tf.cast(layer.kernel.value, narrow)
    feedback = None if layer.feedback is None else tf.cast(layer.feedback.value, narrow)
    through = tf.convert_to_tensor(rule.propagating(kernel, feedback))
    if through.shape != kernel.shape or through.dtype != kernel.dtype:
        yield (
            f"sends the error through weights {through.shape}, {through.dtype.name}, in {kind}: W has {kernel.shape}, "
            f"{kernel.dtype.name}"
        )
        return
    passed, hebbian, down = _plain(layer, x, kernel, through)
    weights = [kernel] if feedback is None else [kernel, feedback]
    with tf.GradientTape() as tape:
        tape.watch([x, *weights])
        layer_output = layer(x)
        watched = [layer.kernel.value] if feedback is None else [layer.kernel.value, layer.feedback.value]
    found = tape.gradient(layer_output, [x, *watched], output_gradients=passed)
    if not _close(found[0], tf.zeros_like(x) if rule.direct else down):
        yield f"does not send the error of a {kind} through the weights that `propagating` names"
    if not _close(found[1], hebbian + rule.weight_decay * kernel):
        yield f"does not let W of a {kind} learn by the Hebbian product"
    if feedback is None:
        return
    if rule.updates_feedback and not _close(found[2], rule.feedback_increment(hebbian) + rule.weight_decay * feedback):
        yield f"does not let R of a {kind} take the increment that `feedback_increment` names"
    if not rule.updates_feedback and found[2] is not None:
        yield f"lets R of a {kind} learn, though `updates_feedback` is False"
    before = tf.identity(layer.feedback.value)
    layer(x, training=True)
    if rule.renews_feedback == _close(layer.feedback.value, before):
        yield f"does not renew R of a {kind} as `renews_feedback` says"


def _plain(layer, x: tf.Tensor, kernel: tf.Tensor, through: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """An error at the output, and by automatic differentiation W's Hebbian product and what goes down `through`."""
    linear = tf.matmul if len(x.shape) == 2 else lambda x, w: tf.nn.conv2d(x, w, 1, "SAME")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, kernel])
        field = linear(x, kernel)
        output = tf.tanh(field)
        carried = linear(x, through)
    error = tf.cast(tf.random.stateless_normal(output.shape, seed=(5, 6)), output.dtype)
    local = tape.gradient(output, field, output_gradients=error)  # sigma'(h) delta
    return error, tape.gradient(field, kernel, local), tape.gradient(carried, x, local)


def _close(a, b) -> bool:
    # Sums of at most 120 products of numbers of size 1, which float32 rounds by less than 1e-5, half precision by 1e-2.
    if a is None or a.shape != b.shape:
        return False
    allowed = 1e-2 if tf.float16 in (a.dtype, b.dtype) else 1e-4
    return np.allclose(tf.cast(a, tf.float64), tf.cast(b, tf.float64), rtol=allowed, atol=allowed)
