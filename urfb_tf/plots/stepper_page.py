"""The style, drawing and program of the stepper, beside what it shares with other interactive figures."""

# `currentColor` and transparent grounds read in the theme's light and dark modes.
STYLE = """
.circuit-stepper { color: inherit; background: transparent; padding: .25rem; }
.circuit-stepper label { flex: 1 1 100%; min-width: 0; }
.circuit-stepper .numbers { margin-left: auto; }
.circuit-stepper button[aria-disabled=true] { opacity: .45; }
.circuit-stepper svg text { fill: currentColor; font: 13px sans-serif; text-anchor: middle; }
.circuit-stepper svg .name { font-style: italic; }
.circuit-stepper svg .value { font-weight: bold; }
.circuit-stepper svg [data-part] { stroke: currentColor; stroke-width: 1.2; fill: none; }
.circuit-stepper svg circle[data-part] { fill: currentColor; fill-opacity: 0; }
.circuit-stepper svg .tip { fill: currentColor; stroke: none; }
.circuit-stepper svg [data-part].active { stroke-width: 3.5; }
.circuit-stepper p { min-height: 4.5em; margin: 0; }
.circuit-stepper tr.later { visibility: hidden; }
.circuit-stepper tr[aria-current] { outline: 2px solid currentColor; outline-offset: -2px; }
"""

DRAWING = """
<svg viewBox="0 0 360 185" role="img" hidden
 aria-label="The supervisor s and the field h lead to the output unit o, o to the control unit t, and t back to o.">
<path data-part="h" d="M180 160V112"/><path class="tip" d="M180 104l-5 10h10z"/>
<path data-part="s-o" d="M92 66H136"/><path class="tip" d="M145 66l-10-5v10z"/>
<path data-part="o-t" d="M208 45Q240 25 268 42"/><path class="tip" d="M276 48l-11-2 6-8z"/>
<path data-part="t-o" d="M272 87Q240 107 216 92"/><path class="tip" d="M208 86l11 2-6 8z"/>
<circle data-part="s" cx="60" cy="66" r="31"/><circle data-part="o" cx="180" cy="66" r="35"/>
<circle data-part="t" cx="300" cy="66" r="31"/>
<text x="60" y="60" class="name">s</text><text x="60" y="80" class="value" data-value="s"></text>
<text x="180" y="60" class="name">o</text><text x="180" y="80" class="value" data-value="o"></text>
<text x="300" y="60" class="name">t</text><text x="300" y="80" class="value" data-value="t"></text>
<text x="118" y="56">+2M</text><text x="240" y="22">1</text><text x="240" y="118">&minus;2M</text>
<text x="60" y="20">supervisor</text><text x="180" y="20">output</text><text x="300" y="20">control</text>
<text x="180" y="177"><tspan class="name">h</tspan> = <tspan class="value" data-value="field"></tspan></text>
<text x="88" y="135"><tspan class="name">H</tspan> = h + 2Ms &minus; 2Mt =
<tspan class="value" data-value="full"></tspan></text>
</svg>
"""

# The tables are the data: each row carries the values to draw. `reads` lists the lines that lead to a unit.
SCRIPT = """
for (const root of document.querySelectorAll('.circuit-stepper:not([data-ready])')) {
  root.dataset.ready = '';
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const tables = all('table'), parts = all('[data-part]'), values = all('[data-value]');
  const select = find('select'), back = find('.back'), step = find('.step'), play = find('.play');
  const reads = {o: ['o', 'h', 's-o', 't-o'], t: ['t', 'o-t']};
  let rows = [], at = 0;
  const show = (number) => {
    at = Math.max(0, Math.min(number, rows.length - 1));
    rows.forEach((row, i) => {
      row.classList.toggle('later', i > at);
      if (i === at) row.setAttribute('aria-current', 'step'); else row.removeAttribute('aria-current');
    });
    const data = rows[at].dataset;
    const active = data.units.split(' and ').flatMap((unit) => reads[unit] || []);
    for (const text of values) text.textContent = data[text.dataset.value];
    for (const part of parts) part.classList.toggle('active', active.includes(part.dataset.part));
    for (const unit of ['s', 'o', 't']) {
      const silent = data[unit] === '0';
      find(`circle[data-part=${unit}]`).style.fillOpacity = silent ? 0 : 0.18;
    }
    find('p').textContent = data.why;
    find('.count').textContent = `${at} of ${rows.length - 1}`;
    back.setAttribute('aria-disabled', at === 0);
    step.setAttribute('aria-disabled', at === rows.length - 1);
  };
  const stop = player(play, {at: () => at, last: () => rows.length - 1, show, every: 1200, live: find('p')});
  const choose = () => {
    stop();
    tables.forEach((table, i) => { table.hidden = i !== select.selectedIndex; });
    rows = [...tables[select.selectedIndex].tBodies[0].rows];
    show(0);
  };
  const move = (by) => { stop(); show(at + by); };
  back.addEventListener('click', () => move(-1));
  step.addEventListener('click', () => move(1));
  select.addEventListener('change', choose);
  root.addEventListener('keydown', (event) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    const alone = !(event.altKey || event.ctrlKey || event.metaKey);
    if (by && alone && event.target !== select) { event.preventDefault(); move(by); }
  });
  for (const part of all('.controls, svg, p')) part.removeAttribute('hidden');
  choose();
}
"""
