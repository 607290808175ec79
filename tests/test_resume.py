"""The run command, killed or interrupted in a process of its own and started again: the same bits in the end."""

import json
import signal
import subprocess
import sys
import threading

import numpy as np

# The command, with simpnet's layers made small: how an epoch computes matters here, and not how long.
PROGRAM = """
import functools, sys
import urfb_tf.__main__
network = "conv 4 5x5; maxpool 3; drop .8; full conn. 20; drop .3; output"
urfb_tf.networks.NETWORKS["simpnet"] = functools.partial(urfb_tf.build, network)
sys.exit(urfb_tf.__main__.main())
"""
# 4,000 generated images in batches of 200 make twenty steps, of which the first ten show that an epoch has begun.
COMMAND = ["-c", PROGRAM, "run", "simpnet", "--dataset", "generated", "--batch-size", "200"]
COMMAND += ["--no-alignment", "--checkpoint-every", "1", "--learning-rate", "0.02"]


def start(folder, *arguments):
    # A shell lets its background jobs ignore Ctrl-C, and they hand that down: the program under test must hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-u", *COMMAND, "--out", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
    )


def finish(process):
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def stop_in_epoch(process, number, how):
    """Send a signal once the progress bar says that this epoch has begun."""
    guard = threading.Timer(300, process.kill)  # so that a process that says nothing ends the test
    guard.start()
    for line in process.stdout:
        if line.startswith(f"Epoch {number}"):
            process.send_signal(how)
            break
    guard.cancel()
    return finish(process)


def outcome(folder):
    """What must not depend on stops: weights, and the result without times and sessions."""
    with np.load(folder / "checkpoint.npz") as archive:
        weights = {name: archive[name] for name in archive.files if name != "header"}
    result = json.loads((folder / "result.json").read_text())
    epochs = [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in result["epochs"]]
    return weights, epochs, {key: value for key, value in result.items() if key not in ("epochs", "sessions")}


def stopped(folder, number, how):
    """The finished epochs of a run that a signal stops in this epoch, after checking what it says."""
    status, output, errors = stop_in_epoch(start(folder, "--epochs", "4"), number, how)
    if how == signal.SIGINT:
        assert status == 130
        assert "Stopped after" in output
        assert f"saved in {folder / 'checkpoint.npz'}; run the same command again to go on" in output
        assert "Traceback" not in errors
    else:
        assert status == -signal.SIGKILL
    return len(json.loads((folder / "result.json").read_text())["epochs"])


def test_a_killed_and_interrupted_run_goes_on_to_the_same_bits(tmp_path):
    folder, unstopped = tmp_path / "run", tmp_path / "unstopped"
    killed = stopped(folder, 2, signal.SIGKILL)
    interrupted = stopped(folder, 3, signal.SIGINT)
    assert 1 <= killed < 3
    assert 2 <= interrupted < 4
    for each in (folder, unstopped):
        status, output, errors = finish(start(each, "--epochs", "4", "--quiet"))
        assert status == 0, errors
        assert "after epoch 4, train error" in output
        assert output.count("\n") == 1
    weights, epochs, rest = outcome(folder)
    expected_weights, expected_epochs, expected_rest = outcome(unstopped)
    assert epochs == expected_epochs
    assert rest == expected_rest
    assert list(weights) == list(expected_weights)
    for name, array in expected_weights.items():
        np.testing.assert_array_equal(weights[name], array)
    sessions = json.loads((folder / "result.json").read_text())["sessions"]
    assert [session["from_epoch"] for session in sessions] == [1, killed + 1, interrupted + 1]
