"""JSON as other programs read it: null stands for NaN and the infinities, which it does not have."""

import json


def dumps(value: object, **options) -> str:
    """A value as JSON; what is no finite number becomes null. Further options are those of `json.dumps`."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(loads(json.dumps(value)), allow_nan=False, **options)


def loads(text: str | bytes):
    """What JSON holds; None for NaN and infinities, which Python writes by itself."""
    return json.loads(text, parse_constant=lambda name: None)
