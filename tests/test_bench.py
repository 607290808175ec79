"""Benchmarks measure what they say, on whatever machine; how fast it is, no test says."""

import json

import pytest
import tensorflow as tf

from urfb_tf.__main__ import main
from urfb_tf.bench import measure, report, untied
from urfb_tf.bench.measure import Machine, Timing
from urfb_tf.errors import UrfbError
from urfb_tf.layers import FeedbackConv2D
from urfb_tf.networks import build

MACHINE = Machine(flops=1e9, bandwidth=1e9)


@pytest.fixture(scope="module")
def layers():
    """Two small ones, the second of which hands its error down."""
    model = build("conv 16 3x3; conv 16 3x3; output", "urfb", input_shape=(16, 16, 3), seed=1)
    return [("small", model.get_layer(name)) for name in ("conv1", "conv2")]


def test_each_form_is_measured_and_counted(layers):
    first, second = untied.measure(layers, MACHINE, batch=32, repeats=3)
    assert set(first.times) - {"torch"} == set(first.peak) == {"tied", "dense", "sparse"}
    # 46 of 48 pairs of coordinates along each axis lie inside the image.
    assert (first.connections, second.connections) == (46**2 * 3 * 16, 46**2 * 16 * 16)
    for row in (first, second):
        assert all(0 < t.least <= t.low <= t.median <= t.high for t in row.times.values())
        # The sparse update holds a number for each example and connection, the dense one does not.
        assert row.peak["sparse"] > 4 * 32 * row.connections
        assert 0 < row.peak["dense"] < row.peak["sparse"]
    (large,) = untied.measure(layers[:1], MACHINE, batch=untied.SPARSE_BATCH + 1, repeats=3)
    assert set(large.times) - {"torch"} == {"tied", "dense"}


def test_the_bound_of_an_operation_is_arithmetic_or_traffic():
    assert MACHINE.seconds(flops=3e9, elements=1e6) == 3
    assert MACHINE.seconds(flops=3e6, elements=1e9) == 4


def test_the_bound_grows_with_what_a_layer_does(layers):
    first, second = untied.measure(layers, MACHINE, batch=2, repeats=3)
    (twice,) = untied.measure(layers[:1], MACHINE, batch=4, repeats=3)
    products = 2 * 2 * 2 * first.connections / MACHINE.flops  # forward and update, of two examples
    assert products < first.bound < twice.bound < 2 * first.bound
    assert second.bound > 3 * 2 * 2 * second.connections / MACHINE.flops


def test_the_papers_layers_are_measured():
    found = untied.layers_to_measure()
    assert [(network, layer.name) for network, layer in found] == [
        ("simpnet", "conv1"),
        *(("deepernet_s", f"conv{n}") for n in range(1, 7)),
    ]
    assert all(isinstance(layer, FeedbackConv2D) for _, layer in found)


def test_tables_show_ratios_of_medians():
    times = {form: Timing(ms / 1e3, 0, 1, 0) for form, ms in {"tied": 2, "dense": 3, "sparse": 60}.items()}
    peak = {"tied": 10**6, "dense": 2 * 10**6, "sparse": 50 * 10**6}
    row = untied.Row("simpnet", "conv1", 50, 2276736, times, peak, bound=0.0015)
    (line,) = report.untied_table([row]).rows
    assert line == ["simpnet conv1", "2.28", "2.0", "3.0", "60.0", "20", "2", "50"]
    del times["sparse"], peak["sparse"]
    (line,) = report.untied_table([row]).rows
    assert line == ["simpnet conv1", "2.28", "2.0", "3.0", "1.5", "1.5", "1", "2"]


def test_milliseconds_have_a_tenth_or_three_digits_below_one():
    assert [report.milliseconds(s) for s in (0, 0.0049, 0.001, 0.00099)] == ["0.0", "4.9", "1.0", "0.990"]


def test_the_command_prints_json_with_the_machine(capsys, monkeypatch, layers):
    monkeypatch.setattr(untied, "layers_to_measure", lambda: layers)
    monkeypatch.setattr(measure.Machine, "measured", classmethod(lambda cls: MACHINE))
    assert main(["bench", "untied", "--batch-size", "2", "--repeats", "3", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert [(row["layer"], row["batch"]) for row in found["found"]["rows"]] == [
        ("conv1", 2), ("conv2", 2), ("conv1", 50), ("conv2", 50),
    ]  # fmt: skip
    assert found["machine"] == {"flops": 1e9, "bandwidth": 1e9}
    assert found["settings"] == {"batch": 2, "repeats": 3}
    assert {"commit", "date", "versions", "hardware", "load"} <= set(found)
    assert main(["bench", "untied", "--repeats", "2"]) == 1
    assert capsys.readouterr().err == "urfb_tf: --repeats is a whole number >= 3, but got 2.\n"
    assert main(["bench", "untied", "--batch-size", "0"]) == 1
    assert capsys.readouterr().err == "urfb_tf: --batch-size is a whole number >= 1, but got 0.\n"


def test_a_folder_that_takes_no_record_is_told_before_anything_is_measured(tmp_path, capsys, monkeypatch):
    (tmp_path / "records").write_text("a file in place of the folder")
    monkeypatch.setattr("urfb_tf.bench.store.RECORDS", tmp_path / "records")
    monkeypatch.setattr(measure.Machine, "measured", lambda: pytest.fail("measured in vain"))
    assert main(["bench", "untied", "--record"]) == 1
    assert capsys.readouterr().err.startswith(f"urfb_tf: Cannot write into {tmp_path / 'records'} (")


def test_the_ceilings_are_operations_and_bytes_of_the_fastest_call_per_second(monkeypatch):
    def interleaved(calls, **how):
        assert {name: call().shape[0] for name, call in calls.items()} == {"product": 64, "pass": 16 * 64**2}
        return {"product": Timing(3, 2, 4, least=0.5), "pass": Timing(3, 2, 4, least=0.25)}

    monkeypatch.setattr(measure, "interleaved", interleaved)
    # A product adds up 64 products per entry; a pass reads and writes four bytes per number.
    assert Machine.measured(size=64) == Machine(flops=2 * 64**3 / 0.5, bandwidth=2 * 4 * 16 * 64**2 / 0.25)


def test_of_two_measurements_the_higher_ceilings_count():
    assert Machine(2, 3).or_better(Machine(1, 4)) == Machine(2, 4)


def test_the_memory_of_a_call_is_beyond_what_was_alive_before():
    held = tf.ones([32 * 2**20])  # 134 MB, while the call takes two tensors of 17
    assert measure.peak_memory(lambda: tf.ones([4 * 2**20]) + 1) < 100e6
    del held


def test_memory_that_tensorflow_does_not_count_is_told_with_what_to_do(monkeypatch):
    def uncounted(device):
        raise ValueError(f"Allocator stats not available for device {device!r}")

    monkeypatch.setattr(measure.tf.config.experimental, "get_memory_info", uncounted)
    with pytest.raises(UrfbError, match="set TF_CPU_ALLOCATOR_USE_BFC=1 before Python starts"):
        measure.peak_memory(lambda: None)
