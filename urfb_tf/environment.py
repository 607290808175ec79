"""What a number was measured with: versions, hardware, commit, date."""

import datetime
import os
import pathlib
import platform
import subprocess

from urfb_tf.version import VERSION

UNKNOWN = "unknown"  # in place of a commit


def describe() -> dict:
    """The program and the machine, as it stands in every result file."""
    return {
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "hardware": hardware(),
    }


def versions() -> dict[str, str]:
    """Version numbers of what a result can depend on."""
    import keras
    import numpy as np
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "urfb_tf": VERSION,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def repeats_bits() -> bool:
    """Whether equal computations give equal bits: not on a GPU, where the order of a sum is not fixed."""
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def onednn() -> bool | None:
    """Whether TensorFlow computes by oneDNN on the processor; None if it does not say.

    By itself it does so only on processors with instructions for neural networks, such as AVX-512 VNNI. With AVX2 alone
    its own convolutions take longer (`python -m urfb_tf bench onednn`); the variable TF_ENABLE_ONEDNN_OPTS, 1 when
    TensorFlow is imported, turns oneDNN on.
    """
    try:
        from tensorflow.python.util._pywrap_util_port import IsMklEnabled  # there is no public way to ask
    except ImportError:
        return None
    return bool(IsMklEnabled())


def hardware() -> dict:
    """The devices that TensorFlow sees, and whether oneDNN computes on the processor."""
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]
    device = ", ".join(gpus) or "CPU"
    return {"device": device, "processor": _processor(), "cores": os.cpu_count(), "onednn": onednn()}


def commit() -> str:
    """The commit of the package's checkout, with '+changes' if files differ from it.

    'release' outside a checkout, and 'unknown' in one that git does not read: there is no git, or the checkout belongs
    to somebody whom git does not trust.
    """
    here = pathlib.Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    if not (here.parent / ".git").exists():
        return "release"
    try:
        if pathlib.Path(git("rev-parse", "--show-toplevel")) != here.parent:
            return UNKNOWN
        # Recorded results are written while runs go on; only what runs counts as a change.
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":(glob)**/*.py")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN


def short_commit(commit: str) -> str:
    """A commit as tables show it: ten digits, and '+changes' if files differed from it."""
    number, plus, changes = commit.partition("+")
    return number[:10] + plus + changes


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def summary() -> str:
    """Two lines on the program and the machine, for the top of a notebook."""
    numbers, machine = versions(), hardware()
    programs = ", ".join(f"{name} {numbers[name]}" for name in ("urfb_tf", "tensorflow", "keras", "numpy", "python"))
    told = f"{programs}\non {machine['device']} ({machine['processor']}, {machine['cores']} cores)"
    if machine["device"] == "CPU" and machine["onednn"] is False:
        told += "; faster if TF_ENABLE_ONEDNN_OPTS=1 is set before TensorFlow is imported"
    return told
