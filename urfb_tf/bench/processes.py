"""Measurements that need a fresh process each: a Python program that prints one line of JSON."""

import json
import os
import subprocess
import sys

from urfb_tf.errors import UrfbError


def measured(program: str, *arguments: str, **variables: str) -> dict:
    """What a program prints last, run by this Python in a process of its own.

    Args:
        program: its text.
        arguments: what it finds in `sys.argv[1:]`.
        variables: of its environment, besides those of this process.

    Raises:
        UrfbError: if it fails, with the last line of what it said.
    """
    # The allocator of `urfb_tf.bench.measure` is for that process alone: users have another.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_CPU_ALLOCATOR_USE_BFC": "0", **variables}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UrfbError(f"A measurement in a process of its own failed: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])
