"""Pages over the recorded runs build and say something with none, with some and with all of them recorded."""

import pathlib
import random
import re

import jupytext
import pytest

from urfb_tf import results
from urfb_tf.errors import ResultError
from urfb_tf.experiments import EXPERIMENTS, find

BOOK = pathlib.Path(__file__).parent.parent / "book"
# The sections of each page that train here and now: they need no record, and the book's build runs them.
LIVE = {
    "alignment": {"How fast to expect it", "How long they are"},
    "leaderboard": set(),
    "rules": {"All of them on the same images", "From fixed to updated feedback", "How large is R?"},
    "sparse_connectivity": {"In miniature", "Which connections carry the error"},
}
SOME = ("table1/cifar10/urfb", "table1/cifar10/bp-hinge", "rules/cifar10/dfa", "connectivity/cifar10/urfb-5")
LAYERS = {
    "simpnet": ["conv1", "dense1", "output"],
    "deepernet": [*(f"conv{n}" for n in range(1, 9)), "dense1", "output"],
}


def epochs_of(identifier: str, length: int) -> list[dict]:
    """A course of errors and angles, made from the id alone: none is what was measured."""
    experiment, draw = find(identifier), random.Random(identifier)
    layers = LAYERS.get(experiment.network, LAYERS["simpnet"])
    low = 0.0 if experiment.rule == "bp" else draw.uniform(10, 85)
    error, epochs = draw.uniform(0.3, 0.7), []
    for epoch in range(1, length + 1):
        angles = {layer: round(90 - (90 - low) * epoch / length, 2) for layer in layers}
        weights = {layer: None if experiment.rule == "dfa" else angles[layer] for layer in layers[1:]}
        record = {
            "epoch": epoch,
            "train_error_evaluated": error,
            "test_error": 0.9 - (0.9 - error) * epoch / length + draw.uniform(-0.01, 0.01),
            "weight_angle": {} if experiment.rule == "bp" else weights,
            "update_angle": angles,
            "error_angle": {**angles, "output": 0.0},
            "error_ratio": dict.fromkeys(layers, 2.0),
        }
        if experiment.connectivity < 1 and experiment.rule != "bp":
            # R cannot be nearer to W than the missing connections allow: 88 degrees is in reach with all that we run.
            record["weight_angle"] = {**weights, "dense1": 88.0}
            record["shared_weight_angle"] = {"dense1": angles["dense1"]}
        epochs.append(record)
    return epochs


def result_of(identifier: str, length: int) -> dict:
    session = {
        "from_epoch": 1,
        "commit": "0" * 40,
        "date": "2026-01-01T00:00:00",
        "versions": {"tensorflow": "2", "keras": "3"},
        "hardware": {"device": "CPU", "processor": "none", "cores": 2},
    }
    data = {"name": find(identifier).dataset, "sha256": "0" * 64, "images": {"train": 1, "validation": 1, "test": 1}}
    return {"id": identifier, "seed": 0, "data": data, "sessions": [session], "epochs": epochs_of(identifier, length)}


@pytest.fixture
def store(monkeypatch):
    """Makes these runs, and no others, the recorded ones."""

    def put(lengths: dict[str, int]) -> None:
        def load(identifier: str, seed: int = 0, draws: str | None = None) -> dict:
            if identifier not in lengths:
                raise ResultError(f"{identifier} is not recorded.")
            return result_of(identifier, lengths[identifier])

        monkeypatch.setattr(results, "seeds", lambda identifier: [0] if identifier in lengths else [])
        monkeypatch.setattr(results, "load", load)
        monkeypatch.setattr(results, "load_all", lambda identifier, seed=0: [load(identifier, seed)])
        monkeypatch.setattr(results, "file_of", lambda result: results.path_of(result["id"], result["seed"]))

    return put


def code_of(page: str) -> str:
    """The cells of a page outside its live sections."""
    heading, cells = "", []
    for cell in jupytext.read(BOOK / f"{page}.md").cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE) or [heading])[-1]
        elif heading not in LIVE[page]:
            cells.append(cell.source)
    return "\n".join(cells)


RECORDED = {
    "none": {},
    "some": dict.fromkeys(SOME, 20),
    "short": dict.fromkeys(SOME, 3),
    "all": dict.fromkeys(EXPERIMENTS, 20),
    "all, of different lengths": {key: 20 + 80 * (number % 2) for number, key in enumerate(EXPERIMENTS)},
}


@pytest.mark.parametrize("page", LIVE)
@pytest.mark.parametrize("recorded", RECORDED)
def test_a_page_runs_whatever_is_recorded(page, recorded, store):
    store(RECORDED[recorded])
    exec(compile(code_of(page), f"{page}.md", "exec"), {})


@pytest.mark.parametrize("page", LIVE)
def test_the_sections_that_train_are_named_as_on_the_page(page):
    text = (BOOK / f"{page}.md").read_text()
    assert {heading for heading in LIVE[page] if f"# {heading}\n" in text} == LIVE[page]
    assert ".fit(" not in code_of(page)
    assert "urfb_tf.train(" not in code_of(page)
