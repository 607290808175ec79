"""What interactive figures share: one element with its controls, text, data and program. No ids, no other host."""

import html
import json
from collections.abc import Sequence

from urfb_tf.plots.interactive.page_style import CONTROLS, PANEL

MINUS = "\N{MINUS SIGN}"

# A button that plays `show(0)` to `show(last())`; returns what stops it. Hidden where motion is unwelcome.
PLAYER = """
const player = (button, {at, last, show, every, live}) => {
  let timer = null;
  const stop = () => {
    clearInterval(timer); timer = null; button.textContent = 'play';
    if (live) live.setAttribute('aria-live', 'polite');
  };
  button.addEventListener('click', () => {
    if (timer) { stop(); return; }
    if (at() === last()) show(0);
    button.textContent = 'pause';
    if (live) live.setAttribute('aria-live', 'off');
    timer = setInterval(() => { show(at() + 1); if (at() === last()) stop(); }, every);
  });
  button.hidden = matchMedia('(prefers-reduced-motion: reduce)').matches;
  return stop;
};
"""

# What a figure's own program starts with: its parts, its data, and the sentence that says the state in words.
_BEGIN = """
const begin = (root) => {
  root.dataset.ready = '';
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const state = find('.state');
  const control = (name) => find(`[name="${name}"]`);
  const say = (values) => {
    state.textContent = state.dataset.template.replace(/{([a-z_0-9]+)}/g, (_, name) => values[name]);
  };
  const value = (input, text) => {
    input.setAttribute('aria-valuetext', text);
    input.closest('.field').querySelector('.value').textContent = text;
  };
  for (const part of all('.controls')) part.hidden = false;
  for (const part of all('table')) part.hidden = true;
  return {find, all, control, say, value, state, data: JSON.parse(find('.data').textContent)};
};
"""


def element(
    kind: str,
    label: str,
    *,
    controls: str,
    drawing: str,
    template: str,
    values: dict[str, str],
    table: str,
    data: dict,
    program: str,
) -> str:
    """The page element of one figure.

    Args:
        kind: what the attribute `data-interactive` says; the program finds its figures by it.
        label: the figure's accessible name.
        controls: from `slider`, `select` and `button`; shown once the program runs.
        drawing: inline SVG of the first state.
        template: the sentence that says the state, with `{name}` for what changes.
        values: what stands for the names in the first state.
        table: shown where no program runs.
        data: numbers and texts for the program.
        program: JavaScript, the body of a loop over `root`; `begin(root)` and `player` are at hand.
    """
    loop = f"for (const root of document.querySelectorAll('[data-interactive={kind}]:not([data-ready])')) {{{program}}}"
    return (
        f'<div data-interactive="{kind}" class="panel" role="group" aria-label="{html.escape(label)}">'
        f"<style>{CONTROLS}{PANEL}</style>"
        f'<div class="controls" hidden>{controls}</div>{drawing}'
        f'<p class="state" aria-live="polite" data-template="{html.escape(template)}">'
        f"{html.escape(template.format(**values))}</p>{table}"
        f'<script type="application/json" class="data">{embedded(data)}</script>'
        f"<script>{{{PLAYER}{_BEGIN}{loop}}}</script></div>"
    )


def embedded(data: dict) -> str:
    """JSON that may stand inside a script element, whatever texts it holds."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def slider(name: str, label: str, texts: Sequence[str], at: int) -> str:
    """A range over the positions of `texts`, which say in words where it stands."""
    text = html.escape(texts[at])
    return (
        f'<span class="field"><label>{html.escape(label)} <input type="range" name="{name}" min="0" '
        f'max="{len(texts) - 1}" step="1" value="{at}" aria-valuetext="{text}" autocomplete="off"></label>'
        f'<span class="value" aria-hidden="true">{text}</span></span>'
    )


def select(name: str, label: str, options: Sequence[str], at: int = 0) -> str:
    """A choice among `options`."""
    listed = "".join(
        f"<option{' selected' if number == at else ''}>{html.escape(option)}</option>"
        for number, option in enumerate(options)
    )
    return f'<label>{html.escape(label)} <select name="{name}" autocomplete="off">{listed}</select></label>'


def button(name: str) -> str:
    """A button of the class `name` that says its name."""
    return f'<button type="button" class="{name}">{name}</button>'


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text with its first column as headers of the rows."""
    # Of the class "dataframe", because the theme frames all other outputs in white in the dark.
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<table class="table dataframe"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def number(value: float, form: str = ".4g") -> str:
    """A number with a true minus sign."""
    return f"{value:{form}}".replace("-", MINUS)
