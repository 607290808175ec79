// Hides all but the first of the elements without children that look alike, within ancestors that look alike: a page of
// code has thousands, and one of each kind tells whether the colours of all can be told apart. What MathJax draws, an
// element or more per letter in the colour of the text around it, is hidden too. Without `hide`, all is shown again.
(hide) => {
  document.getElementById('alike')?.remove();
  if (!hide) return;
  const PROPERTIES = ['color', 'backgroundColor', 'backgroundImage', 'opacity', 'fontSize', 'fontWeight', 'textShadow',
    'textDecorationLine', 'borderBottomStyle', 'filter', 'display', 'visibility'];
  const looks = new Map([[document, '']]);
  const look = (element) => {
    if (!looks.has(element)) {
      const style = getComputedStyle(element);
      looks.set(element, `${look(element.parentNode)}/${element.localName}:${PROPERTIES.map((name) => style[name])}`);
    }
    return looks.get(element);
  };
  const seen = new Set();
  for (const element of document.querySelectorAll('body *')) {
    element.removeAttribute('data-alike');
    // What has text of its own beside other children is left: to leave an element out leaves out what is in it.
    if (element.childElementCount || element.closest('mjx-container, svg') || !element.textContent.trim()) continue;
    if (seen.has(look(element))) element.setAttribute('data-alike', '');
    else seen.add(look(element));
  }
  const style = document.createElement('style');
  style.id = 'alike';
  style.textContent = 'mjx-math, [data-alike] { display: none !important; }';
  document.head.append(style);
}
