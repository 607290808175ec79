"""The IPython settings under which pages run."""

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
    # Pages run side by side: none may take all memory of a GPU.
    return {"IPYTHONDIR": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
