"""Figures that a reader moves: HTML, inline SVG and plain JavaScript, for a static page and for a notebook's frame.

The package computes all numbers and draws the first state, which also stands without JavaScript. The program only
selects what is shown.

| File | Figure |
|---|---|
| `epsilon.py` | errors of the linear theory against time, by epsilon |
| `drift.py` | W against R along training |
| `filters.py`, `filters_drawing.py` | the filters at any location of an untied layer |

| File | What they share |
|---|---|
| `page.py` | the page element, its controls, and the program behind them |
| `page_style.py` | its style |
| `svg.py` | scales, axes, lines |
"""

from urfb_tf.plots.interactive.drift import drift as drift
from urfb_tf.plots.interactive.epsilon import EPSILONS as EPSILONS
from urfb_tf.plots.interactive.epsilon import TARGETS as TARGETS
from urfb_tf.plots.interactive.epsilon import epsilon_slider as epsilon_slider
from urfb_tf.plots.interactive.filters import filter_browser as filter_browser
