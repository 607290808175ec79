"""A training step with convolutions by oneDNN and by TensorFlow itself, in fresh processes: it is chosen at import."""

import dataclasses
from collections.abc import Mapping

from urfb_tf.bench.measure import Machine, timing
from urfb_tf.bench.processes import measured
from urfb_tf.bench.report import quartiles
from urfb_tf.bench.subjects import Settings
from urfb_tf.bench.training import NETWORKS
from urfb_tf.table import Table

PROCESSES = 3  # with each library, 2 at the least
WAYS: Mapping[str, str] = {"oneDNN": "1", "TensorFlow itself": "0"}

_PROGRAM = """
import json, sys
from urfb_tf import environment
from urfb_tf.bench.contenders import random_images
from urfb_tf.bench.contenders.own import Compiled
from urfb_tf.bench.measure import interleaved

notation, batch, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
step = Compiled(notation, random_images(batch, (32, 32, 3)), batch, "urfb").epoch
print(json.dumps({"onednn": environment.onednn(), "seconds": interleaved({"": step}, repeats=repeats)[""].median}))
"""


def run(
    settings: Settings, machine: Machine, networks: Mapping[str, str] = NETWORKS, processes: int = PROCESSES
) -> dict:
    """Seconds of a step under URFB: the median of each process, summed up over processes that take turns."""
    rows = []
    for network, notation in networks.items():
        medians: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(processes):
            for way, value in WAYS.items():
                arguments = (notation, str(settings.batch), str(settings.repeats))
                found = measured(_PROGRAM, *arguments, TF_ENABLE_ONEDNN_OPTS=value)
                if found["onednn"] in (value == "1", None):  # not every build of TensorFlow has both
                    medians[way].append(found["seconds"])
        rows += [
            {"network": network, "way": way, "batch": settings.batch, **dataclasses.asdict(timing(seconds))}
            for way, seconds in medians.items()
            if seconds
        ]
    return {"processes": processes, "rows": rows}


def times_faster(found: dict) -> dict[str, float]:
    """How many times as long a step takes without oneDNN, by network; those that were measured both ways."""
    seconds = {(row["network"], row["way"]): row["median"] for row in found["rows"]}
    on, off = WAYS
    networks = dict.fromkeys(network for network, _ in seconds)
    return {
        name: seconds[name, off] / seconds[name, on] for name in networks if {(name, on), (name, off)} <= set(seconds)
    }


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One row per network and way."""
    lines = [[f"{row['network']}, {row['way']}", str(row["batch"]), *quartiles(row)] for row in found["rows"]]
    title = f"Convolutions by oneDNN or by TensorFlow itself, {found['processes']} processes each"
    return [(title, Table(["", "batch", "ms per step", "quartiles", "least"], lines))]
