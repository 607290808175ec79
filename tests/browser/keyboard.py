"""Reading by keyboard: where the Tab key stops, whether that is seen, and whether controls then change their figure."""

from playwright.sync_api import Page

# How the element with the focus is drawn, with the focus and without. Its parents too: a frame may show it.
_FOCUS_SHOWS = """() => {
  const element = document.activeElement;
  const drawn = () => [element, element.parentElement].map((each) => {
    const {outlineStyle, outlineWidth, outlineColor, boxShadow, backgroundColor, borderColor} = getComputedStyle(each);
    return [outlineStyle === 'none' ? '' : outlineWidth + outlineColor, boxShadow, backgroundColor, borderColor];
  }).join();
  const focused = drawn();
  element.blur();
  const blurred = drawn();
  element.focus({focusVisible: true, preventScroll: true});
  return focused !== blurred;
}"""

# What a reader of the figure perceives.
_SHOWN = """(root) => [
  root.innerText,
  ...[...root.querySelectorAll('svg')].map((each) => each.outerHTML),
  ...[...root.querySelectorAll('canvas')].map((each) => each.toDataURL()),
  ...[...root.querySelectorAll('img')].map((each) => each.src),
].join()"""

_NAME = """(element) => {
  const label = element.getAttribute('aria-label') || element.labels?.[0]?.innerText || element.innerText || '';
  return `<${element.localName}> "${label.trim().slice(0, 60)}"`;
}"""

_CONTROLS = "button, select, input, summary, [role=slider], [role=button]"


def stops(page: Page, most: int = 200) -> list[str]:
    """Press Tab from the top of the page, so often at most; the places that do not show the focus."""
    page.evaluate("() => { scrollTo(0, 0); document.activeElement.blur(); }")
    unseen = []
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement === document.body"):
            break
        if not page.evaluate(_FOCUS_SHOWS):
            unseen.append("no visible focus on " + page.evaluate(f"() => ({_NAME})(document.activeElement)"))
    return unseen


def figures(page: Page) -> list[str]:
    """Load the page anew and use each control of each interactive figure; what does not answer."""
    # Time stands still, so that a figure that plays by itself is not taken for one that answers.
    page.clock.install()
    page.reload()
    page.clock.pause_at(page.evaluate("() => Date.now() + 1000"))
    said = []
    for number in range(page.locator("[data-interactive]").count()):
        said += _figure(page, number)
    return said


def _figure(page: Page, number: int) -> list[str]:
    root = page.locator("[data-interactive]").nth(number)
    name = f"figure {number + 1} ({root.get_attribute('data-interactive')})"
    controls = [each for each in root.locator(_CONTROLS).all() if each.is_visible()]
    if not controls:
        return [f"{name} has no control"]
    said = []
    for control in controls:
        if not _reached_by_tab(page, control):
            said.append(f"{name}: the Tab key does not reach {control.evaluate(_NAME)}")
        elif not page.evaluate(_FOCUS_SHOWS):
            said.append(f"{name}: no visible focus on {control.evaluate(_NAME)}")
    # "back" does nothing before "step" was used, so each control has a second chance.
    silent = controls
    for _ in range(2):
        silent = [control for control in silent if not _answers(page, root, control)]
    return said + [f"{name}: nothing changes with {control.evaluate(_NAME)}" for control in silent]


def _reached_by_tab(page: Page, control) -> bool:
    """Whether Tab goes there from just before. Of radio buttons with one name, the chosen one stands for all."""
    if control.evaluate("(element) => element.type === 'radio' && !element.checked"):
        return True
    control.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    return control.evaluate("(element) => element === document.activeElement")


def _answers(page: Page, root, control) -> bool:
    """Whether a key that works this kind of control changes the figure."""
    kind = control.evaluate("(element) => element.type || element.getAttribute('role') || element.localName")
    keys = {
        "select-one": ("ArrowDown", "ArrowUp"),
        "range": ("ArrowRight", "ArrowLeft"),
        "slider": ("ArrowRight", "ArrowLeft"),
        "number": ("ArrowUp", "ArrowDown"),
        "radio": ("Space", "ArrowRight"),
    }.get(kind, ("Space",))
    for key in keys:
        before = root.evaluate(_SHOWN)
        control.focus()
        page.keyboard.press(key)
        page.clock.run_for(20)  # a figure may redraw with the next frame
        if root.evaluate(_SHOWN) != before:
            return True
    return False
