"""The subjects of the benchmark: what they compute from times, and that each measures and shows what it says."""

import json
import sys
import types

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from urfb_tf import plots
from urfb_tf.bench import (
    contenders,
    epoch,
    kernels,
    memory,
    onednn,
    recorded,
    scaling,
    startup,
    store,
    subjects,
    training,
)
from urfb_tf.bench.contenders import entrants
from urfb_tf.bench.measure import Machine
from urfb_tf.bench.operations import operations
from urfb_tf.bench.subjects import SUBJECTS, Settings
from urfb_tf.bench.usage import usage
from urfb_tf.errors import ArgumentError, ResultError, UrfbError
from urfb_tf.networks import build

MACHINE = Machine(flops=1e9, bandwidth=1e9)
QUICK = Settings(batch=4, repeats=3)
SMALL = "conv 4 3x3; conv 4 3x3; SUM; maxpool 3; drop .5; full conn. 8; output"


@pytest.mark.parametrize("settings", [{"batch": "a"}, {"batch": 2.5}, {"repeats": None}, {"repeats": 2}])
def test_settings_are_whole_numbers(settings):
    with pytest.raises(ArgumentError, match=r"is a whole number >= .*, but got"):
        Settings(**settings)


@given(st.floats(-2, 3), st.floats(1e-6, 1e3), st.lists(st.integers(1, 1000), min_size=3, max_size=6, unique=True))
def test_the_exponent_of_a_power_is_found_without_error(power, factor, sizes):
    slope, error = scaling.exponent(sizes, [factor * n**power for n in sizes])
    # Logarithms are right to 1e-15 of about 10; nearby sizes divide this by their distance, 1e-3 at the least.
    assert slope == pytest.approx(power, abs=1e-9)
    assert error < 1e-9


def test_the_standard_error_is_that_of_linear_regression():
    sizes, seconds = [1, 2, 4, 8, 16], [1.0, 2.5, 3.5, 9.0, 14.0]
    expected = scipy.stats.linregress(np.log(sizes), np.log(seconds))
    # Both sum five terms in double precision.
    assert scaling.exponent(sizes, seconds) == pytest.approx((expected.slope, expected.stderr), rel=1e-12)


def rows(**medians):
    """Rows of one network as `training.run` gives them."""
    return [
        {"network": "simpnet", "contender": getattr(entrants, name), "batch": 10, "steps": 2,
         "median": seconds, "low": seconds, "high": seconds, "least": seconds}
        for name, seconds in medians.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "values", "met"),
    [
        ({"URFB": 1.0, "BP": 1.0, "KERAS": 2.0, "BIOTORCH": 3.0, "MINIMAL": 1.5}, [1, 2, 1.5], [True, True, True]),
        ({"URFB": 1.2, "BP": 1.0, "KERAS": 1.2, "MINIMAL": 0.6}, [1.2, 1, 0.5], [False, False, False]),
        ({"URFB": 1.0, "BP": 1.0, "KERAS": 1.3}, [1, 1.3], [True, True]),
    ],
)
def test_targets_are_ratios_of_medians_and_leave_out_who_is_missing(seconds, values, met):
    found = {"rows": rows(**seconds), "missing": []}
    targets = training.targets(found)
    assert [target.value for target in targets] == pytest.approx(values, rel=1e-12)
    assert [target.met for target in targets] == met


def test_training_shows_examples_per_second_and_why_rows_are_missing():
    (_, table), (_, targets), (_, sentence) = training.tables(
        {"rows": rows(URFB=0.5, BP=0.25), "missing": ["It is not there."]}
    )
    assert table.rows[1] == ["BP", "125.0", "125.0 to 125.0", "125.0", "80", "0.50"]
    assert [line[-1] for line in targets.rows] == ["no"]
    assert sentence == "It is not there."


def test_without_pytorch_the_others_take_part(monkeypatch):
    monkeypatch.setattr(entrants.importlib.util, "find_spec", lambda name: None)
    assert "not installed (pip install 'urfb-tf[bench]')" in entrants.torch_missing()
    assert entrants.biotorch_missing() == entrants.torch_missing()
    found = contenders.lineup(SMALL, contenders.random_images(4, (8, 8, 3)), 4)
    assert list(found) == ["URFB", "FRFB", "BP", "URFB, default reading", "BP, Keras fit"]


def test_a_library_that_does_not_import_is_named_with_its_error(monkeypatch):
    def fail(name):
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr(entrants.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(entrants.importlib, "import_module", fail)
    assert entrants.biotorch_missing() == (
        "BioTorch does not import here (ImportError: cannot import name 'x'): its row is missing."
    )


def test_a_sum_is_an_operation_up_and_down():
    model = build("conv 4 3x3; conv 4 3x3; SUM; output", "urfb", input_shape=(8, 8, 3))
    sums = [each for each in operations(model, 5) if each.kind.startswith("sum")]
    assert [each.traffic for each in sums] == [3 * 4 * 5 * 8 * 8 * 4] * 2


def test_operations_count_what_a_convolution_a_dense_layer_and_the_update_do():
    model = build(SMALL, "urfb", input_shape=(8, 8, 3))
    found = {(each.layer, each.kind): each for each in operations(model, 5)}
    forward = found["conv2", "forward"]
    assert forward.flops == 2 * 5 * (3 * 8 - 2) ** 2 * 4 * 4, "in each direction two of the 3 * 8 fall on the border"
    assert forward.traffic == 4 * (2 * 5 * 8 * 8 * 4 + 3 * 3 * 4 * 4)
    assert found["dense1", "increment"].flops == 2 * 5 * (4 * 4 * 4) * 8
    (update,) = (each for each in found.values() if each.kind == "update")
    assert update.flops == 2 * sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert ("conv1", "error down") not in found, "nothing is below it"
    assert ("output", "activation") not in found, "it has none"
    for each in found.values():
        assert len({id(tensor) for tensor in each.tensors}) == len(each.tensors), "reading one twice costs once"
    assert ("conv2", "error down") in found


def test_operations_count_what_pooling_activations_and_dropout_move():
    model = build("conv 4 3x3; maxpool 3; drop .5; output", "urfb", input_shape=(8, 8, 3))
    found = {(each.layer, each.kind): each.traffic for each in operations(model, 5)}
    above, below = 4 * 5 * 4 * 4 * 4, 4 * 5 * 8 * 8 * 4  # bytes
    assert found["maxpool1", "pooling"] == below + above
    assert found["maxpool1", "pooling, error down"] == 2 * (below + above), "it needs the input and the maxima again"
    assert (found["drop1", "dropout"], found["drop1", "dropout, error down"]) == (2 * above, 3 * above)
    assert (found["conv1", "activation"], found["conv1", "activation, error down"]) == (2 * below, 3 * below)


def reached(**changes):
    settled = {
        "network": "n", "layer": "conv1", "kind": "forward", "flops": 1e9, "traffic": 1e6, "bound": 0.1, "seconds": 1,
        "least": 1, "parts": {}, "usage": {"cores": 2.0, "system": 0.0, "faults": 0.0},
    }  # fmt: skip
    return {**settled, **changes}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bound": 0.6}, "arithmetic"),
        ({"bound": 0.6, "flops": 0}, "memory"),
        ({"least": 1e-4}, "the call itself"),
        ({"usage": {"cores": 2.0, "system": 0.8, "faults": 50.0}}, "the system (50 fresh pages)"),
        ({"parts": {"drawing random numbers": 0.7}}, "drawing random numbers"),
        ({"parts": {"drawing random numbers": 0.3}}, "its own arithmetic"),
        ({"usage": {"cores": 1.0, "system": 0.0, "faults": 0.0}}, "one core busy"),
    ],
)
def test_what_bounds_an_operation_is_read_off_its_measurement(changes, reason):
    found = {"call": 1e-4, "cores": 2, "flops": 1e9, "bandwidth": 1e9, "batch": 5, "rows": [reached(**changes)]}
    (row,) = kernels.reached(found)
    assert kernels.reason(row, found) == reason
    ((_, table),) = kernels.tables(found)
    assert table.rows[0][-1] == reason


def test_the_longest_operation_comes_first():
    rows = [reached(layer=f"conv{seconds}", seconds=seconds) for seconds in (1, 3, 2)]
    found = {"call": 1e-4, "cores": 2, "flops": 1e9, "bandwidth": 1e9, "batch": 5, "rows": rows}
    ((_, table),) = kernels.tables(found)
    assert [row[0] for row in table.rows] == ["conv3: forward", "conv2: forward", "conv1: forward"]


def test_usage_is_of_one_call_however_many_are_made(monkeypatch):
    made = []

    def taken(who):
        return types.SimpleNamespace(ru_stime=0.25 * len(made), ru_utime=0.75 * len(made), ru_minflt=7 * len(made))

    monkeypatch.setattr("resource.getrusage", taken)
    found = usage(lambda: made.append(None), 3)
    assert (found.faults, found.system) == (7, 0.25)


def test_usage_sees_fresh_memory():
    size = 64 * 2**20
    fresh, nothing = usage(lambda: np.ones(size, np.uint8), 3), usage(lambda: None, 3)
    assert fresh.faults > nothing.faults + 1, "64 MB are more than a page of any size"


@pytest.mark.parametrize(
    ("connectivity", "per_weight"),
    [
        (1.0, 8),  # W and R, four bytes each
        (0.5, (4 + 4 + 1 + 1) / 0.5),  # with a mask each, for half of the weights
    ],
)
def test_bytes_per_connection_count_w_r_and_masks(connectivity, per_weight):
    model = build("conv 1 1x1; full conn. 100; output", "urfb", input_shape=(16, 16, 1), connectivity=connectivity)
    stored, existing = memory.stored_bytes(model)
    # The first convolution has no R, and it and the output layer no mask; coins are tossed 25,600 times.
    assert stored / existing == pytest.approx(per_weight, rel=0.06)


@pytest.mark.parametrize("kind", ["keras", "torch"])
def test_memory_is_that_of_the_network_that_the_row_names(kind, monkeypatch, capsys):
    taken = []

    class Fit:
        def __init__(self, notation, data, batch):
            taken.append(notation)

        def epoch(self):
            return 0.0

    monkeypatch.setattr("urfb_tf.bench.contenders.stock.StockFit", Fit)
    monkeypatch.setattr("urfb_tf.bench.contenders.pytorch.TorchSteps", Fit)
    monkeypatch.setitem(sys.modules, "torch", sys)
    monkeypatch.setattr(sys, "argv", ["memory", repr((kind, "deepernet", {}, 2))])
    memory.main()
    assert taken == [training.NETWORKS["deepernet"]]
    assert json.loads(capsys.readouterr().out)["before"] > 0


@pytest.fixture(scope="module")
def measured():
    """Small versions of the subjects that run in this process, as JSON returns them."""
    found = {
        "epoch": epoch.run(QUICK, MACHINE, {"small": (SMALL, None, 2)}),
        "kernels": kernels.run(QUICK, MACHINE, {"small": SMALL}),
        "scaling": scaling.run(
            QUICK, MACHINE, {"batch": ("examples", (2, 4, 8), lambda n: ("conv 2 3x3; output", 8, n, False))}
        ),
    }
    return json.loads(json.dumps(found))


@pytest.mark.parametrize("subject", ["epoch", "kernels", "scaling"])
def test_a_subject_shows_what_it_measured(measured, subject):
    for title, table in subjects.find(subject).tables(measured[subject]):
        assert title
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_the_bound_of_an_operation_is_that_of_the_slower_ceiling(measured):
    found = measured["kernels"]
    for row in kernels.reached(found):
        assert row.bound == pytest.approx(max(row.flops / found["flops"], row.traffic / found["bandwidth"]))


def test_the_roofline_places_an_operation_under_both_ceilings():
    found = {"rows": [reached(flops=4e9, traffic=1e9, seconds=2.0)]}
    made = plots.roofline(kernels.reached(found), Machine(flops=1e10, bandwidth=1e9))
    (place,) = (place for group in made.axes[0].collections for place in group.get_offsets().tolist())
    assert place == [4, 2], "flops per byte, and GFLOP/s"
    ceiling, half = made.axes[0].get_lines()
    assert ceiling.get_ydata() == pytest.approx(np.minimum(10, ceiling.get_xdata()))
    assert half.get_ydata() == pytest.approx(ceiling.get_ydata() / 2)
    plt.close(made)


def test_the_roofline_shows_each_operation_with_arithmetic_once(measured):
    rows = kernels.reached(measured["kernels"])
    made = plots.roofline(rows, MACHINE)
    marks = sum(len(group.get_offsets()) for group in made.axes[0].collections)
    assert marks == sum(row.flops > 0 and row.kind != "update" for row in rows)
    plt.close(made)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_has_both_functions(subject):
    module = subjects.find(subject)
    assert callable(module.run)
    assert callable(module.tables)


def test_an_unknown_subject_is_refused():
    with pytest.raises(ArgumentError, match=r"Unknown subject of a benchmark 'speed': use one of 'training'"):
        subjects.find("speed")


def test_what_is_recorded_is_read_back_and_shown(tmp_path, monkeypatch):
    parts = {"import urfb_tf": {"median": 0.1, "low": 0.1, "high": 0.1, "least": 0.1}}
    monkeypatch.setattr(startup, "run", lambda settings, machine: {"processes": 1, "parts": parts})
    written = store.record(store.measure("startup", QUICK, MACHINE), tmp_path)
    records = store.recorded(tmp_path)
    assert list(records) == ["startup"]
    assert records["startup"]["settings"] == vars(QUICK)
    assert recorded.shown(records, "startup")[-1].endswith("target at most 0.3 s: reached.")
    assert recorded.shown(records, "memory") == ["Not recorded yet: `python -m urfb_tf bench memory --record` does it."]
    table = recorded.provenance(records)
    assert [row[1] == "not recorded" for row in table.rows] == [name != "startup" for name in SUBJECTS]
    assert {len(row) for row in table.rows} == {len(table.header)}
    written.write_text("{}")
    with pytest.raises(ResultError, match="holds no benchmark: run `python -m urfb_tf bench startup --record` again"):
        store.recorded(tmp_path)


def test_ceilings_that_were_measured_later_stand_in_the_sources():
    record = {
        "date": "2026-01-01", "commit": "c", "hardware": {"device": "CPU", "processor": "P", "cores": 2},
        "load": [1.0, None], "settings": {"repeats": 3}, "machine": vars(Machine(flops=1e9, bandwidth=2e9)),
        "found": {"flops": 5e9},
    }  # fmt: skip
    rows = {row[0]: row for row in recorded.provenance({"kernels": record}).rows}
    assert rows["kernels"][5] == "5 GFLOP/s, 2 GB/s"


@pytest.mark.parametrize(("load", "names"), [([1.0, 2.4], []), ([1.0, 3.0], ["epoch"]), ([None, None], [])])
def test_a_busy_machine_is_named(load, names):
    assert recorded.disturbed({"epoch": {"load": load, "hardware": {"cores": 2}}}) == names


def test_recorded_benchmarks_are_whole():
    assert set(store.recorded()) == set(subjects.SUBJECTS)
    for subject, record in store.recorded().items():
        assert subjects.find(subject).tables(record["found"])
        assert {"commit", "date", "versions", "hardware", "load", "settings", "machine"} <= set(record)


def test_a_process_that_fails_says_so():
    from urfb_tf.bench.processes import measured as run

    assert run("import sys, json; print('noise'); print(json.dumps({'got': sys.argv[1]}))", "x") == {"got": "x"}
    with pytest.raises(UrfbError, match="process of its own failed: ValueError: no"):
        run("raise ValueError('no')")


def test_both_sets_of_convolutions_are_measured_where_tensorflow_has_both(monkeypatch):
    asked = []

    def measured(program, *arguments, **variables):
        asked.append((arguments, variables))
        on = variables["TF_ENABLE_ONEDNN_OPTS"] == "1"
        return {"onednn": on or arguments[0] == "one set", "seconds": 1.0 if on else 3.0}

    monkeypatch.setattr(onednn, "measured", measured)
    found = onednn.run(QUICK, MACHINE, {"both": "both sets", "one": "one set"}, processes=2)
    assert [variables["TF_ENABLE_ONEDNN_OPTS"] for _, variables in asked] == ["1", "0"] * 4, "they take turns"
    assert asked[0][0] == ("both sets", "4", "3")
    assert [(row["network"], row["way"], row["median"]) for row in found["rows"]] == [
        ("both", "oneDNN", 1.0), ("both", "TensorFlow itself", 3.0), ("one", "oneDNN", 1.0)]  # fmt: skip
    assert onednn.times_faster(found) == {"both": 3.0}
    ((title, table),) = onednn.tables(json.loads(json.dumps(found)))
    assert "2 processes each" in title
    assert len(table.rows) == 3


@pytest.mark.parametrize("value", onednn.WAYS.values(), ids=list(onednn.WAYS))
def test_the_convolutions_are_those_that_were_asked_for(value):
    found = onednn.measured(onednn._PROGRAM, SMALL, "4", "3", TF_ENABLE_ONEDNN_OPTS=value)
    assert found["onednn"] in (value == "1", None), "not every build of TensorFlow has both"
    assert found["seconds"] > 0


def test_a_step_by_fit_beside_its_products_alone():
    kinds = {"forward": 0.25, "increment": 0.5, "error down": 0.25, "dropout": 9.0}
    operations = {"rows": [reached(network="simpnet", kind=kind, seconds=seconds) for kind, seconds in kinds.items()]}
    steps = {"rows": [*rows(URFB=3.0, KERAS=4.0), *({**row, "network": "deepernet"} for row in rows(KERAS=4.0))]}
    records = {"training": {"found": steps}, "kernels": {"found": operations}}
    assert recorded.fit_beside_products(records) == {"simpnet": 2.0}, "4 s are 2 steps; no products of deepernet known"
    assert recorded.fit_beside_products({"training": records["training"]}) == {}
