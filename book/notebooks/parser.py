"""The book's own Markdown parser, and the lines that each block takes."""

import dataclasses
import functools
import re
from collections.abc import Iterator

import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

# As in _config.yml; a test compares them.
EXTENSIONS = ("amsmath", "colon_fence", "deflist", "dollarmath", "smartquotes")


@functools.cache
def _parser() -> MarkdownIt:
    return create_md_parser(MdParserConfig(enable_extensions=set(EXTENSIONS)), RendererHTML)


def tokens(text: str) -> list[Token]:
    """What the text consists of, in order of the lines."""
    return _parser().parse(text)


def lines_of(token: Token) -> tuple[int, int]:
    """The first line of a block and the one after its last."""
    assert token.map is not None
    start, end = token.map
    if token.type == "amsmath":  # the plugin's own count stops one line early
        end = start + token.content.count("\n") + 1
    return start, end


def top_blocks(text: str, types: frozenset[str]) -> Iterator[Token]:
    """The blocks of these types, lists entered, none of them inside another."""
    position = 0
    for token in tokens(text):
        if token.type in types and lines_of(token)[0] >= position:
            position = lines_of(token)[1]
            yield token


@dataclasses.dataclass(frozen=True)
class Directive:
    """A fence of MyST: ```{name} argument, options, body."""

    name: str
    argument: str
    options: dict[str, str]
    body: str

    @property
    def label(self) -> str | None:
        """What references call it by."""
        return self.options.get("name") or self.options.get("label")


def directive(token: Token) -> Directive | None:
    """The directive that a fence is; None if it is a fence of plain code, or a cell."""
    found = re.match(r"\{([\w:+-]+)\}\s*(.*)", token.info) if token.type in ("fence", "colon_fence") else None
    if not found or found.group(1) == "code-cell":
        return None
    options, lines = {}, token.content.rstrip("\n").split("\n")
    if lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:]):
        end = [line.strip() for line in lines].index("---", 1)
        options = {key: str(value) for key, value in (yaml.safe_load("\n".join(lines[1:end])) or {}).items()}
        lines = lines[end + 1 :]
    while lines and (option := re.match(r":([\w-]+):\s*(.*)", lines[0])):
        options[option.group(1)] = option.group(2).strip()
        lines.pop(0)
    return Directive(found.group(1), found.group(2).strip(), options, "\n".join(lines).strip("\n"))
