"""Train exported runs with JAX: `python runner.py --epochs 1000` in the folder that `urfb_tf.export` made.

Needs NumPy and JAX, neither TensorFlow nor urfb_tf. Each epoch is one call of a compiled program on JAX's first device.
Runs take turns, so that all are as far when time is up, and share images and programs; or each has a process of its
own, several at a time, which keeps a device busy that one small network does not fill. Everything can be stopped and
started again at any time; `result.json` and `state.npz` of each run grow with it.
"""

import argparse
import base64
import contextlib
import datetime
import json
import math
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TURN = 10  # epochs of a run at a time
TESTED = "0.10 or 0.11"  # versions of JAX
AGAIN = "export the run again, elsewhere if it has been started, and copy this file from there"
ANEW = "move it away, and a result.json beside it, and the run begins anew"
OF_RUN = ("seed", "phases", "data", "result", "session")  # what a manifest holds
OF_DATA = tuple(f"{split}_{part}" for split in ("train", "validation", "test") for part in ("images", "labels"))
PROGRAMS = ("train", "evaluate_train", "evaluate_validation", "evaluate_test")
OF_PHASE = ("epochs", "steps", "learning_rate", "programs", "start", "carry", "gathers", "alignment")


# Python's own.
_HANDLERS: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


class RunnerError(Exception):
    """What cannot be done, in a sentence that says what to do."""


class Stop:
    """When training ends before all epochs are trained: time is up, Ctrl-C was pressed, or SIGTERM came.

    These let the epoch in progress end, so that all of it can be saved. Ctrl-C pressed again ends the process at once.
    """

    def __init__(self, seconds: float | None):
        self.end = None if seconds is None else time.monotonic() + seconds
        self.pressed = self._terminated = False
        self._processes: list[subprocess.Popen] = []
        for number, handler in _HANDLERS.items():
            if signal.getsignal(number) is handler:  # not if a shell has it ignored
                signal.signal(number, self._press)

    def _press(self, number: int, _) -> None:
        self.pressed, more = True, ""
        if number == signal.SIGINT:
            signal.signal(number, _HANDLERS[number])
            more = "; Ctrl-C again stops at once, with what was saved before"
        # `print` may be what was interrupted, and cannot be entered twice.
        os.write(2, f"runner.py: stopping after this epoch{more}.\n".encode())
        # Ctrl-C in a terminal reaches the other processes too. So may SIGTERM, if a scheduler sends it to all: to them
        # a second one is as the first.
        if number == signal.SIGTERM:
            self._terminated = True
            for process in self._processes:
                process.terminate()

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """The exit status of a command. SIGTERM is passed on to it."""
        with subprocess.Popen(command, env=environment) as process:
            self._processes.append(process)
            if self._terminated:  # before it was in the list
                process.terminate()
            return process.wait()

    def left(self) -> float | None:
        """Seconds until time is up; None if it never is."""
        return None if self.end is None else self.end - time.monotonic()

    def over(self) -> bool:
        """Whether to train no further epoch."""
        left = self.left()
        return self.pressed or (left is not None and left <= 0)


class Device:
    """JAX's first device, as a compiler and runner of StableHLO. All use of JAX's private names is here."""

    def __init__(self):
        try:
            import jax
        except ImportError as error:
            raise RunnerError("JAX is not installed here: pip install jax, or jax[cuda12] for a GPU") from error
        jax.config.update("jax_enable_x64", True)  # keep 64-bit seeds as they are
        try:
            self.jax, self.device = jax, jax.devices()[0]
        except (RuntimeError, AssertionError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise RunnerError(
                f"JAX finds no device here ({reason}): install jax[cuda12] for a GPU, or unset JAX_PLATFORMS"
            ) from error
        with self._private():
            from jax._src.lib import xla_client

            self._list = xla_client._xla.DeviceList((self.device,))
            self._options = xla_client.CompileOptions

    @contextlib.contextmanager
    def _private(self) -> Iterator[None]:
        """RunnerError where a JAX has others of the private names, or takes other arguments."""
        try:
            yield
        except (ImportError, AttributeError, TypeError) as error:
            raise RunnerError(
                f"JAX {self.version} does not take programs as runner.py gives them ({error}): install JAX {TESTED}"
            ) from error

    def put(self, array: np.ndarray):
        """A copy of the array on the device."""
        try:
            return self.jax.device_put(array, self.device)
        except RuntimeError as error:  # JAX's own
            raise RunnerError(
                f"{array.nbytes / 1e6:.0f} MB do not go to the device ({str(error).partition(chr(10))[0]}): see that "
                "it has room"
            ) from error

    def compile(self, stablehlo: bytes):
        """A function of a list of device arrays that returns such a list."""
        with self._private():
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


class Shelf:
    """What the runs of a folder share: arrays on the device and compiled programs, each loaded once."""

    def __init__(self, folder: pathlib.Path, device: Device):
        self.folder, self.device = folder, device
        self._placed: dict = {}
        self._programs: dict = {}

    def read(self, digest: str) -> np.ndarray:
        """An array, on the host and not kept."""
        path = self.folder / "arrays" / f"{digest}.npz"
        with _reading(path, AGAIN):
            return load_arrays(path)["array"]

    def array(self, digest: str):
        """An array on the device."""
        if digest not in self._placed:
            self._placed[digest] = self.device.put(self.read(digest))
        return self._placed[digest]

    def program(self, digest: str):
        """A compiled program."""
        if digest not in self._programs:
            path = self.folder / "programs" / f"{digest}.stablehlo"
            with _reading(path, AGAIN):
                stablehlo = path.read_bytes()
            try:
                self._programs[digest] = self.device.compile(stablehlo)
            except (RuntimeError, ValueError) as error:  # JAX's own errors are RuntimeErrors
                raise RunnerError(
                    f"{path} cannot be compiled ({str(error).partition(chr(10))[0]}) by JAX {self.device.version}: "
                    f"{AGAIN}, or install JAX {TESTED}"
                ) from error
        return self._programs[digest]


class Phase:
    """The compiled programs of one phase."""

    def __init__(self, manifest: dict, shelf: Shelf):
        self.manifest, self.shelf = manifest, shelf
        self.programs = {name: shelf.program(used["program"]) for name, used in manifest["programs"].items()}
        self.constants = {
            name: [shelf.array(digest) for digest in used["constants"]] for name, used in manifest["programs"].items()
        }

    def call(self, name: str, inputs: list) -> list:
        """The outputs of a program."""
        inputs = [self.shelf.device.put(x) if isinstance(x, np.ndarray) else x for x in inputs]
        try:
            return self.programs[name]([*inputs, *self.constants[name]])
        except RuntimeError as error:  # JAX's own, of arrays that do not fit or a device without room
            raise RunnerError(
                f"the program {name!r} does not run ({str(error).partition(chr(10))[0]}): see that each state.npz is "
                "of the run beside it, and that the device has room"
            ) from error

    def begin(self, state: list) -> list:
        """The weights with which the phase begins; `state` is what the phase before left, or empty."""
        start, weights = self.manifest["start"], []
        carry = self.manifest["carry"] or [{"from": None, "gather": None}] * len(start)
        for digest, entry in zip(start, carry, strict=True):
            array = self.shelf.read(digest) if entry["from"] is None else np.asarray(state[entry["from"]])
            if entry["gather"] is not None:
                places = self.shelf.read(self.manifest["gathers"][entry["gather"]])
                array = array.reshape(-1, *array.shape[2:])[places]
            weights.append(self.shelf.device.put(array))
        return weights

    def alignment(self, state: list, data: list) -> dict:
        """Angles and ratios by kind and layer; None where there is none."""
        (values,) = self.call("alignment", [*state, *data])
        return {"weight_angle": {}} | _by_kind(self.manifest["alignment"], values, 2)

    def homogeneity(self, state: list, starts: list) -> dict:
        """How alike the filters of untied layers are and how far they moved, by kind and layer; {} without any."""
        if "homogeneity" not in self.programs:
            return {}
        (values,) = self.call("homogeneity", [*state, *starts])
        return _by_kind(self.manifest["homogeneity"]["values"], values, 5)


class Run:
    """One exported run: its phases, the weights, and the epochs so far."""

    def __init__(self, folder: pathlib.Path, shelf: Shelf):
        self.folder, self.shelf = folder, shelf
        self.manifest = _read_manifest(folder / "manifest.json")
        path = folder / "state.npz"
        past, weights = load_state(path, ANEW) if path.exists() else (dict[str, list](epochs=[], sessions=[]), [])
        # The earliest of these files do not say of which run they are.
        if past.get("run", self.manifest["result"]) != self.manifest["result"]:
            raise RunnerError(f"{path} belongs to another run: put that of this one in its place, or {ANEW}")
        self.epochs, self.sessions = past["epochs"], past["sessions"]
        told = _told(folder)
        if told > len(self.epochs):
            raise RunnerError(
                f"{folder / 'result.json'} holds {told} epochs, and state.npz beside it {len(self.epochs)}, so that "
                "training would lose some: put the latest state.npz back, or move result.json away"
            )
        self.state = [shelf.device.put(array) for array in weights]
        self._phase: tuple[int, Phase] | None = None  # its number, and the compiled programs
        self._starts: list = []  # W of its untied layers as it was when they were untied, where that is measured
        self._joined = False  # whether the sessions name this one
        self._written = time.monotonic()  # when the run was last saved, or begun
        # `state.npz` is written first: if only it was, `result.json` is behind, or not there.
        self._saved = told if told == len(self.epochs) else 0

    def advance(self, epochs: int, over: Callable[[], bool], save_every: float = math.inf) -> None:
        """Train up to so many epochs in all, or until time is over, and save every so many seconds."""
        while len(self.epochs) < epochs and not over():
            if not self._joined:  # one that trains nothing is no session of the run
                _check_writable(self.folder)
                self.sessions.append(self._session())
                self._joined = True
            self.epochs.append(self._epoch(self._enter(len(self.epochs)), len(self.epochs)))
            self.save(save_every)

    def _enter(self, epoch: int) -> Phase:
        """The phase that an epoch belongs to; its weights begin if it is the phase's first."""
        number, first = self._phase_at(epoch)
        known = self._phase is not None and self._phase[0] == number
        if self._phase is None or not known:
            self._phase = number, Phase(self.manifest["phases"][number], self.shelf)
        phase = self._phase[1]
        if epoch == first:
            if shared := phase.manifest.get("shared"):
                self.epochs[-1]["untied_from"] = {
                    name: _encoded(np.asarray(self.state[place])) for name, place in shared.items()
                }
            self.state = phase.begin(self.state)
        if not known:
            names = phase.manifest.get("homogeneity", {"layers": []})["layers"]
            self._starts = [self.shelf.device.put(self._start_of(name, number)) for name in names]
        return phase

    def _phase_at(self, epoch: int) -> tuple[int, int]:
        """The number of the phase that an epoch belongs to, and of the phase's first epoch."""
        manifests, number, first = self.manifest["phases"], 0, 0
        while number < len(manifests) - 1 and epoch >= first + manifests[number]["epochs"]:
            first += manifests[number]["epochs"]
            number += 1
        return number, first

    def _filters(self) -> dict:
        """Some filters of untied layers, as results hold them, by layer."""
        number, _ = self._phase_at(len(self.epochs) - 1)
        found = {}
        for name, kept in self.manifest["phases"][number].get("filters", {}).items():
            kernel, places = np.asarray(self.state[kept["variable"]]), self.shelf.read(kept["places"])
            filters = np.where((places < 0)[..., None, None], np.nan, kernel[places])  # [locations, kh, kw, Cin, F]
            found[name] = {"locations": kept["locations"], **_encoded(filters)}
        return found

    def _start_of(self, name: str, number: int) -> np.ndarray:
        """W of an untied layer as it began, for a phase: in the latest until then that untied it."""
        manifests = self.manifest["phases"]
        began = max(n for n in range(number + 1) if name in manifests[n]["starts"])
        manifest, place = manifests[began], manifests[began]["starts"][name]
        entry = manifest["carry"][place] if manifest["carry"] else {"from": None}
        if entry["from"] is None:
            return self.shelf.read(manifest["start"][place]).astype(np.float32)
        last = sum(each["epochs"] for each in manifests[:began])
        shared = _decoded(self.epochs[last - 1]["untied_from"][name])
        return shared.reshape(-1, *shared.shape[2:])[self.shelf.read(manifest["gathers"][entry["gather"]])]

    def _data(self, split: str) -> list:
        return [self.shelf.array(self.manifest["data"][f"{split}_{part}"]) for part in ("images", "labels")]

    def _epoch(self, phase: Phase, number: int) -> dict:
        started = time.perf_counter()
        whole = [np.int32(self.manifest["seed"]), np.int32(number), np.int32(0), np.int32(phase.manifest["steps"])]
        scalars = [*whole, np.float32(phase.manifest["learning_rate"]), *[np.float32(0)] * 3]
        *self.state, loss, mistakes, examples = phase.call(
            "train", [*self.state, *self._data("train"), *map(np.asarray, scalars)]
        )
        record = {
            "epoch": number + 1,
            "train_loss": _finite(_share(loss, examples)),
            "train_error": _share(mistakes, examples),
        }
        seconds = time.perf_counter() - started  # the numbers above have been waited for
        names = {"train": "train_error_evaluated", "validation": "validation_error", "test": "test_error"}
        tallies = {split: phase.call(f"evaluate_{split}", [*self.state, *self._data(split)]) for split in names}
        more = phase.alignment(self.state, self._data("alignment")) | phase.homogeneity(self.state, self._starts)
        for split, name in names.items():
            _, mistakes, examples = tallies[split]
            record[name] = _share(mistakes, examples)
        return {**record, "seconds": round(seconds, 3), **more}

    def _session(self) -> dict:
        exported, device = self.manifest["session"], self.shelf.device
        return {
            "from_epoch": len(self.epochs) + 1,
            "commit": exported["commit"],
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "versions": {
                **exported["versions"],
                "python": platform.python_version(),
                "numpy": np.__version__,
                "jax": device.version,
            },
            "hardware": device.describe(),
        }

    def save(self, every: float = 0) -> None:
        """Write `state.npz` and `result.json`, each whole or not at all.

        Not if there is nothing new, or `every` seconds have not passed since they were written: a small network on a
        fast device would wait for its weights longer than it trains.
        """
        if len(self.epochs) == self._saved or time.monotonic() - self._written < every:
            return
        told = {"run": self.manifest["result"], "epochs": self.epochs, "sessions": self.sessions}
        past = json.dumps(told, allow_nan=False).encode()
        arrays = {f"{n:03d}": np.asarray(array) for n, array in enumerate(self.state)}
        arrays["past"] = np.frombuffer(past, np.uint8)
        _replace(self.folder / "state.npz", lambda file: np.savez(file, **as_saved(arrays)))  # type: ignore[arg-type]
        result = {**self.manifest["result"], "sessions": self.sessions, "epochs": self.epochs}
        if filters := self._filters():
            result["filters"] = filters
        content = json.dumps(result, indent=1, allow_nan=False).encode() + b"\n"
        _replace(self.folder / "result.json", lambda file: file.write(content))
        self._saved, self._written = len(self.epochs), time.monotonic()


def take_turns(runs: list[Run], epochs: int, save_every: float, over: Callable[[], bool]) -> None:
    """Train all runs up to so many epochs, `TURN` epochs each at a time, or until time is over.

    Each is saved when it is done, time is over or another fails, and until then every so many seconds, after an epoch.
    """
    while not over() and (unfinished := [run for run in runs if len(run.epochs) < epochs]):
        behind = min(len(run.epochs) for run in unfinished)
        for run in unfinished:
            if len(run.epochs) < behind + TURN:
                with _others_saved(run, runs):
                    run.advance(min(behind + TURN, epochs), over, save_every)
                    run.save(save_every if len(run.epochs) < epochs else 0)
    for run in runs:
        with _others_saved(run, runs):
            run.save()


@contextlib.contextmanager
def _others_saved(run: Run, runs: list[Run]) -> Iterator[None]:
    """Within the block, an error of one run ends all, but the others are saved before."""
    try:
        yield
    except Exception:
        for other in runs:
            if other is not run:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    other.save()
        raise


@contextlib.contextmanager
def _reading(path: pathlib.Path, remedy: str) -> Iterator[None]:
    """RunnerError, with what helps, for all that a damaged or missing file raises while it is read."""
    try:
        yield
    except (
        OSError,
        EOFError,
        LookupError,
        AttributeError,
        ValueError,
        TypeError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise RunnerError(f"{path} cannot be read ({reason}): {remedy}") from error


def load_arrays(path: pathlib.Path, remedy: str = AGAIN) -> dict[str, np.ndarray]:
    """All arrays of an npz file; RunnerError if it is damaged or missing."""
    with _reading(path, remedy), open(path, "rb") as file:
        if not zipfile.is_zipfile(file):  # NumPy takes it for pickled data, and names an unsafe way to read it
            raise zipfile.BadZipFile("it is no whole npz file")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            return dict(_typed(name, archive[name]) for name in archive)


def load_state(path: pathlib.Path, remedy: str) -> tuple[dict, list[np.ndarray]]:
    """What a `state.npz` tells, its `epochs` and `sessions` among it, and the weights; RunnerError if it is damaged."""
    saved = load_arrays(path, remedy)
    with _reading(path, remedy):
        past = json.loads(saved.pop("past").tobytes(), parse_constant=lambda name: None)
        _check_keys(past, ("epochs", "sessions"))
        return past, [saved[f"{n:03d}"] for n in range(len(saved))]


def as_saved(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What npz files hold of arrays; of a type that NumPy does not know, such as bfloat16, the bits as "NAME.TYPE"."""
    kept = {}
    for name, array in arrays.items():
        if array.dtype.isbuiltin == 2:  # brought by another package
            kept[f"{name}.{array.dtype.name}"] = array.view(f"u{array.dtype.itemsize}")
        else:
            kept[name] = array
    return kept


def _typed(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """The name and array of which `as_saved` made these."""
    name, _, kind = name.partition(".")
    if not kind:
        return name, array
    import ml_dtypes  # comes with JAX and with TensorFlow

    return name, array.view(getattr(ml_dtypes, kind))


def _told(folder: pathlib.Path) -> int:
    """How many epochs a run's `result.json` holds; 0 if it cannot be read, since it can be written again."""
    try:
        return len(json.loads((folder / "result.json").read_text())["epochs"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0


def _read_json(path: pathlib.Path, remedy: str) -> dict:
    with _reading(path, remedy):
        return json.loads(path.read_text())


def _read_manifest(path: pathlib.Path) -> dict:
    manifest = _read_json(path, AGAIN)
    with _reading(path, AGAIN):
        _check_keys(manifest, OF_RUN)
        _check_keys(manifest["session"], ("commit", "versions"))
        _check_keys(manifest["data"], OF_DATA)
        int(manifest["seed"])
        if not manifest["phases"]:
            raise ValueError("it has no phase")
        for phase in manifest["phases"]:
            _check_keys(phase, OF_PHASE)
            _check_keys(phase["programs"], PROGRAMS)
    return manifest


def _check_keys(record: dict, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in record:
            raise KeyError(key)


@contextlib.contextmanager
def _alone(folder: pathlib.Path) -> Iterator[None]:
    """Within the block no other process trains the run; what killed ones left half written goes before.

    On Windows, and on file systems without locks, neither is so.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)  # which gives the lock back
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunnerError(
                    f"another process trains {folder}: wait until it is done, or name other runs"
                ) from None
            for part in (*folder.glob(".state.npz.*.part"), *folder.glob(".result.json.*.part")):
                part.unlink()
        yield


def _check_writable(folder: pathlib.Path) -> None:
    """Find out before the first epoch whether the last one can be kept."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunnerError(
            f"cannot write into {folder} ({error.strerror or error}): copy the exported folder to one that takes files"
        ) from error


def _replace(path: pathlib.Path, write) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")  # another process may write the same file
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it takes the old one's place
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C leaves no part behind either
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        raise RunnerError(
            f"cannot write {path} ({error.strerror or error}): what it held before is intact; free some space, then "
            "run the same command again"
        ) from error


def _by_kind(names: list, values, digits: int) -> dict[str, dict]:
    """Numbers by kind and layer, from a list of these and what a program returns; None where there is none."""
    found: dict[str, dict] = {}
    for (kind, layer), value in zip(names, np.asarray(values), strict=True):
        found.setdefault(kind, {})[layer] = _finite(round(float(value), digits))
    return found


def _encoded(array: np.ndarray) -> dict:
    """An array as results hold it: its shape, and its numbers as little-endian float32 in base64."""
    content = base64.b64encode(array.astype("<f4").tobytes()).decode()
    return {"shape": list(array.shape), "float32": content}


def _decoded(stored: dict) -> np.ndarray:
    """The array of which `_encoded` made this."""
    return np.frombuffer(base64.b64decode(stored["float32"]), "<f4").reshape(stored["shape"])


def _share(total, examples) -> float:
    return round(float(np.asarray(total)) / float(np.asarray(examples)), 6)


def diverged_from(epochs: list[dict]) -> int | None:
    """From which epoch on the loss is no finite number; None if the last one is."""
    first = 1 + max((epoch["epoch"] for epoch in epochs if epoch["train_loss"] is not None), default=0)
    return first if first <= len(epochs) else None


def _finite(number: float) -> float | None:
    """A number as JSON has it: None if it is not finite."""
    return number if math.isfinite(number) else None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train exported runs with JAX.")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="folders under runs/ (default: all)")
    parser.add_argument("--epochs", type=int, required=True, help="epochs in all, of each run")
    parser.add_argument(
        "--save-every", type=float, default=30, metavar="SECONDS", help="between two savings of a run (default: 30)"
    )
    parser.add_argument("--seconds", type=float, help="stop after this time, with everything saved (default: never)")
    parser.add_argument(
        "--processes",
        type=int,
        help="a process for each run, so many at once, in the order given (default: all in one)",
    )
    parser.add_argument("--folder", type=pathlib.Path, default=HERE, help="default: where this file stands")
    return parser.parse_args()


def main() -> int:
    """Train the runs beside this file; the exit status is 0, 1 for what is told in a line, or 130 if stopped."""
    try:
        stop = _train(_options())
    except RunnerError as reason:
        print(f"runner.py: {reason}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrunner.py: stopped; what was saved before is intact: run the same command to go on.", file=sys.stderr)
        return 130
    return 130 if stop.pressed else 0


def _train(options: argparse.Namespace) -> Stop:
    if min(options.epochs, 1 if options.processes is None else options.processes) < 1:
        raise RunnerError("--epochs and --processes are whole numbers >= 1")
    if not options.save_every >= 0:  # "nan" is a number to argparse, and to no comparison
        raise RunnerError("--save-every is at least 0")
    if options.seconds is not None and not options.seconds > 0:
        raise RunnerError("--seconds is more than 0")
    present = sorted(path.parent.name for path in options.folder.glob("runs/*/manifest.json"))
    unknown = [name for name in options.runs if name not in present]
    if unknown or not present:
        holds = ", ".join(present) or "nothing"
        raise RunnerError(f"no {' or '.join(unknown) or 'run'} to train: {options.folder / 'runs'} holds {holds}")
    names = list(dict.fromkeys(options.runs)) or present  # a run named twice is one
    stop = Stop(options.seconds)
    if options.processes is None:
        _train_here(options, names, stop)
    else:
        _train_apart(options, names, stop)
    return stop


def _train_here(options: argparse.Namespace, names: list[str], stop: Stop) -> None:
    folders = [options.folder / "runs" / name for name in names]
    with contextlib.ExitStack() as stack:
        for folder in folders:
            stack.enter_context(_alone(folder))
        shelf = Shelf(options.folder, Device())
        runs = [Run(folder, shelf) for folder in folders]
        take_turns(runs, options.epochs, options.save_every, stop.over)
    for run in runs:
        if not run.epochs:
            print(f"{run.folder.name}: stopped before its first epoch")
            continue
        last = run.epochs[-1]
        print(
            f"{run.folder.name}: after epoch {last['epoch']}, train error {last['train_error_evaluated']:.3f}, "
            f"test error {last['test_error']:.3f}; result in {run.folder / 'result.json'}"
        )
        if (first := diverged_from(run.epochs)) is not None:
            print(f"{run.folder.name}: from epoch {first} on the loss is no finite number: try a smaller learning rate")


def _train_apart(options: argparse.Namespace, names: list[str], stop: Stop) -> None:
    """Each run by this file in another process; `timing.json` takes how long all took together."""
    for name in names:
        _result(options.folder, name)  # refuses a damaged one before anything is trained
    started, before = time.monotonic(), sum(_trained(options.folder, name) for name in names)
    # By default a process takes three quarters of the device's memory.
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **os.environ}
    common = ["--epochs", str(options.epochs), "--save-every", str(options.save_every), "--folder", str(options.folder)]

    def train(name: str) -> int:
        left = stop.left()
        if stop.over():
            print(f"{name}: stopped before its turn")
            return 0
        limit = [] if left is None else ["--seconds", str(left)]
        return stop.run([sys.executable, __file__, name, *common, *limit], environment)

    with ThreadPoolExecutor(options.processes) as pool:
        failed = [name for name, status in zip(names, pool.map(train, names), strict=True) if status]
    epochs = sum(_trained(options.folder, name) for name in names) - before
    seconds = round(time.monotonic() - started, 1)
    if epochs:  # else that of the start that trained them stays
        timing = {"runs": names, "epochs": epochs, "processes": options.processes, "seconds": seconds}
        content = json.dumps({**timing, **_latest_session(options.folder, names)}, indent=1).encode() + b"\n"
        _replace(options.folder / "timing.json", lambda file: file.write(content))
    print(f"{epochs} epochs of {len(names)} runs, {options.processes} at a time, in {seconds} s, start-up included")
    if failed and not stop.pressed:  # Ctrl-C reaches the processes, too
        raise RunnerError(f"{len(failed)} of {len(names)} runs stopped, as told above: {', '.join(failed)}")


def _result(folder: pathlib.Path, name: str) -> dict:
    path = folder / "runs" / name / "result.json"
    if not path.exists():
        return {"epochs": [], "sessions": []}
    remedy = "move it away, and the run writes it again"
    result = _read_json(path, remedy)
    with _reading(path, remedy):
        return {key: result[key] for key in ("epochs", "sessions")}


def _trained(folder: pathlib.Path, name: str) -> int:
    """How many epochs a run has, of which its result may lack the last; 0 if its process is about to refuse it."""
    path = folder / "runs" / name / "state.npz"
    with contextlib.suppress(RunnerError):
        return len(load_state(path, ANEW)[0]["epochs"])
    return 0


def _latest_session(folder: pathlib.Path, names: list[str]) -> dict:
    sessions = [session for name in names for session in _result(folder, name)["sessions"]]
    latest: dict = max(sessions, key=lambda session: session["date"], default={})
    return {key: value for key, value in latest.items() if key != "from_epoch"}


if __name__ == "__main__":
    sys.exit(main())
