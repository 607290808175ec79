"""What an earlier start, or another process, has in a run's folder: nothing of it is lost, and nothing mixed up."""

import dataclasses
import json
import shutil

import pytest

from urfb_tf.errors import CheckpointError, ResultError, WriteError
from urfb_tf.experiments import Experiment
from urfb_tf.experiments.earlier import epochs_held
from urfb_tf.experiments.run import run
from urfb_tf.files import alone

SMALL = Experiment("small", "small", "simpnet", "generated", batch_size=20)


@pytest.fixture
def start(small_data, tmp_path):
    """Trains in a folder up to an epoch; the records without times."""

    def trained(epochs, folder="run", experiment=SMALL, **options):
        result = run(experiment, epochs=epochs, folder=tmp_path / folder, data=small_data, alignment=False, **options)
        return [{**epoch, "seconds": None} for epoch in result["epochs"]]

    return trained


@pytest.fixture(scope="module")
def three(small_data, tmp_path_factory):
    """A folder with a run of three epochs."""
    folder = tmp_path_factory.mktemp("three") / "run"
    run(SMALL, epochs=3, folder=folder, data=small_data, alignment=False)
    return folder


@pytest.fixture
def folder(three, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(three, tmp_path / "run")


def epochs_in(folder):
    return [{**epoch, "seconds": None} for epoch in json.loads((folder / "result.json").read_text())["epochs"]]


def test_a_checkpoint_that_is_moved_away_costs_no_epoch_of_the_result(start, folder):
    path, before = folder / "checkpoint.npz", (folder / "result.json").read_bytes()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"move it away, and a result\.json beside it, to train from the start"):
        start(1)
    path.rename(folder / "damaged.npz")
    with pytest.raises(ResultError, match=r"holds 3 epochs, and the checkpoint beside it 0, .*: ask for 3 epochs or m"):
        start(1)
    with pytest.raises(
        ResultError, match=r"would lose some: put the latest checkpoint back, ask for one every \d epochs or more"
    ):
        start(4, checkpoint_every=2)
    assert (folder / "result.json").read_bytes() == before
    assert not path.exists()
    (folder / "result.json").rename(folder / "kept.json")
    assert start(1) == epochs_in(folder)


def test_as_many_epochs_as_lie_between_checkpoints_may_be_trained_again(folder):
    path = folder / "result.json"
    run = json.loads(path.read_text())
    measures = {"weight_angle": False, "increment_cosine_1": False}
    assert epochs_held(path, run, done=0, total=3, checkpoint_every=3, measures=measures) == 3
    with pytest.raises(ResultError, match="would lose some"):
        epochs_held(path, run, done=0, total=3, checkpoint_every=2, measures=measures)


def test_records_without_what_the_run_measures_are_not_replaced(three, tmp_path, small_data):
    path = tmp_path / "result.json"
    measured = run(SMALL, epochs=1, data=small_data, increments=True)
    asked = {"done": 0, "total": 1, "checkpoint_every": 5}
    for alignment in (True, False):
        for increments in (True, False):
            same = {"weight_angle": alignment, "increment_cosine_1": increments}
            (whole,) = measured["epochs"]
            part = {entry: value for entry, value in whole.items() if same.get(entry, True)}
            path.write_text(json.dumps({**measured, "epochs": [part]}))
            assert epochs_held(path, measured, measures=same, **asked) == 1
            for entry, what in {"weight_angle": "angles", "increment_cosine_1": "increments"}.items():
                did = "measured" if same[entry] else "did not measure"
                with pytest.raises(ResultError, match=f"is of a run that {did} {what}: ask for the same, choose anoth"):
                    epochs_held(path, measured, measures={**same, entry: not same[entry]}, **asked)
    folder = shutil.copytree(three, tmp_path / "run")
    (folder / "checkpoint.npz").unlink()
    before = (folder / "result.json").read_bytes()
    with pytest.raises(ResultError, match="did not measure angles"):
        run(SMALL, epochs=3, folder=folder, data=small_data)
    assert (folder / "result.json").read_bytes() == before


OTHER = {
    r"id was 'small', is 'large'": {"experiment": dataclasses.replace(SMALL, id="large")},
    r"rule was 'urfb', is 'bp'; epsilon was 1.0, is None": {"experiment": dataclasses.replace(SMALL, rule="bp")},
    r"seed was 0, is 1": {"seed": 1},
}


@pytest.mark.parametrize("told", OTHER)
def test_the_result_of_another_run_is_not_replaced(told, start, folder):
    (folder / "checkpoint.npz").unlink()
    before = (folder / "result.json").read_bytes()
    with pytest.raises(ResultError, match=rf"result.json belongs to another run \({told}\): choose another folder"):
        start(3, **OTHER[told])
    assert (folder / "result.json").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["result.json"]


def test_the_result_of_other_images_is_not_replaced(small_data, folder):
    (folder / "checkpoint.npz").unlink()
    with pytest.raises(ResultError, match=r"belongs to another run \(data_sha256 was '\w+', is '\w+'\)"):
        run(SMALL, epochs=3, folder=folder, data=small_data.subset(50, 25, 35), alignment=False)


@pytest.mark.parametrize("saved", [0, 2])
def test_a_result_ahead_of_its_checkpoint_stays_until_the_same_epochs_are_trained_again(saved, start, folder):
    (folder / "checkpoint.npz").unlink()
    if saved:
        start(saved, "shorter")
        shutil.copy(folder.parent / "shorter" / "checkpoint.npz", folder)
    held = []
    continued = start(4, progress=lambda *step: held.append(len(epochs_in(folder))))
    assert len(held) == 4 - saved
    assert set(held) == {3}
    assert continued == epochs_in(folder) == start(4, "unstopped")


def test_a_damaged_result_is_written_again_from_the_checkpoint_alone(start, folder):
    whole = epochs_in(folder)
    (folder / "result.json").write_text("{")
    assert start(3) == epochs_in(folder) == whole
    (folder / "result.json").write_text("{")
    (folder / "checkpoint.npz").unlink()
    with pytest.raises(ResultError, match=r"result.json is damaged, and there is no checkpoint .*: move it away"):
        start(3)
    assert (folder / "result.json").read_text() == "{"


def test_a_folder_in_which_a_run_goes_on_takes_no_second_one(start, tmp_path):
    def again(*step):
        with pytest.raises(WriteError, match=r"Another process trains in .*run: wait until it is done, or choose ano"):
            start(5)

    first = start(2, progress=again)
    assert epochs_in(tmp_path / "run") == first
    assert len(start(3)) == 3


def test_a_folder_made_for_nothing_is_taken_away_and_one_that_was_there_is_not(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    for folder in (there / "new" / "deep", there):
        with pytest.raises(KeyboardInterrupt), alone(folder):
            raise KeyboardInterrupt
        assert list(there.iterdir()) == []
    with alone(there / "new" / "deep") as locked:
        assert locked
        (there / "new" / "file").touch()
    assert [path.name for path in (there / "new").iterdir()] == ["file"]


def test_what_killed_processes_left_half_written_goes_at_the_next_start(start, folder):
    for name in (".checkpoint.npz.1.part", ".result.json.22.part", ".mine.1.part", "checkpoint.npz.part"):
        (folder / name).touch()
    start(3)
    left = {path.name for path in folder.iterdir()}
    assert left == {"checkpoint.npz", "result.json", ".mine.1.part", "checkpoint.npz.part"}
