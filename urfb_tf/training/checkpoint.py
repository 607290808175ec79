"""A run's state on disk: one file, written atomically, checked when read."""

import dataclasses
import io
import pathlib
import zipfile

import numpy as np

from urfb_tf import strict_json
from urfb_tf.errors import CheckpointError
from urfb_tf.files import write_atomically


def _archive(file):
    """The arrays of an npz file. NumPy takes other files for pickled data, and names an unsafe way to read them."""
    if not zipfile.is_zipfile(file):
        raise zipfile.BadZipFile("it is no whole npz file")
    file.seek(0)
    return np.load(file, allow_pickle=False)


@dataclasses.dataclass
class Checkpoint:
    """All that a run needs to go on exactly where it stood.

    Attributes:
        identity: what fixes the run (configuration, seed, data): it goes on only under the same identity.
        epochs: one record per finished epoch, as in `urfb_tf.training.trainer`.
        weights: the model's variables, in the order of `State`. Types that are not NumPy's own, such as bfloat16, come
            back as float32, which holds all their values.
        sessions: which program on which machine trained from which epoch on.
        order: where each of the weights stands in `model.variables`. None for earlier checkpoints, which do not say.
    """

    identity: dict
    epochs: list[dict]
    weights: list[np.ndarray]
    sessions: list[dict] = dataclasses.field(default_factory=list)
    order: list[int] | None = None

    def save(self, path: str | pathlib.Path) -> None:
        """Write to `path`; whatever happens in between, `path` holds the old checkpoint or the new one, whole.

        Raises:
            WriteError: if the disk does not take it; the old checkpoint is still there.
        """
        header = {
            "identity": self.identity,
            "epochs": self.epochs,
            "sessions": self.sessions,
            "weights": len(self.weights),
            "order": self.order,
        }
        arrays = {f"weight_{i:03d}": _storable(array) for i, array in enumerate(self.weights)}
        buffer = io.BytesIO()
        header_bytes = np.frombuffer(strict_json.dumps(header).encode(), np.uint8)
        np.savez(buffer, header=header_bytes, **arrays)  # type: ignore[arg-type]
        write_atomically(pathlib.Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | pathlib.Path) -> "Checkpoint":
        """Read a checkpoint back.

        Raises:
            CheckpointError: if there is none, it is damaged, or the path is a folder's.
        """
        path = pathlib.Path(path)
        if path.is_dir():
            raise CheckpointError(f"{path} is a folder: name the checkpoint's file, such as {path / 'checkpoint.npz'}.")
        try:
            with open(path, "rb") as file, _archive(file) as archive:
                header = strict_json.loads(archive["header"].tobytes())
                weights = [archive[f"weight_{i:03d}"] for i in range(len(archive.files) - 1)]
            # A damaged directory can hide arrays. The earliest checkpoints do not say how many there are.
            if len(weights) != header.get("weights", len(weights)):
                raise ValueError(f"{len(weights)} of {header['weights']} arrays are left")
            found = cls(header["identity"], header["epochs"], weights, header["sessions"], header.get("order"))
            found._check()
            return found
        except FileNotFoundError:
            raise CheckpointError(f"There is no checkpoint at {path}.") from None
        except (
            OSError,
            EOFError,
            LookupError,
            AttributeError,
            ValueError,
            TypeError,
            RuntimeError,
            zipfile.BadZipFile,
        ) as error:
            raise CheckpointError(
                f"The checkpoint {path} is damaged ({error}): move it away, and a result.json beside it, to train from "
                "the start, or put an intact copy in its place."
            ) from error

    def _check(self) -> None:
        """Raise a ValueError for what `save` does not write."""
        if not isinstance(self.identity, dict):
            raise ValueError("its identity is no object")
        for name in ("epochs", "sessions"):
            records = getattr(self, name)
            if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
                raise ValueError(f"its {name} are no list of objects")
        if any(array.dtype.kind not in "biufc" for array in self.weights):
            raise ValueError("its weights are no numbers")


def _storable(array: np.ndarray) -> np.ndarray:
    """An array of a type that an npz file can name."""
    return array.astype(np.float32) if array.dtype.isbuiltin == 2 else array  # 2: registered by another library
