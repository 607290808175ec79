"""Tables as notebooks show them: numbers on the right, words on the left."""

import re

import pytest

from urfb_tf.table import Table

RIGHT, LEFT = "text-align:right", "text-align:left; white-space:normal; min-width:{}ch"


def styles(*cells):
    """How the cells of a table's second column are set, its head included."""
    html = Table(["name", "head"], [["a", cell] for cell in cells])._repr_html_()
    return set(re.findall(r"<t[hd] style='([^']*)'>(?!name)", html))


@pytest.mark.parametrize(
    "cells",
    [
        ("1", "not run"),
        ("none", "-0.1"),
        ("+39°", ""),
        ("16 to 20",),
        ("<span class='verdict'>0.305</span>", "<span>none</span>"),
        ("yes", "no"),
        ("±0.01", "2026-11-29"),
        (),
    ],
)
def test_numbers_stand_on_the_right(cells):
    assert styles(*cells) == {RIGHT}


@pytest.mark.parametrize(
    ("cells", "width"),
    [
        (("CPU, 2 cores, NVIDIA H200, 16 cores", "CPU"), 18),
        (("conv1", "none"), 5),
        (("3c41e2ddfc", "68419b0"), 10),
        (("<b>a</b>",), 1),
    ],
)
def test_words_stand_on_the_left_and_wrap(cells, width):
    assert styles(*cells) == {LEFT.format(width)}


def test_a_bar_within_a_cell_does_not_end_it():
    assert str(Table(["rate", "of |e|"], [["a", "0.5"]])) == "| rate | of \\|e\\| |\n| --- | --- |\n| a | 0.5 |"


def test_a_header_without_text_names_no_column():
    html = Table(["", "error"], [["a", "1"]])._repr_html_()
    assert "<thead><tr><td></td><th " in html
    assert "<tr><th scope=\"row\" style='text-align:left'>a</th>" in html
