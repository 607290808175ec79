"""Which parts of the paper a sentence names: "section 2.1, equations (6) and (7)"."""

import re

KINDS = ("section", "equation", "theorem", "figure", "table")

Part = tuple[str, str]  # kind and number, such as ("equation", "6")

_NUMBER = dict.fromkeys(KINDS, r"\d+(?:\.\d+)?") | {"equation": r"\(\d+′?\)"}
_JOIN = r",? and |,? or |, | to "


def cited(text: str) -> list[Part]:
    """The parts of the paper that a text names, in order, each once; "(10) to (12)" is three of them."""
    found: dict[Part, None] = {}
    for kind in KINDS:
        number = _NUMBER[kind]
        for match in re.finditer(rf"\b{kind}s?\s+({number}(?:(?:{_JOIN}){number})*)", text, re.IGNORECASE):
            pieces = re.split(rf"({_JOIN})", match[1])
            for place in range(0, len(pieces), 2):
                last = pieces[place].strip("()′")
                first = last
                if place and pieces[place - 1] == " to ":
                    first = str(int(pieces[place - 2].strip("()′")) + 1)
                numbers = [last] if first == last else [str(n) for n in range(int(first), int(last) + 1)]
                found |= dict.fromkeys((kind, n) for n in numbers)
    return list(found)
