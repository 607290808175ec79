"""Direct feedback alignment: the output error goes straight to every layer."""

from urfb_tf.rules.rule import FeedbackRule, register


@register
class DirectFeedbackAlignment(FeedbackRule):
    """DFA: what lies below a layer receives B e, e the output error and B fixed and random (Nøkland 2016).

    No error travels from layer to layer: a layer under this rule hands nothing down. The layer
    `urfb_tf.layers.DirectFeedback` at the model's end holds a B for each of them and sends the output error where they
    would have sent theirs; `build`, `convert` and `change_rule` put it there. In a model made by hand,
    `urfb_tf.networks.connect_direct_feedback` does. The output error is the gradient by the model's output: p - y if a
    classifier ends in logits. One that ends in softmax or sigmoid is refused.
    """

    name = "dfa"
    has_feedback = False
    direct = True

    def propagating(self, kernel, feedback):
        return 0 * kernel
