"""All layers of a model, those inside nested models and inside other layers too."""

import collections
import re
from collections.abc import Iterable, Iterator

import keras

from urfb_tf.errors import ArgumentError
from urfb_tf.layers.base import FeedbackLayer

# A part of a path, of those kinds that have a feedback rule, or may get one, or hold layers.
_AUTOMATIC = re.compile(
    r"(?:(?<=/)|^)(?P<kind>(?:feedback_|untied_)?(?:dense|conv2d)|functional|sequential)(?:_\d+)?(?=[/:]|$)"
)


def layers_of(model: keras.Model) -> list[keras.layers.Layer]:
    """Every layer of a model that is no model itself, once, from below.

    Layers inside others, as in a block of your own or in `TimeDistributed`, come after what holds them.
    """
    return [layer for layer in everything_in(model) if not isinstance(layer, keras.Model)]


def feedback_layers(model: keras.Model) -> list[FeedbackLayer]:
    """Those that have a feedback rule."""
    return [layer for layer in layers_of(model) if isinstance(layer, FeedbackLayer)]


def check_built(model: keras.Model, purpose: str) -> None:
    """Raise an ArgumentError if a model has no weights yet.

    Args:
        purpose: what needs them, as the subject of a sentence in the singular.
    """
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"{purpose} needs a keras.Model, but got {model!r}.")
    if not model.built:
        raise ArgumentError(f"{purpose} needs a model that has weights: call it once on a batch of what it takes.")


def keyed(model: keras.Model, layers: Iterable[keras.layers.Layer]) -> dict[str, keras.layers.Layer]:
    """Some of a model's layers by name, in their order; those that share a name by path, such as "block1/dense".

    A path is the names of what holds the layer, and its own. Of layers that share even that, the second is
    "block1/dense:2".
    """
    layers = list(layers)
    often = collections.Counter(layer.name for layer in layers)
    paths = {id(layer): "/".join([*holders, layer.name]) for holders, layer in _walk(model, (), set())}
    found: dict[str, keras.layers.Layer] = {}
    for layer in layers:
        key = path = layer.name if often[layer.name] == 1 else paths[id(layer)]
        number = 1
        while key in found:
            number += 1
            key = f"{path}:{number}"
        found[key] = layer
    return found


def counted(keys: Iterable[str]) -> list[str]:
    """Names or keys in which the numbers that Keras gives by itself count within these, from none on.

    Keras counts all layers that a process has made: the first "dense" of a model may be its "dense_7". What is drawn by
    such a name would depend on what was made before.
    """
    seen: dict[str, list[str]] = collections.defaultdict(list)

    def count(found: re.Match) -> str:
        name, kind = found[0], found["kind"]
        if name not in seen[kind]:
            seen[kind].append(name)
        return f"{kind}_{number}" if (number := seen[kind].index(name)) else kind

    return [_AUTOMATIC.sub(count, key) for key in keys]


def feedback_layers_by_key(model: keras.Model) -> dict[str, FeedbackLayer]:
    """Those of `feedback_layers` that have weights, as `keyed` names them: what measures go by.

    A layer that the model holds and never calls has none.
    """
    return keyed(model, [layer for layer in feedback_layers(model) if layer.kernel is not None])


def everything_in(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """Every layer and every nested model that a model or a layer holds, once, from below."""
    return (inner for _, inner in _walk(layer, (), set()))


def _walk(outer, holders: tuple[str, ...], seen: set[int]) -> Iterator[tuple[tuple[str, ...], keras.layers.Layer]]:
    """The same, each with the names of what holds it within `outer`, from outside in."""
    for layer in outer.layers if isinstance(outer, keras.Model) else outer._flatten_layers(False, recursive=False):
        if id(layer) not in seen:
            seen.add(id(layer))
            yield holders, layer
            yield from _walk(layer, (*holders, layer.name), seen)
