"""Who takes part: all contenders by name, and why some do not."""

import importlib.util
from collections.abc import Callable

from urfb_tf.bench.contenders.contender import Contender
from urfb_tf.bench.contenders.own import Compiled
from urfb_tf.bench.contenders.pytorch import TorchSteps
from urfb_tf.bench.contenders.stock import StockFit
from urfb_tf.data import Split

URFB, FRFB, BP = "URFB", "FRFB", "BP"
DEFAULT_READING = "URFB, default reading"
KERAS = "BP, Keras fit"
TORCH, BIOTORCH, MINIMAL = "BP, PyTorch", "FA, BioTorch", "FA, PyTorch, minimal"


def lineup(notation: str, data: Split, batch: int) -> dict[str, Contender]:
    """All contenders that can be made here, by name, built from one notation."""
    makers: dict[str, Callable[[], Contender]] = {
        URFB: lambda: Compiled(notation, data, batch, "urfb", reading="paper"),
        FRFB: lambda: Compiled(notation, data, batch, "frfb", reading="paper"),
        BP: lambda: Compiled(notation, data, batch, "bp", reading="paper"),
        DEFAULT_READING: lambda: Compiled(notation, data, batch, "urfb"),
        KERAS: lambda: StockFit(notation, data, batch),
    }
    if torch_missing() is None:
        makers |= {
            TORCH: lambda: TorchSteps(notation, data, batch),
            MINIMAL: lambda: TorchSteps(notation, data, batch, layers="minimal"),
        }
    if biotorch_missing() is None:
        makers[BIOTORCH] = lambda: TorchSteps(notation, data, batch, layers="biotorch")
    return {name: make() for name, make in makers.items()}


def torch_missing() -> str | None:
    """Why PyTorch does not take part; None if it does."""
    if importlib.util.find_spec("torch"):
        return None
    return "PyTorch is not installed (pip install 'urfb-tf[bench]'): its rows are missing."


def biotorch_missing() -> str | None:
    """Why BioTorch does not take part; None if it does."""
    if torch_missing() is not None:
        return torch_missing()
    if not importlib.util.find_spec("biotorch"):
        return "BioTorch is not installed (pip install --no-deps biotorch): its row is missing."
    try:
        importlib.import_module("biotorch.layers.fa")
    except Exception as error:  # whatever it is, the table says it and goes on
        return f"BioTorch does not import here ({type(error).__name__}: {error}): its row is missing."
    return None
