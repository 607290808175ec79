"""The style of interactive figures. It travels inside each element, since a notebook's frame has no other."""

# For every figure with controls, whatever its colours.
CONTROLS = """
[data-interactive] { max-width: 34rem; }
[data-interactive] [hidden] { display: none !important; }
[data-interactive] .controls { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
[data-interactive] label { margin: 0; }
[data-interactive] select { max-width: 100%; }
[data-interactive] select, [data-interactive] button { font: inherit; color: inherit; background: transparent;
  border: 1px solid currentColor; border-radius: .3rem; padding: .3rem .7rem; min-height: 2.2rem; }
[data-interactive] option { color: black; background: white; }
[data-interactive] :focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
[data-interactive] > svg { display: block; width: 100%; height: auto; margin: .5rem 0; }
[data-interactive] table { width: 100%; margin: .5rem 0; font-variant-numeric: tabular-nums; color: inherit; }
[data-interactive] caption { caption-side: top; color: inherit; text-align: left; }
[data-interactive] table :is(th, td) { text-align: right; padding: .15rem .4rem; color: inherit; }
[data-interactive] table :is(th, td):first-child { text-align: left; }
"""

_LIGHT = "--ink: #1a1a1a; --ground: #ffffff; --grid: #dddddd; --pale: #b4b4b4; color-scheme: light;"
_DARK = "--ink: #ececec; --ground: #121212; --grid: #3a414b; --pale: #666e7a; color-scheme: dark;"

# A ground of its own: legible on any page, whether that follows the system, the book's switch or a notebook's.
PANEL = f"""
.panel[data-interactive] {{ {_LIGHT} color: var(--ink); background: var(--ground); padding: .5rem;
  border: 1px solid var(--grid); border-radius: .3rem; font-family: sans-serif; box-sizing: border-box; }}
@media (prefers-color-scheme: dark) {{
  html:not([data-theme=light]):not([theme=light]) .panel[data-interactive] {{ {_DARK} }}
}}
html[data-theme=dark] .panel[data-interactive], html[theme=dark] .panel[data-interactive] {{ {_DARK} }}
@media print {{
  html .panel[data-interactive].panel.panel {{ {_LIGHT} break-inside: avoid; print-color-adjust: exact; }}
  .panel[data-interactive] .controls {{ display: none; }}
}}
.panel .field {{ display: flex; flex: 1 1 100%; gap: .5rem; align-items: center; }}
.panel .field label {{ display: flex; flex: 1 1 auto; gap: .5rem; align-items: center; min-width: 0; }}
.panel input[type=range] {{ flex: 1 1 6rem; min-width: 0; min-height: 2rem; margin: 0; accent-color: #0072B2; }}
.panel .value {{ min-width: 3rem; font-variant-numeric: tabular-nums; }}
.panel .state {{ min-height: 3em; margin: 0; font-variant-numeric: tabular-nums; }}
.panel svg text {{ fill: var(--ink); font: 13px sans-serif; }}
.panel svg .middle {{ text-anchor: middle; }}
.panel svg .end {{ text-anchor: end; }}
.panel svg .bold {{ font-weight: bold; }}
.panel svg .axis {{ fill: none; stroke: var(--ink); stroke-width: 1; }}
.panel svg .grid {{ fill: none; stroke: var(--grid); stroke-width: 1; }}
.panel svg .pale {{ fill: none; stroke: var(--pale); stroke-width: 1; }}
.panel svg .line {{ fill: none; stroke-width: 3; stroke-linejoin: round; }}
.panel svg .trail {{ fill: none; stroke-width: 1.2; opacity: .6; }}
.panel svg .mark {{ fill: none; stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }}
"""
