// Every place that scrolls can be reached and moved by keyboard: it takes the focus while it is wider than the page.
(() => {
  const SCROLLING = 'div.highlight > pre, div.cell_output, div.cell_output :is(pre, div), div.math, .pst-scrollable-table-container';
  const FOCUSABLE = 'a[href], button, select, input, [tabindex]:not([data-scrolls])';

  function reach(box) {
    const scrolls = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== 'visible';
    const needed = scrolls && !box.querySelector(FOCUSABLE);
    if (needed === 'scrolls' in box.dataset) return;
    if (needed) {
      box.dataset.scrolls = '';
      box.tabIndex = 0;
    } else {
      delete box.dataset.scrolls;
      box.removeAttribute('tabindex');
    }
  }
  const article = () => document.querySelectorAll(`article :is(${SCROLLING})`);

  document.addEventListener('DOMContentLoaded', () => {
    const sizes = new ResizeObserver((entries) => entries.forEach((entry) => reach(entry.target)));
    article().forEach((box) => sizes.observe(box));
  });
})();

// Browsers break a line between a formula and the comma behind it, because MathJax makes the formula a block.
(() => {
  const BEFORE = /[(\[“"‘]+$/;
  const AFTER = /^[.,;:!?)\]”"’-]+/;

  /** Move what matches out of a text node; the text moved. */
  function take(node, pattern) {
    const found = node?.nodeType === Node.TEXT_NODE && node.data.match(pattern);
    if (!found) return '';
    node.data = node.data.replace(pattern, '');
    return found[0];
  }

  document.addEventListener('DOMContentLoaded', () => {
    for (const formula of document.querySelectorAll('span.math')) {
      const before = take(formula.previousSibling, BEFORE);
      const after = take(formula.nextSibling, AFTER);
      if (!before && !after) continue;
      const together = document.createElement('span');
      together.className = 'with-punctuation';
      formula.replaceWith(together);
      together.append(before, formula, after);
    }
  });
})();

// The width at which a figure was drawn, in CSS pixels: book.css lets none become much smaller.
(() => {
  const DOTS_PER_PIXEL = 144 / 96; // figure.dpi of the house style
  const size = (image) => image.style.setProperty('--drawn-width', `${image.naturalWidth / DOTS_PER_PIXEL}px`);

  document.addEventListener('DOMContentLoaded', () => {
    for (const image of document.querySelectorAll('div.cell_output img')) {
      if (image.complete) size(image);
      else image.addEventListener('load', () => size(image));
    }
  });
})();

// On paper the theme is light: browsers leave out dark grounds, and pale text on white could not be read.
(() => {
  const root = document.documentElement;
  let shown = null;
  addEventListener('beforeprint', () => {
    shown = root.dataset.theme;
    root.dataset.theme = 'light';
  });
  addEventListener('afterprint', () => {
    root.dataset.theme = shown;
  });
})();

// A table of class "sortable" is sorted by the column whose header is pressed, and backwards by the same once more.
(() => {
  const text = (row, column) => row.cells[column].textContent.trim();

  /** Numbers by size, other text by the alphabet, what is empty last in both directions. */
  function order(a, b, backwards) {
    if (!a || !b) return Number(!a) - Number(!b);
    const numbers = [parseFloat(a), parseFloat(b)];
    const found = numbers.some(Number.isNaN) ? a.localeCompare(b, 'en') : numbers[0] - numbers[1];
    return backwards ? -found : found;
  }

  function sort(table, headers, column) {
    const backwards = headers[column].getAttribute('aria-sort') === 'ascending';
    const rows = [...table.tBodies[0].rows].sort((a, b) => order(text(a, column), text(b, column), backwards));
    table.tBodies[0].append(...rows);
    for (const header of headers) header.removeAttribute('aria-sort');
    headers[column].setAttribute('aria-sort', backwards ? 'descending' : 'ascending');
  }

  document.addEventListener('DOMContentLoaded', () => {
    for (const table of document.querySelectorAll('table.sortable')) {
      const headers = [...table.tHead.rows[0].cells];
      headers.forEach((header, column) => {
        if (!header.textContent.trim()) return; // a button needs a name
        const button = document.createElement('button');
        button.type = 'button';
        button.append(...header.childNodes);
        header.append(button);
        button.addEventListener('click', () => sort(table, headers, column));
      });
    }
  });
})();
