"""From the paper's notation to a compiled Keras model."""

import keras
import tensorflow as tf

from urfb_tf import readings, rules
from urfb_tf.activations import SaturatedLinearity
from urfb_tf.circuit import CircuitHinge
from urfb_tf.errors import ArgumentError, check_learning_rate, is_finite, is_positive, is_whole, one_of
from urfb_tf.layers import ErrorNoise, FeedbackConv2D, FeedbackDense, TiedMaxPooling2D
from urfb_tf.layers.connectivity import check_connectivity
from urfb_tf.losses import OneVsRestHinge
from urfb_tf.networks.direct import connect_direct_feedback
from urfb_tf.networks.notation import Step, parse
from urfb_tf.seeds import stream

LOSSES = ("hinge", "softmax", "circuit")
NOISY = ("layers", "output")
LAYOUT = {"data_format": "channels_last"}  # whatever Keras is set to: convolutions know no other


def build(
    notation: str,
    rule: str | rules.FeedbackRule = "urfb",
    *,
    loss: str | keras.losses.Loss = "hinge",
    classes: int = 10,
    connectivity: float = 1.0,
    feedback_scale: float = 1.0,
    batch_norm: bool = False,
    error_noise: float = 0.0,
    error_noise_at: str = "layers",
    reading: str | readings.Reading = readings.DEFAULT,
    seed: int = 0,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    learning_rate: float = 0.1,
    name: str | None = None,
) -> keras.Model:
    """A compiled model from the paper's notation (see `urfb_tf.networks.notation`).

    The model takes pixels 0..255, [B, H, W, C], and gives the fields h of the output units, [B, classes]. It is
    compiled with plain SGD, so that `fit`, `evaluate` and `urfb_tf.train` work at once; compile it again to
    choose otherwise. The first layer has no one below it to hand an error to, and so no feedback weights.

    Args:
        notation: such as `"conv 32 5x5; maxpool 3; drop .8; full conn. 500; drop .3; output"`.
        rule: a feedback rule or its name.
        loss: "hinge", equation (3), "softmax", the cross-entropy, "circuit", the hinge loss whose error is computed by
            the circuit of section 2.3, or a Keras loss over class numbers.
        classes: the number of output units, >= 2.
        connectivity: the share of connections that exist, drawn for W and R independently (section 4).
        feedback_scale: what R's initial values are multiplied by, > 0. At 1 they are drawn like W's. Rules without
            R, and those that renew it or share one, take no other.
        batch_norm: whether to normalise the fields of all hidden layers over the batch, as sign feedback wants (Liao et
            al. 2016). The paper does not. `urfb_tf.training.settle` gives it averages of the final weights.
        error_noise: the level of Gaussian noise in the errors, relative to their own size (see `ErrorNoise`). 0: none.
        error_noise_at: "layers", in the error of each layer with weights, or "output", in that of the output alone.
        reading: how to understand the paper where it leaves a choice.
        seed: of all weights, masks, dropout and noise.
        input_shape: [H, W, C].
        learning_rate: SGD's step, > 0.
        name: the model's.

    Raises:
        ArgumentError: for unknown names or numbers out of range.
    """
    if not isinstance(loss, keras.losses.Loss) and loss not in LOSSES:
        raise ArgumentError(one_of("loss", loss, LOSSES))
    if not is_whole(classes, 2):
        raise ArgumentError(f"A classifier needs a whole number of classes >= 2, but got {classes!r}.")
    check_learning_rate(learning_rate)
    if batch_norm and not readings.get(reading).propagate_derivative:
        raise ArgumentError("Batch normalisation needs a reading whose errors pass the activation's derivative.")
    if not (is_finite(error_noise) and error_noise >= 0):
        raise ArgumentError(f"error_noise is a finite level >= 0 (0 for no noise), but got {error_noise!r}.")
    if error_noise_at not in NOISY:
        raise ArgumentError(one_of("error_noise_at", error_noise_at, NOISY))
    rule = rules.get(rule)
    if not is_positive(feedback_scale):
        raise ArgumentError(f"feedback_scale is a finite number > 0, but got {feedback_scale!r}.")
    if feedback_scale != 1 and (rule.direct or rule.renews_feedback or not rule.has_feedback):
        raise ArgumentError(f"The rule {rule.name!r} keeps no R of its first size: leave feedback_scale out.")
    assembly = _Assembly(
        rule,
        classes,
        check_connectivity(connectivity, "connectivity"),  # a network may have no layer that takes it
        readings.get(reading),
        seed,
        feedback_scale=feedback_scale,
        batch_norm=batch_norm,
        hidden_noise=error_noise if error_noise_at == "layers" else 0.0,
        output_noise=error_noise,
    )
    inputs = keras.Input(input_shape, name="pixels")
    outputs = keras.layers.Rescaling(1 / 255, name="rescaling")(inputs)
    for step in parse(notation):
        outputs = assembly.add(step, outputs)
    model = connect_direct_feedback(keras.Model(inputs, outputs, name=name), seed=seed)
    model.compile(
        optimizer=keras.optimizers.SGD(float(learning_rate)),
        loss=loss if isinstance(loss, keras.losses.Loss) else make_loss(loss, classes, reading),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        # oneDNN's convolutions beat XLA's on a CPU; on a GPU XLA wins.
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
    )
    return model


def make_loss(
    loss: str, classes: int, reading: str | readings.Reading = readings.DEFAULT, **options
) -> keras.losses.Loss:
    """The Keras loss of a name in `LOSSES`.

    Args:
        loss: the name.
        classes: how many.
        reading: says what mu is.
        **options: further arguments of the loss, such as `gated` of `CircuitHinge`.
    """
    if loss == "softmax":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
    return {"hinge": OneVsRestHinge, "circuit": CircuitHinge}[loss](mu=readings.get(reading).mu(classes), **options)


class _Assembly:
    """Adds one step after another, and remembers what later steps depend on."""

    def __init__(
        self, rule, classes, connectivity, reading, seed, *, feedback_scale, batch_norm, hidden_noise, output_noise
    ):
        self.rule = rule
        self.classes = classes
        self.connectivity = connectivity
        self.reading = reading
        self.seed = seed
        self.feedback_scale = feedback_scale
        self.batch_norm = batch_norm
        self.hidden_noise, self.output_noise = hidden_noise, output_noise
        self.counts: dict[str, int] = {}
        self.convolutions: list = []

    def add(self, step: Step, x):
        self.counts[step.kind] = self.counts.get(step.kind, 0) + 1
        name = step.kind if step.kind == "output" else f"{step.kind}{self.counts[step.kind]}"
        return getattr(self, f"_{step.kind}")(name, x, *step.numbers)

    def _connections(self, name: str, *, is_output: bool = False) -> dict:
        """What all layers with weights share."""
        is_first = sum(self.counts.get(kind, 0) for kind in ("conv", "dense", "output")) == 1
        spared = (is_first and name.startswith("conv")) or is_output
        return {
            "rule": self.rule.lowest() if is_first else self.rule,  # nothing below the first layer needs its error
            "connectivity": 1.0 if spared and not self.reading.prune_all else self.connectivity,
            "activation": None if is_output or self.batch_norm else self._sigma(),
            "propagate_derivative": self.reading.propagate_derivative,
            "seed": stream(self.seed, name),
            "name": name,
            **self._feedback(stream(self.seed, name)),
        }

    def _feedback(self, seed: int) -> dict:
        """How R is drawn, where it is not as W: the same draws as the layer's own, times the scale."""
        if self.feedback_scale == 1:
            return {}
        drawn = keras.initializers.VarianceScaling(
            self.feedback_scale**2, "fan_avg", "uniform", seed=stream(seed, "feedback")
        )
        return {"feedback_initializer": drawn}

    def _sigma(self) -> SaturatedLinearity:
        return SaturatedLinearity(self.reading.slope, closed=self.reading.closed)

    def _normalised(self, name, x):
        """The unit's output: normalisation and non-linearity where the layer itself has none."""
        if not self.batch_norm:
            return x
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
        return keras.layers.Activation(self._sigma(), name=f"{name}_sigma")(x)

    def _noisy(self, name, x, level):
        """The layer's output, to which the error comes back with noise if there is any."""
        if not level:
            return x
        return ErrorNoise(level, seed=stream(self.seed, name, "error_noise"), name=f"{name}_error_noise")(x)

    def _conv(self, name, x, filters, height, width):
        layer = FeedbackConv2D(int(filters), (int(height), int(width)), **self._connections(name))
        x = self._noisy(name, self._normalised(name, layer(x)), self.hidden_noise)
        self.convolutions.append(x)
        return x

    def _maxpool(self, name, x, size, stride=2.0):
        self._check_image(x)
        size, stride = int(size), int(stride)
        if self.reading.tied_pooling and stride < size:
            return TiedMaxPooling2D(size, stride, name=name)(x)
        return keras.layers.MaxPooling2D(size, stride, padding="same", name=name, **LAYOUT)(x)

    def _avgpool(self, name, x, size, stride=2.0):
        self._check_image(x)
        size, stride = int(size), int(stride)
        # Zeros below and to the right count in the mean, as in the original implementation.
        border = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[1:3]]
        x = keras.layers.ZeroPadding2D(((0, border[0]), (0, border[1])), name=f"{name}_border", **LAYOUT)(x)
        return keras.layers.AveragePooling2D(size, stride, padding="valid", name=name, **LAYOUT)(x)

    @staticmethod
    def _check_image(x):
        if len(x.shape) != 4:
            raise ArgumentError("Pooling is over space, so it stands before the first fully connected layer.")

    def _sum(self, name, x):
        if len(self.convolutions) < 2 or self.convolutions[-2].shape != self.convolutions[-1].shape:
            raise ArgumentError("SUM adds the outputs of the two convolutions before it, which must agree in shape.")
        if x is not self.convolutions[-1]:
            raise ArgumentError("SUM stands right after the second of the two convolutions that it adds.")
        return keras.layers.Add(name=name)(self.convolutions[-2:])

    def _drop(self, name, x, number):
        rate = 1 - number if self.reading.drop_is_keep else number
        if not 0 <= rate < 1:
            raise ArgumentError(f"'drop {number:g}' under the reading '{self.reading.name}' would leave no unit.")
        return keras.layers.Dropout(rate, seed=stream(self.seed, name), name=name)(x)

    def _dense(self, name, x, units):
        layer = FeedbackDense(int(units), **self._connections(name))
        return self._noisy(name, self._normalised(name, layer(self._flat(x))), self.hidden_noise)

    def _output(self, name, x):
        layer = FeedbackDense(self.classes, **self._connections(name, is_output=True))
        return self._noisy(name, layer(self._flat(x)), self.output_noise)

    def _flat(self, x):
        if len(x.shape) == 2:
            return x
        return keras.layers.Flatten(name=f"flatten{self.counts.get('dense', 0)}", **LAYOUT)(x)
