"""What preprocessing layers have adapted to: means, vocabularies, and what else they keep besides variables."""

import tempfile

import keras

from urfb_tf.layers.walk import everything_in


def carry_over(source: keras.layers.Layer, target: keras.layers.Layer) -> None:
    """Let a copy of a layer, and of what the layer holds, be adapted as these are: what saving and loading would do.

    Args:
        source: a layer, or an operation, such as a sum of two tensors, which has nothing to carry.
        target: its copy, whose variables have the same values already.
    """
    for old, new in zip(_adaptable(source), _adaptable(target), strict=True):
        has_words = hasattr(old, "get_vocabulary")
        if has_words and not old.get_vocabulary(include_special_tokens=False):
            continue  # not adapted yet
        store: dict = {}
        old.save_own_variables(store)
        new.load_own_variables(store)
        if has_words:
            # In a file, as Keras saves them, a word that holds a line break would become two.
            words, weights = old.get_vocabulary(), store.get("idf_weights")
            new.set_vocabulary(words, None if weights is None else weights[: len(words)])  # the rest is padding
        elif hasattr(old, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                old.save_assets(folder)
                new.load_assets(folder)


def _adaptable(layer) -> list[keras.layers.Layer]:
    """The layer and those in it, as far as they may keep something besides variables."""
    if not isinstance(layer, keras.layers.Layer):
        return []
    return [each for each in (layer, *everything_in(layer)) if hasattr(each, "adapt") or hasattr(each, "save_assets")]
