"""Train an exported run with JAX: `python runner.py --epochs 1000` in the folder that `urfb_tf.export` made.

Needs NumPy and JAX, neither TensorFlow nor urfb_tf. Each epoch is one call of a compiled program on JAX's first device.
It can be stopped and started again at any time; `result.json` and `state.npz` grow with the run.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


class Device:
    """JAX's first device, as a compiler and runner of StableHLO. All use of JAX's private names is here."""

    def __init__(self):
        import jax
        from jax._src.lib import xla_client

        jax.config.update("jax_enable_x64", True)  # keep 64-bit seeds as they are
        self.jax, self.device = jax, jax.devices()[0]
        self._list = xla_client._xla.DeviceList((self.device,))
        self._options = xla_client.CompileOptions

    def put(self, array: np.ndarray):
        """A copy of the array on the device."""
        return self.jax.device_put(array, self.device)

    def compile(self, stablehlo: bytes):
        """A function of a list of device arrays that returns such a list."""
        return self.device.client.compile_and_load(stablehlo, self._list, self._options()).execute

    def describe(self) -> dict:
        """The hardware, as results name it."""
        return {
            "device": self.device.device_kind,
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        }

    @property
    def version(self) -> str:
        """JAX's."""
        return self.jax.__version__


class Phase:
    """The compiled programs of one phase."""

    def __init__(self, folder: pathlib.Path, device: Device):
        self.folder, self.device = folder, device
        self.manifest = json.loads((folder / "manifest.json").read_text())
        constants = load_arrays(folder / "constants.npz")
        self.programs, self.constants = {}, {}
        for name, count in self.manifest["constants"].items():
            self.programs[name] = device.compile((folder / f"{name}.stablehlo").read_bytes())
            self.constants[name] = [device.put(constants[f"{name}_{n:03d}"]) for n in range(count)]

    def call(self, name: str, inputs: list) -> list:
        """The outputs of a program."""
        inputs = [self.device.put(x) if isinstance(x, np.ndarray) else x for x in inputs]
        return self.programs[name]([*inputs, *self.constants[name]])

    def begin(self, state: list) -> list:
        """The weights with which the phase begins; `state` is what the phase before left, or empty."""
        start = load_arrays(self.folder / "start.npz")
        own = [start[name] for name in sorted(start)]
        if not state:
            return [self.device.put(array) for array in own]
        gathers = load_arrays(self.folder / "gathers.npz")
        weights = []
        for entry, array in zip(self.manifest["carry"], own, strict=True):
            if entry["from"] is not None:
                array = np.asarray(state[entry["from"]])
            if entry["gather"] is not None:
                array = array.reshape(-1, *array.shape[2:])[gathers[entry["gather"]]]
            weights.append(self.device.put(array))
        return weights


class Run:
    """One exported run: its phases, the weights, and the epochs so far."""

    def __init__(self, folder: pathlib.Path, device: Device):
        self.folder, self.device = folder, device
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.data = {name: device.put(array) for name, array in load_arrays(folder / "data.npz").items()}
        self.state, self.epochs, self.sessions = [], [], []
        if (folder / "state.npz").exists():
            saved = load_arrays(folder / "state.npz")
            past = json.loads(saved.pop("past").tobytes())
            self.epochs, self.sessions = past["epochs"], past["sessions"]
            self.state = [device.put(saved[name]) for name in sorted(saved)]

    def train(self, epochs: int, save_every: int) -> None:
        """Train up to so many epochs in all."""
        if len(self.epochs) < epochs:
            self.sessions.append(self._session())
        first = 0
        for number in range(1, self.manifest["phases"] + 1):
            folder = self.folder / f"phase{number}"
            length = json.loads((folder / "manifest.json").read_text())["epochs"]
            end = epochs if number == self.manifest["phases"] else min(first + length, epochs)
            if len(self.epochs) < end:
                phase = Phase(folder, self.device)
                if len(self.epochs) == first:
                    self.state = phase.begin(self.state)
                while len(self.epochs) < end:
                    self.epochs.append(self._epoch(phase, len(self.epochs)))
                    if len(self.epochs) % save_every == 0 or len(self.epochs) == end:
                        self.save()
            first += length

    def _epoch(self, phase: Phase, number: int) -> dict:
        started = time.perf_counter()
        whole = [np.int32(self.manifest["seed"]), np.int32(number), np.int32(0), np.int32(phase.manifest["steps"])]
        scalars = [*whole, np.float32(phase.manifest["learning_rate"]), *[np.float32(0)] * 3]
        *self.state, loss, mistakes, examples = phase.call(
            "train", [*self.state, self.data["train_images"], self.data["train_labels"], *map(np.asarray, scalars)]
        )
        record = {
            "epoch": number + 1,
            "train_loss": _share(loss, examples),
            "train_error": _share(mistakes, examples),
        }
        seconds = time.perf_counter() - started  # the numbers above have been waited for
        names = {"train": "train_error_evaluated", "validation": "validation_error", "test": "test_error"}
        for split, name in names.items():
            inputs = [*self.state, self.data[f"{split}_images"], self.data[f"{split}_labels"]]
            _, mistakes, examples = phase.call(f"evaluate_{split}", inputs)
            record[name] = _share(mistakes, examples)
        angles = {
            a["layer"]: _angle(self.state[a["kernel"]], self.state[a["feedback"]]) for a in phase.manifest["angles"]
        }
        return {**record, "seconds": round(seconds, 3), "weight_angle": angles}

    def _session(self) -> dict:
        exported = self.manifest["session"]
        return {
            "from_epoch": len(self.epochs) + 1,
            "commit": exported["commit"],
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": {**exported["versions"], "jax": self.device.version},
            "hardware": self.device.describe(),
        }

    def save(self) -> None:
        """Write `state.npz` and `result.json`, each whole or not at all."""
        past = json.dumps({"epochs": self.epochs, "sessions": self.sessions}).encode()
        arrays = {f"{n:03d}": np.asarray(array) for n, array in enumerate(self.state)}
        arrays["past"] = np.frombuffer(past, np.uint8)
        _replace(self.folder / "state.npz", lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
        result = {**self.manifest["result"], "sessions": self.sessions, "epochs": self.epochs}
        content = json.dumps(result, indent=1).encode() + b"\n"
        _replace(self.folder / "result.json", lambda file: file.write(content))


def load_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file."""
    with np.load(path) as archive:
        return dict(archive)


def _replace(path: pathlib.Path, write) -> None:
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        write(file)
    os.replace(temporary, path)


def _share(total, examples) -> float:
    return round(float(np.asarray(total)) / float(np.asarray(examples)), 6)


def _angle(a, b):
    a, b = (np.asarray(x, np.float64).ravel() for x in (a, b))
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return round(float(np.degrees(np.arccos(np.clip(a @ b / size, -1, 1)))), 2) if size > 0 else None


def main() -> int:
    """Train the run in this file's folder."""
    parser = argparse.ArgumentParser(description="Train an exported run with JAX.")
    parser.add_argument("--epochs", type=int, required=True, help="epochs in all")
    parser.add_argument("--save-every", type=int, default=10, help="epochs between two saves (default: 10)")
    parser.add_argument("--folder", type=pathlib.Path, default=HERE, help="default: where this file stands")
    options = parser.parse_args()
    if options.epochs < 1 or options.save_every < 1:
        print("runner.py: --epochs and --save-every are whole numbers >= 1.", file=sys.stderr)
        return 1
    try:
        device = Device()
    except ImportError:
        print("runner.py: JAX is not installed here: pip install jax, or jax[cuda12] for a GPU.", file=sys.stderr)
        return 1
    run = Run(options.folder, device)
    run.train(options.epochs, options.save_every)
    last = run.epochs[-1]
    print(
        f"after {last['epoch']} epochs train error {last['train_error_evaluated']:.3f}, "
        f"test error {last['test_error']:.3f}; result in {options.folder / 'result.json'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
