"""The figures that a reader moves: what is embedded is what the package computes, and the element is sound HTML."""

import html.parser
import itertools
import json
import re

import keras
import numpy as np
import pytest

import urfb_tf
from urfb_tf import FeedbackConv2D, linear, metrics
from urfb_tf.errors import ArgumentError
from urfb_tf.plots.interactive import drift, epsilon_slider, filter_browser
from urfb_tf.plots.interactive.page import button, element, embedded, select, slider, table
from urfb_tf.plots.interactive.svg import Scale, axes, line

EMPTY = ("path", "circle", "rect", "input")


class Page(html.parser.HTMLParser):
    """The elements of a figure as (tag, attributes), the text of each, and the tags that are left open."""

    def __init__(self, source):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.texts.append("")
        if tag not in EMPTY:
            self.open.append((tag, len(self.texts) - 1))

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1][1]] += data

    def all(self, tag, **wanted):
        """(attributes, text) of the elements of this tag and these attributes."""
        found = [(a, text) for (t, a), text in zip(self.elements, self.texts, strict=True) if t == tag]
        return [(a, text) for a, text in found if all(a.get(name.rstrip("_")) == v for name, v in wanted.items())]

    @property
    def data(self):
        return json.loads(self.all("script", type="application/json")[0][1])

    @property
    def state(self):
        return self.all("p", class_="state")[0][1]


def points(d):
    """The points of a path, [points, 2]."""
    return np.array([[float(n) for n in pair.split()] for pair in d.removeprefix("M").split("L")])


@pytest.fixture(scope="module")
def traced():
    """URFB and FRFB traced on one batch: two layers, of 12 and 6 entries, with feedback."""
    random = np.random.default_rng(0)
    points, labels = random.normal(size=[20, 5]).astype("float32"), np.arange(20) % 2

    def run(rule):
        inputs = keras.Input([5])
        x = urfb_tf.FeedbackDense(4, rule="bp", seed=1, name="first")(inputs)
        x = urfb_tf.FeedbackDense(3, rule=rule, seed=2, name="second")(x)
        model = keras.Model(inputs, urfb_tf.FeedbackDense(2, rule=rule, seed=3, name="third")(x))
        model.compile(loss=urfb_tf.OneVsRestHinge())
        return metrics.trace(model, points, labels, steps=6)

    return {rule: run(rule) for rule in ("urfb", "frfb")}


def untied(seed, channels=3, size=(7, 8)):
    layer = urfb_tf.UntiedConv2D(2, 3, seed=seed, name="untied")
    layer.build((None, *size, channels))
    return layer


@pytest.fixture(scope="module")
def runs():
    return {"copies": (copied(), copied().kernel.numpy()), "a < b": (untied(2), untied(3).kernel.numpy())}


def copied():
    """An untied layer with one and the same pair of filters everywhere."""
    layer = untied(1)
    one = np.random.default_rng(0).normal(size=[9, 3, 2]).astype("float32")
    layer.kernel.assign(one[layer.locality.pairs.offset])
    return layer


DEPTHS, EPSILONS, TARGETS = (2, 4), (0, 0.5, 1, 2), (0.5, 0.01)


@pytest.fixture(scope="module")
def figures(traced, runs):
    return {
        "epsilon": epsilon_slider(0.8, 0.4, depths=DEPTHS, epsilons=EPSILONS, targets=TARGETS),
        "drift": drift(traced, ["second", "third"], [0, 2, 6]),
        "filters": filter_browser(runs),
    }


KINDS = ("epsilon", "drift", "filters")


# What all share


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_one_well_formed_element_that_says_what_it_is(figures, kind):
    page = Page(figures[kind])
    assert not page.open
    tag, root = page.elements[0]
    assert (tag, root["data-interactive"], root["role"]) == ("div", kind, "group")
    (drawing,) = page.all("svg")
    assert min(len(root["aria-label"]), len(drawing[0]["aria-label"])) > 20
    assert drawing[0]["viewbox"].startswith("0 0 360 ")


@pytest.mark.parametrize("kind", KINDS)
def test_figures_ask_no_other_host_and_share_no_identifier(figures, kind):
    assert "//" not in figures[kind]
    for _, attributes in Page(figures[kind]).elements:
        assert not {"id", "src", "href", "for", "xlink:href"} & set(attributes)


@pytest.mark.parametrize("kind", KINDS)
def test_controls_are_native_and_stand_in_labels(figures, kind):
    page = Page(figures[kind])
    inside = re.findall(r"<label>[^<]+<(input|select)", figures[kind])
    assert len(inside) == len(page.all("input")) + len(page.all("select")) >= 2
    assert all(attributes["aria-valuetext"] for attributes, _ in page.all("input", type="range"))
    assert page.all("p", class_="state")[0][0]["aria-live"] == "polite"


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_state_and_a_table_stand_without_a_program(figures, kind):
    page = Page(figures[kind])
    assert "hidden" in page.all("div", class_="controls")[0][0]
    assert "hidden" not in page.all("table", class_="table dataframe")[0][0]
    assert page.state.endswith(".")
    assert not re.search(r"[{}]", page.state)


@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_small_and_follow_the_theme(figures, kind):
    assert len(figures[kind]) < 60_000
    for condition in ("prefers-color-scheme: dark", "html[data-theme=dark]", "@media print", "prefers-reduced-motion"):
        assert condition in figures[kind]


def test_texts_are_escaped_wherever_they_stand():
    evil = '</script><b a="1">&'
    source = element(
        "kind",
        evil,
        controls=slider("s", evil, [evil], 0) + select("c", evil, [evil]) + button("play"),
        drawing=axes(Scale(0, 1, 0, 10), Scale(0, 1, 10, 0), evil, evil),
        template="{x}",
        values={"x": evil},
        table=table(evil, [evil, evil], [[evil, evil]]),
        data={"x": evil},
        program="",
    )
    page = Page(source)
    assert not page.open
    assert not page.all("b")
    assert page.elements[0][1]["aria-label"] == page.state == page.data["x"] == evil
    assert [text for _, text in page.all("option")] == [evil]
    assert [text for _, text in page.all("td")] == [evil]


def test_embedded_numbers_are_finite():
    assert embedded({"a": [1, 2.5]}) == '{"a":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON compliant"):
        embedded({"a": float("nan")})


@pytest.mark.parametrize(
    ("scale", "values", "places", "ticks"),
    [
        (Scale(0, 10, 100, 200), [0, 2.5, 10], [100, 125, 200], [0, 2, 4, 6, 8, 10]),
        (Scale(-1, 1, 200, 100), [-1, 0, 1], [200, 150, 100], [-1, -0.5, 0, 0.5, 1]),
        (Scale(0.01, 1, 0, 100, log=True), [0.01, 0.1, 1], [0, 50, 100], [0.01, 0.1, 1]),
        (Scale(0, 16.2, 0, 162), [16.2], [162], [0, 5, 10, 15]),
    ],
)
def test_a_scale_places_numbers_and_has_round_ticks(scale, values, places, ticks):
    np.testing.assert_array_equal(scale(values), places)
    np.testing.assert_allclose(scale.ticks(), ticks, rtol=1e-14)
    assert not np.signbit(scale.ticks()[scale.ticks() == 0]).any()


def test_a_line_is_the_path_through_its_points():
    assert points(line(np.array([0, 1.5]), np.array([2, -3]))).tolist() == [[0, 2], [1.5, -3]]


# Epsilon


def test_the_times_that_are_read_out_are_those_of_the_theory(figures):
    data = Page(figures["epsilon"]).data
    for depth, entry in zip(DEPTHS, data["depths"], strict=True):
        for (e, epsilon), (g, target) in itertools.product(enumerate(EPSILONS), enumerate(TARGETS)):
            time, slowest = (linear.time_to_reach(target * 0.8, 0.8, [0.4] * (depth - 1), at) for at in (epsilon, 0))
            assert float(entry["times"][e][g]) == float(f"{time:.3g}")
            assert entry["shares"][e][g] == f"{time / slowest:.0%}"


def test_for_two_layers_and_fixed_feedback_the_times_are_those_of_the_closed_form():
    # With epsilon = 0 and k = 2: lambda_2 = lambda_1^2 / (2 r), d lambda_1 / dt = r (T - lambda_1^3 / (2 r)). With
    # a^3 = 2 r T, s = lambda_1 / a: dt = (a / r T) ds / (1 - s^3), and an error of g T is reached at s^3 = 1 - g.
    data = Page(epsilon_slider(0.8, 0.4, depths=[2], epsilons=[0], targets=[0.5, 0.1])).data
    for target, time in zip((0.5, 0.1), data["depths"][0]["times"][0], strict=True):
        s, a = np.cbrt(1 - target), np.cbrt(2 * 0.4 * 0.8)
        primitive = (np.log((s**2 + s + 1) / (1 - s) ** 2) / 6) + np.arctan((2 * s + 1) / 3**0.5) / 3**0.5
        expected = a / (0.4 * 0.8) * (primitive - np.arctan(1 / 3**0.5) / 3**0.5)
        assert float(time) == float(f"{expected:.3g}")


def test_the_curves_pass_through_the_errors_of_the_theory(figures):
    page = Page(figures["epsilon"])
    curves = [attributes["d"] for attributes, _ in page.all("path") if attributes["class"] == "curve pale"]
    data = page.data
    height = Scale(TARGETS[-1], 1, 215, 25, log=True)
    for number, (depth, (e, epsilon)) in enumerate(itertools.product(DEPTHS, enumerate(EPSILONS))):
        drawn, entry = points(curves[number]), data["depths"][DEPTHS.index(depth)]
        reached = [linear.time_to_reach(0.8 * TARGETS[-1], 0.8, [0.4] * (depth - 1), at) for at in (0, epsilon)]
        along = Scale(0, reached[0], 48, 350)
        assert drawn[0].tolist() == [48, 25]
        assert drawn[-1].tolist() == [along(reached[1]), 215] == [entry["places"][e][-1], 215]
        middle = drawn[len(drawn) // 2]
        time = (middle[0] - 48) / (350 - 48) * reached[0]
        # x is rounded to a tenth, so that the time is known to half of that: between the errors at both ends.
        half = 0.05 / (350 - 48) * reached[0]
        around = linear.integrate(0.8, [0.4] * (depth - 1), epsilon, [time - half, time + half]).error / 0.8
        low, high = height(around)
        assert low - 0.1 <= middle[1] <= high + 0.1


def test_the_rules_keep_their_colours_on_the_slider(figures):
    data = Page(figures["epsilon"]).data
    assert [data["colours"][n] for n in (0, 2)] == ["#D55E00", "#0072B2"]
    assert len(set(data["colours"])) == 3
    assert ["FRFB" in data["own"][0], "URFB" in data["own"][2]] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"depths": []}, "depths is empty"),
        ({"depths": [1]}, "depth must be a whole number >= 2"),
        ({"epsilons": [0.5, 1]}, "rise from 0"),
        ({"epsilons": [0, 1, 1]}, "rise from 0"),
        ({"epsilons": [0, np.inf]}, "finite"),
        ({"targets": [0.1, 0.5]}, "falling shares"),
        ({"targets": [1, 0.5]}, "falling shares"),
        ({"targets": [0]}, "targets must be > 0"),
        ({"lambda_t": 0}, "> 0"),
        ({"lambda_r": -1}, "> 0"),
    ],
)
def test_the_slider_refuses_what_the_theory_does(arguments, reason):
    with pytest.raises(ArgumentError, match=reason):
        epsilon_slider(**arguments)


# W and R


def test_points_are_the_entries_of_r_and_w(figures, traced):
    page = Page(figures["drift"])
    data = page.data
    assert data["steps"] == ["0", "2", "6"]
    limit = 1.05 * max(
        np.abs(w[layer]).max()
        for run in traced.values()
        for s in (run[0], run[2], run[6])
        for w in (s.kernel, s.feedback)
        for layer in ("second", "third")
    )
    across = {"urfb": Scale(-limit, limit, 34, 170), "frfb": Scale(-limit, limit, 202, 338)}
    for layer, entry in zip(("second", "third"), data["layers"], strict=True):
        for (rule, run), found in zip(traced.items(), entry["runs"], strict=True):
            for place, step in enumerate((0, 2, 6)):
                snapshot = run[step]
                assert found["x"][place] == across[rule](snapshot.feedback[layer]).ravel().tolist()
                assert found["y"][place] == Scale(-limit, limit, 176, 40)(snapshot.kernel[layer]).ravel().tolist()
                assert found["angles"][place] == f"{snapshot.angle(layer):.0f}°"
    first = [(float(a["cx"]), float(a["cy"])) for a, _ in page.all("circle") if "cx" in a][:12]
    start = data["layers"][0]["runs"][0]
    assert first == list(zip(start["x"][0], start["y"][0], strict=True))


def test_under_urfb_points_move_along_the_diagonal_and_under_frfb_up_and_down(figures):
    for layer in Page(figures["drift"]).data["layers"]:
        urfb, frfb = (({name: np.array(run[name]) for name in "xy"}) for run in layer["runs"])
        # Two places that are each rounded to a tenth: their differences agree to two tenths. y counts downwards.
        np.testing.assert_allclose(urfb["x"][2] - urfb["x"][0], urfb["y"][0] - urfb["y"][2], atol=0.2 + 1e-9)
        assert np.abs(urfb["x"][2] - urfb["x"][0]).max() > 1
        np.testing.assert_array_equal(frfb["x"][2], frfb["x"][0])
        assert np.abs(frfb["y"][2] - frfb["y"][0]).max() > 1


def test_the_state_says_both_angles(figures, traced):
    urfb, frfb = (traced[rule][0].angle("second") for rule in ("urfb", "frfb"))
    expected = f"After 0 steps, the angle between R and W of second is {urfb:.0f}° under URFB, {frfb:.0f}° under FRFB."
    assert Page(figures["drift"]).state == expected


def diverged():
    weights = {"second": np.full([2, 2], np.nan)}
    return metrics.Snapshot(0, 1.0, weights, weights, weights)


def without_feedback():
    weights = {"second": np.ones([2, 2])}
    return metrics.Snapshot(0, 1.0, weights, {}, weights)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"runs": {}}, "runs is empty"),
        ({"layers": []}, "layers is empty"),
        ({"steps": []}, "steps is empty"),
        ({"steps": [0, 7]}, "traced from step 0 to 6"),
        ({"steps": [-1]}, "traced from step 0 to 6"),
        ({"layers": ["first"]}, "Unknown layer with feedback weights 'first': use one of 'second', 'third'"),
        ({"runs": {"bp": [without_feedback()]}}, "Unknown layer with feedback weights 'second': there is none"),
        ({"runs": {"steep": [diverged()]}, "steps": [0]}, "not finite: show steps before the training diverged"),
    ],
)
def test_drift_refuses_what_was_not_traced(traced, arguments, reason):
    with pytest.raises(ArgumentError, match=reason):
        drift(**{"runs": traced, "layers": ["second"], "steps": [0], **arguments})


# Filters


def test_the_browser_holds_the_filters_of_every_whole_location(figures, runs):
    data = Page(figures["filters"]).data
    assert (data["rows"], data["columns"]) == (["1", "2", "3", "4", "5"], ["1", "2", "3", "4", "5", "6"])
    for (layer, start), found in zip(runs.values(), data["runs"], strict=True):
        locations = [(row, column) for row in range(1, 6) for column in range(1, 7)]
        shown = {
            name: np.array([[int(digit, 16) for digit in data["filters"][n]] for n in found[name]])
            for name in ("before", "after")
        }
        true = {
            name: np.stack([np.moveaxis(layer.filters_at(*at, w), -1, 0).ravel() for at in locations])
            for name, w in (("before", start), ("after", None))
        }
        limit = max(np.abs(filters).max() for filters in true.values())
        for name, filters in true.items():
            # 16 levels from -limit to limit: none is further off than half a level.
            np.testing.assert_allclose(shown[name] / 7.5 - 1, filters / limit, rtol=0, atol=0.5 / 7.5 + 1e-6)


def test_equal_filters_are_kept_once(figures):
    found = Page(figures["filters"]).data["runs"][0]
    assert len({*found["before"], *found["after"]}) == 1
    assert {tuple(words) for words in found["words"]} == {("1.00", "1.00", "0%")}


def test_the_words_are_the_similarities_of_the_package(figures, runs):
    data = Page(figures["filters"]).data
    (layer, start), found = runs["a < b"], data["runs"][1]
    before, after = (metrics.neighbour_similarity(layer, w)[1:6, 1:7].ravel() for w in (start, None))
    minus = "\N{MINUS SIGN}"
    assert [float(words[0].replace(minus, "-")) for words in found["words"]] == before.round(2).tolist()
    assert [float(words[1].replace(minus, "-")) for words in found["words"]] == after.round(2).tolist()
    then, now = layer.filters_at(1, 1, start), layer.filters_at(1, 1)
    assert found["words"][0][2] == f"{np.linalg.norm(now - then) / np.linalg.norm(then):.0%}"


def test_a_map_of_copies_alone_is_of_one_colour():
    data = Page(filter_browser({"copies": (copied(), copied().kernel.numpy())})).data
    assert len(set(data["runs"][0]["map"])) == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (dict, "runs is empty"),
        (lambda: {"tied": (FeedbackConv2D(2, 3), np.ones([9, 3, 2]))}, "UntiedConv2D alone, but 'tied' is"),
        (lambda: {"grey": (untied(1, channels=1), untied(1, channels=1).kernel)}, "'grey' needs W"),
        (lambda: {"cut": (untied(1), untied(1).kernel[:-1])}, "'cut' needs W"),
        (
            lambda: {"a": (untied(1), untied(1).kernel), "b": (untied(1, size=(9, 9)), untied(1, size=(9, 9)).kernel)},
            "that of 'b' differs",
        ),
        (
            lambda: {"steep": (untied(1), untied(1).kernel + np.nan)},
            "'steep' are not finite: its training has diverged",
        ),
        (lambda: {"zero": (untied(1), np.zeros(untied(1).kernel.shape))}, "started as zeros"),
        (lambda: {"one": (untied(1, size=(3, 3)), untied(1, size=(3, 3)).kernel)}, "fewer than two locations"),
    ],
)
def test_the_browser_refuses_what_it_cannot_show(changed, reason):
    with pytest.raises(ArgumentError, match=reason):
        filter_browser(changed())
