"""A page element that steps through the circuit: HTML, inline SVG and plain JavaScript."""

import html

from urfb_tf.circuit import Case, Circuit, Update, cases, updates
from urfb_tf.plots.interactive.page import MINUS, PLAYER
from urfb_tf.plots.interactive.page import number as _number
from urfb_tf.plots.interactive.page_style import CONTROLS
from urfb_tf.plots.stepper_page import DRAWING, SCRIPT, STYLE


def stepper(circuit: Circuit, *, update: str = "sequential", number: int = 8) -> str:
    """The four cases, update by update, with buttons; without JavaScript, the same as four tables.

    Args:
        circuit: the circuit.
        update: "sequential", one unit after the other, or "synchronous", both at once.
        number: how many updates each case is followed for.

    Returns:
        HTML for `IPython.display.HTML`. Several of them can stand on one page.

    Raises:
        ArgumentError: for an unknown order of update or a number that is not a whole number >= 0.
    """
    shown = cases(circuit)
    tables = [_table(circuit, case, updates(circuit, case, number=number, update=update)) for case in shown]
    options = "".join(f"<option>{_title(case)}</option>" for case in shown)
    numbers = {"S": circuit.threshold, "M": circuit.bound, "μ": circuit.mu, "ε": circuit.epsilon}
    legend = ", ".join(f"{name} = {_number(value)}" for name, value in numbers.items())
    return (
        '<div class="circuit-stepper" data-interactive="stepper" role="group" '
        f'aria-label="The circuit step by step, {update} update">'
        f"<style>{CONTROLS}{STYLE}</style>"
        f'<div class="controls" hidden><label>Case <select>{options}</select></label>'
        '<button type="button" class="back">back</button><button type="button" class="step">step</button>'
        '<button type="button" class="play">play</button><span class="count"></span>'
        f'<span class="numbers">{legend}</span></div>'
        f'{DRAWING}<p aria-live="polite" hidden></p>{"".join(tables)}<script>{{{PLAYER}{SCRIPT}}}</script></div>'
    )


def _title(case: Case) -> str:
    return html.escape(f"{case.name} (h = {_number(case.field)})")


def _table(circuit: Circuit, case: Case, trace: tuple[Update, ...]) -> str:
    # Of the class "dataframe", because the theme frames all other outputs in white in the dark.
    rows = "".join(_row(circuit, case, before, after) for before, after in zip((trace[0], *trace), trace, strict=False))
    head = "".join(f'<th scope="col">{name}</th>' for name in ("updated", "H", "o", "t"))
    return (
        f'<table class="table dataframe"><caption>{_title(case)}; (4) asks for {_number(case.error)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(circuit: Circuit, case: Case, before: Update, after: Update) -> str:
    found = {"s": case.supervision, "field": case.field, "o": after.output, "t": after.control}
    values = {name: _number(value) for name, value in {**found, "full": after.full_field}.items()}
    data = "".join(f' data-{name}="{value}"' for name, value in values.items())
    cells = "".join(f"<td>{values[name]}</td>" for name in ("full", "o", "t"))
    why = html.escape(_why(circuit, before, after))
    return f'<tr data-units="{after.units}" data-why="{why}"{data}><td>{after.units or "start"}</td>{cells}</tr>'


def _why(circuit: Circuit, before: Update, after: Update) -> str:
    """The update in words: what each unit reads, and what it therefore does."""
    if not after.units:
        return "Silence: o and t are 0."
    said = []
    if "o" in after.units:
        where = _interval(circuit, before.full_field)
        said.append(f"o reads H = {_number(before.full_field)}, {where}, and becomes {_number(after.output)}.")
    if "t" in after.units:
        read = before.output
        where = "above 1" if read > 1 else f"below {MINUS}μ" if read < -circuit.mu else f"from {MINUS}μ to 1"
        said.append(f"t reads o = {_number(read)}, which is {where}, and becomes {_number(after.control)}.")
    return " ".join(said)


def _interval(circuit: Circuit, full_field: float) -> str:
    """In which interval of (9) a full field lies."""
    bound, outer = circuit.bound, 2 * circuit.bound + circuit.threshold
    sign = "" if full_field > 0 else MINUS
    if abs(full_field) <= bound:
        return f"within ±M = ±{_number(bound)}"
    at_outer = f"{sign}(2M + S) = {sign}{_number(outer)}"
    if abs(full_field) >= outer:
        return f"beyond {at_outer}"
    return f"between {sign}M = {sign}{_number(bound)} and {at_outer}"
