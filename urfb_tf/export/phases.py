"""How weights pass from one phase of an exported run to the next, as data."""

from collections.abc import Iterator

import keras
import numpy as np

from urfb_tf.errors import ArgumentError
from urfb_tf.experiments.experiment import Experiment
from urfb_tf.experiments.phases import Phase
from urfb_tf.layers import UntiedConv2D, feedback_layers, layers_of
from urfb_tf.networks.changes import DRAWN
from urfb_tf.training.epoch import state_variables


def models_of(experiment: Experiment, classes: int, seed: int) -> Iterator[tuple[Phase, keras.Model]]:
    """Each phase and its model as the phase begins, but for the training before it."""
    model = experiment.make_model(classes, seed)
    for number, phase in enumerate(experiment.schedule, start=1):
        model = experiment.begin(number, model, seed)
        yield phase, model


def carry(
    before: keras.Model, sources: dict[tuple[str, str], int], after: keras.Model, phase: Phase
) -> tuple[list[dict], dict[str, np.ndarray]]:
    """Where each weight of a phase comes from.

    Args:
        before, after: models of the phase before and of this one, neither trained; possibly one and the same.
        sources: what `places_of` gave of the first, as the phase before ended.
        phase: this one.

    Returns:
        For each weight of `after`, in the order of `State`, {"from": its place in the state of `before`, or None for
        the value in the phase's own start; "gather": None, or under which name the second result has the places in a
        tied filter that its leading axis repeats}.

    Raises:
        ArgumentError: if a layer with a bias is untied, or one is changed whose rule is timed or renews R.
    """
    carried: list[dict] = []
    gathers: dict[str, np.ndarray] = {}
    layers = {layer.name: layer for layer in layers_of(after)}
    old_layers = {layer.name: layer for layer in layers_of(before)}
    for each in feedback_layers(after):
        rule, old_rule = each.rule, old_layers[each.name].rule
        changed = each.name in (*phase.untie, *phase.reinitialise) or rule != old_rule
        if changed and (rule.skips_updates or rule.delay or rule.lag or rule.renews_feedback):
            raise ArgumentError(
                f"'{each.name}' has the rule {rule.name!r}, which is timed or renews R: exported runs change only "
                "layers of other rules between phases."
            )
    for layer, name in places_of(after):
        fresh = layer in phase.reinitialise and name in DRAWN
        source = None if fresh else sources.get((layer, name))
        gather = None
        if (
            source is not None
            and isinstance(layers[layer], UntiedConv2D)
            and not isinstance(old_layers[layer], UntiedConv2D)
        ):
            if name == "bias":
                raise ArgumentError(f"'{layer}' has a bias: exported runs untie only layers without.")
            gather = layer
            gathers[layer] = layers[layer].locality.pairs.offset
        carried.append({"from": source, "gather": gather})
    return carried, gathers


def places_of(model: keras.Model) -> dict[tuple[str, str], int]:
    """The place of each (layer, weight) in the order of `State`."""
    owners = {id(variable): layer.name for layer in layers_of(model) for variable in layer.variables}
    return {(owners[id(v)], v.name): place for place, v in enumerate(state_variables(model))}
