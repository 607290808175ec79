"""Build the book: warnings are errors, and a page is run again whenever the package or its results have changed.

python book/build.py [output folder]
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def package_hash() -> str:
    """A digest of all that a page's results depend on beside its own cells."""
    digest = hashlib.sha256()
    package = ROOT / "urfb_tf"
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.json"), ROOT / "requirements.txt"]):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def forget_stale_cells(build: pathlib.Path) -> None:
    """Drop cached outputs of another state of the package: the execution cache sees changes in pages only."""
    stamp = build / "package.sha256"
    current = package_hash()
    if stamp.exists() and stamp.read_text() == current:
        return
    shutil.rmtree(build / ".jupyter_cache", ignore_errors=True)
    build.mkdir(parents=True, exist_ok=True)
    stamp.write_text(current)


def quiet_kernels(build: pathlib.Path) -> str:
    """A folder of IPython settings under which TensorFlow's start-up notes, written below Python, stay out of pages.

    What Python itself warns of is still captured, and fails the build.
    """
    profile = build / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.capture_fd_output = False\n")
    return str(build / "ipython")


def main(output: pathlib.Path) -> int:
    build = output / "_build"
    forget_stale_cells(build)
    # Pages that were built once report no warning again: without this, a second build of a broken book would succeed.
    for folder in ("html", ".doctrees"):
        shutil.rmtree(build / folder, ignore_errors=True)
    program = pathlib.Path(sys.executable).with_name("jupyter-book")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "IPYTHONDIR": quiet_kernels(build)}
    command = [str(program), "build", str(ROOT), "--path-output", str(output), "-W", "-n", "--keep-going"]
    status = subprocess.run(command, env=environment, check=False).returncode
    if status:
        print(f"The book was not built: see the messages above and {build / 'html' / 'reports'}.", file=sys.stderr)
        return status
    print(f"The book is built. Open {build / 'html' / 'index.html'} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT))
