"""Peak memory of training, one process per configuration, and the bytes that a connection takes."""

import sys

from urfb_tf.bench.contenders import torch_missing
from urfb_tf.bench.measure import Machine
from urfb_tf.bench.processes import measured
from urfb_tf.bench.subjects import Settings
from urfb_tf.errors import UrfbError
from urfb_tf.table import Table

STEPS = 2
# By name: the contender, its network, and options of `build`; "untied" unties it.
CONFIGURATIONS: dict[str, tuple[str, str, dict]] = {
    "simpnet, URFB": ("own", "simpnet", {"rule": "urfb"}),
    "simpnet, BP": ("own", "simpnet", {"rule": "bp"}),
    "simpnet, BP, reading paper": ("own", "simpnet", {"rule": "bp", "reading": "paper"}),
    "simpnet, URFB, half of the connections": ("own", "simpnet", {"rule": "urfb", "connectivity": 0.5}),
    "simpnet, URFB, untied": ("own", "simpnet", {"rule": "urfb", "untied": True}),
    "deepernet, URFB": ("own", "deepernet", {"rule": "urfb"}),
    "deepernet_s, URFB, untied": ("own", "deepernet_s", {"rule": "urfb", "untied": True}),
    # These pool as the reading "paper" does.
    "simpnet, BP, Keras fit": ("keras", "simpnet", {}),
    "simpnet, BP, PyTorch": ("torch", "simpnet", {}),
}


def run(settings: Settings, machine: Machine, configurations: dict = CONFIGURATIONS) -> dict:
    """Bytes by configuration. `peak` is resident memory beyond what was resident before the network was made."""
    rows = []
    for name, (kind, network, options) in configurations.items():
        if kind == "torch" and torch_missing():
            continue
        arguments = repr((kind, network, options, settings.batch))
        found = measured("from urfb_tf.bench.memory import main; main()", arguments)
        rows.append({"configuration": name, "batch": settings.batch, **found})
    return {"rows": rows, "missing": [torch_missing()] if torch_missing() else []}


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One row per configuration."""
    header = ["", "batch", "libraries, MB", "training beyond, MB", "weights that exist", "bytes per weight"]
    lines = [
        [
            row["configuration"],
            str(row["batch"]),
            f"{row['before'] / 1e6:.0f}",
            f"{row['peak'] / 1e6:.0f}",
            f"{row['connections']:,}" if row["connections"] else "",
            f"{row['stored'] / row['connections']:.1f}" if row["connections"] else "",
        ]
        for row in found["rows"]
    ]
    return [("Memory", Table(header, lines)), *(("", reason) for reason in found["missing"])]


def stored_bytes(model) -> tuple[int, int]:
    """Bytes of all variables of one of the package's models, and how many weights W exist: those that masks leave."""
    import keras
    import numpy as np

    from urfb_tf.layers import feedback_layers

    stored = sum(
        int(np.prod(v.shape)) * (keras.backend.standardize_dtype(v.dtype) == "bool" or 4) for v in model.variables
    )
    existing = 0
    for layer in feedback_layers(model):
        mask = layer.kernel_mask
        existing += int(np.prod(layer.kernel.shape)) if mask is None else int(np.array(mask).sum())
    return stored, existing


def main() -> None:
    """Train the configuration in the first argument of this process, and print what it took."""
    import ast
    import json

    from urfb_tf import networks
    from urfb_tf.bench.contenders import random_images
    from urfb_tf.bench.contenders.pytorch import TorchSteps
    from urfb_tf.bench.contenders.stock import StockFit
    from urfb_tf.bench.training import NETWORKS
    from urfb_tf.training import EpochProgram

    kind, network, options, batch = ast.literal_eval(sys.argv[1])
    data = random_images(STEPS * batch, (32, 32, 3))
    if kind == "torch":
        import torch  # noqa: F401
    before, stored, connections = _resident("VmRSS"), 0, 0
    if kind == "own":
        untied = options.pop("untied", False)
        model = networks.NETWORKS[network](**options)
        model = networks.untie(model) if untied else model
        program = EpochProgram(model, batch_size=batch)
        stored, connections = stored_bytes(model)
        _, tally = program.train(
            program.state(), *program.place(data), seed=0, epoch=0, first=0, last=STEPS, learning_rate=0.1
        )
        float(tally.loss)
    else:
        (StockFit if kind == "keras" else TorchSteps)(NETWORKS[network], data, batch).epoch()
    print(
        json.dumps(
            {"before": before, "peak": _resident("VmHWM") - before, "stored": stored, "connections": connections}
        )
    )


def _resident(field: str) -> int:
    """Bytes of this process in memory: now, "VmRSS", or the most that there ever were, "VmHWM".

    Where the system tells the latter alone, it stands for both.
    """
    try:
        # getrusage would do, but on Linux a new program inherits the peak of the process that started it.
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith(field))
    except (OSError, StopIteration):
        try:
            import resource
        except ImportError as error:
            raise UrfbError("This system does not tell how much memory a process takes.") from error
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
