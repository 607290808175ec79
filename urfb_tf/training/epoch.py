"""A whole epoch as one compiled program over data that stay on the device.

The program is a pure function of weights, images, labels and seed: shuffling, batches, dropout and SGD's steps happen
inside. `keras.Model.fit` over `urfb_tf.training.batches` makes the same updates, regularisers and constraints included.
"""

import contextlib
import functools
import inspect
import itertools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.compiled_loss import check_unweighted, loss_of, only
from urfb_tf.data import Split
from urfb_tf.data.splits import as_split, at_once, class_numbers
from urfb_tf.errors import ArgumentError, check_batch_size
from urfb_tf.half_precision import gradients_of, loss_scale
from urfb_tf.layers import UntiedConv2D, layers_of
from urfb_tf.layers.connectivity import Existing
from urfb_tf.layers.walk import check_built
from urfb_tf.training.order import by_class, permutation, steps_per_epoch


class State(NamedTuple):
    """Everything that training changes in a model, in the order of `model.variables`' two kinds."""

    trainable: list[tf.Tensor]
    non_trainable: list[tf.Tensor]


def state_variables(model: keras.Model) -> list[keras.Variable]:
    """A model's variables in the order of `State`, both kinds in one list."""
    return [*model.trainable_variables, *model.non_trainable_variables]


def values_of(model: keras.Model, state: State) -> list[tuple[keras.Variable, tf.Tensor]]:
    """Each variable of a model with its value in a state."""
    return list(zip(state_variables(model), [*state.trainable, *state.non_trainable], strict=True))


def order_of(model: keras.Model) -> list[int]:
    """Where each weight of `State` stands in `model.variables`: what is frozen, in a layer or in all, changes it."""
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    return [places[id(variable)] for variable in state_variables(model)]


class Tally(NamedTuple):
    """Sums over examples: of the loss, of the mistakes, of ones."""

    loss: tf.Tensor
    mistakes: tf.Tensor
    examples: tf.Tensor

    @classmethod
    def zero(cls) -> "Tally":
        return cls(tf.zeros([]), tf.zeros([]), tf.zeros([]))

    def plus(self, losses: tf.Tensor, labels: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor) -> "Tally":
        """With the examples of one batch added, each counted `weights` (0 or 1) times; all [B], outputs [B, C]."""
        wrong = tf.cast(tf.argmax(outputs, axis=-1, output_type=labels.dtype) != labels, tf.float32)
        return Tally(
            self.loss + tf.reduce_sum(weights * tf.cast(losses, tf.float32)),
            self.mistakes + tf.reduce_sum(weights * wrong),
            self.examples + tf.reduce_sum(weights),
        )


def descend(weights: list[tf.Tensor], gradients: list[tf.Tensor], learning_rate: tf.Tensor) -> list[tf.Tensor]:
    """One step of SGD."""
    return [w - tf.cast(learning_rate, w.dtype) * tf.cast(g, w.dtype) for w, g in zip(weights, gradients, strict=True)]


def constrain(weights: list[tf.Tensor], model: keras.Model) -> list[tf.Tensor]:
    """A model's trainable weights within their constraints, as Keras' optimisers leave them after each step.

    Connections that do not exist need none: their gradient is 0, and so is SGD's step.
    """
    constraints = [variable.constraint for variable in model.trainable_variables]
    return [
        w if allow is None or isinstance(allow, Existing) else allow(w)
        for w, allow in zip(weights, constraints, strict=True)
    ]


def losses_of(model: keras.Model, loss=None) -> keras.losses.Loss:
    """The loss of a model, one value per example [B]: their mean is what SGD descends.

    Args:
        model, loss: as in `EpochProgram`.

    Raises:
        ArgumentError: if `fit` would descend something else, a sum or a loss with a weight.
    """
    whole = loss_of(model, loss, purpose="Training")
    if getattr(whole, "reduction", None) == "sum":
        raise ArgumentError(
            "Training descends the loss's mean over a batch, but this loss has reduction='sum': leave that out, and "
            "multiply the learning rate by the batch size."
        )
    check_unweighted(model, loss, purpose="Training")
    # Neither its configuration, which a loss of one's own may lack, nor copy.copy, which in Keras goes through it.
    found = object.__new__(type(whole))
    vars(found).update(vars(whole), reduction=None)
    return found


def told(model: keras.Model, *, training: bool) -> dict:
    """What `fit` passes to a model besides its inputs: whether this is training, if the model's own `call` asks."""
    return {"training": training} if "training" in inspect.signature(model.call).parameters else {}


def as_input(model: keras.Model, batch) -> tf.Tensor:
    """A batch of images in the type that the model takes; a subclass of keras.Model does not say, and gets float32."""
    return tf.cast(batch, model.inputs[0].dtype if getattr(model, "inputs", None) else tf.float32)


class EpochProgram:
    """The compiled training epoch and evaluation of one model.

    Args:
        model: a built Keras model that maps pixels [B, H, W, C] to fields [B, classes].
        loss: a Keras loss over class numbers, its name or a function. None takes the one that the model is compiled
            with.
        batch_size: examples per step.
        jit_compile: whether XLA compiles the program. None does so where there is a GPU and XLA has all operations: on
            a CPU, TensorFlow's own convolutions are faster.
        grouped: whether the examples of a batch come sorted by class. The batches are the same.

    Raises:
        ArgumentError: if the model is not built or has several inputs, or no loss is given nor compiled; for a loss
            with reduction "sum", and for the compiled one with loss_weights; if XLA is asked for and cannot compile it.
    """

    def __init__(
        self,
        model: keras.Model,
        loss=None,
        *,
        batch_size: int = 500,
        jit_compile: bool | None = None,
        grouped: bool = False,
    ):
        check_built(model, "Training")
        if (inputs := len(getattr(model, "inputs", None) or [None])) > 1:
            raise ArgumentError(f"Training takes a dataset of images, but the model has {inputs} inputs: use `fit`.")
        check_batch_size(batch_size)
        self._losses = losses_of(model, loss)
        self.model = model
        self._check_losses()
        self.batch_size = batch_size
        self.grouped = grouped
        self._loss_scale = loss_scale(model, batch_size)
        without = [layer for layer in layers_of(model) if not layer.supports_jit]
        if jit_compile and without:
            layer = without[0]
            raise ArgumentError(
                f"XLA has no sparse products, which layer {layer.name!r} asks for: leave out jit_compile, or give "
                "the layer backend='dense', whose results are the same."
                if isinstance(layer, UntiedConv2D)
                else f"Layer {layer.name!r} says by `supports_jit = False` that XLA cannot compile it: leave out "
                "jit_compile."
            )
        if jit_compile is None:
            jit_compile = bool(tf.config.list_physical_devices("GPU")) and not without
        self.jit_compile = jit_compile
        # Partial objects: TensorFlow counts how often a method is traced over all programs together, and would warn of
        # the fifth model that a process trains.
        train_steps, evaluate_all = functools.partial(self.train_steps), functools.partial(self.evaluate_all)
        self._train = tf.function(train_steps, autograph=False, jit_compile=jit_compile)
        self._evaluate = tf.function(evaluate_all, autograph=False, jit_compile=jit_compile)
        self._traced_for_any_count = False

    def state(self) -> State:
        """The model's weights as tensors. Training goes on from them without touching the model."""
        return State(
            [tf.convert_to_tensor(v.value) for v in self.model.trainable_variables],
            [tf.convert_to_tensor(v.value) for v in self.model.non_trainable_variables],
        )

    def write_back(self, state: State) -> None:
        """Assign a state to the model."""
        for variable, value in values_of(self.model, state):
            variable.assign(value)

    def begin_epoch(self, state: State) -> State:
        """The state with which an epoch begins: feedback weights that follow R once per epoch are renewed."""
        values = {id(variable): value for variable, value in values_of(self.model, state)}
        for layer in layers_of(self.model):
            if isinstance(layer, UntiedConv2D) and layer.stale_feedback is not None:
                values[id(layer.stale_feedback)] = values[id(layer.feedback)]
        renewed = [values[id(variable)] for variable in state_variables(self.model)]
        return State(renewed[: len(state.trainable)], renewed[len(state.trainable) :])

    def _begin(self, state: State, first) -> State:
        """The state with which step `first` begins: that of `begin_epoch` if it is the epoch's first."""
        return tf.nest.map_structure(
            lambda new, old: old if new is old else tf.where(tf.equal(first, 0), new, old),
            self.begin_epoch(state),
            state,
        )

    def place(self, split: Split) -> tuple:
        """Images and labels of a split as `train` and `evaluate` take them, on the device.

        Raises:
            ArgumentError: if this is no `Split`, the images are not of the model's size, a label is no whole number, or
                the model has no output unit for it.
        """
        split = as_split(split, "Training")
        # A subclass of keras.Model does not say what it takes and gives.
        inputs, outputs = (getattr(self.model, name, None) for name in ("inputs", "outputs"))
        if inputs:
            taken, given = tuple(inputs[0].shape[1:]), tuple(np.shape(split.images)[1:])
            pairs = itertools.zip_longest(taken, given, fillvalue=1)  # a last axis of length 1 comes and goes in Keras
            if abs(len(taken) - len(given)) > 1 or any(n is not None and n != m for n, m in pairs):
                raise ArgumentError(f"The model takes images of the shape {taken}, but those of the data have {given}.")
        if outputs and (len(outputs[0].shape) != 2 or outputs[0].shape[-1] == 1):
            raise ArgumentError(
                f"Training needs a model with an output unit for each class, [B, classes], but the output of this one "
                f"is [B, {', '.join(map(str, outputs[0].shape[1:]))}]: use `fit`."
            )
        units = outputs[0].shape[-1] if outputs else None
        who = "A model" if units is None else f"A model with {units} output units"
        labels = class_numbers(split.labels, units, who)
        return tf.constant(split.images), tf.constant(labels)

    def steps(self, images) -> int:
        """Steps in an epoch over `images`."""
        return steps_per_epoch(len(images), self.batch_size)

    def train(
        self, state: State, images, labels, *, seed, epoch, first, last, learning_rate, tally=None
    ) -> tuple[State, Tally]:
        """Steps `first` to `last` (excluded) of an epoch; see `train_steps`. Compiled."""
        numbers = [tf.constant(n, tf.int32) for n in (seed, epoch, first, last)]
        rate = tf.constant(learning_rate, tf.float32)
        return self._train(state, images, labels, *numbers, rate, Tally.zero() if tally is None else tally)

    def evaluate(self, state: State, images, labels) -> Tally:
        """Losses, without regularisers, and mistakes over all images, dropout off. Compiled."""
        if not self._traced_for_any_count:
            self._traced_for_any_count = True
            self._trace_for_any_count(state, images, labels)
        return self._evaluate(state, images, labels)

    def _trace_for_any_count(self, state: State, images, labels) -> None:
        """Trace `evaluate` once for all splits, whose counts of images differ; small networks take longest to trace."""
        if self.jit_compile:  # XLA compiles for each count anyway
            return
        like = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), state)
        many = [tf.TensorSpec([None, *t.shape[1:]], t.dtype) for t in (images, labels)]
        # A model that asks for the size of its batch, as `tf.reshape(x, (x.shape[0], -1))` does, has no such trace.
        with contextlib.suppress(TypeError, ValueError):
            self._evaluate.get_concrete_function(like, *many)

    def train_steps(self, state, images, labels, seed, epoch, first, last, learning_rate, tally) -> tuple[State, Tally]:
        """The pure function that `train` compiles.

        Args:
            state: the weights.
            images: uint8 [N, H, W, C].
            labels: int32 [N].
            seed, epoch: int32 scalars; they alone fix the order of the images.
            first, last: int32 scalars, a range of the epoch's steps.
            learning_rate: float32 scalar.
            tally: sums so far, to which these steps' are added: dropout on, each batch before its update.

        Returns:
            The new state and tally.
        """
        begun = self._begin(state, first)
        order = permutation(seed, epoch, images.shape[0])  # [N]
        weights = tf.ones([self.batch_size])

        def step(number, trainable, non_trainable, tally):
            rows = tf.slice(order, [number * self.batch_size], [self.batch_size])  # [B]
            rows = by_class(rows, labels) if self.grouped else rows
            batch, targets = tf.gather(images, rows), tf.gather(labels, rows)  # [B, H, W, C], [B]
            gradients, non_trainable, losses, outputs = self._gradients(trainable, non_trainable, batch, targets)
            trainable = constrain(descend(trainable, gradients, learning_rate), self.model)
            return number + 1, trainable, non_trainable, tally.plus(losses, targets, outputs, weights)

        if not self.jit_compile:
            # The graph of a loop is a cycle, without order. TensorFlow, when it put oneDNN's operations in place of its
            # own, therefore passed over some, others in each process: Keras' max pooling then took 15 times as long on
            # the way down, with other roundings. A function that stays a function has an order.
            step = tf.function(step, autograph=False, experimental_attributes={"_noinline": True})
        _, trainable, non_trainable, tally = tf.while_loop(
            lambda number, *_: number < last,
            step,
            (first, list(begun.trainable), list(begun.non_trainable), tally),
            parallel_iterations=1,
        )
        return State(trainable, non_trainable), tally

    def evaluate_all(self, state, images, labels) -> Tally:
        """The pure function that `evaluate` compiles: images uint8 [N, H, W, C], labels int32 [N]."""
        return self._evaluate_part(state, images, labels, part=0, parts=1)

    def _evaluate_part(self, state, images, labels, *, part, parts) -> Tally:
        """Over every one of `parts` batches, the first being number `part`."""
        count, most = images.shape[0], max(at_once(images.shape[1:]), min(self.batch_size, 1000))
        if count is None:
            count = tf.shape(images)[0]
            size = tf.minimum(count, most)
        else:
            size = min(count, most)

        def step(number, tally):
            rows = number * size + tf.range(size)
            present = tf.cast(rows < count, tf.float32)  # the last batch repeats the last image, uncounted
            rows = tf.minimum(rows, count - 1)
            batch, targets = tf.gather(images, rows), tf.gather(labels, rows)
            outputs, *_ = self._call(state.trainable, state.non_trainable, batch, training=False)
            return number + parts, tally.plus(self._each(targets, outputs), targets, outputs, present)

        _, tally = tf.while_loop(
            lambda number, _: number < -(-count // size),
            step,
            (tf.convert_to_tensor(part), Tally.zero()),
            parallel_iterations=1,
        )
        return tally

    def _gradients(self, trainable, non_trainable, batch, targets):
        """The updates' directions from a batch, the new state besides, losses [B] and outputs [B, C]."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(trainable)
            outputs, non_trainable, more = self._call(trainable, non_trainable, batch, training=True)
            losses = self._each(targets, outputs)  # [B]
            mean = tf.reduce_mean(losses)
            for loss in more:  # regularisers and what layers add, which `fit` reports too
                loss = tf.cast(tf.reduce_sum(loss), losses.dtype)
                mean, losses = mean + loss, losses + loss
        gradients = gradients_of(tape, mean, trainable, self._loss_scale)
        return gradients, non_trainable, losses, outputs

    def _each(self, targets, outputs) -> tf.Tensor:
        """The loss of each example, [B], from class numbers [B] and outputs [B, C]."""
        try:
            losses = self._losses(targets, outputs)
        except ArgumentError:
            raise
        except (TypeError, ValueError) as problem:
            raise self._no_loss_of_class_numbers() from problem
        if losses.shape.rank not in (1, None):
            raise self._no_loss_of_class_numbers()
        return losses

    def _check_losses(self) -> None:
        """Refuse a loss that is none over class numbers, even where a batch has as many examples as there are classes.

        Labels [B] would then spread over the units of outputs [B, B], and train to other images' labels.
        """
        outputs = getattr(self.model, "outputs", None)
        if not outputs or len(outputs[0].shape) != 2 or outputs[0].shape[-1] in (None, 1):
            return
        units = outputs[0].shape[-1]
        targets = tf.TensorSpec([units + 1], tf.int32)
        tf.function(self._each, autograph=False).get_concrete_function(
            targets, tf.TensorSpec([units + 1, units], outputs[0].dtype)
        )

    def _no_loss_of_class_numbers(self) -> ArgumentError:
        name = getattr(getattr(self._losses, "function", None), "__name__", self._losses.name)
        return ArgumentError(
            f"Training gives the loss {name!r} class numbers [B] and outputs [B, classes], from which it "
            "makes no number for each example: take one that does, such as OneVsRestHinge() or "
            "'sparse_categorical_crossentropy', or use `fit`."
        )

    def _call(self, trainable, non_trainable, batch, *, training):
        pixels = as_input(self.model, batch)
        state = values_of(self.model, State(trainable, non_trainable))
        # As `stateless_call`, but by `__call__`: from it layers inside others learn whether this is training.
        with keras.StatelessScope(state_mapping=state, collect_losses=True) as scope:
            outputs = self.model(pixels, **told(self.model, training=training))
            losses = self.model.losses
        new = [scope.get_current_value(variable) for variable in self.model.non_trainable_variables]
        return only(outputs), new, losses
