"""What every layer with feedback weights shares: the weights, the masks and the local learning rule."""

import random

import keras
import tensorflow as tf

from urfb_tf import rules
from urfb_tf.errors import ArgumentError
from urfb_tf.layers.connectivity import (
    Existing,
    Masked,
    RandomMask,
    check_connectivity,
    draw_alike,
    keep,
    redrawn,
    reseeded,
    seeded,
)
from urfb_tf.layers.timing import Moment, Timing
from urfb_tf.seeds import check_whole, stream


class FeedbackLayer(keras.layers.Layer):
    """A linear map with weights W whose error travels down by a feedback rule, equations (6) and (7).

    A subclass says what its linear map is (`_forward`), how an error crosses it downwards (`_pull_back`) and what the
    Hebbian product of input and error is (`_correlate`); it calls `_add_connections` in its `build`. Where these share
    work, `_arrange_inputs` and `_arrange_errors` do it once.

    With h = W x (+ bias), y = sigma(h) and the error delta = -dC/dy coming from above, the layer learns by
    dW = delta sigma'(h) x, gives R the rule's share of it, and hands R^t (delta sigma'(h)) down.

    Args:
        rule: a name ("bp", "frfb", "urfb") or a `FeedbackRule`.
        activation: anything Keras takes, or a `SaturatedLinearity`. None is linear.
        use_bias: whether to add a bias. The paper has none.
        connectivity: the share of W's connections that exist, in (0, 1]. The others stay 0 under every optimiser, but
            for the averages (`use_ema`) of one whose step at a weight depends on others, such as Muon: Keras averages
            before it constrains.
        feedback_connectivity: the same for R, drawn independently. None means `connectivity`.
        kernel_initializer, feedback_initializer, bias_initializer: of W, R and the bias. One given by name draws from
            `seed`, an object from its own. W and R are drawn independently, also where both are given the same.
        propagate_derivative: whether the error handed down contains sigma'(h). False is equation (6) to the letter,
            which is not the gradient even if R = W.
        seed: makes weights and masks reproducible. None draws a seed from Python's `random`, which
            `keras.utils.set_random_seed` fixes.

    Raises:
        ArgumentError: for an unknown rule, a connectivity outside (0, 1], or a seed that is no whole number >= 0.
    """

    _free_size = 1  # what noise takes for a dimension of the input whose size is free

    # Made by `build`: W, and what rule, `use_bias` and connectivity ask for, else None.
    kernel: keras.Variable
    feedback: keras.Variable
    bias: keras.Variable
    kernel_mask: keras.Variable
    feedback_mask: keras.Variable

    def __init__(
        self,
        *,
        rule: str | dict | rules.FeedbackRule = "urfb",
        activation=None,
        use_bias: bool = False,
        connectivity: float = 1.0,
        feedback_connectivity: float | None = None,
        kernel_initializer="glorot_uniform",
        feedback_initializer="glorot_uniform",
        bias_initializer="zeros",
        propagate_derivative: bool = True,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.rule = rules.get(rule)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.connectivity = check_connectivity(connectivity, "connectivity")
        self.feedback_connectivity = check_connectivity(
            connectivity if feedback_connectivity is None else feedback_connectivity, "feedback_connectivity"
        )
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.feedback_initializer = keras.initializers.get(feedback_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self._initializer_arguments = (kernel_initializer, feedback_initializer, bias_initializer)
        self.propagate_derivative = propagate_derivative
        if seed is not None:
            check_whole(seed)
        self.seed = seed
        self.kernel = self.feedback = self.bias = self.kernel_mask = self.feedback_mask = None
        self._timing: Timing | None = None

    def _add_connections(self, shape: tuple[int, ...], bias_shape: tuple[int, ...], spread: float = 1.0) -> None:
        """Create W, R (if the rule has one), their masks (where connectivity is below 1) and the bias.

        `spread` multiplies the standard deviation that a variance-scaling initialiser reads off `shape`.
        """
        seed = random.randrange(2**31) if self.seed is None else self.seed
        kernel_identifier, feedback_identifier, bias_identifier = self._initializer_arguments
        drawn = seeded(kernel_identifier, seed, "kernel", spread=spread)
        self.kernel = self._add_drawn("kernel", shape, drawn, self.connectivity, seed, trainable=True)
        if self.rule.has_feedback:
            if draw_alike(kernel_identifier, feedback_identifier):  # R would be W
                feedback_identifier = reseeded(self.feedback_initializer, stream(seed, "feedback"))
            self.feedback = self._add_drawn(
                "feedback",
                shape,
                seeded(feedback_identifier, seed, "feedback", spread=spread),
                self.feedback_connectivity,
                seed,
                trainable=self.rule.updates_feedback,
                # A small change would be lost in half precision.
                **({"autocast": False, "aggregation": "mean"} if self.rule.renews_feedback else {}),
            )
        # After both weights: Keras puts what trains before what does not, and the order shall be that of any rule.
        self.kernel_mask = self._add_mask(self.kernel, self.connectivity, seed)
        if self.feedback is not None:
            self.feedback_mask = self._add_mask(self.feedback, self.feedback_connectivity, seed)
        if self.rule.renews_feedback:
            self._renewal = keras.random.SeedGenerator(stream(seed, "renewal"))
            self._redraw = redrawn(feedback_identifier, self._renewal, spread=spread)
        if self.rule.skips_updates or self.rule.delay or self.rule.lag:
            self._timing = Timing(self, seed)
        if self.use_bias:
            drawn = seeded(bias_identifier, seed, "bias")
            self.bias = self.add_weight(name="bias", shape=bias_shape, initializer=drawn)

    def _add_drawn(self, name, shape, initializer, connectivity, seed, **options) -> keras.Variable:
        """Weights of which a share exists; the others are 0."""
        if connectivity < 1:
            initializer = Masked(initializer, _coins(connectivity, seed, name))
        return self.add_weight(name=name, shape=shape, initializer=initializer, **options)

    def _add_mask(self, weights: keras.Variable, connectivity: float, seed: int) -> keras.Variable | None:
        """Which of these weights exist, from now on; None if all of them do."""
        if connectivity == 1:
            return None
        mask = self.add_weight(
            name=f"{weights.name}_mask",
            shape=weights.shape,
            initializer=_coins(connectivity, seed, weights.name),
            dtype="bool",
            trainable=False,
            autocast=False,
        )
        weights.constraint = Existing(mask)
        return mask

    def save_own_variables(self, store) -> None:
        """Keras' hook for saving, by name: which variable comes first depends on the rule."""
        for variable in self._own_variables():
            store[variable.name] = variable

    def load_own_variables(self, store) -> None:
        """Keras' hook for loading.

        Raises:
            ArgumentError: if what was saved are not this layer's variables, as under a rule with others.
        """
        own, saved = {variable.name: variable for variable in self._own_variables()}, set(store.keys())
        if own and not saved & set(own):
            raise ArgumentError(
                f"The file holds none of the weights {', '.join(sorted(own))} of the layer {self.name!r}, as where a "
                "stock layer was saved: load it into the stock model, and convert that by urfb_tf.convert."
            )
        if set(own) != saved:
            raise ArgumentError(
                f"The layer {self.name!r} has the weights {', '.join(sorted(own))}, but saved were "
                f"{', '.join(sorted(saved))}: load them into a model with the same rule and connectivity, then change "
                "its rule."
            )
        for name, variable in own.items():
            variable.assign(store[name])

    def _own_variables(self) -> list[keras.Variable]:
        return [*self._trainable_variables, *self._non_trainable_variables]

    def call(self, inputs, training=None):
        kernel = tf.convert_to_tensor(self.kernel)
        if isinstance(inputs, tf.SparseTensor):  # as of keras.Input(sparse=True), which `Dense` takes
            inputs = tf.sparse.to_dense(inputs)
        if inputs.dtype.is_integer or inputs.dtype.is_bool:  # Keras casts floating inputs alone
            inputs = tf.cast(inputs, kernel.dtype)
        feedback = kernel if self.feedback is None else tf.cast(self._read_feedback(kernel, training), kernel.dtype)
        moment = Moment() if self._timing is None else self._timing.now(feedback, training)
        if (stale := self._stale_feedback()) is not None:
            moment = moment._replace(carrier=stale)
        if self.propagate_derivative:
            return self._activate(self._learn(inputs, kernel, feedback, moment, training))
        # The weights learn from the error with sigma'(h); what goes down by-passes the activation, at no value.
        learned = self._activate(self._learn(tf.stop_gradient(inputs), kernel, feedback, moment, training))
        carrier = feedback if moment.carrier is None else moment.carrier
        return learned + self._pass_down(inputs, kernel, carrier, tf.zeros_like(learned))

    def _read_feedback(self, kernel: tf.Tensor, training: bool | None) -> tf.Tensor:
        """R, in training renewed if the rule does so and the layer is not frozen."""
        feedback = tf.convert_to_tensor(self.feedback)
        if not training or not self.trainable or not self.rule.renews_feedback:
            return feedback
        renewed = self.rule.renewed_feedback(self, tf.cast(kernel, feedback.dtype), feedback)
        mask = None if self.feedback_mask is None else tf.convert_to_tensor(self.feedback_mask)
        renewed = keep(mask, tf.stop_gradient(renewed))
        self.feedback.assign(renewed)
        return renewed

    def draw_feedback(self) -> tf.Tensor:
        """Fresh values for R from its initialiser, others at each call; for rules that renew R."""
        return tf.convert_to_tensor(self._redraw(self.feedback.shape, dtype=self.feedback.dtype))

    def mean_products(self, weights: tf.Tensor, patterns: int) -> tf.Tensor:
        """The mean product of input and field of each connection, when standard normal noise enters the layer.

        For rules that renew R. On average this is `weights`. Connections that share a weight share the mean.

        Args:
            weights: of W's shape, in R's type.
            patterns: how many patterns of noise enter.
        """
        # A dimension of free size takes one that lets each weight take part.
        sizes = [size or self._free_size for size in self.get_build_config()["input_shape"][1:]]

        def products(inputs, respond):
            arranged = self._arrange_inputs(inputs)
            field = respond(self._forward(arranged, weights))
            return self._correlate(arranged, self._arrange_errors(field))

        noise = keras.random.normal([patterns, *sizes], dtype=weights.dtype, seed=self._renewal)
        counts = products(tf.ones([1, *sizes], weights.dtype), tf.ones_like)  # products per pattern and weight
        return tf.math.divide_no_nan(products(noise, tf.identity), patterns * counts)

    def coins(self, name: str, batch: tf.Tensor, probability: float) -> tf.Tensor:
        """Booleans of W's shape, True with `probability`, others for each name and batch; for rules that skip updates.

        Args:
            name: what they are for.
            batch: int32, as `FeedbackRule.learns` receives it.
            probability: in (0, 1].
        """
        assert self._timing is not None
        return self._timing.coins(name, batch, probability)

    def settle_feedback(self) -> None:
        """Let all of R's updates take effect at once, where the rule delays them: after R was set from outside."""
        if self._timing is not None:
            self._timing.settle()

    def count_on_from(self, other: keras.layers.Layer) -> None:
        """Take over another layer's number of training steps, where the rules of both count them."""
        timing = getattr(other, "_timing", None)
        if self._timing is not None and timing is not None:
            self._timing.batches.assign(timing.batches)

    def carrying_feedback(self) -> tf.Tensor:
        """The weights that carry the error down now, of W's shape: R, W itself, or what else the rule makes of them."""
        feedback = None if self.feedback is None else tf.cast(tf.convert_to_tensor(self.feedback), self.kernel.dtype)
        if self._timing is not None and feedback is not None:
            carrier = self._timing.now(feedback, training=False).carrier
            feedback = feedback if carrier is None else carrier
        if (stale := self._stale_feedback()) is not None:
            feedback = tf.cast(stale, self.kernel.dtype)
        return self.rule.propagating(tf.convert_to_tensor(self.kernel), feedback)

    def _activate(self, field: tf.Tensor) -> tf.Tensor:
        if self.bias is not None:
            bias = tf.convert_to_tensor(self.bias)
            # As Keras' own layers do: the gradient of a plain sum adds up in another order.
            field = tf.nn.bias_add(field, bias) if bias.shape.rank == 1 else field + bias
        return field if self.activation is None else self.activation(field)

    def _learn(
        self, inputs: tf.Tensor, kernel: tf.Tensor, feedback: tf.Tensor, moment: Moment, training: bool | None
    ) -> tf.Tensor:
        """h = W x, whose gradient is the local rule instead of the chain rule."""
        rule = self.rule
        kernel_mask = None if self.kernel_mask is None else tf.convert_to_tensor(self.kernel_mask)
        feedback_mask = None if self.feedback_mask is None else tf.convert_to_tensor(self.feedback_mask)
        # Where the loss is multiplied, for half precision or for each of several devices, the error comes multiplied
        # too, and the decay has to be. A loss of value 0 that the layer adds brings the factor down.
        adds_loss = bool(rule.weight_decay and training)

        def decay(increment, weights, scale):
            if not rule.weight_decay:
                return increment
            if scale is None:
                return increment + tf.constant(rule.weight_decay, weights.dtype) * weights
            # In single precision at least: in half, the scale by itself may be infinite.
            wide = weights.dtype if weights.dtype.size > 2 else tf.float32
            # A scale of 0: a loop of one's own leaves the losses of layers out.
            scale = tf.where(tf.equal(scale, 0), tf.ones_like(scale), scale)
            share = tf.cast(scale, wide) * tf.constant(rule.weight_decay, wide)
            return increment + tf.cast(share, weights.dtype) * weights

        @tf.custom_gradient
        def linear(x, w, r):
            arranged = self._arrange_inputs(x)

            def gradient(error, scale=None):
                errors = self._arrange_errors(error)
                met = arranged if not moment.lag else self._arrange_inputs(tf.roll(x, -moment.lag, 0))
                hebbian = self._correlate(met, errors)  # shape of W
                down = self._hand_down(errors, w, r if moment.carrier is None else moment.carrier, x)  # shape of x
                r_increment = None
                if rule.updates_feedback:
                    # No data tie R's update to the reading of R, and in graphs of several steps TensorFlow's optimiser
                    # drops the order between the two: R would sometimes be read after its update. This keeps it.
                    with tf.control_dependencies([r]):
                        r_increment = keep(feedback_mask, decay(rule.feedback_increment(hebbian), r, scale))
                        r_increment = tf.identity(keep(moment.feedback_learns, r_increment))
                return down, keep(moment.kernel_learns, keep(kernel_mask, decay(hebbian, w, scale))), r_increment

            field = self._forward(arranged, w)
            return (field, tf.zeros([], keras.config.floatx())) if adds_loss else field, gradient

        if not adds_loss:
            return linear(inputs, kernel, feedback)
        field, nothing = linear(inputs, kernel, feedback)
        self.add_loss(nothing)
        return field

    def _pass_down(self, inputs, kernel, feedback, nothing) -> tf.Tensor:
        """Zeros of the output's shape through which an error reaches the input, and no weight."""

        @tf.custom_gradient
        def silent(x):
            def gradient(error):
                return self._hand_down(self._arrange_errors(error), kernel, feedback, x)

            return tf.identity(nothing), gradient

        return silent(inputs)

    def _hand_down(self, errors: tf.Tensor, kernel: tf.Tensor, feedback: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        """The error for the layer below, of the inputs' shape."""
        if self.rule.direct:
            return tf.zeros_like(inputs)
        return self._pull_back(errors, self.rule.propagating(kernel, feedback), inputs)

    def _stale_feedback(self) -> tf.Tensor | None:
        """Older feedback weights that stand for R when the error travels down; None for R itself."""
        return None

    def _arrange_inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """The inputs in the form that `_forward` and `_correlate` take."""
        return inputs

    def _arrange_errors(self, error: tf.Tensor) -> tf.Tensor:
        """The errors in the form that `_correlate` and `_pull_back` take."""
        return error

    def _forward(self, inputs: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError

    def _pull_back(self, error: tf.Tensor, weights: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError

    def _correlate(self, inputs: tf.Tensor, error: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "rule": keras.saving.serialize_keras_object(self.rule),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "connectivity": self.connectivity,
            "feedback_connectivity": self.feedback_connectivity,
            "kernel_initializer": _serialize_initializer(self._initializer_arguments[0], self.kernel_initializer),
            "feedback_initializer": _serialize_initializer(self._initializer_arguments[1], self.feedback_initializer),
            "bias_initializer": _serialize_initializer(self._initializer_arguments[2], self.bias_initializer),
            "propagate_derivative": self.propagate_derivative,
            "seed": self.seed,
        }


def _coins(connectivity: float, seed: int, name: str) -> RandomMask:
    """The same for weights and their mask."""
    return RandomMask(connectivity, stream(seed, name, "mask"))


def _serialize_initializer(identifier, initializer):
    # A name stays a name: it stands for "drawn from this layer's seed", which an initialiser object does not.
    return identifier if isinstance(identifier, str) else keras.initializers.serialize(initializer)
