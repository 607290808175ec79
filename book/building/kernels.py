"""The settings under which pages run: IPython's, and the threads of each kernel."""

import os
import pathlib
import shutil

from building import watch

_SETTINGS = """\
import sys

sys.path.append({folder!r})
c.InteractiveShellApp.extensions = ["watch"]
# TensorFlow's start-up notes, written below Python, stay out of pages. What Python itself warns of is still captured,
# and fails the build.
c.IPKernelApp.capture_fd_output = False
"""


def prepare(build: pathlib.Path) -> dict[str, str]:
    """Write the settings.

    Returns:
        The environment variables under which kernels find them.
    """
    folder = build / "ipython"
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(watch.__file__, folder / "watch.py")
    (profile / "ipython_kernel_config.py").write_text(_SETTINGS.format(folder=str(folder)))
    return {
        "IPYTHONDIR": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # pages run side by side: none may take all memory of a GPU
        # As `python -m urfb_tf` has it: TensorFlow by itself leaves oneDNN aside on processors with AVX2 alone.
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
    }


def threads(processes: int) -> dict[str, str]:
    """Environment variables that divide the processor's cores among processes that use TensorFlow.

    It and NumPy take all cores each, and processes side by side then wait for one another's threads: two pages that
    train took half as long again on two cores.

    Args:
        processes: how many run at once.
    """
    share = str(max(1, (os.cpu_count() or 1) // processes))
    return {"TF_NUM_INTRAOP_THREADS": share, "OMP_NUM_THREADS": share}
