"""What exported runs measure of untied layers, as data and a program: how they began, how alike their filters are."""

import functools

import keras
import numpy as np
import tensorflow as tf

from urfb_tf.experiments.phases import Phase
from urfb_tf.export.phases import places_of
from urfb_tf.export.probed import probed
from urfb_tf.export.stablehlo import Program, lower
from urfb_tf.layers import FeedbackConv2D, UntiedConv2D, layers_of
from urfb_tf.metrics import HomogeneityProbe
from urfb_tf.results.filters import shown_locations
from urfb_tf.training.epoch import State


def begun(phase: Phase, model: keras.Model, before: tuple[keras.Model, dict[tuple[str, str], int]] | None) -> dict:
    """Which layers begin a phase as untied ones.

    Args:
        phase: the phase.
        model: its model.
        before: the model of the phase before and its `places_of`; None if this phase is the first.

    Returns:
        "shared": of those that have been convolutions, the place of W in the state that the phase before left, by
        layer; "starts": of all that begin, the place of W in this phase's state.
    """
    places, untied = places_of(model), _untied(model)
    named = [name for name in phase.untie if name in untied]
    old, sources = before if before is not None else (None, {})
    tied = {layer.name for layer in layers_of(old) if isinstance(layer, FeedbackConv2D)} if old is not None else set()
    anew = [name for name in named if old is None or name in phase.reinitialise or name in tied]
    return {
        "shared": {name: sources[name, "kernel"] for name in named if name in tied},
        "starts": {name: places[name, "kernel"] for name in anew},
    }


def homogeneity_program(model: keras.Model, state: State, started: list[str]) -> tuple[Program, dict] | None:
    """What `HomogeneityProbe` measures, from the state and W of the layers that began, as it was then.

    Args:
        model: of the phase.
        state: its weights, which stand for shapes and types.
        started: names of the layers of which it is known how they began.

    Returns:
        The program, which returns float64 [values], with "layers", whose starts it takes, and "values", (kind, layer)
        each. None if there is no untied layer that has it.
    """
    untied, values = _untied(model), list[tuple[str, str]]()
    if not any(layer.locality.whole.sum() > 1 for layer in untied.values()):
        return None
    names = [name for name in untied if name in started]
    starts = [tf.zeros(untied[name].kernel.shape) for name in names]
    made = lower(functools.partial(_homogeneity, model, names, values), state, starts)
    return made, {"layers": names, "values": values}


def filters_kept(model: keras.Model) -> dict[str, dict]:
    """The filters that results hold, by untied layer: "locations"; the place of W in the state, "variable"; and
    "places", int32 [locations, kh, kw]: where each filter's connections stand on W's leading axis, -1 for none.
    """
    places, found = places_of(model), {}
    for name, layer in _untied(model).items():
        numbers = np.arange(len(layer.locality.pairs), dtype=np.float64)[:, None, None]  # [S, 1, 1]
        locations = shown_locations(layer)
        filters = [layer.filters_at(row, column, numbers)[..., 0, 0] for row, column in locations]
        kept = np.nan_to_num(np.stack(filters), nan=-1).astype(np.int32)
        found[name] = {"locations": locations, "variable": places[name, "kernel"], "places": kept}
    return found


def _untied(model: keras.Model) -> dict[str, UntiedConv2D]:
    return {layer.name: layer for layer in layers_of(model) if isinstance(layer, UntiedConv2D)}


def _homogeneity(model, names: list, values: list, state: State, starts: list) -> tf.Tensor:
    """All that the probe measures, as in `probed`."""
    return probed(model, state, HomogeneityProbe(dict(zip(names, starts, strict=True))), values)
