"""Kolen and Pollack's rule: URFB in which W and R decay, and so become equal."""

from urfb_tf.errors import ArgumentError, is_positive
from urfb_tf.rules.paper import UpdatedRandomFeedback
from urfb_tf.rules.rule import register


@register
class KolenPollack(UpdatedRandomFeedback):
    """KP: URFB with epsilon = 1, and the same decay of W and R (Kolen and Pollack 1994; Akrout et al. 2019).

    Both take the same increment, and both lose the same share of themselves. Under plain SGD with step eta, R - W
    therefore shrinks by the factor 1 - eta `weight_decay` at each step, whatever is learnt: R converges to W, where
    under URFB their difference never changes. A layer without R (the lowest) does not decay. Each call of a layer adds
    the decay: one that a model uses n times, as `TimeDistributed` does for n time steps, has the factor
    1 - n eta `weight_decay`.

    In training, each layer adds a loss of value 0 to the model's: by it the decay is multiplied where the loss is, as
    Keras does for half precision and for several devices. A training loop of one's own that multiplies the loss has to
    multiply the sum with `model.losses`; one that does not may leave them out. Such a loss cannot leave a loop of the
    graph: in a cell of `keras.layers.RNN`, `fit` needs `unroll=True`, without which TensorFlow raises an
    `InaccessibleTensorError`.

    Args:
        weight_decay: lambda, > 0; the loss is as if it had lambda / 2 times the squared weights added.

    Raises:
        ArgumentError: if `weight_decay` is not a positive finite number.
    """

    name = "kp"

    def __init__(self, weight_decay: float = 1e-3):
        super().__init__(epsilon=1.0)
        if not is_positive(weight_decay):
            raise ArgumentError(f"Kolen and Pollack's rule needs a finite weight_decay > 0, but got {weight_decay!r}.")
        self.weight_decay = float(weight_decay)

    def get_config(self) -> dict:
        return {"weight_decay": self.weight_decay}
