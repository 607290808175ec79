"""Seconds until the first training step has been made, each part apart, in fresh processes."""

import dataclasses

from urfb_tf.bench.measure import Machine, timing
from urfb_tf.bench.processes import measured
from urfb_tf.bench.report import milliseconds
from urfb_tf.bench.subjects import Settings
from urfb_tf.table import Table

TARGET = 0.3  # seconds of `import urfb_tf` beyond TensorFlow's and Keras' own import
PROCESSES = 5

_PROGRAM = """
import time, json
seconds, last = {}, time.perf_counter()

def part(name):
    global last
    now = time.perf_counter()
    seconds[name], last = now - last, now

import tensorflow, keras
part("import TensorFlow and Keras")
import urfb_tf
part("import urfb_tf")
model = urfb_tf.simpnet()
part("build simpnet")
from urfb_tf.bench.contenders import random_images
from urfb_tf.training import EpochProgram
data = random_images(500, (32, 32, 3))
last = time.perf_counter()
program = EpochProgram(model, batch_size=500)
placed = program.place(data)
float(program.train(
    program.state(), *placed, seed=0, epoch=0, first=0, last=1, learning_rate=0.1)[1].loss)
part("compile and first step")
print(json.dumps(seconds))
"""


def run(settings: Settings, machine: Machine, processes: int | None = None) -> dict:
    """Times of each part over some processes, by part."""
    count = processes or min(settings.repeats, PROCESSES)
    found = [measured(_PROGRAM) for _ in range(count)]
    parts = {name: dataclasses.asdict(timing([each[name] for each in found])) for name in found[0]}
    return {"processes": count, "parts": parts}


def tables(found: dict) -> list[tuple[str, Table | str]]:
    """One row per part; and whether importing the package meets its target."""
    lines = [
        [name, milliseconds(t["median"]), f"{milliseconds(t['low'])} to {milliseconds(t['high'])}"]
        for name, t in found["parts"].items()
    ]
    median = found["parts"]["import urfb_tf"]["median"]
    verdict = f"import urfb_tf: {median:.2f} s beyond TensorFlow and Keras; target at most {TARGET} s: "
    return [
        (f"Start-up, {found['processes']} processes", Table(["", "ms", "quartiles"], lines)),
        ("", verdict + ("reached." if median <= TARGET else "missed.")),
    ]
