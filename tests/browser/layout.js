// What sticks out of the page, or cannot be scrolled to. Returns sentences.
() => {
  const width = document.documentElement.clientWidth;
  const said = [];
  const name = (element) => {
    const words = element.textContent.trim().replace(/\s+/g, ' ').slice(0, 60);
    const classes = [...element.classList].map((each) => `.${each}`).join('');
    return `<${element.localName}${element.id && `#${element.id}`}${classes}> "${words}"`;
  };
  const fits = (box) => box.left >= -1 && box.right <= width + 1;
  const scrolls = (element) => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);

  // A box outside the page is within reach if it lies in one that fits and can be scrolled as far.
  const reachable = (element, box) => {
    for (let outer = element.parentElement; outer; outer = outer.parentElement) {
      if (!scrolls(outer) || !fits(outer.getBoundingClientRect())) continue;
      const start = outer.getBoundingClientRect().left + outer.clientLeft - outer.scrollLeft;
      return box.left >= start - 1 && box.right <= start + outer.scrollWidth + 1;
    }
    return false;
  };

  if (document.documentElement.scrollWidth > width) said.push('the page itself scrolls sideways');
  const outside = [];
  // Drawers wait outside the page; the MathML of equations is for screen readers and is never drawn.
  for (const element of document.querySelectorAll('body *:not(.bd-sidebar, .bd-sidebar *, mjx-assistive-mml *)')) {
    const box = element.getBoundingClientRect();
    const drawn = box.width && box.height && element.checkVisibility({visibilityProperty: true});
    if (!drawn || element.localName === 'mjx-assistive-mml' || fits(box)) continue;
    if (outside.some((outer) => outer.contains(element)) || reachable(element, box)) continue;
    outside.push(element);
    const [left, right] = [Math.round(box.left), Math.round(box.right)];
    said.push(`${name(element)} reaches from ${left} to ${right}, and nothing scrolls to it`);
  }
  return said;
}
