"""The circuit of section 2.3: transfer functions, cycles and signal against derivations, and training with it."""

import html.parser
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import urfb_tf
from urfb_tf import OneVsRestHinge
from urfb_tf.circuit import UPDATES, Circuit, CircuitHinge, cases, cycle, run, signal, updates
from urfb_tf.errors import ArgumentError
from urfb_tf.plots import circuit as plots
from urfb_tf.training import train

CIRCUIT = Circuit(threshold=1, bound=3, mu=0.5, epsilon=0.25)
LEVELS = (1.25, 1, 0, -0.5, -0.75)
BELOW, ABOVE = -np.inf, np.inf
PERIOD = {"sequential": 2, "synchronous": 4}


# Numbers with few binary digits: all arithmetic below is exact, so that equality is asked for, at the corners too.
@st.composite
def circuits(draw):
    threshold = draw(st.integers(1, 32)) / 16
    bound = threshold + draw(st.integers(1, 32)) / 16
    return Circuit(threshold, bound, draw(st.integers(1, 15)) / 16, draw(st.integers(1, 32)) / 16)


def all_fields(circuit):
    """Every sixteenth strictly inside the bound; the threshold is among them."""
    reach = int(16 * circuit.bound) - 1
    return np.arange(-reach, reach + 1) / 16


def closed_form(circuit, fields):
    """Equation (4) by the loss: [2, F], its class shown and another one."""
    hinge = OneVsRestHinge(circuit.mu, circuit.threshold)
    return hinge.error_signal(np.zeros(len(fields)), np.stack([fields, fields], axis=1)).numpy().T


starts = st.tuples(st.integers(-48, 48).map(lambda n: n / 16), st.integers(-48, 48).map(lambda n: n / 16))
both = np.array([[1], [-1]])  # supervision [2, 1]


@pytest.mark.parametrize(
    ("corner", "before", "at", "after"),
    [(7, 1, 1.25, 1.25), (3, 0, 0, 1), (-3, -0.5, 0, 0), (-7, -0.75, -0.75, -0.5), (0, 0, 0, 0)],
)
def test_the_output_unit_jumps_at_the_corners_and_nowhere_else(corner, before, at, after):
    reached = CIRCUIT.output_transfer(np.array([np.nextafter(corner, BELOW), corner, np.nextafter(corner, ABOVE)]))
    np.testing.assert_array_equal(reached, [before, at, after])


@pytest.mark.parametrize(("corner", "before", "at", "after"), [(1, 0, 0, 1), (-0.5, -1, 0, 0), (0, 0, 0, 0)])
def test_the_control_unit_jumps_at_its_corners(corner, before, at, after):
    reached = CIRCUIT.control_transfer(np.array([np.nextafter(corner, BELOW), corner, np.nextafter(corner, ABOVE)]))
    np.testing.assert_array_equal(reached, [before, at, after])


@pytest.mark.parametrize(("field", "level"), list(zip((100, 5, 1, -5, -100), LEVELS, strict=True)))
def test_between_the_corners_are_five_levels_of_which_the_control_unit_answers_the_outer_ones(field, level):
    assert CIRCUIT.output_transfer(np.float64(field)) == level
    assert CIRCUIT.control_transfer(np.float64(level)) == {1.25: 1, -0.75: -1}.get(level, 0)


def test_tensorflow_computes_the_same_transfer_functions():
    fields = np.arange(-160, 161) / 16
    np.testing.assert_array_equal(CIRCUIT.output_transfer(tf.constant(fields), tf), CIRCUIT.output_transfer(fields))
    np.testing.assert_array_equal(CIRCUIT.control_transfer(tf.constant(fields), tf), CIRCUIT.control_transfer(fields))


@pytest.mark.parametrize(
    ("field", "supervision", "control", "full"), [(2, 1, 0, 8), (2, 1, 1, 2), (2, 1, -1, 14), (-2, -1, 0, -8)]
)
def test_the_full_field_is_equation_8(field, supervision, control, full):
    assert CIRCUIT.full_field(field, supervision, control) == full


def test_where_the_control_unit_cancels_the_supervisor_no_digit_of_the_field_is_lost():
    assert Circuit(bound=1e12).full_field(0.1, 1, 1) == 0.1


# (h, s, update, o by step, t by step), from silence
BY_HAND = [
    (0.5, 1, "sequential", [0, 1, 1, 1], [0, 0, 0, 0]),
    (0.5, 1, "synchronous", [0, 1, 1, 1], [0, 0, 0, 0]),
    (2, 1, "sequential", [0, 1.25, 0, 1.25, 0], [0, 1, 0, 1, 0]),
    (2, 1, "synchronous", [0, 1.25, 1.25, 0, 0, 1.25], [0, 0, 1, 1, 0, 0]),
    (-0.5, -1, "sequential", [0, -0.5, -0.5, -0.5], [0, 0, 0, 0]),
    (-0.5, -1, "synchronous", [0, -0.5, -0.5, -0.5], [0, 0, 0, 0]),
    (-2, -1, "sequential", [0, -0.75, 0, -0.75, 0], [0, -1, 0, -1, 0]),
    (-2, -1, "synchronous", [0, -0.75, -0.75, 0, 0, -0.75], [0, 0, -1, -1, 0, 0]),
]


@pytest.mark.parametrize(("field", "supervision", "update", "output", "control"), BY_HAND)
def test_the_four_cases_worked_by_hand(field, supervision, update, output, control):
    found = run(CIRCUIT, field, supervision, steps=len(output) - 1, update=update)
    np.testing.assert_array_equal(found.output, output)
    np.testing.assert_array_equal(found.control, control)


def test_fields_supervision_and_start_broadcast():
    found = run(CIRCUIT, np.zeros([5]), both, steps=2, start=(np.ones([2, 5]), 0))
    assert found.output.shape == found.control.shape == (3, 2, 5)
    np.testing.assert_array_equal(found.output[0], 1)


@pytest.mark.parametrize("update", UPDATES)
@given(circuits(), starts)
def test_from_any_start_the_activity_is_constant_where_4_asks_for_an_error_and_oscillates_elsewhere(
    update, circuit, start
):
    fields = all_fields(circuit)
    needed = closed_form(circuit, fields) != 0
    found = cycle(circuit, fields, both, update=update, start=start)
    half = np.array([[(1 + circuit.epsilon) / 2], [-(circuit.mu + circuit.epsilon) / 2]])
    np.testing.assert_array_equal(found.period, np.where(needed, 1, PERIOD[update]))
    np.testing.assert_array_equal(found.mean, np.where(needed, [[1], [-circuit.mu]], half))
    np.testing.assert_array_equal(found.silent, ~needed)


@given(circuits(), starts)
def test_a_synchronous_circuit_is_two_sequential_ones_in_turn(circuit, start):
    fields = all_fields(circuit)
    synchronous = run(circuit, fields, both, steps=12, update="synchronous", start=start)
    others_control = circuit.control_transfer(np.float64(start[0]))
    for first, control in ((1, start[1]), (2, others_control)):
        sequential = run(circuit, fields, both, steps=6, start=(0, control))
        np.testing.assert_array_equal(synchronous.output[first::2], sequential.output[1:])


@pytest.mark.parametrize("update", UPDATES)
@given(circuits())
def test_the_gated_signal_is_the_closed_form_and_the_mean_is_not(update, circuit):
    fields = all_fields(circuit)
    expected = closed_form(circuit, fields)
    np.testing.assert_array_equal(signal(circuit, fields, both, update=update), expected)
    mean = signal(circuit, fields, both, update=update, gated=False)
    # Four steps are whole periods; the running mean passes through thirds, and so rounds once or twice.
    np.testing.assert_allclose(mean, cycle(circuit, fields, both, update=update).mean, rtol=1e-15)
    np.testing.assert_array_equal(mean == expected, expected != 0)


@pytest.mark.parametrize("update", UPDATES)
@given(circuits(), st.tuples(st.integers(-48, 48).map(lambda n: n / 16), st.sampled_from([-1, 0, 1])))
def test_what_the_control_unit_answers_with_0_is_the_closed_form_or_nothing(update, circuit, start):
    fields = all_fields(circuit)
    expected = closed_form(circuit, fields)
    output = run(circuit, fields, both, steps=12, update=update, start=start).output[1:]
    passed = np.where(circuit.control_transfer(output) == 0, output, 0)
    assert np.all((passed == expected) | (passed == 0))
    np.testing.assert_array_equal(passed[5:], np.broadcast_to(expected, passed[5:].shape))


@pytest.mark.parametrize(
    ("update", "steps", "mean"),
    [("sequential", 1, 1.25), ("sequential", 2, 0.625), ("sequential", 3, 2.5 / 3), ("synchronous", 2, 1.25),
     ("synchronous", 3, 2.5 / 3), ("synchronous", 4, 0.625), ("synchronous", 6, 5 / 6)],
)  # fmt: skip
def test_without_gating_the_signal_is_the_mean_over_the_steps(update, steps, mean):
    assert signal(CIRCUIT, 2.0, 1, update=update, steps=steps, gated=False) == pytest.approx(mean, rel=1e-15)
    assert signal(CIRCUIT, 0.5, 1, update=update, steps=steps, gated=False) == 1


def test_the_means_add_up_to_less_than_nothing_where_there_are_many_classes():
    circuit = Circuit(mu=1 / 9)
    teacher = np.array([1] + 9 * [-1])
    total = signal(circuit, 2 * teacher, teacher, gated=False).sum()
    assert total == pytest.approx(-8 * circuit.epsilon / 2, rel=1e-14)


@given(circuits())
def test_the_four_cases_are_those_of_equation_4(circuit):
    four = cases(circuit)
    errors = [closed_form(circuit, np.array([case.field]))[0 if case.supervision == 1 else 1, 0] for case in four]
    assert errors == [case.error for case in four] == [1, 0, -circuit.mu, 0]
    assert all(abs(case.field) < circuit.bound for case in four)


@pytest.mark.parametrize("update", UPDATES)
def test_updates_follow_the_papers_chains(update):
    found = updates(CIRCUIT, cases(CIRCUIT)[1], number=4, update=update)
    expected = {
        "sequential": [("", 0, 0), ("o", 1.25, 0), ("t", 1.25, 1), ("o", 0, 1), ("t", 0, 0)],
        "synchronous": [("", 0, 0), *(("o and t", o, t) for o, t in [(1.25, 0), (1.25, 1), (0, 1), (0, 0)])],
    }
    assert [(u.units, u.output, u.control) for u in found] == expected[update]
    assert [u.full_field for u in found] == [8 - 6 * u.control for u in found]


def test_what_only_the_circuit_has_is_given_by_name():
    own, hinge = (inspect.signature(loss).parameters for loss in (CircuitHinge, OneVsRestHinge))
    by_place = [name for name, parameter in own.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    assert by_place == list(hinge)[: len(by_place)] == ["mu", "margin"]


def test_mu_may_be_an_array_of_one_number():
    assert CircuitHinge(mu=np.array(0.5)).mu == 0.5
    with pytest.raises(ArgumentError, match="finite mu > 0"):
        CircuitHinge(mu=np.array([0.5, 0.5]))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"threshold": 0}, "finite threshold > 0"),
        ({"bound": float("inf")}, "finite bound > 0"),
        ({"mu": -0.1}, "finite mu > 0"),
        ({"mu": 0}, "finite mu > 0"),
        ({"epsilon": 0}, "finite epsilon > 0"),
        ({"epsilon": -1}, "finite epsilon > 0"),
        ({"epsilon": "small"}, "finite epsilon > 0"),
        ({"epsilon": 1e-17}, "lost in rounding"),
        ({"threshold": 3, "bound": 3}, "threshold < bound.*control unit could never act"),
        ({"threshold": 4, "bound": 3}, "threshold < bound"),
        ({"mu": 1}, "mu < 1"),
        ({"mu": 1.5}, "mu < 1"),
    ],
)
def test_an_impossible_circuit_is_refused_with_the_reason(arguments, reason):
    with pytest.raises(ArgumentError, match=reason):
        Circuit(**arguments)
    arguments = {{"threshold": "margin"}.get(name, name): value for name, value in arguments.items()}
    with pytest.raises(ArgumentError):
        CircuitHinge(**arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"fields": 3.0}, r"inside \(-3, 3\), but got 3: take a larger bound"),
        ({"fields": [0, -4]}, r"inside \(-3, 3\), but got -4"),
        ({"fields": np.nan}, "got nan"),
        ({"supervision": 0}, "1 .* or -1"),
        ({"supervision": [1, 2]}, "1 .* or -1"),
        ({"update": "parallel"}, "Unknown order of update 'parallel': use one of 'sequential', 'synchronous'"),
        ({"steps": -1}, "whole number of steps"),
        ({"steps": 1.5}, "whole number of steps"),
        ({"steps": True}, "whole number of steps"),
    ],
)
@pytest.mark.parametrize("function", [run, signal])
def test_what_the_circuit_cannot_run_with_is_refused(function, arguments, reason):
    with pytest.raises(ArgumentError, match=reason):
        function(CIRCUIT, **{"fields": 0.0, "supervision": 1, "steps": 4, **arguments})


@pytest.mark.parametrize("start", [(0, np.inf), (0, "a"), (0,), (0, 0, 0), 0, (0, [1, 2]), None])
def test_a_start_that_is_no_pair_of_finite_activities_is_refused(start):
    with pytest.raises(ArgumentError, match="two finite activities") as refused:
        run(CIRCUIT, [0.0, 0.5, 1.0], 1, steps=1, start=start)
    assert str(refused.value).endswith(f"but got {start!r}.")


@pytest.mark.parametrize(("update", "least"), [("sequential", 2), ("synchronous", 3)])
def test_a_gate_that_could_see_no_silence_is_refused(update, least):
    with pytest.raises(ArgumentError, match=f">= {least}, but got {least - 1}: a gated {update} circuit is first seen"):
        signal(CIRCUIT, 2.0, 1, update=update, steps=least - 1)
    with pytest.raises(ArgumentError, match="first seen silent"):
        CircuitHinge(update=update, steps=least - 1)
    assert signal(CIRCUIT, 2.0, 1, update=update, steps=least) == 0


@pytest.mark.parametrize("number", [-1, 2.0, True])
def test_updates_refuse_an_impossible_number(number):
    with pytest.raises(ArgumentError, match="whole number of updates"):
        updates(CIRCUIT, cases(CIRCUIT)[0], number=number)


# The loss


def examples(classes=4, batch=200, dtype=np.float32):
    """Fields on both sides of all corners and far beyond the bound."""
    random = np.random.default_rng(0)
    return random.integers(classes, size=batch), random.normal(scale=3, size=[batch, classes]).astype(dtype)


def gradient(loss, labels, fields):
    fields = tf.constant(fields)
    with tf.GradientTape() as tape:
        tape.watch(fields)
        value = loss(labels, fields)
    return value.numpy(), tape.gradient(value, fields).numpy()


@pytest.mark.parametrize("margin", [1.0, 0.7, 1 / 3])
@pytest.mark.parametrize("mu", [None, 0.1])
@pytest.mark.parametrize("update", UPDATES)
def test_gated_the_loss_and_its_gradient_are_those_of_the_closed_form(margin, mu, update):
    labels, fields = examples()
    edge = np.float32(margin)
    beside = [np.nextafter(edge, np.float32(0)), edge, np.nextafter(edge, np.float32(2))]
    fields[:6, 0] = fields[:6, 1] = [*beside, *np.negative(beside)]  # and single floats around the corners
    ours = gradient(CircuitHinge(mu, margin, update=update), labels, fields)
    theirs = gradient(OneVsRestHinge(mu, margin), labels, fields)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    assert fields.max() > 3 > margin, "some fields are beyond the bound"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_error_signal_has_the_type_of_the_fields(dtype):
    labels, fields = examples(dtype=dtype)
    found = CircuitHinge(mu=0.25).error_signal(labels, fields)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, OneVsRestHinge(mu=0.25).error_signal(labels, fields))


def test_not_gated_the_gradient_is_the_mean_activity_and_the_value_stays_the_hinge_loss():
    labels, fields = [0], [[2.0, -2.0, 0.0, 5.0, -50.0]]
    hinge = CircuitHinge(mu=0.5, gated=False)
    value, slope = gradient(hinge, labels, fields)
    assert value == OneVsRestHinge(mu=0.5)(labels, fields)
    np.testing.assert_array_equal(-slope, [[0.625, -0.375, -0.5, -0.5, -0.375]])
    np.testing.assert_array_equal(hinge.error_signal(labels, fields), -slope)


def test_reductions_and_sample_weights_scale_the_signal():
    labels, fields = examples(batch=4)
    delta = CircuitHinge().error_signal(labels, fields).numpy()
    weights = tf.constant([1.0, 0.0, 2.0, 0.5])
    _, mean = gradient(CircuitHinge(), labels, fields)
    _, weighted = gradient(lambda *a: CircuitHinge(reduction="sum")(*a, sample_weight=weights), labels, fields)
    np.testing.assert_array_equal(mean, -delta / 4)
    np.testing.assert_array_equal(weighted, -delta * weights[:, None])


def test_with_two_classes_mu_has_to_be_given():
    fields = np.zeros([1, 2], np.float32)
    with pytest.raises(ArgumentError, match=r"1/\(C-1\) is 1, but the circuit needs mu < 1: give mu"):
        CircuitHinge().error_signal([0], fields)
    np.testing.assert_array_equal(CircuitHinge(mu=0.5).error_signal([0], fields), [[1, -0.5]])


SETTINGS = {
    "mu": 0.25, "margin": 2.0, "bound": 5.0, "epsilon": 0.5, "update": "synchronous", "steps": 6, "gated": False,
    "reduction": "sum", "name": "mine",
}  # fmt: skip


def test_keras_saves_and_loads_it():
    hinge = CircuitHinge(**SETTINGS)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(hinge))
    assert type(again) is CircuitHinge
    assert again.get_config() == hinge.get_config()
    assert {name: getattr(again, name) for name in SETTINGS} == SETTINGS


@pytest.fixture(scope="module")
def data():
    return urfb_tf.load("generated", train=60, validation=10, test=10)


def network(rule="urfb"):
    return urfb_tf.build("conv 4 5x5; maxpool 3; drop .5; full conn. 12; output", rule, seed=1)


@pytest.mark.parametrize("update", UPDATES)
def test_training_with_the_gated_circuit_makes_the_same_updates_bit_by_bit(data, update):
    closed, ours = network(), network()
    records = train(closed, data, epochs=2, batch_size=20)
    found = train(ours, data, loss=CircuitHinge(update=update), epochs=2, batch_size=20)
    for a, b in zip(closed.variables, ours.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [r["train_loss"] for r in records] == [r["train_loss"] for r in found]


def test_training_without_gating_does_not(data):
    # A margin that fields are soon beyond: there the gated circuit stops, and the other drives them on.
    fields = {}
    for gated in (True, False):
        model = network()
        train(model, data, loss=CircuitHinge(margin=0.02, gated=gated), epochs=4, batch_size=20)
        fields[gated] = np.abs(model.predict(data.train.images.astype("float32"), verbose=0))
    assert fields[False].mean() > 1.5 * fields[True].mean()


def test_a_model_compiled_with_it_fits_and_is_saved_and_loaded(data, tmp_path):
    model = network()
    model.compile(optimizer=model.optimizer, loss=CircuitHinge(update="synchronous"))
    closed = network()
    for each in (model, closed):
        each.fit(*data.train, batch_size=20, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), closed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()


def test_xla_compiles_the_circuit():
    labels, fields = examples()
    compiled = tf.function(CircuitHinge().error_signal, jit_compile=True)
    np.testing.assert_array_equal(
        compiled(tf.constant(labels), tf.constant(fields)), OneVsRestHinge().error_signal(labels, fields)
    )


# The figures


class Page(html.parser.HTMLParser):
    """The tags that are open, the attributes of every tag, and the cells of every table."""

    EMPTY = ("path", "circle")

    def __init__(self, source):
        super().__init__()
        self.open, self.attributes, self.tables = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "tbody":
            self.tables.append([])
        if tag == "tr" and "tbody" in self.open:
            self.tables[-1].append([])

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.tables[-1][-1].append(data)


@pytest.mark.parametrize("update", UPDATES)
def test_the_stepper_tells_each_update_of_each_case(update):
    page = Page(plots.stepper(CIRCUIT, update=update, number=5))
    assert not page.open
    for case, table in zip(cases(CIRCUIT), page.tables, strict=True):
        told = [[float(cell.replace("\N{MINUS SIGN}", "-")) for cell in row[1:]] for row in table]
        found = updates(CIRCUIT, case, number=5, update=update)
        assert told == [[u.full_field, u.output, u.control] for u in found]
        assert [row[0] for row in table] == ["start", *(u.units for u in found[1:])]


def test_the_stepper_says_why_each_unit_does_what_it_does():
    rows = [a for tag, a in Page(plots.stepper(CIRCUIT)).attributes if tag == "tr" and "data-why" in a]
    minus = "\N{MINUS SIGN}"
    assert [row["data-why"] for row in rows[9:13]] == [
        "Silence: o and t are 0.",
        "o reads H = 8, beyond (2M + S) = 7, and becomes 1.25.",
        "t reads o = 1.25, which is above 1, and becomes 1.",
        "o reads H = 2, within ±M = ±3, and becomes 0.",
    ]
    assert rows[19]["data-why"] == (
        f"o reads H = {minus}6.5, between {minus}M = {minus}3 and {minus}(2M + S) = {minus}7, and becomes {minus}0.5."
    )


def test_steppers_ask_no_other_host_and_share_no_identifier():
    source = plots.stepper(CIRCUIT)
    page = Page(source)
    assert "//" not in source
    for _, attributes in page.attributes:
        assert not {"id", "src", "href", "for"} & set(attributes)
    named = [a["aria-label"] for tag, a in page.attributes if tag in ("div", "svg") and "aria-label" in a]
    assert len(named) == 2
    assert [tag for tag, _ in page.attributes].count("button") == 3
    assert "prefers-reduced-motion" in source


@pytest.mark.parametrize(("argument", "value"), [("update", "parallel"), ("number", -1)])
def test_the_stepper_refuses_what_the_circuit_does(argument, value):
    with pytest.raises(ArgumentError):
        plots.stepper(CIRCUIT, **{argument: value})


def test_the_activity_figure_shows_the_trajectories():
    figure = plots.activity(CIRCUIT, steps=6)
    for axis, case in zip(figure.axes, cases(CIRCUIT), strict=True):
        for line, update in zip(axis.lines, UPDATES, strict=False):
            expected = run(CIRCUIT, case.field, case.supervision, steps=6, update=update).output
            np.testing.assert_array_equal(line.get_ydata(), expected)
            assert line.get_label() == update


@given(circuits())
def test_the_corners_of_the_transfer_functions_are_marked_once_as_their_own_and_once_as_not(circuit):
    output, control = plots.transfer_functions(circuit).axes
    for axis, corners in ((output, 4), (control, 2)):
        filled = [line.get_markerfacecolor() != "white" for line in axis.lines if line.get_marker() == "o"]
        assert sorted(filled) == corners * [False] + corners * [True]


def test_emissions_have_the_class_that_is_shown_at_the_left():
    axes = plots.emissions(CIRCUIT).axes[:2]
    assert [axis.get_title() for axis in axes] == ["its class is shown", "another class is shown"]
    for axis, supervision in zip(axes, (1, -1), strict=True):
        gated = axis.get_lines()[1]
        np.testing.assert_array_equal(gated.get_ydata(), signal(CIRCUIT, gated.get_xdata(), supervision))
